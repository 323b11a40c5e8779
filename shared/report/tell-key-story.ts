import { isApiError } from '../clients/api-error.ts';
import { PersonNeeded } from '../keys/kind.ts';
import type { IssuerKey, Obstacle } from '../keys/kind.ts';
import type { KeylessEntry, ManagedKey } from '../keys/manifest.ts';
import type { IncidentRecord } from '../ledger/ledger-data.ts';
import { guardName } from '../rotation/observation.ts';
import type { Observation, SeenKey, SeenSecret, SeenVersion } from '../rotation/observation.ts';
import { observe, observeSecret, seenKey, withSecret } from '../rotation/observe.ts';
import { notProvisioned, roleMissing } from '../rotation/obstacles.ts';
import { planByRule } from '../rotation/plan.ts';
import type { Ports } from '../rotation/ports.ts';
import { timeText } from '../rotation/record.ts';
import { seenIncidents } from '../rotation/seen-incidents.ts';
import { isCompromised, predecessorsOf, situationOf } from '../rotation/situation.ts';
import type { Step } from '../rotation/step.ts';
import { codeOf, messageOf } from '../runtime/errors.ts';
import type { KeyStory, StoryKey, StoryVersion } from './key-story.ts';
import { storyAhead } from './story-ahead.ts';
import { incidentsOf, storyPast } from './story-past.ts';

/** Why something is so that no rule of plan decides. */
const OUTSIDE = {
  obstacle: 'ask-before-the-mint',
  unowned: 'ask-to-provision',
  keyless: 'needs-no-key',
  unseen: 'could-not-look',
} as const;

/** Names of all that decides beside the rules of plan. */
export const OTHER_RULE_NAMES: readonly string[] = Object.values(OUTSIDE);

/** What was decided, and what that was decided on; null where it could not be seen. */
interface Look {
  decision: KeyStory['decision'];
  step: Step | null;
  seen: Observation | null;
  secret: SeenSecret | null;
}

/**
 * Looks at one entry, and tells all that is known of it. Changes nothing, and reads no value. Where its issuer does not answer, the
 * versions are told, and the decision says so.
 * @param remembered What the ledger knows of leaks. Default: nothing.
 */
export async function keyStory(
  key: ManagedKey,
  ports: Ports,
  remembered: readonly IncidentRecord[] = [],
): Promise<KeyStory> {
  const { decision, step, seen, secret } = await lookAt(key, ports);
  const nowMs = ports.clock.nowMs();
  const incidents = incidentsOf(key, seen ? seenIncidents(key, seen, nowMs) : [], remembered);
  return {
    name: key.name,
    kind: key.kind,
    owner: key.owner,
    state: key.state,
    takenAt: timeText(seen?.takenAtMs ?? nowMs),
    secret: {
      name: secret?.name ?? key.secret.name,
      groupId: key.secret.groupId,
      type: key.secret.type,
      id: secret?.id ?? null,
      state: secret?.state ?? null,
    },
    decision,
    versions: (secret?.versions ?? []).map((version) => versionOf(version, key)),
    keys: seen ? await keysOf(key, seen, ports) : [],
    incidents,
    past: seen ? storyPast(key, seen, incidents, nowMs) : [],
    ahead: seen && step ? storyAhead(key, seen, step, nowMs) : [],
  };
}

/** Of an entry whose workload logs in as a trusted profile. */
export const keylessStory = ({ name, profileId }: KeylessEntry, nowMs: number): KeyStory => ({
  name,
  kind: 'trusted-profile',
  owner: profileId,
  state: 'active',
  takenAt: timeText(nowMs),
  secret: { name: '', groupId: '', type: '', id: null, state: null },
  decision: decided(OUTSIDE.keyless, {
    step: 'rest',
    why: `its workload logs in as trusted profile ${profileId}: there is no key, and nothing has to rotate`,
  }),
  versions: [],
  keys: [],
  incidents: [],
  past: [],
  ahead: [],
});

async function lookAt(key: ManagedKey, ports: Ports): Promise<Look> {
  if (key.owner === '') return { ...withoutOwner(key), seen: null, secret: null };
  try {
    const { seen, step, rule } = await planAsRunsDo(key, ports);
    const [obstacle] = step.step === 'mint' ? await ports.kindOf(key).obstacles(key, seen.keyCount, ports.signal) : [];
    const decision = obstacle ? asks(OUTSIDE.obstacle, obstacle) : decisionOf(step, rule);
    return { decision, step, seen, secret: seen.secret };
  } catch (error) {
    if (ports.signal.aborted) throw error;
    const secret = await observeSecret(key, null, ports).catch(() => null);
    return { decision: notSeen(key, error, ports), step: null, seen: null, secret };
  }
}

/** The list of secrets may be older than another run's store, which the summary tells. */
async function planAsRunsDo(key: ManagedKey, ports: Ports): Promise<{ seen: Observation; step: Step; rule: string }> {
  const seen = await observe(key, null, false, ports);
  const planned = planByRule(key, seen, ports.clock.nowMs());
  if (planned.step.step !== 'mint' || !seen.secret) return { seen, ...planned };
  const fresh = withSecret(seen, await ports.secrets.get(seen.secret.id, ports.signal));
  return { seen: fresh, ...planByRule(key, fresh, ports.clock.nowMs()) };
}

function withoutOwner(key: ManagedKey): Pick<Look, 'decision' | 'step'> {
  const why = 'retired, and it never had an owner';
  const decision =
    key.state === 'retired'
      ? decided(OUTSIDE.unowned, { step: 'rest', why })
      : asks(OUTSIDE.unowned, notProvisioned(key));
  return { decision, step: null };
}

function notSeen(key: ManagedKey, error: unknown, ports: Ports): KeyStory['decision'] {
  if (error instanceof PersonNeeded) return asks(OUTSIDE.unseen, error.obstacle);
  if (isApiError(error, 'forbidden')) {
    const missing = roleMissing(key, `look (${error.operation})`, ports.kindOf(key).facts);
    return asks(OUTSIDE.unseen, missing);
  }
  return decided(OUTSIDE.unseen, { step: 'failed', why: messageOf(error), code: codeOf(error) });
}

const decided = (
  rule: string,
  known: Partial<KeyStory['decision']> & Pick<KeyStory['decision'], 'step' | 'why'>,
): KeyStory['decision'] => ({ rule, code: null, keyId: null, since: null, until: null, next: [], ...known });

const asks = (rule: string, { problem, code, steps }: Obstacle): KeyStory['decision'] =>
  decided(rule, { step: 'ask', why: problem, code, next: steps });

const textOf = (atMs: number | null): string | null => (atMs === null ? null : timeText(atMs));

function decisionOf(step: Step, rule: string): KeyStory['decision'] {
  const { step: name, why } = step;
  switch (step.step) {
    case 'ask':
      return asks(rule, step);
    case 'rest':
      return decided(rule, { step: name, why, until: textOf(step.untilMs) });
    case 'hold':
      return decided(rule, {
        step: name,
        why,
        code: step.code,
        since: textOf(step.sinceMs),
        until: textOf(step.untilMs),
      });
    case 'mint':
      return decided(rule, { step: name, why, code: step.reason, keyId: step.removes ?? null });
    case 'release':
      return decided(rule, { step: name, why });
    case 'contain':
    case 'extend':
    case 'disable':
    case 'delete':
    case 'discard':
      return decided(rule, { step: name, why, keyId: step.keyId });
    default:
      return step satisfies never;
  }
}

const versionOf = (version: SeenVersion, { deployment }: ManagedKey): StoryVersion => ({
  id: version.id,
  alias: version.alias,
  createdAt: timeText(version.createdAtMs),
  keyId: version.record?.key_id ?? null,
  reason: version.record?.reason ?? null,
  fetched: version.fetched,
  hasPayload: version.hasPayload,
  locks: version.locks.map(({ name, updatedAtMs }) => ({
    name,
    since: timeText(updatedAtMs),
    isOurs: name === guardName(deployment),
  })),
});

async function keysOf(key: ManagedKey, seen: Observation, ports: Ports): Promise<StoryKey[]> {
  const { current, oldKeys } = situationOf(key, seen, ports.clock.nowMs());
  const versions = seen.secret?.versions ?? [];
  const named = new Set(versions.flatMap(({ record }) => record?.key_id ?? []));
  const adopted = new Set([...predecessorsOf(versions).keys(), ...key.adopt]);
  const roleOf = (id: string): StoryKey['role'] => {
    if (id === current?.record?.key_id) return 'current';
    if (named.has(id)) return 'former';
    return adopted.has(id) ? 'adopted' : 'unknown';
  };
  return Promise.all(
    seen.keys.map(async (one): Promise<StoryKey> => {
      const supersededAtMs = oldKeys.find((old) => old.key.id === one.id)?.supersededAtMs ?? null;
      const shown = await withUse(one, key, ports);
      const compromised = isCompromised(
        { id: one.id, markedCompromised: one.exists && one.markedCompromised },
        seen.secret,
      );
      return { id: one.id, role: roleOf(one.id), supersededAt: textOf(supersededAtMs), compromised, ...factsOf(shown) };
    }),
  );
}

/** A list does not tell when a key was last used; only a look does. Where that fails, it is unknown. */
async function withUse(one: SeenKey, key: ManagedKey, ports: Ports): Promise<SeenKey> {
  if (!one.exists || one.lastUsed !== 'unknown') return one;
  const looked = await ports
    .kindOf(key)
    .look(key, one.id, ports.signal)
    .catch((error: unknown) => {
      if (ports.signal.aborted) throw error;
      return null;
    });
  return looked ? seenKey(looked) : one;
}

function factsOf(
  one: SeenKey,
): Pick<StoryKey, 'exists' | 'createdAt' | 'disabledAt' | 'expiresAt' | 'disabled' | 'locked' | 'lastUsed'> {
  if (!one.exists) {
    const unknown = { createdAt: null, disabledAt: null, expiresAt: null, lastUsed: 'unknown' };
    return { exists: false, disabled: false, locked: false, ...unknown };
  }
  const { createdAtMs, disabledAtMs, expiresAtMs, disabled, locked } = one;
  return {
    exists: true,
    createdAt: createdAtMs > 0 ? timeText(createdAtMs) : null,
    disabledAt: disabled ? textOf(disabledAtMs) : null,
    expiresAt: textOf(expiresAtMs),
    disabled,
    locked,
    lastUsed: usedText(one),
  };
}

const usedText = ({ lastUsed }: Pick<IssuerKey, 'lastUsed'>): string =>
  typeof lastUsed === 'string' ? lastUsed : timeText(lastUsed.atMs);
