import { DAY_MS, HOUR_MS, MINUTE_MS, formatDuration } from '../keys/duration.ts';
import type { AccountKey } from '../inventory/inventory.ts';
import { quoted } from '../runtime/shell-words.ts';

/** How a person looks at a key with IBM's CLI. */
export function toShow({ kind, id, owner }: AccountKey): string {
  switch (kind) {
    case 'service-id-api-key':
      return `ibmcloud iam service-api-key ${quoted(id)} ${quoted(owner)}`;
    case 'user-api-key':
      return `ibmcloud iam api-key ${quoted(id)}, logged in as its user`;
    case 'service-credential':
      return `ibmcloud resource service-key ${quoted(id)}`;
    case 'classic-api-key':
      return `API key ${id} of ${owner}: Manage > Access (IAM) > Users, classic infrastructure`;
    case 'logging-key':
      return `key ${id} of instance ${owner}, in its dashboard`;
    default:
      return kind satisfies never;
  }
}

/** How a person deletes a key with IBM's CLI. */
export function toDelete(key: AccountKey): string {
  const { kind, id, owner } = key;
  switch (kind) {
    case 'service-id-api-key':
      return `ibmcloud iam service-api-key-delete ${quoted(id)} ${quoted(owner)}`;
    case 'user-api-key':
      return `ibmcloud iam api-key-delete ${quoted(id)}, logged in as its user; an administrator deletes it in the console`;
    case 'service-credential':
      return `ibmcloud resource service-key-delete ${quoted(id)}`;
    case 'classic-api-key':
    case 'logging-key':
      return toShow(key);
    default:
      return kind satisfies never;
  }
}

/** How long something is, rounded down: in days from two days on, in hours from two hours on, else in minutes. */
export function spanText(spanMs: number): string {
  const unitMs = spanMs >= 2 * DAY_MS ? DAY_MS : spanMs >= 2 * HOUR_MS ? HOUR_MS : MINUTE_MS;
  return formatDuration(Math.max(Math.floor(spanMs / unitMs) * unitMs, 0));
}

/** What a key is called, with its owner. */
export const callOf = ({ id, name, owner, ownerName }: AccountKey): string =>
  `key ${id}${name === '' ? '' : ` (${name})`} of ${ownerName === '' ? owner : `${ownerName} (${owner})`}`;
