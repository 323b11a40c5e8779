import type { ApiKey } from '../clients/iam-identity-answers.ts';

/** The service credential that an API key was made for, by its CRN: the description says so. Null for all others. */
export function generatedFor({ description }: Pick<ApiKey, 'description'>): string | null {
  return /^Auto-generated for key (\S+)/.exec(description)?.[1] ?? null;
}
