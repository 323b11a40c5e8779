import { createHash } from 'node:crypto';
import { MINUTE_MS } from './duration.ts';
import { OP_LENGTH, formatKeyName } from './key-name.ts';
import type { KeyName } from './key-name.ts';
import type { LoggingKey } from './manifest.ts';

/** Whole minutes since 1970 in 36 digits: five of them last until 2084. */
const MINUTE_DIGITS = 5;
const SHORT_NAME = new RegExp(`^kr-([0-9a-f]{8})-([a-z0-9]{${OP_LENGTH}})-([0-9a-z]{${MINUTE_DIGITS}})$`);

const digestOf = (deployment: string, name: string): string =>
  createHash('sha256').update(`${deployment} ${name}`).digest('hex').slice(0, 8);

/**
 * How LogDNA, whose names have at most 30 characters, carries the name of a key of ours: `kr-<whose>-<op>-<minute>`. That
 * it tells the time of creation is not certain of the API, and a young key must not be taken for one that is left over.
 */
export function shortNameOf({ deployment, name, op }: KeyName, nowMs: number): string {
  const minutes = Math.floor(nowMs / MINUTE_MS)
    .toString(36)
    .padStart(MINUTE_DIGITS, '0');
  return `kr-${digestOf(deployment, name)}-${op}-${minutes}`;
}

/** What the name of a key tells: whose it is, as `formatKeyName` writes it, and when it was made; null for a key that is none of the entry's. */
export function readShortName(
  { deployment, name, formerly }: LoggingKey,
  shortName: string,
): { name: string; createdAtMs: number } | null {
  const [, digest = '', op = '', minutes = ''] = SHORT_NAME.exec(shortName) ?? [];
  const managed = [name, ...formerly].find((one) => digestOf(deployment, one) === digest);
  if (managed === undefined) return null;
  return {
    name: formatKeyName({ deployment, name: managed, op }),
    createdAtMs: Number.parseInt(minutes, 36) * MINUTE_MS,
  };
}
