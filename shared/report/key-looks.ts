import { isApiError } from '../clients/api-error.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { notProvisioned } from '../rotation/obstacles.ts';
import { observe } from '../rotation/observe.ts';
import { plan } from '../rotation/plan.ts';
import type { Ports } from '../rotation/ports.ts';
import { seenIncidents } from '../rotation/seen-incidents.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import type { Step } from '../rotation/step.ts';
import type { Candidate } from '../rotation/survey.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import type { Unseen } from './fleet-data.ts';

/** What became of a key that is worth a look: what comes next, or why nobody knows. */
export type KeyLook =
  | { step: Step; incidents: readonly SeenIncident[] }
  | { step: null; reason: (typeof REASONS)[number]; why: string; isSuspicious: boolean };

const REASONS = ['no_time', 'takes_change', 'not_allowed', 'failed'] as const;

/** With less time left no other look begins. */
const SHORTEST_LOOK_MS = 1_000;

/**
 * Looks at keys, several at a time and the most urgent first, until the time is up. What a mint would be refused for is not asked: that
 * takes more rights than a report has, and `rotate-keys` tells it.
 */
export async function lookAtKeys(
  candidates: readonly Candidate[],
  keysAtOnce: number,
  ports: Ports,
): Promise<{ looks: Map<string, KeyLook>; unseen: Unseen[] }> {
  const looks = new Map<string, KeyLook>();
  const queue = [...candidates];
  const work = async () => {
    for (let next = queue.shift(); next; next = queue.shift()) looks.set(next.key.name, await lookAt(next, ports));
  };
  await Promise.all(Array.from({ length: keysAtOnce }, work));
  return { looks, unseen: unseenIn(looks) };
}

async function lookAt({ key, secret, why }: Candidate, ports: Ports): Promise<KeyLook> {
  const { clock, deadlineMs, signal } = ports;
  const none = (reason: (typeof REASONS)[number], text: string): KeyLook => {
    // Where we may not look, the list of the issuer shows us nothing either: that proves nothing.
    const isSeen = reason === 'no_time' || reason === 'failed';
    return { step: null, reason, why: text, isSuspicious: why === 'suspicious' && isSeen };
  };
  if (clock.nowMs() + SHORTEST_LOOK_MS > deadlineMs) return none('no_time', 'there was no time for it');
  // What cannot be surveyed can be seen only by a change at its issuer.
  if (!ports.kindOf(key).survey) return none('takes_change', `a look at keys of kind ${key.kind} takes a change`);
  if (key.owner === '') return ownerless(key);
  try {
    const seen = await observe(key, secret, false, ports);
    const nowMs = clock.nowMs();
    return { step: plan(key, seen, nowMs), incidents: seenIncidents(key, seen, nowMs) };
  } catch (error) {
    if (signal.aborted) return none('no_time', 'the time was up in the middle of it');
    const isRefused = isApiError(error, 'forbidden') || error instanceof PersonNeeded;
    return none(isRefused ? 'not_allowed' : 'failed', `${codeOf(error)}: ${messageOf(error)}`);
  }
}

/** As a run says it without a look. */
function ownerless(key: ManagedKey): KeyLook {
  const untilMs = null;
  if (key.state === 'retired')
    return { step: { step: 'rest', why: 'retired, and it never had an owner', untilMs }, incidents: [] };
  const obstacle = notProvisioned(key);
  return { step: { step: 'ask', why: obstacle.problem, ...obstacle }, incidents: [] };
}

/** What is said of all keys that were not looked at for the same reason. */
const WORDS = {
  no_time: { isEssential: false, next: 'Open one of them: that takes a look at it alone.' },
  takes_change: { isEssential: false, next: 'Nothing, while rotate-keys runs: it looks at them.' },
  not_allowed: {
    isEssential: false,
    next: 'Nothing, while rotate-keys runs. docs/report.md says which rights show more.',
  },
  failed: { isEssential: true, next: 'Look again in a minute. If it stays so, see https://cloud.ibm.com/status' },
} as const satisfies Record<(typeof REASONS)[number], object>;

function unseenIn(looks: ReadonlyMap<string, KeyLook>): Unseen[] {
  return REASONS.flatMap((reason): Unseen[] => {
    const missing = [...looks].flatMap(([name, look]) =>
      look.step === null && look.reason === reason ? [{ name, why: look.why }] : [],
    );
    const [first] = missing;
    if (!first) return [];
    const what = missing.length === 1 ? `key ${first.name}` : `${missing.length} keys, ${first.name} among them`;
    return [{ what, code: reason, why: first.why, ...WORDS[reason] }];
  });
}
