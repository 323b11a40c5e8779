import type { ManagedKey } from '../keys/manifest.ts';
import {
  closedWindow,
  deathOf,
  dueAtMs,
  dueReason,
  extensionOf,
  isLeftOver,
  mintBlock,
  occupantOf,
  regularBlock,
} from './mint-rules.ts';
import { guardName } from './observation.ts';
import type { Observation, SeenKey } from './observation.ts';
import { importFirst } from './obstacles.ts';
import { timeText } from './record.ts';
import { putOutOfUse, recentUse, retirementOf } from './retire-rules.ts';
import { OLDEST_MINT_MS, idleSinceMs, isCompromised, isLockedByUndo, situationOf } from './situation.ts';
import type { ExistingKey, OldKey, Situation } from './situation.ts';
import type { MintReason } from './record.ts';
import { isSettled } from './step.ts';
import type { Step } from './step.ts';

/** A rule of the policy: its step, or null when it has nothing to say. */
type Rule = (situation: Situation) => Step | null;

/** The policy, most urgent first. The first rule that has something to say decides. */
const RULES: readonly Rule[] = [
  containWhatLeaked,
  askAboutAnotherOwner,
  askAboutTheIdentity,
  askAboutTheSecret,
  leaveAloneWhatIsPaused,
  endWhatIsRetired,
  askAboutThePlace,
  replaceTheDead,
  retireTheOld,
  freeThePrevious,
  rotateWhatIsDue,
  tellThatTheFormerIsGone,
  waitForTheOld,
];

/**
 * The next step for one key. The whole policy of the product, and pure: the same key, observation and time always give
 * the same step.
 */
export function plan(key: ManagedKey, seen: Observation, nowMs: number): Step {
  const situation = situationOf(key, seen, nowMs);
  for (const rule of RULES) {
    const step = rule(situation);
    if (step) return step;
  }
  const untilMs = dueAtMs(situation);
  const why = `key ${situation.currentKey?.id ?? ''} is current; the next rotation is due ${timeText(untilMs)}`;
  return { step: 'rest', why, untilMs };
}

/** A compromised key that still logs in is disabled before anything else. */
function containWhatLeaked({ currentKey, oldKeys, secret, ownKeyId }: Situation): Step | null {
  const candidates = [currentKey, ...oldKeys.map((old) => old.key)];
  // Without the key that it is logged in with Keyrota could not replace anything: that one is replaced first.
  const isLeaking = (key: SeenKey | null) =>
    key?.exists && !key.disabled && key.id !== ownKeyId && isCompromised(key, secret);
  const leaking = candidates.find(isLeaking);
  if (!leaking) return null;
  return { step: 'contain', why: `key ${leaking.id} was reported as compromised`, keyId: leaking.id };
}

/**
 * Some issuers show a key to its owner alone: once the entry names another one, what happens to the former owner's keys cannot be
 * seen any more. Nor can those of another kind.
 */
function askAboutAnotherOwner({ key, current, previous, facts }: Situation): Step | null {
  const stored = [current, previous].flatMap((version) => version?.record ?? []);
  const other = stored.find(
    ({ kind, owner }) => kind !== key.kind || (!facts.looksAcrossOwners && owner !== '' && owner !== key.owner),
  );
  if (!other || key.state === 'retired') return null;
  const was = other.kind === key.kind ? other.owner : `a ${other.kind} of ${other.owner}`;
  return {
    step: 'ask',
    why: `key ${other.key_id} was made for ${was}, and the entry names ${key.owner} now`,
    code: 'other_owner',
    problem: `Key ${other.key_id} was made for ${was}. From an entry of ${key.owner} it cannot be looked after.`,
    steps: [
      `Put the entry back as it was, with \`state: retired\` once nobody needs its key any more.`,
      'Give the new owner an entry with another name and another secret.',
    ],
  };
}

/** Without its identity every key is gone, and none can be made. */
function askAboutTheIdentity({ key, identityExists, facts, generatedFor }: Situation): Step | null {
  if (key.state === 'retired') return null;
  if (generatedFor !== null) return askAboutTheCredential(key, generatedFor);
  if (identityExists) return null;
  return { step: 'ask', why: `the issuer does not know ${key.owner}`, ...facts.ownerGone(key) };
}

/** The keys of an identity that was made for a credential go stale with it when they are rotated behind its back. */
const askAboutTheCredential = (key: ManagedKey, credential: string): Step => ({
  step: 'ask',
  why: `${key.owner} was made for service credential ${credential}`,
  code: 'made_for_credential',
  problem: `${key.owner} and its keys were made for service credential ${credential}, and live and die with it.`,
  steps: [
    'Manage the credential instead: an entry of kind `service-credential` for its instance, with this one taken out.',
    `ibmcloud resource service-key ${credential}`,
    'If it is an identity of your own that the credential was only given: make its first key by hand, and name that in `adopt`.',
  ],
});

/** A secret that is destroyed, or whose current version is not ours, is a person's to settle; nothing is retired meanwhile. */
function askAboutTheSecret({ key, secret, current }: Situation): Step | null {
  if (!secret) return null;
  if (secret.state === 'active' && !current) {
    return {
      step: 'ask',
      why: `secret ${secret.name} has no current version`,
      code: 'no_current_version',
      problem: `Secret ${secret.name} (${secret.id}) has no current version: nothing can be stored safely.`,
      steps: [
        `ibmcloud secrets-manager secret-versions --secret-id ${secret.id}`,
        `If nobody needs it: ibmcloud secrets-manager secret-delete --id ${secret.id}. The next run then stores a new key.`,
      ],
    };
  }
  if (secret.state === 'destroyed' || !current) {
    return {
      step: 'ask',
      why: `secret ${secret.name} is destroyed`,
      code: 'secret_destroyed',
      problem: `Secret ${secret.name} (${secret.id}) is destroyed: its value is gone, and its name is taken.`,
      steps: [
        `ibmcloud secrets-manager secret-delete --id ${secret.id}`,
        'The next run then stores a new key under that name.',
      ],
    };
  }
  if (current.record) return null;
  return {
    step: 'ask',
    why: `the current version of secret ${secret.name} is not ours`,
    code: 'foreign_version',
    problem: `Version ${current.id} of secret ${secret.name} was not stored by this installation (${key.deployment}).`,
    steps: [
      `If its value is a key of the same identity: keyrota adopt ${key.name} KEY_ID`,
      'Otherwise give the entry another secret name in the manifest.',
    ],
  };
}

/** A paused key is left as it is. But a leak is dealt with to its end, and the key must not expire unseen. */
function leaveAloneWhatIsPaused(situation: Situation): Step | null {
  const { key, oldKeys } = situation;
  if (!key.policy.paused) return null;
  const death = deathOf(situation);
  const isLeak = death && 'reason' in death && (death.reason === 'compromised' || death.reason === 'disabled');
  if (isLeak) return askAboutThePlace(situation) ?? replaceTheDead(situation);
  const leaked = oldKeys.filter((old) => old.compromised).map((old) => retirementOf(old, situation));
  const hold: Step = { step: 'hold', why: 'the manifest says paused', code: 'paused', sinceMs: null, untilMs: null };
  return firstChange(leaked) ?? extensionOf(situation) ?? firstAsk(leaked) ?? hold;
}

/** A retired entry gets no new key; all that it has go as soon as nobody uses them. */
function endWhatIsRetired(situation: Situation): Step | null {
  if (situation.key.state !== 'retired') return null;
  const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
  const last = retireTheCurrent(situation);
  const all = [...steps, ...(last ? [last] : [])];
  return firstChange(all) ?? firstAsk(all) ?? last ?? steps[0] ?? nothingLeft(situation);
}

/** What is to be done with the current key of a retired entry. */
export function retireTheCurrent(situation: Situation): Step | null {
  const { key, current, currentKey, nowMs, secret } = situation;
  if (!currentKey?.exists || !current) return null;
  const sinceMs = current.createdAtMs;
  const compromised = isCompromised(currentKey, secret);
  const last: OldKey = {
    key: {
      ...currentKey,
      canDisable: currentKey.canDisable && idleSinceMs(secret?.versions ?? [], currentKey.id) === null,
    },
    compromised,
    lockedByUndo: isLockedByUndo(secret?.versions ?? [], currentKey.id, nowMs),
    supersededAtMs: sinceMs,
  };
  if (currentKey.disabled) return retirementOf(last, situation);
  // Nobody is to switch to a successor, so there is no grace to count: only disuse shows that nobody needs it.
  const inUse = recentUse(currentKey, Math.max(key.policy.unusedForMs, key.policy.graceMs), nowMs);
  const locks = current.locks.map((lock) => lock.name).filter((name) => name !== guardName(key.deployment));
  const isUseTold = currentKey.lastUsed !== 'unknown' || key.policy.evidence.unused;
  if (!isUseTold && locks.length === 0) return askToEnd(currentKey, situation);
  if (locks.length > 0) inUse.push(`consumers lock the version: ${locks.join(', ')}`);
  if (inUse.length > 0) {
    const why = `key ${currentKey.id} of a retired entry waits to be disabled: ${inUse.join('; ')}`;
    return { step: 'hold', why, code: 'evidence', sinceMs, untilMs: null };
  }
  return putOutOfUse(last, `the entry is retired, and nobody uses key ${currentKey.id}`, sinceMs, situation);
}

/** Its issuer never tells when it was used, and nobody is to fetch a successor: there is no evidence to wait for. */
const askToEnd = ({ id }: ExistingKey, { key, facts }: Situation): Step => ({
  step: 'ask',
  why: `the issuer does not tell whether anybody uses key ${id} of the retired entry`,
  code: 'use_unknown',
  problem: `The entry is retired, and its issuer does not tell whether anybody uses key ${id}.`,
  steps: [`When nobody needs it any more: ${facts.toDelete(key, id)}`],
});

const nothingLeft = ({ secret }: Situation): Step => ({
  step: 'rest',
  why: secret
    ? `retired, and every key is gone; the entry can be deleted, and secret ${secret.name} once its locks are removed`
    : 'retired, and there is nothing left',
  untilMs: null,
});

/** The one place that the owner has for a key is taken by one that we do not know: whose it is, only a person can tell. */
function askAboutThePlace(situation: Situation): Step | null {
  const { key, stranger, rotationAsked, secret, nowMs, facts, lease } = situation;
  // While a mint is under way the key may be its own, whatever the issuer tells of its age: nothing begins until it is over.
  if (!stranger || rotationAsked || lease || isLeftOver(situation)) return null;
  const underWayUntilMs = stranger.createdAtMs + OLDEST_MINT_MS;
  if (!secret && nowMs < underWayUntilMs) {
    const why = `key ${stranger.id} is new: another run's first mint may be under way`;
    return { step: 'hold', why, code: 'mint-under-way', sinceMs: stranger.createdAtMs, untilMs: underWayUntilMs };
  }
  return {
    step: 'ask',
    why: `key ${stranger.id} takes the place, and it is not ours`,
    code: 'place_taken',
    problem: `${key.owner} can have one key only, and has ${stranger.id}, which Keyrota did not store.`,
    steps: [
      `If its value is at hand: keyrota import ${key.name}, and type the value in.`,
      ...(secret ? [`If nobody uses it: keyrota rotate ${key.name} --force, which removes it first.`] : []),
      `Or, if nobody uses it: ${facts.toDelete(key, stranger.id)}`,
    ],
  };
}

/** Without a working current key consumers stand still: replace it at once, even while an older one is in grace. */
function replaceTheDead(situation: Situation): Step | null {
  const death = deathOf(situation);
  if (!death || 'step' in death) return death;
  if (!situation.secret) {
    // Keys of first mints that failed would pile up while the next one waits.
    const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
    const discard = steps.find((step) => step.step === 'discard');
    if (discard) return discard;
    const leftOver = askAboutLeftOvers(situation);
    if (leftOver) return leftOver;
  }
  // A key that the owner has instead may be in use; a dead one of ours that takes the place is not.
  const isGone = !situation.currentKey?.exists;
  const block = mintBlock(situation) ?? askToImport(situation) ?? (isGone ? closedWindow(situation) : null);
  if (block) return block;
  if (situation.guardOnPrevious && situation.current) {
    const why = `${death.why}, and nothing can be stored while the former version is guarded`;
    return { step: 'release', why, versionId: situation.current.id };
  }
  return mintStep(death, situation);
}

/** So many first mints may fail before a person is asked, where each leaves a key that nobody can tell is not used. */
const MOST_LEFT_OVERS = 5;

/** Keys that cannot be disabled, and of which nothing tells a use, must not fill the owner's quota. */
function askAboutLeftOvers({ key, oldKeys, rotationAsked, facts }: Situation): Step | null {
  const leftOver = oldKeys.filter((old) => old.supersededAtMs === null && !old.key.canDisable);
  if (leftOver.length < MOST_LEFT_OVERS || rotationAsked) return null;
  const why = `the last ${leftOver.length} first mints failed, and left a key each`;
  return {
    step: 'ask',
    why,
    code: 'first_mints_failed',
    problem: `No key of ${key.name} could be stored: ${why}, which cannot be disabled, and of which nothing tells whether it is used.`,
    steps: [
      'The log tells why (mint_failed, person_asked): put that right.',
      ...leftOver.map(({ key: { id } }) => facts.toDelete(key, id)),
      `Then: keyrota rotate ${key.name} --force`,
    ],
  };
}

/** A key that works is not removed before it is known that the next one can be stored, whoever wants it. */
function askToImport(situation: Situation): Step | null {
  const { key, secret, facts } = situation;
  const keyId = secret ? null : occupantOf(situation);
  if (keyId === null) return null;
  return {
    step: 'ask',
    why: `key ${keyId} takes the place, and nothing is stored yet`,
    ...importFirst(key, keyId, facts),
  };
}

/** Superseded and left-over keys: whatever can be done for one of them now. */
function retireTheOld(situation: Situation): Step | null {
  return firstChange(situation.oldKeys.map((old) => retirementOf(old, situation)));
}

/** Once the former key is gone its version needs no protection any more, and the summary says so. */
function freeThePrevious({ guardOnPrevious, previous, oldKeys, current }: Situation): Step | null {
  if (!guardOnPrevious || oldKeys.some((old) => old.key.id === previous?.record?.key_id)) return null;
  return current && { step: 'release', why: 'the former key is gone', versionId: current.id };
}

/**
 * Where there was no former version (an adopted key), or the summary could not be written, only that is put right: it
 * keeps no rotation waiting.
 */
function tellThatTheFormerIsGone({ guardOnPrevious, oldKeys, secret, current }: Situation): Step | null {
  // A summary that speaks of another key than the current one was written by a run that this list does not show yet.
  const summary = secret?.summary?.key_id === current?.record?.key_id ? secret?.summary : undefined;
  const former = summary?.previous_key_id || undefined;
  if (guardOnPrevious || former === undefined || oldKeys.some((old) => old.key.id === former)) return null;
  return current && { step: 'release', why: 'the former key is gone', versionId: current.id };
}

/** The regular rotation; where it has to wait, the current key must not expire meanwhile. */
function rotateWhatIsDue(situation: Situation): Step | null {
  const due = dueReason(situation);
  if (!due) return null;
  const own = askAboutOurOwnKey(situation);
  if (own) return extensionOf(situation) ?? own;
  const block = regularBlock(situation);
  if (block) return extensionOf(situation) ?? preferAsk(situation, block);
  return mintStep(due, situation);
}

function mintStep(wish: { reason: MintReason; why: string }, situation: Situation): Step {
  const removes = occupantOf(situation);
  if (removes === null) return { step: 'mint', ...wish };
  return { step: 'mint', reason: wish.reason, why: `${wish.why}; key ${removes} goes first`, removes };
}

/** Keyrota would go on with a key that it does not load anew: sooner or later it would lock itself out. */
function askAboutOurOwnKey({ key, currentKey, ownKeyId }: Situation): Step | null {
  if (ownKeyId === null || currentKey?.id !== ownKeyId || key.runsKeyrota) return null;
  return {
    step: 'ask',
    why: `Keyrota itself is logged in with key ${ownKeyId}`,
    code: 'own_key',
    problem: `Keyrota itself is logged in with key ${ownKeyId}, and the manifest does not say that it loads that from this secret.`,
    steps: [
      'Best: let Keyrota log in as a trusted profile (KEYROTA_LOGIN=trusted-profile), which needs no key.',
      `Or let it load KEYROTA_API_KEY from secret ${key.secret.name} at each start, and say \`runsKeyrota: true\` in the entry.`,
    ],
  };
}

/** A rotation that waits for the former key waits for whatever that key waits for: a person may have to be asked. */
function preferAsk(situation: Situation, block: Extract<Step, { step: 'hold' }>): Step {
  if (block.code !== 'former-key') return block;
  return waitForTheOld(situation) ?? block;
}

/** Nothing can be done now, but an old key is on its way. */
function waitForTheOld(situation: Situation): Step | null {
  const steps = situation.oldKeys.map((old) => retirementOf(old, situation));
  return firstAsk(steps) ?? steps[0] ?? null;
}

function firstAsk(steps: readonly Step[]): Step | null {
  return steps.find((step) => step.step === 'ask') ?? null;
}

function firstChange(steps: readonly Step[]): Step | null {
  return steps.find((step) => !isSettled(step)) ?? null;
}
