import { randomUUID } from 'node:crypto';
import type { LeakAnswer, LeakedKeyAnswer } from '../../../shared/incidents/answer.ts';
import type { LeakReport } from '../../../shared/incidents/leak-report.ts';
import { respondToLeak } from '../../../shared/incidents/respond.ts';
import { tellPeople } from '../../../shared/incidents/tell-people.ts';
import type { ManagedKey } from '../../../shared/keys/manifest.ts';
import { wholeRun } from '../../../shared/ledger/whole-run.ts';
import { observeSecret } from '../../../shared/rotation/observe.ts';
import type { KeyReport } from '../../../shared/rotation/reconcile.ts';
import { withPorts } from '../../../shared/rotation/run.ts';
import type { RunContext } from '../../../shared/rotation/run.ts';
import { KeyrotaError } from '../../../shared/runtime/errors.ts';
import { InputError } from '../input-error.ts';

/** What came of it. */
export interface Contained {
  name: string;
  keyId: string;
  /** Consumers read it until then; null where Secrets Manager did not tell. */
  wasCurrent: boolean | null;
  incident: LeakedKeyAnswer;
  /** The run that replaced it; null where nothing was done. */
  run: KeyReport | null;
  /** The key that is current in its stead; null where there is none. */
  replacedBy: string | null;
}

/** What a response has to work with, as the function has it, in milliseconds. */
const RESPONSE_MS = 8_000;

type Context = RunContext & { signal: AbortSignal };

/** The keys that the secret of an entry has held. */
export interface StoredKeys {
  /** What its consumers read; null where that is none of ours. */
  currentId: string | null;
  all: ReadonlySet<string>;
}

/** @throws ApiError where that cannot be seen. */
export async function storedKeysOf(key: ManagedKey, context: Context): Promise<StoredKeys> {
  const secret = await withPorts({ ...context, readOnly: true }, async (ports) => {
    await ports.login();
    return observeSecret(key, null, ports);
  });
  const versions = secret?.versions ?? [];
  return {
    currentId: versions.find(({ alias }) => alias === 'current')?.record?.key_id ?? null,
    all: new Set(versions.flatMap(({ record }) => record?.key_id ?? [])),
  };
}

/**
 * The same response as to a report that comes from outside, with the operator's login, for one key.
 * @returns What became of it; with `dryRun`, or where the manifest says so, what would.
 * @throws KeyrotaError where a brake refused it, the key is not found, or IBM Cloud does not answer.
 */
export async function respondFor(
  { keyId, dryRun }: { keyId: string; dryRun: boolean },
  context: Context,
): Promise<LeakedKeyAnswer> {
  const { settings, manifest, clock, log, signal, http } = context;
  const report: LeakReport = {
    sender: 'operator',
    deliveryId: `contain_${randomUUID()}`,
    credential: { by: 'id', id: keyId },
    detectedAtMs: clock.nowMs(),
    leakedAtMs: null,
    reason: 'A person contained it with keyrota contain.',
    evidenceUrl: null,
    dryRun,
  };
  const answer = await respondToLeak(report, {
    settings,
    manifest,
    clock,
    log,
    signal,
    deadlineMs: clock.nowMs() + RESPONSE_MS,
    ...(http && { http }),
    poke: () => Promise.resolve(), // the replacing run follows at once
    ...(!dryRun && { notify: (facts, until) => tellPeople(facts, manifest, context, until) }),
  });
  signal.throwIfAborted();
  return toldOf(answer);
}

/**
 * Of a key that is gone only the versions tell whose it was.
 * @throws InputError `not_its_key` where the key is another entry's, or nothing shows that it is this one's.
 */
export function demandOwn({ keyId, name }: LeakedKeyAnswer, key: ManagedKey, stored: StoredKeys | null): void {
  if (name === key.name || (name === null && stored?.all.has(keyId))) return;
  const whose = name === null ? 'nothing shows that it belongs to any entry' : `it belongs to ${name}`;
  throw new InputError('not_its_key', `${keyId} is no key of ${key.name}: ${whose}. Nothing was done.`);
}

function toldOf({ body, retryAfterSeconds }: LeakAnswer): LeakedKeyAnswer {
  if ('code' in body) {
    const later = retryAfterSeconds === null ? '' : `Nothing was changed. Try it again in ${retryAfterSeconds} s.`;
    throw new KeyrotaError(body.code, body.message, { next: later });
  }
  const [told] = body.incidents;
  if (!told) throw new KeyrotaError('key_not_identified', 'No key was found.', { next: 'Nothing was changed.' });
  return told;
}

/** Stores another key at once, as `rotate-keys` does when it is told of a leak; contains as well what only a run can. */
export async function replaceNow(key: ManagedKey, context: Context): Promise<KeyReport | null> {
  const { manifest, settings } = context;
  const { timerMs, keysAtOnce } = settings;
  const wish = { only: [key.name], force: false, dryRun: false, timerMs, keysAtOnce };
  const report = await withPorts(context, (ports) => wholeRun(manifest, wish, [], ports));
  return report.keys[0] ?? null;
}

/** Whether the key is known to log in no more. */
export const isOut = ({ incident, keyId, run }: Contained): boolean =>
  incident.outcome === 'contained' ||
  incident.outcome === 'gone' ||
  (run?.steps.some((one) => one.keyId === keyId && ENDS.has(one.step)) ?? false);

const ENDS: ReadonlySet<KeyReport['steps'][number]['step']> = new Set(['contain', 'disable', 'delete', 'discard']);
