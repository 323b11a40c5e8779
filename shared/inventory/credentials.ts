import { isApiError } from '../clients/api-error.ts';
import type { ListedResourceKey } from '../clients/resource-key-answers.ts';
import { guidOfInstance, guidOfResourceKey } from '../keys/manifest.ts';
import type { Desk } from './desk.ts';
import { toGrant } from './own-access.ts';

const WHAT = 'service credentials';

const serviceIn = (crn: string): string => crn.split(':')[4] ?? '';

/** Services whose instances have keys of their own beside resource keys. */
const LOGGING = new Set(['logdna', 'logdnaat']);

/**
 * Pairs resource keys with the API keys behind them: one without the other was not shown to us. It keeps the CRNs of those that wait for
 * their other half, at most of all resource keys of the account.
 */
export class CredentialPairs {
  readonly #resourceKeys = new Set<string>();
  readonly #innerOnly = new Set<string>();

  /** @returns whether it is new. */
  addResourceKey(crn: string): boolean {
    if (this.#resourceKeys.has(crn)) return false;
    this.#resourceKeys.add(crn);
    this.#innerOnly.delete(crn);
    return true;
  }

  addInnerKey(crn: string): void {
    if (!this.#resourceKeys.has(crn)) this.#innerOnly.add(crn);
  }

  /** CRNs of resource keys that were not shown. */
  get hidden(): string[] {
    return [...this.#innerOnly];
  }
}

export interface SeenCredentials {
  isWhole: boolean;
  hasLoggingInstances: boolean;
}

/** All service credentials that we may see. The list shows no others, and does not tell that there are some. */
export async function readCredentials(desk: Desk, pairs: CredentialPairs): Promise<SeenCredentials> {
  const { world, sight } = desk;
  const seen: SeenCredentials = { isWhole: false, hasLoggingInstances: false };
  const subject = { what: WHAT, toAllow: toGrant(world.login.iamId, 'Viewer') };
  let oddTotal = 0;
  const listed = await sight.look(subject, async (signal) => {
    for await (const { rows, oddCount } of world.resourceKeys.pagesOfInventory(signal)) {
      oddTotal += oddCount;
      seen.hasLoggingInstances ||= rows.some(({ sourceCrn }) => LOGGING.has(serviceIn(sourceCrn)));
      desk.hand(rows.filter(({ crn }) => pairs.addResourceKey(crn)).map((row) => accountKeyOf(row, desk)));
    }
    return true;
  });
  sight.noteOdd(WHAT, oddTotal);
  seen.isWhole = listed.value === true && oddTotal === 0;
  return seen;
}

function accountKeyOf(
  { id, name, createdAtMs, sourceCrn, innerApiKeyId, hasOtherSecrets }: ListedResourceKey,
  desk: Desk,
) {
  // With other secrets in it the use of the API key says nothing about the whole.
  const isAllInIam = innerApiKeyId !== null && hasOtherSecrets === false;
  return desk.told({
    kind: 'service-credential',
    id,
    name,
    owner: guidOfInstance(sourceCrn),
    createdAtMs,
    expiresAtMs: null,
    lastUsed: isAllInIam ? desk.useOf(innerApiKeyId, createdAtMs) : 'unknown',
    locked: null,
    disabled: null,
    actionWhenLeaked: null,
    generatedFor: null,
  });
}

/** So many of those that were not shown are asked for. */
const MOST_ASKED = 5;

/**
 * Says that credentials were not shown to us, of which API keys tell. One that came or went while the lists were read would look the
 * same: so some are asked for by their ids, and only a refusal counts.
 */
export async function noteHiddenCredentials({ sight, world }: Desk, { hidden }: CredentialPairs): Promise<void> {
  const subject = { what: WHAT, toAllow: toGrant(world.login.iamId, 'Viewer') };
  const asked = await sight.look(subject, async (signal) => {
    for (const crn of hidden.slice(0, MOST_ASKED))
      if (await isRefused(guidOfResourceKey(crn), world, signal)) return true;
    return false;
  });
  if (asked.value !== true) return;
  // Anybody can write into a description what looks like a CRN.
  const services = [...new Set(hidden.map(serviceIn))].filter((name) => /^[\w-]+$/.test(name)).toSorted();
  sight.note({
    what: WHAT,
    code: 'forbidden',
    why: `${hidden.length} of them, for ${services.join(', ')}, show by their API keys alone`,
    next: services.map((service) => toGrant(world.login.iamId, 'Viewer', service)).join('\n'),
  });
}

const isRefused = (id: string, { resourceKeys }: Desk['world'], signal: AbortSignal): Promise<boolean> =>
  resourceKeys.getKey(id, signal).then(
    () => false,
    (error: unknown) => {
      if (isApiError(error, 'forbidden')) return true;
      throw error;
    },
  );
