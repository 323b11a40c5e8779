import type { KeyRow } from './fleet-data.ts';

/** Rows as they travel: without the names of their fields, which would take more room than what stands in them. */
export interface RowTable {
  columns: readonly Column[];
  /** The most urgent first. A row ends with the last of its columns that is not empty. */
  rows: unknown[][];
  /** `kind` and `owner` in a row are places in these. */
  kinds: string[];
  owners: string[];
  /** For want of room ids end after their first characters, with `…`. */
  isShortened: boolean;
  /** For want of room these are not in it: the least urgent. Each can be asked for by its name. */
  omitted: number;
}

/** Those that are seldom filled stand last, so that most rows end before them. */
const COLUMNS = [
  'name',
  'kind',
  'owner',
  'state',
  'keyId',
  'rotatedAt',
  'nextDue',
  'formerKeyId',
  'graceOver',
  'code',
  'since',
  'until',
  'why',
  'step',
  'failures',
  'deadSince',
  'compromisedAt',
] as const satisfies readonly (keyof KeyRow)[];
type Column = (typeof COLUMNS)[number];

const [KIND, OWNER] = [COLUMNS.indexOf('kind'), COLUMNS.indexOf('owner')];
const [KEY_ID, FORMER_KEY_ID] = [COLUMNS.indexOf('keyId'), COLUMNS.indexOf('formerKeyId')];

/** What a field holds where a row ends before it. */
export const EMPTY_ROW = {
  name: '',
  kind: '',
  owner: '',
  state: 'unseen',
  keyId: '',
  formerKeyId: '',
  rotatedAt: null,
  nextDue: null,
  graceOver: null,
  since: null,
  until: null,
  deadSince: null,
  compromisedAt: null,
  failures: 0,
  code: '',
  step: '',
  why: '',
} as const satisfies KeyRow;

/** So much of the part of an id that is random. */
const SHORT_ID = /^((?:[A-Za-z]+-)?[^-]{8}).{2,}$/s;

/** The first characters of an id; short ones stay whole. */
export const shortened = (id: string): string => id.replace(SHORT_ID, '$1…');

/** The rows as they travel, in at most so many bytes: first ids are shortened, and then the last rows left out. */
export function tableOf(rows: readonly KeyRow[], bytesMax: number): RowTable {
  const whole = encoded(rows, false);
  if (bytesOf(whole) <= bytesMax) return whole;
  const short = encoded(rows, true);
  let leftBytes = bytesMax - bytesOf({ ...short, rows: [], owners: [] });
  // The owner of a row that is left out may stay in the table: what it takes is counted with the row.
  const firstTooMany = short.rows.findIndex((row) => (leftBytes -= bytesOf(row) + ownerBytes(row, short)) < 0);
  return firstTooMany < 0
    ? short
    : { ...encoded(rows.slice(0, firstTooMany), true), omitted: rows.length - firstTooMany };
}

const bytesOf = (part: unknown): number => new TextEncoder().encode(JSON.stringify(part)).length + 1;

const ownerBytes = (row: readonly unknown[], { owners }: RowTable): number => bytesOf(owners[Number(row[OWNER])] ?? '');

function encoded(rows: readonly KeyRow[], isShortened: boolean): RowTable {
  const idOf = isShortened ? shortened : (id: string) => id;
  const [kinds, owners] = [new Places(), new Places()];
  const cells = rows.map((row) => {
    const last = COLUMNS.findLastIndex((column) => row[column] !== EMPTY_ROW[column]);
    const travelling: unknown[] = COLUMNS.slice(0, last + 1).map((column) => row[column]);
    travelling[KIND] = kinds.of(row.kind);
    travelling[OWNER] = owners.of(idOf(row.owner));
    if (last >= KEY_ID) travelling[KEY_ID] = idOf(row.keyId);
    if (last >= FORMER_KEY_ID) travelling[FORMER_KEY_ID] = idOf(row.formerKeyId);
    return travelling;
  });
  return { columns: COLUMNS, rows: cells, kinds: kinds.all, owners: owners.all, isShortened, omitted: 0 };
}

/** Texts, each once. */
class Places {
  readonly all: string[] = [];
  readonly #places = new Map<string, number>();

  of(text: string): number {
    const known = this.#places.get(text);
    if (known !== undefined) return known;
    this.#places.set(text, this.all.length);
    return this.all.push(text) - 1;
  }
}

/** The rows as they were before they travelled. */
export function rowsOf({ columns, rows, kinds, owners }: RowTable): KeyRow[] {
  return rows.map((cells) => {
    const given = Object.fromEntries(columns.map((column, place) => [column, cells[place] ?? EMPTY_ROW[column]]));
    const row = { ...EMPTY_ROW, ...given } as unknown as KeyRow;
    return { ...row, kind: kinds[Number(row.kind)] ?? '', owner: owners[Number(row.owner)] ?? '' };
  });
}
