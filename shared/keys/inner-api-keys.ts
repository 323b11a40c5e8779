import { isApiError } from '../clients/api-error.ts';
import type { IamIdentity } from '../clients/iam-identity.ts';
import type { ApiKey, InnerKey } from '../clients/iam-identity-answers.ts';
import type { ResourceKey } from '../clients/resource-key-answers.ts';
import { MINUTE_MS } from './duration.ts';

/**
 * The API keys in IAM that stand behind resource keys, as far as we may see them. Where a resource key does not show its
 * own, that is found by its description, in one list of the account for the whole run.
 */
export class InnerApiKeys {
  readonly #identity: IamIdentity;
  /** Those that were learned from answers to a creation: such an answer shows what later ones may withhold. */
  readonly #learned = new Map<string, string>();
  #ofAccount: Promise<readonly InnerKey[]> | null = null;

  constructor(identity: IamIdentity) {
    this.#identity = identity;
  }

  learn({ id, innerApiKeyId }: ResourceKey): void {
    if (innerApiKeyId !== null) this.#learned.set(id, innerApiKeyId);
  }

  /** Of a resource key that was made in this run; null for all others. */
  learnedIdOf(resourceKeyId: string): string | null {
    return this.#learned.get(resourceKeyId) ?? null;
  }

  /** Null where no answer tells it. */
  async idOf(resourceKey: ResourceKey, signal: AbortSignal): Promise<string | null> {
    const told = resourceKey.innerApiKeyId ?? this.learnedIdOf(resourceKey.id);
    if (told !== null) return told;
    this.#ofAccount ??= this.#list(signal).catch((error: unknown) => {
      this.#ofAccount = null;
      throw error;
    });
    const found = (await this.#ofAccount).filter((one) => isBehind(one, resourceKey));
    return found.length === 1 ? (found[0]?.id ?? null) : null;
  }

  /** With its last use and history. `hidden` where we may not see it or cannot find it; `gone` where IAM says so. */
  async look(resourceKey: ResourceKey, signal: AbortSignal): Promise<ApiKey | 'hidden' | 'gone'> {
    try {
      const id = await this.idOf(resourceKey, signal);
      if (id === null) return 'hidden';
      return (await this.#identity.getApiKey(id, signal)) ?? 'gone';
    } catch (error) {
      if (isApiError(error, 'forbidden')) return 'hidden';
      throw error;
    }
  }

  async #list(signal: AbortSignal): Promise<readonly InnerKey[]> {
    const found: InnerKey[] = [];
    try {
      for await (const page of this.#identity.pagesOfInnerKeys(signal)) found.push(...page);
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
    }
    return found;
  }
}

/** How far apart the two may be made, whose dates come from two services. */
const MADE_TOGETHER_MS = 5 * MINUTE_MS;

/**
 * Anybody who makes an API key can write into its description that it is behind this resource key. The one that is has its
 * name as well, or the one that such keys had formerly, and was made with it.
 */
function isBehind(inner: InnerKey, { crn, name, createdAtMs }: ResourceKey): boolean {
  const isNamedSo = inner.name === name || inner.name.startsWith('auto-generated-apikey-');
  const apartMs = Math.abs(inner.createdAtMs - createdAtMs);
  return inner.resourceKeyCrn === crn && isNamedSo && apartMs <= MADE_TOGETHER_MS;
}
