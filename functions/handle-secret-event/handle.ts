import type { HttpOptions } from '../../shared/clients/http-options.ts';
import { callRotateKeys } from '../../shared/clients/rotate-keys-call.ts';
import type { RotateKeysCall } from '../../shared/clients/rotate-keys-call.ts';
import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';
import { readManifest } from '../../shared/keys/read-manifest.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { Log } from '../../shared/runtime/log.ts';
import { instanceInHost } from '../../shared/runtime/service-url.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import type { ChangedSecret, Finding, SecretEvent } from './schema.ts';

export interface SecretEventContext {
  settings: Settings;
  clock: Clock;
  log: Log;
  http: HttpOptions;
}

/** What was made of an event. */
export interface SecretEventAnswer {
  outcome: 'looked' | 'ignored';
  /** One for each entry and secret. */
  findings: { finding: Finding | 'version_made'; key: string }[];
  /** Secrets that are none of our business: of another instance, of no entry, or changed by Keyrota itself. */
  skipped: { otherInstance: number; unmanaged: number; own: number };
  /** What became of the call of `rotate-keys`; null where there was no reason for one. */
  rotateKeys: RotateKeysCall['outcome'] | null;
}

const MESSAGES: Record<Finding, string> = {
  secret_deleted: 'the secret of an entry was deleted',
  version_made_by_somebody_else: 'somebody else has stored a version in the secret of an entry',
  rotation_blocked: 'a lock kept the secret of an entry from being changed',
  secret_data_deleted: 'the value of a version of the secret of an entry was deleted',
  secret_expires: 'the secret of an entry has an end, which destroys its value',
};

/**
 * Notes what happened to secrets of the manifest, and lets `rotate-keys` look at their entries at once. Calls nothing of IBM
 * Cloud: the run looks for itself, and an event that was made up or repeated changes nothing.
 */
export async function handleSecretEvent(event: SecretEvent, context: SecretEventContext): Promise<SecretEventAnswer> {
  const { settings, log } = context;
  const manifest = readManifest(settings);
  const skipped = { otherInstance: 0, unmanaged: 0, own: 0 };
  const findings: SecretEventAnswer['findings'] = [];
  for (const secret of event.secrets) {
    const keys = keysOf(secret, manifest);
    if (!isOfOurInstance(secret, settings)) skipped.otherInstance += 1;
    else if (isByUs(secret, settings)) skipped.own += 1;
    else if (keys.length === 0) skipped.unmanaged += 1;
    else findings.push(...keys.map(({ name }) => noted(event, secret, name, context)));
  }
  const names = [...new Set(findings.map(({ key }) => key))];
  const call = names.length === 0 ? null : await callRotateKeys({ only: names }, context);
  noteCall(call, log);
  return {
    outcome: call ? 'looked' : 'ignored',
    findings,
    skipped,
    rotateKeys: call?.outcome ?? null,
  };
}

/** Has `rotate-keys` do all that is due, as a timer of its own would. */
export async function startRun(context: SecretEventContext): Promise<RotateKeysCall['outcome']> {
  const call = await callRotateKeys({ only: [] }, context);
  noteCall(call, context.log);
  return call.outcome;
}

/** Without its own ids Keyrota cannot tell its own versions from others: those are looked at, and are no finding. */
function noted(
  { finding }: SecretEvent,
  { id, by }: ChangedSecret,
  key: string,
  { settings, log }: SecretEventContext,
) {
  const isUnclear = finding === 'version_made_by_somebody_else' && settings.ownIamIds.length === 0;
  if (isUnclear) log.info('version_made', `a version was stored in the secret of ${key}`, { key, secretId: id, by });
  else log.warn(finding, `${MESSAGES[finding]}: ${key}`, { key, secretId: id, by });
  return { finding: isUnclear ? 'version_made' : finding, key } as const;
}

function noteCall(call: RotateKeysCall | null, log: Log): void {
  if (call?.outcome === 'failed') {
    log.warn('rotate_keys_not_called', `rotate-keys was not started, its timer will do: ${call.why}`);
  } else if (call) {
    log.info('rotate_keys_called', `rotate-keys: ${call.outcome}`, { outcome: call.outcome });
  }
}

/** Entries whose secret has that name and group, or had it. */
const keysOf = ({ name, groupId }: ChangedSecret, { keys }: Manifest): ManagedKey[] =>
  keys.filter(({ secret, formerly }) => secret.groupId === groupId && [secret.name, ...formerly].includes(name));

/** Addresses of Secrets Manager begin with the instance; where one does not, that is not checked. */
function isOfOurInstance({ instance }: ChangedSecret, { secretsManagerUrl }: Settings): boolean {
  const ours = instanceInHost(new URL(secretsManagerUrl).hostname);
  return ours === null || instance === null || instance === ours;
}

/** Whether the change is one that Keyrota made: to look again because of it would never end. */
function isByUs({ by }: ChangedSecret, { ownIamIds }: Settings): boolean {
  return by !== null && ownIamIds.map(bareId).includes(bareId(by));
}

/** Of `iam-ServiceId-…`: events and lists are not of one mind about the beginning. */
const bareId = (iamId: string): string => iamId.replace(/^iam-/, '');
