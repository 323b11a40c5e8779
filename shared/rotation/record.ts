import * as z from 'zod';

/** Why a key was made. */
const MINT_REASONS = [
  'first',
  'due',
  'asked',
  'moved',
  'lost',
  'expired',
  'disabled',
  'compromised',
  'undo',
  'adopted',
  'imported',
] as const;
export type MintReason = (typeof MINT_REASONS)[number];

/** An ISO time, or empty: metadata fields are never left out, because a patch may merge. */
const time = z.string().default('');

/**
 * What `version_custom_metadata` of a version says, under `keyrota`: the history of the key. Never a value; hashes let a
 * leaked value be found without reading one.
 */
export const VersionRecord = z.object({
  deployment: z.string(),
  name: z.string(),
  kind: z.string(),
  key_id: z.string(),
  /** The identity that the key belongs to. */
  owner: z.string().default(''),
  /** The mint that stored it; empty for a version that a person stored and that was adopted. */
  op: z.string(),
  /** When the issuer made the key. */
  key_created_at: time,
  reason: z.enum(MINT_REASONS),
  /** Of each secret in the value, with blanks between. */
  sha256: z.string().default(''),
  hmsl: z.string().default(''),
  /** Keys that existed before Keyrota, and since when they are taken in: they retire like any superseded one. */
  predecessors: z.array(z.object({ key_id: z.string(), adopted_at: z.string() })).default([]),
  /** Keys that cannot be disabled, and since when all is there that their end waits for: they are deleted a quarantine later. */
  idle: z.array(z.object({ key_id: z.string(), since: z.string() })).default([]),
  /** An undo made this key current again, and locked it at the issuer. */
  restored: z.boolean().default(false),
  /** When an undo of this key began that may have been cut off: the lock at the issuer is ours. */
  undo_at: time,
  compromised_at: time,
  /** The incident of that; empty where there is none. */
  incident: z.string().default(''),
  /** Who reported it, the first ones. */
  reports: z.array(z.object({ by: z.string(), delivery: z.string(), at: z.string() })).default([]),
  /** When the key was put out of use for it. */
  contained_at: time,
  /** When a person last said that a report was false: whatever was marked before that does not count. */
  dismissed_at: time,
  /** The key was found dead right after it was stored. */
  dead_at: time,
});
export type VersionRecord = z.infer<typeof VersionRecord>;

/** Of a key that did not leak. */
export const NO_LEAK = { compromised_at: '', incident: '', reports: [], contained_at: '', dismissed_at: '' };

/** What `custom_metadata` of the secret says, under `keyrota`: a hint that skips work, never the truth. */
export const Summary = z.object({
  deployment: z.string(),
  name: z.string(),
  kind: z.string(),
  key_id: z.string(),
  rotated_at: time,
  next_due: time,
  sha256: z.string().default(''),
  hmsl: z.string().default(''),
  /** The key that is being retired; empty once it is gone. */
  previous_key_id: z.string().default(''),
  previous_sha256: z.string().default(''),
  previous_hmsl: z.string().default(''),
  /** When the superseded key may be looked at for retirement. */
  retire_after: time,
  failures: z.number().int().default(0),
  /** No mint before this time, after failures. */
  not_before: time,
  /** The last mint that failed and is known to be over, and when it ended. */
  failed_op: z.string().default(''),
  failed_at: time,
  /** Since when the current key is known to be dead; empty while it works. */
  dead_since: time,
  /** Since when a key of this secret, current or former, is known to be compromised; empty once it is gone. */
  compromised_at: time,
  /**
   * Which keys these are, in case the mark on a version is lost, which others write to as well, or no version holds the key. Gone
   * once the key is.
   */
  compromised_keys: z
    .array(z.object({ key_id: z.string(), at: z.string(), by: z.string(), delivery: z.string() }))
    .default([]),
  /** Its keys that reports without their values have named in the last hour: brakes count them. */
  reported_keys: z.array(z.object({ by: z.string(), key_id: z.string(), at: z.string() })).default([]),
});
export type Summary = z.infer<typeof Summary>;

/** The field that holds our part: other people's metadata stands beside it and is kept. */
const FIELD = 'keyrota';

const read = <T>(schema: z.ZodType<T>, metadata: Readonly<Record<string, unknown>>): T | null => {
  const result = schema.safeParse(metadata[FIELD]);
  return result.success ? result.data : null;
};

/** Null when the version was not made by any Keyrota. */
export const readVersionRecord = (metadata: Readonly<Record<string, unknown>>): VersionRecord | null =>
  read(VersionRecord, metadata);

/** Null when the secret carries no summary. */
export const readSummary = (metadata: Readonly<Record<string, unknown>>): Summary | null => read(Summary, metadata);

/** The metadata with our part replaced, whole. */
export const writeRecord = (
  metadata: Readonly<Record<string, unknown>>,
  record: VersionRecord | Summary,
): Record<string, unknown> => ({ ...metadata, [FIELD]: record });

/** Epoch milliseconds of a time in a record; null when it is empty or unreadable. */
export function timeOf(text: string): number | null {
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : atMs;
}

/** A time for a record. */
export const timeText = (atMs: number): string => new Date(atMs).toISOString();
