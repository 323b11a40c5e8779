import { AsyncLocalStorage } from 'node:async_hooks';
import { vi } from 'vitest';
import { ROLES, includesAction } from '../../../infra/local/iam/roles.ts';
import type { Caller, Target } from '../../../infra/local/parts.ts';
import type { Laboratory } from '../../support/laboratory.ts';

/** A role that somebody was granted. */
export interface Right {
  /** Name of the policy, as the module names it. */
  key: string;
  role: string;
  service: string | null;
  serviceType: string | null;
  instance: string | null;
  resourceType: string | null;
  resource: string | null;
}

/** Whoever acts, what is granted, and by which IAM id that is known. */
export interface Actor {
  name: string;
  iamId: string;
  rights: readonly Right[];
}

/** The least of them first: of several roles that allow a call, it is the first that counts. Those of single services come last. */
const LEAST_FIRST = [
  'Reader',
  'SecretsReader',
  'Service Configuration Reader',
  'API key reviewer',
  'Viewer',
  'Writer',
  'Operator',
  'Manager',
  'Administrator',
];

const rankOf = ({ role }: Right): number =>
  LEAST_FIRST.includes(role) ? LEAST_FIRST.indexOf(role) : LEAST_FIRST.length;

/** Roles on a service as such, and not within it. */
const PLATFORM_ROLES = new Set(['Viewer', 'Operator', 'Editor', 'Administrator']);

/** Actions that an API key reviewer has, as the embedded cloud has them. */
const REVIEWED = new Set(['iam-identity.apikey.get', 'iam-identity.apikey.list']);

/** Account management, which "all services" do not include. */
const ACCOUNT_SERVICES = new Set(['iam-identity', 'user-management', 'billing', 'support', 'enterprise']);

const AN_ID = /(ApiKey-|ServiceId-|Profile-)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b|\biam-(?=\*)/g;

const pathOf = (request: Request): string => {
  const { pathname } = new URL(request.url);
  const [start = '', crn] = pathname.split(/(?=\/crn(?::|%3A))/i);
  return `${request.method} ${`${start}${crn === undefined ? '' : '/*'}`.replaceAll(AN_ID, '*')}`;
};

/** Which rights are used by which calls, as the embedded cloud asks for them. */
export class UsedRights implements Disposable {
  readonly #calls = new AsyncLocalStorage<string>();
  readonly #names = new AsyncLocalStorage<string>();
  readonly #actors: readonly Actor[];
  readonly #used = new Map<string, Map<string, Set<string>>>();
  readonly #spies: { mockRestore: () => void }[] = [];

  constructor({ cloud }: Laboratory, actors: readonly Actor[]) {
    this.#actors = actors;
    const handle = cloud.handle.bind(cloud);
    const allows = cloud.iam.allows.bind(cloud.iam);
    const rolesOn = cloud.iam.keyIdentities.rolesOn.bind(cloud.iam.keyIdentities);
    this.#spies.push(
      vi
        .spyOn(cloud, 'handle')
        .mockImplementation((request) => this.#calls.run(pathOf(request), () => handle(request))),
      vi.spyOn(cloud.iam, 'allows').mockImplementation((caller, action, target) => {
        const isAllowed = allows(caller, action, target);
        if (isAllowed) this.#note(caller, target, ({ role }) => grants(role, action));
        return isAllowed;
      }),
      vi.spyOn(cloud.iam.keyIdentities, 'rolesOn').mockImplementation((caller, target) => {
        // Whoever makes a credential needs its own role, or a higher one. Whoever looks at it without is only shown less.
        if (this.#calls.getStore()?.startsWith('POST'))
          this.#note(caller, target, ({ role }) => !PLATFORM_ROLES.has(role));
        return rolesOn(caller, target);
      }),
    );
  }

  /** What `work` uses counts for that name, whoever logs in. */
  during<T>(name: string, work: () => Promise<T>): Promise<T> {
    return this.#names.run(name, work);
  }

  /** Calls by who made them and by which right, sorted: `name`, then the key and the role of the right. */
  callsOf(name: string, { key, role }: Pick<Right, 'key' | 'role'>): string[] {
    return [...(this.#used.get(name)?.get(`${key} ${role}`) ?? [])].toSorted();
  }

  [Symbol.dispose](): void {
    for (const spy of this.#spies) spy.mockRestore();
  }

  #note({ iamId }: Caller, target: Target, isIt: (right: Right) => boolean): void {
    const actor = this.#actors.find((one) => one.iamId === iamId);
    const call = this.#calls.getStore();
    if (!actor || call === undefined) return;
    const [right] = actor.rights
      .filter((one) => covers(one, target) && isIt(one))
      .toSorted((one, other) => rankOf(one) - rankOf(other));
    if (!right) return;
    const name = this.#names.getStore() ?? actor.name;
    const ofName = this.#used.get(name) ?? new Map<string, Set<string>>();
    this.#used.set(name, ofName);
    const at = `${right.key} ${right.role}`;
    ofName.set(at, (ofName.get(at) ?? new Set()).add(call));
  }
}

function grants(role: string, action: string): boolean {
  if (role === 'API key reviewer') return REVIEWED.has(action);
  return [...ROLES.values()]
    .filter(({ displayName }) => displayName === role)
    .some(({ actions }) => includesAction(actions, action));
}

function covers({ service, serviceType, instance, resourceType, resource }: Right, target: Target): boolean {
  const isService =
    service === null
      ? serviceType === 'service' && !ACCOUNT_SERVICES.has(target.serviceName)
      : service === target.serviceName;
  return (
    isService &&
    (instance === null || instance === target.serviceInstance) &&
    (resourceType === null || resourceType === target.resourceType) &&
    (resource === null || resource === target.resource)
  );
}
