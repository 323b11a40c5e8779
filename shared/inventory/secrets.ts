import * as z from 'zod';
import { LABEL, PAGE, SecretAnswer } from '../clients/secret-store.ts';
import type { Manifest } from '../keys/manifest.ts';
import { readSummary } from '../rotation/record.ts';
import type { AccountSecret, InventoryVisitor } from './inventory.ts';
import type { ManagedKeys } from './managed-keys.ts';
import { readOffsetPages } from './offset-pages.ts';
import type { InventoryWorld } from './open-inventory.ts';
import { toGrant } from './own-access.ts';
import type { Sight } from './sight.ts';

const Moment = z
  .string()
  .transform((text) => Date.parse(text))
  .pipe(z.number());
const MaybeMoment = Moment.nullish()
  .catch(null)
  .transform((atMs) => atMs ?? null);

/** A row of the list of all secrets. What types of secrets add to it is not looked at. */
const Row = SecretAnswer.extend({
  created_at: MaybeMoment,
  updated_at: MaybeMoment,
  // One that cannot be read must not pass for none.
  expiration_date: Moment.nullish(),
  retrieved_at: MaybeMoment,
  locks_total: z.number().nullish().catch(null),
  crn: z.string().nullish().catch(null),
});
type Row = z.infer<typeof Row>;

const Identified = z.object({ id: z.string().min(1) });

/** What is known of the list of secrets when it is read. */
export interface SeenSecrets {
  count: number;
  /** All that we may see were listed. */
  isWhole: boolean;
  /** GUID of the instance, as its secrets tell it; null where none does. */
  instance: string | null;
}

/** How many pages there are at least, by the manifest. */
const pagesExpected = ({ keys }: Manifest): number => Math.max(1, Math.ceil(keys.length / PAGE));

/** All secrets that we may see, labelled or not, and what they tell of the keys of entries. Pages are forgotten as they are handed out. */
export async function readSecrets(
  manifest: Manifest,
  managed: ManagedKeys,
  visitor: Pick<InventoryVisitor, 'secrets'>,
  { secrets, login }: Pick<InventoryWorld, 'secrets' | 'login'>,
  sight: Sight,
): Promise<SeenSecrets> {
  const what = 'secrets';
  const seen: SeenSecrets = { count: 0, isWhole: false, instance: null };
  let oddCount = 0;
  const take = (rows: unknown[]) => {
    const parsed = rows.flatMap((row) => Row.safeParse(row).data ?? []);
    oddCount += rows.length - parsed.length;
    seen.count += parsed.length;
    seen.instance ??= parsed[0]?.crn?.split(':')[7] || null;
    visitor.secrets(parsed.map((row) => secretOf(row, managed)));
  };
  const toAllow = toGrant(login.iamId, 'Viewer,Reader', 'secrets-manager');
  const read = await sight.look({ what, toAllow }, (signal) =>
    readOffsetPages<unknown>({
      page: (offset, attempt) => secrets.page(offset, attempt),
      limit: PAGE,
      atOnce: pagesExpected(manifest),
      idOf: (row) => Identified.safeParse(row).data?.id ?? null,
      take,
      signal,
    }),
  );
  sight.noteOdd(what, oddCount);
  if (read.value === false) {
    const why = 'so many were deleted while the list was read that some may be missing';
    sight.note({ what, code: 'failed', why, next: 'The next check reads the list again.' });
  }
  seen.isWhole = read.value === true && oddCount === 0;
  managed.settle(seen.isWhole);
  return seen;
}

function secretOf(row: Row, managed: ManagedKeys): AccountSecret {
  const { id, name, secret_group_id: groupId, secret_type: type } = row;
  const summary = readSummary(row.custom_metadata);
  return {
    id,
    name,
    groupId,
    type,
    state: row.state,
    createdAtMs: row.created_at,
    updatedAtMs: row.updated_at,
    expiresAtMs: row.expiration_date ?? null,
    // The epoch stands for never.
    readAtMs: row.retrieved_at === 0 ? null : row.retrieved_at,
    lockCount: row.locks_total ?? 0,
    isLabelled: row.labels.includes(LABEL),
    summary,
    entry: managed.note({ type, name, groupId, summary }),
  };
}
