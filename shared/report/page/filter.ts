import { SEVERITIES } from '../../findings/finding.ts';
import type { Severity } from '../../findings/finding.ts';
import { STATES } from '../fleet-data.ts';
import type { FindingRecord, KeyRow, State } from '../fleet-data.ts';

/** Which keys are shown. Empty texts stand for all. */
export interface Filter {
  text: string;
  state: State | '';
  kind: string;
  /** Keys with a finding that is at least so bad. */
  severity: Severity | '';
  /** From 1 on. */
  page: number;
  /** The key that is open; empty for none. */
  key: string;
}

export const ALL: Filter = { text: '', state: '', kind: '', severity: '', page: 1, key: '' };

/** How many keys are shown at a time. */
export const PAGE_SIZE = 50;

const oneOf = <T extends string>(text: string | null, allowed: readonly T[]): T | '' =>
  allowed.find((one) => one === text) ?? '';

/** The filter that the address of the page names. Whatever is wrong in it counts as not said. */
export function filterIn(hash: string): Filter {
  const given = new URLSearchParams(hash.replace(/^#/, ''));
  const page = Number(given.get('page') ?? 1);
  return {
    text: given.get('q') ?? '',
    state: oneOf(given.get('state'), STATES),
    kind: given.get('kind') ?? '',
    severity: oneOf(given.get('severity'), SEVERITIES),
    page: Number.isInteger(page) && page >= 1 ? page : 1,
    key: given.get('key') ?? '',
  };
}

/** The same for the address; empty where all are shown. */
export function hashOf({ text, state, kind, severity, page, key }: Filter): string {
  const all = Object.entries({ q: text, state, kind, severity, page: page === 1 ? '' : String(page), key });
  const said = new URLSearchParams(all.filter(([, value]) => value !== ''));
  return said.size === 0 ? '' : `#${said.toString()}`;
}

/** The worst severity of the findings about each entry. */
export function worstOf(findings: readonly FindingRecord[]): Map<string, Severity> {
  const worst = new Map<string, Severity>();
  for (const { entry, severity } of findings) {
    const known = worst.get(entry);
    if (!known || SEVERITIES.indexOf(severity) < SEVERITIES.indexOf(known)) worst.set(entry, severity);
  }
  return worst;
}

/** The rows that a filter lets through, in their order. */
export function filtered(
  rows: readonly KeyRow[],
  { text, state, kind, severity }: Filter,
  worst: ReadonlyMap<string, Severity>,
): KeyRow[] {
  const wanted = text.trim().toLowerCase();
  const atLeast = severity === '' ? Infinity : SEVERITIES.indexOf(severity);
  return rows.filter((row) => {
    if (state !== '' && row.state !== state) return false;
    if (kind !== '' && row.kind !== kind) return false;
    const own = worst.get(row.name);
    if (severity !== '' && (own === undefined || SEVERITIES.indexOf(own) > atLeast)) return false;
    return wanted === '' || [row.name, row.keyId, row.formerKeyId, row.owner].some((one) => matches(one, wanted));
  });
}

/** An id that was shortened on its way matches the whole one. */
function matches(value: string, wanted: string): boolean {
  const own = value.toLowerCase();
  if (own.includes(wanted)) return true;
  return own.length > 1 && own.endsWith('…') && wanted.startsWith(own.slice(0, -1));
}
