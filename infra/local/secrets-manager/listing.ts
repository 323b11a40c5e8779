import type { Secret } from './model.ts';
import { sorted } from './query.ts';
import type { ListSecretsQuery } from './query.ts';

const SORT_KEYS: Record<string, (secret: Secret) => string | number> = {
  id: ({ id }) => id,
  name: ({ name }) => name,
  secret_type: ({ type }) => type,
  created_at: ({ createdAtMs }) => createdAtMs,
  updated_at: ({ updatedAtMs }) => updatedAtMs,
  retrieved_at: ({ retrievedAtMs }) => retrievedAtMs ?? 0,
  expiration_date: ({ expiresAtMs }) => expiresAtMs ?? Infinity,
};

const searched = ({ id, name, description = '', labels, type }: Secret): string[] => [
  id,
  name,
  description,
  type,
  ...labels,
];

/** The secrets that a list is asked for, in the order that it is asked for. */
export function selected(secrets: readonly Secret[], query: ListSecretsQuery): readonly Secret[] {
  const { search, groups, secret_types: types, match_all_labels: labels } = query;
  const matches = (secret: Secret) =>
    (!groups || groups.includes(secret.groupId)) &&
    (!types || types.includes(secret.type)) &&
    (!labels || labels.every((label) => secret.labels.includes(label))) &&
    (search === undefined || searched(secret).some((text) => text.includes(search)));
  return sorted(secrets.filter(matches), query.sort, SORT_KEYS);
}
