import type { ManagedKey } from '../keys/manifest.ts';
import { isLeftOver, occupantOf } from './mint-rules.ts';
import { importFirst } from './obstacles.ts';
import { OLDEST_MINT_MS, isCompromised } from './situation.ts';
import type { ExistingKey, Situation } from './situation.ts';
import type { Step } from './step.ts';

/**
 * Some issuers show a key to its owner alone: once the entry names another one, what happens to the former owner's keys cannot be
 * seen any more. Nor can those of another kind.
 */
export function askAboutAnotherOwner({ key, current, previous, facts }: Situation): Step | null {
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
export function askAboutTheIdentity({ key, identityExists, facts, generatedFor }: Situation): Step | null {
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
export function askAboutTheSecret({ key, secret, current }: Situation): Step | null {
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

/** Whoever disabled the current key may have had another reason than a leak: some want to be asked. */
export function askAboutTheDisabled({ key, currentKey, secret, rotationAsked }: Situation): Step | null {
  if (key.state === 'retired' || rotationAsked || key.policy.onCompromise.disabledByOthers === 'replace') return null;
  if (!currentKey?.exists || !currentKey.disabled || isCompromised(currentKey, secret)) return null;
  const { id } = currentKey;
  return {
    step: 'ask',
    why: `key ${id} is current, and somebody else disabled it`,
    code: 'disabled_by_others',
    problem: `Key ${id} is current, and somebody disabled it at its issuer: its consumers stand still.`,
    steps: [
      'Find out who disabled it, and why: its history at the issuer tells.',
      `If it leaked, or is not to be used any more: keyrota rotate ${key.name} --force`,
      `If that was a mistake: keyrota undo ${key.name}, which enables it again.`,
    ],
  };
}

/** Its issuer never tells when it was used, and nobody is to fetch a successor: there is no evidence to wait for. */
export const askToEnd = ({ id }: ExistingKey, { key, facts }: Situation): Step => ({
  step: 'ask',
  why: `the issuer does not tell whether anybody uses key ${id} of the retired entry`,
  code: 'use_unknown',
  problem: `The entry is retired, and its issuer does not tell whether anybody uses key ${id}.`,
  steps: [`When nobody needs it any more: ${facts.toDelete(key, id)}`],
});

/** The one place that the owner has for a key is taken by one that we do not know: whose it is, only a person can tell. */
export function askAboutThePlace(situation: Situation): Step | null {
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

/** So many first mints may fail before a person is asked, where each leaves a key that nobody can tell is not used. */
const MOST_LEFT_OVERS = 5;

/** Keys that cannot be disabled, and of which nothing tells a use, must not fill the owner's quota. */
export function askAboutLeftOvers({ key, oldKeys, rotationAsked, facts }: Situation): Step | null {
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
export function askToImport(situation: Situation): Step | null {
  const { key, secret, facts } = situation;
  const keyId = secret ? null : occupantOf(situation);
  if (keyId === null) return null;
  return {
    step: 'ask',
    why: `key ${keyId} takes the place, and nothing is stored yet`,
    ...importFirst(key, keyId, facts),
  };
}

/** Keyrota would go on with a key that it does not load anew: sooner or later it would lock itself out. */
export function askAboutOurOwnKey({ key, currentKey, ownKeyId }: Situation): Step | null {
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
