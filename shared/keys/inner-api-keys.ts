import { isApiError } from '../clients/api-error.ts';
import type { ApiKey, IamIdentity } from '../clients/iam-identity.ts';
import type { ResourceKey } from '../clients/resource-key-answers.ts';

/**
 * The API keys in IAM that stand behind resource keys, as far as we may see them. Where a resource key does not show its
 * own, that is found by its description, in one list of the account for the whole run.
 */
export class InnerApiKeys {
  readonly #identity: IamIdentity;
  /** Those that were learned from answers to a creation: such an answer shows what later ones may withhold. */
  readonly #learned = new Map<string, string>();
  #ofAccount: Promise<ReadonlyMap<string, string | null>> | null = null;

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
    return (await this.#ofAccount).get(resourceKey.crn) ?? null;
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

  /** Ids of API keys by the CRN of the resource key that they were made for; null where several say so of themselves. */
  async #list(signal: AbortSignal): Promise<ReadonlyMap<string, string | null>> {
    const found = new Map<string, string | null>();
    try {
      for await (const page of this.#identity.pagesOfInnerKeys(signal))
        for (const { id, resourceKeyCrn: crn } of page) found.set(crn, found.has(crn) ? null : id);
    } catch (error) {
      if (!isApiError(error, 'forbidden')) throw error;
    }
    return found;
  }
}
