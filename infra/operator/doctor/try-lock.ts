import { randomBytes, randomUUID } from 'node:crypto';
import * as z from 'zod';
import { ApiError, isApiError } from '../../../shared/clients/api-error.ts';
import type { CallOptions, Calls } from '../../../shared/clients/calls.ts';
import { freshHttpConfig } from '../../../shared/clients/http-options.ts';
import type { ClientOptions } from '../../../shared/clients/http-options.ts';
import { SecretsManagerV2 } from '../../../shared/clients/secrets-manager.ts';
import type { SecretStore, StoredSecret } from '../../../shared/clients/secret-store.ts';
import { MINUTE_MS } from '../../../shared/keys/duration.ts';
import type { Manifest } from '../../../shared/keys/manifest.ts';
import { KeyrotaError, messageOf } from '../../../shared/runtime/errors.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { failed, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { grantOnGroup } from './grants.ts';
import type { DoctorWorld } from './world.ts';

type Place = Parameters<SecretStore['find']>[0];

/** The throwaway secret of a deployment: there is one at a time, and a run that was killed leaves it under this name. */
export const throwawayPlace = ({ deployment, ledger }: Manifest): Place => ({
  name: `keyrota-doctor-${deployment}`,
  groupId: ledger.groupId,
  type: 'arbitrary',
  field: null,
});

/** What stands on the throwaway secret. */
const MARK = 'keyrota-doctor';
const Mark = z.object({ [MARK]: z.object({ began_at: z.iso.datetime(), run: z.string() }) });
type Mark = z.infer<typeof Mark>;

const markOf = (metadata: StoredSecret['custom_metadata']): Mark[typeof MARK] | null =>
  Mark.safeParse(metadata).data?.[MARK] ?? null;

/** A younger one may be that of a run that is at work. */
const LEFT_AFTER_MS = 10 * MINUTE_MS;

/** What may be waited for in cleaning up when the run is ended. */
const CLEANING_MS = 20_000;

const GUARD = 'keyrota-doctor';

/** What is asked for before it is tried, line by line. */
export function tryLockLines(manifest: Manifest): string[] {
  const { name, groupId } = throwawayPlace(manifest);
  return [
    `In secret group ${groupId} the secret ${name} is made, with random values that are no keys.`,
    'It gets three versions and a lock, and is deleted again. That takes about ten calls.',
  ];
}

/** Tries the guard lock: by it a store is refused while the former key is still there, and that is why no key is lost. */
export async function tryLock(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const place = throwawayPlace(world.manifest);
  const bin = new Bin({ ...world.clientAt(world.settings.secretsManagerUrl) });
  const { secrets } = world.ports;
  const left = await secrets.find(place, signal);
  if (left) {
    const refusal = refusalOf(left, place, world);
    if (refusal) return [refusal];
    await bin.remove(left.id, signal);
  }
  const findings: Finding[] = [];
  const mark: Mark = { [MARK]: { began_at: new Date(world.clock.nowMs()).toISOString(), run: randomUUID() } };
  let id: string | null = null;
  try {
    id = await bin.create(place, mark, signal);
    findings.push(await tried(id, place, mark, secrets, signal));
  } catch (error) {
    if (signal.aborted || !(error instanceof KeyrotaError)) throw error;
    findings.push(failed(`it could not be tried: ${messageOf(error)}`, toAllow(error, 'Writer', world)));
  } finally {
    // Also when the answer to the creation was lost, and when somebody pressed Ctrl-C.
    const fresh = AbortSignal.timeout(CLEANING_MS);
    const found = id ?? (await findOwn(place, mark, secrets, fresh));
    if (found !== null) findings.push(...(await removed(bin, found, world, fresh)));
  }
  return findings;
}

/** The secret of this very run: what another one has made meanwhile is its own. */
async function findOwn(place: Place, mark: Mark, secrets: SecretStore, signal: AbortSignal): Promise<string | null> {
  const found = await secrets.find(place, signal).catch(() => null);
  return found && markOf(found.custom_metadata)?.run === mark[MARK].run ? found.id : null;
}

/** Null for what a former run left, and may be removed. */
function refusalOf(
  { id, custom_metadata: metadata }: StoredSecret,
  { name }: Place,
  { clock }: DoctorWorld,
): Finding | null {
  const began = markOf(metadata)?.began_at;
  if (began === undefined)
    return failed(`a secret ${name} is there that no doctor made; it is left alone`, [
      `ibmcloud secrets-manager secret --id ${id}`,
    ]);
  if (clock.nowMs() - Date.parse(began) > LEFT_AFTER_MS) return null;
  return failed('another run of the doctor is trying it, or was killed within the last ten minutes', [
    'Try again in ten minutes: what a killed run left is removed then.',
  ]);
}

/** The steps of a rotation, as rotate-keys takes them. */
async function tried(
  id: string,
  place: Place,
  mark: Mark,
  secrets: SecretStore,
  signal: AbortSignal,
): Promise<Finding> {
  // A store may replace what is written on the secret.
  const store = () =>
    secrets.storeVersion(id, place, { value: randomValue(), secretMetadata: mark, versionMetadata: {} }, signal);
  const [first] = await secrets.listVersions(id, signal);
  if (!first) return failed('the secret that was just made shows no version', ['Try again.']);
  const lock = { name: GUARD, attributes: {}, freesPrevious: false };
  await secrets.lockVersion(id, first.id, lock, signal);
  const second = await store();
  const wasRefused = await store().then(
    () => false,
    (error: unknown) => {
      if (isApiError(error, 'locked')) return true;
      throw error;
    },
  );
  if (!wasRefused)
    return failed(
      'a store was accepted while the former version was locked: the guard does not hold on this instance',
      [
        'Do not deploy: a former key could be pushed out before its time.',
        'npm run conformance, which tells how the instance answers otherwise',
      ],
    );
  await secrets.lockVersion(id, second, { ...lock, freesPrevious: true }, signal);
  await store();
  return ok('the guard was set, a store was refused with 412, the guard was moved on, and the next store was accepted');
}

const randomValue = (): SecretValue => new SecretValue(randomBytes(24).toString('base64url'));

async function removed(bin: Bin, id: string, world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  try {
    await bin.remove(id, signal);
    return [];
  } catch (error) {
    if (!(error instanceof KeyrotaError)) throw error;
    const { name } = throwawayPlace(world.manifest);
    return [
      warning(`the secret ${name} could not be deleted again: ${messageOf(error)}`, [
        `ibmcloud secrets-manager secret-locks-bulk-delete --id ${id}`,
        `ibmcloud secrets-manager secret-delete --id ${id}`,
        ...toAllow(error, 'Manager', world),
      ]),
    ];
  }
}

function toAllow(error: KeyrotaError, role: string, world: DoctorWorld): string[] {
  if (!(error instanceof ApiError) || error.code !== 'forbidden') return error.next === '' ? [] : [error.next];
  return [`It takes ${role} there: ${grantOnGroup(world, role, world.manifest.ledger.groupId)}`];
}

const Created = z.object({ id: z.string() });
const Nothing = z.unknown().transform(() => undefined);

/** What Keyrota itself never does to a secret: it makes one that carries no label of ours, and deletes it. */
class Bin {
  readonly #sdk: SecretsManagerV2;
  readonly #calls: Calls;

  constructor({ serviceUrl, authenticator, http, calls }: ClientOptions & { calls: Calls }) {
    this.#sdk = new SecretsManagerV2({ ...freshHttpConfig(http), serviceUrl, authenticator });
    this.#calls = calls;
  }

  /** The id of the secret. Sent once. */
  async create({ name, groupId }: Place, mark: Mark, signal: AbortSignal): Promise<string> {
    const value = randomValue();
    const call: CallOptions = { operation: 'createSecret', kind: 'once', signal, secret: value };
    const secretPrototype = {
      secret_type: 'arbitrary' as const,
      name,
      description: 'Made by the doctor of Keyrota, which tries a lock on it and deletes it.',
      secret_group_id: groupId,
      custom_metadata: mark,
      payload: value.reveal(),
    };
    const { id } = await this.#calls.send(call, Created, (attempt) =>
      this.#sdk.createSecret({ secretPrototype, signal: attempt }),
    );
    return id;
  }

  /** Takes all locks off it, and deletes it. Gone already counts as deleted. */
  async remove(id: string, signal: AbortSignal): Promise<void> {
    const call = (operation: string): CallOptions => ({ operation, kind: 'repeatable', signal });
    try {
      await this.#calls.send(call('deleteSecretLocksBulk'), Nothing, (attempt) =>
        this.#sdk.deleteSecretLocksBulk({ id, name: [GUARD], signal: attempt }),
      );
      await this.#calls.send(call('deleteSecret'), Nothing, (attempt) =>
        this.#sdk.deleteSecret({ id, signal: attempt }),
      );
    } catch (error) {
      if (!isApiError(error, 'not_found')) throw error;
    }
  }
}
