import { z } from 'zod';
import { InputError } from './fault.ts';
import { jsonOf } from './json.ts';

const DAY_MS = 86_400_000;
/** Who accepts something looks at it again at least once a year. */
const MOST_DAYS_AHEAD = 366;

const File = z.array(
  z.strictObject({
    // As it is told: registries that have no GHSA have numbers.
    advisory: z.string().regex(/^(GHSA(-[2-9a-z]{4}){3}|\d+)$/),
    package: z.string().min(1),
    reason: z.string().trim().min(20),
    until: z.iso.date(),
  }),
);

/** An advisory that we live with for a while. */
export interface Acceptance {
  advisory: string;
  package: string;
  reason: string;
  /** The last day on which it counts, in UTC. */
  until: string;
  isExpired: boolean;
}

/** @throws InputError for a file that is not understood, and for an acceptance that would count for more than a year. */
export function readAcceptances(text: string, file: string, nowMs: number): Acceptance[] {
  const parsed = File.safeParse(jsonOf(text));
  if (!parsed.success) throw new InputError(`${file}: ${z.prettifyError(parsed.error)}`);
  return parsed.data.map((one, at) => {
    const endMs = Date.parse(one.until) + DAY_MS;
    if (endMs > nowMs + MOST_DAYS_AHEAD * DAY_MS) {
      throw new InputError(`${file}: [${at}].until: ${one.until} is more than a year ahead`);
    }
    return { ...one, isExpired: endMs <= nowMs };
  });
}
