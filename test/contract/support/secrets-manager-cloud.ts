import { Hono } from 'hono';
import { BearerTokenAuthenticator } from 'ibm-cloud-sdk-core';
import { Audit } from '../../../infra/local/audit.ts';
import type { AuditRecord } from '../../../infra/local/audit.ts';
import { CloudClock } from '../../../infra/local/clock.ts';
import type { Access, Account, Caller, CloudEnv, Target } from '../../../infra/local/parts.ts';
import { SeededRandom } from '../../../infra/local/random.ts';
import { SecretsManagerService } from '../../../infra/local/secrets-manager/service.ts';
import { serve } from '../../../infra/local/server.ts';
import { Switches } from '../../../infra/local/switches.ts';
import { SecretsManagerV2 } from '../../../shared/clients/secrets-manager.ts';
import type { Response as Answer, SecretVersionMetadata } from '../../../shared/clients/secrets-manager-types.ts';

export const START_MS = Date.parse('2026-11-20T00:00:00Z');
export const MINUTE_MS = 60_000;
export const UNKNOWN_ID = '0b5571f7-21e6-42b7-91c5-3f5ac9793a46';
export const GUID = '5a0e9f36-7d1c-4a55-9d0a-3f1f5f0a7c11';

const account: Account = {
  id: 'a0',
  adminIamId: 'IBMid-ADMIN',
  resourceGroupId: 'rg',
  secretsManager: { guid: GUID, crn: `crn:v1:bluemix:public:secrets-manager:us-south:a/a0:${GUID}::` },
  cloudLogs: { guid: 'logs', crn: 'crn:logs' },
  logsRouter: { guid: 'router', crn: 'crn:router' },
  eventNotifications: { guid: 'events', crn: 'crn:events' },
};

/** IAM as these tests need it: the token is the name of the caller, and the administrator may do everything. */
class Rights implements Access {
  readonly #grants = new Map<string, { actions: readonly string[]; group: string | undefined }>();

  /** Grants actions in one group, or without `group` in the whole instance. */
  grant(name: string, actions: readonly string[], group?: string): void {
    this.#grants.set(name, { actions, group });
  }

  callerOf(authorization: string | undefined): Caller | null {
    const name = authorization?.replace('Bearer ', '');
    if (name === 'admin') return { iamId: account.adminIamId, accountId: account.id };
    return name !== undefined && this.#grants.has(name) ? { iamId: name, accountId: account.id } : null;
  }

  allows(caller: Caller, action: string, target: Target): boolean {
    if (target.serviceName !== 'secrets-manager' || target.serviceInstance !== GUID) return false;
    if (caller.iamId === account.adminIamId) return true;
    const grant = this.#grants.get(caller.iamId);
    if (!grant?.actions.includes(action.replace('secrets-manager.', ''))) return false;
    return grant.group === undefined || (target.resourceType === 'secret-group' && target.resource === grant.group);
  }
}

interface Seen {
  method: string;
  path: string;
  headers: Headers;
  body: string;
  caller: string | null;
}

/** One Secrets Manager instance behind HTTP, with time that moves only on demand. */
export async function startCloud(overrides: Partial<Switches> = {}) {
  const clock = new CloudClock({ startMs: START_MS, speed: 0 });
  const audit = new Audit(() => clock.nowMs());
  const audited: AuditRecord[] = [];
  audit.watch((record) => audited.push(record));
  const rights = new Rights();
  const switches = Switches.parse(overrides);
  const parts = { account, clock, random: new SeededRandom('contract'), audit, switches };
  const service = new SecretsManagerService(parts, rights, () => undefined);
  const app = new Hono<CloudEnv>().route('/', service.routes());
  const requests: Seen[] = [];
  const server = await serve({
    port: 0,
    handle: async (request) => {
      const { pathname, search } = new URL(request.url);
      const body = await request.clone().text();
      const seen: CloudEnv['Bindings']['seen'] = { caller: null };
      const response = await app.fetch(request, { seen });
      const caller = seen.caller?.iamId ?? null;
      requests.push({ method: request.method, path: pathname + search, headers: request.headers, body, caller });
      return response;
    },
  });
  const clientOf = (token: string) =>
    new SecretsManagerV2({
      authenticator: new BearerTokenAuthenticator({ bearerToken: token }),
      serviceUrl: server.url,
    });
  const raw = (method: string, path: string, headers: Record<string, string> = {}, body: string | null = null) =>
    fetch(server.url + path, { method, headers: { authorization: 'Bearer admin', ...headers }, body });
  return {
    clock,
    switches,
    rights,
    audited,
    requests,
    service,
    clientOf,
    raw,
    admin: clientOf('admin'),
    url: server.url,
    passMs: (ms: number) => clock.advanceTo(clock.nowMs() + ms),
    lastRequest: () => requests.at(-1),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
export type Cloud = Awaited<ReturnType<typeof startCloud>>;

interface Failure extends Error {
  status: number;
  result: { errors: { code: string; message: string; target?: object }[]; trace: string; status_code: number };
}

/** The error that a call rejects with; fails when the call succeeds. */
export async function failureOf(call: Promise<unknown>): Promise<Failure> {
  const outcome = await call.then(
    () => null,
    (error: unknown) => error as Failure,
  );
  if (!outcome) throw new Error('The call succeeded.');
  return outcome;
}
export const refusalOf = async (call: Promise<unknown>): Promise<number> => (await failureOf(call)).status;
export const resultOf = async <T>(call: Promise<Answer<T>>): Promise<T> => (await call).result;

export const createSecret = ({ admin }: Cloud, name = 'database', more: object = {}) =>
  resultOf(admin.createSecret({ secretPrototype: { secret_type: 'arbitrary', name, payload: 'v1', ...more } }));
export const createKv = ({ admin }: Cloud, name = 'settings', more: object = {}) =>
  resultOf(admin.createSecret({ secretPrototype: { secret_type: 'kv', name, data: { user: 'u1' }, ...more } }));
export const rotate = ({ admin }: Cloud, secretId: string, payload: string, more: object = {}) =>
  resultOf(admin.createSecretVersion({ secretId, secretVersionPrototype: { payload, ...more } }));
export const versionsOf = async ({ admin }: Cloud, secretId: string): Promise<SecretVersionMetadata[]> =>
  (await resultOf(admin.listSecretVersions({ secretId }))).versions;
export const lockNames = async ({ admin }: Cloud, secretId: string, id: string): Promise<string[]> =>
  (await resultOf(admin.listSecretVersionLocks({ secretId, id }))).locks.map(({ name }) => name);
export const guard = (attributes: Record<string, unknown> = {}) => [{ name: 'guard', attributes }];
export const json = { 'content-type': 'application/json' };

/** A secret with a previous version `v1` and a current version `v2`. */
export async function rotatedOnce(cloud: Cloud) {
  const secret = await createSecret(cloud);
  const second = await rotate(cloud, secret.id, 'v2');
  const [first] = await versionsOf(cloud, secret.id);
  return { secretId: secret.id, firstId: first?.id ?? '', secondId: second.id };
}
