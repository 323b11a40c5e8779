import { openEmbedded } from '../../infra/conformance/embedded.ts';
import { verdictOf, textOf } from '../../infra/conformance/answer.ts';
import { runConformance } from '../../infra/conformance/run.ts';
import type { Result } from '../../infra/conformance/run.ts';
import { runNameAt } from '../../infra/conformance/run-name.ts';
import { Session } from '../../infra/conformance/world.ts';
import type { World } from '../../infra/conformance/world.ts';
import type { Send } from '../../infra/demo/admin.ts';
import type { EmbeddedCloud } from '../../infra/local/cloud.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { ANSWERS } from './open-questions.ts';

/** An embedded cloud, and what a run on it meets and says. */
export interface Site {
  world: World;
  cloud: EmbeddedCloud;
  lines: string[];
}

export async function openSite(switches: Partial<Switches> = {}): Promise<Site> {
  return { ...(await openEmbedded(switches)), lines: [] };
}

/** The same site for a run whose requests pass through `change`. */
export const behind = (site: Site, change: (send: Send) => Send): Site => ({
  ...site,
  world: { ...site.world, send: change(site.world.send) },
});

/** A whole run there. `onLine` is told how it goes. */
export function runAt(
  site: Site,
  signal?: AbortSignal,
  onLine: (line: string) => void = () => undefined,
): Promise<Result> {
  const { world, lines } = site;
  const say = (line: string) => {
    lines.push(line);
    onLine(line);
  };
  const runName = runNameAt(world.clock.nowMs());
  return runConformance({ session: new Session(world), runName, signal: signal ?? new AbortController().signal, say });
}

/** Contracts that do not hold, and points that are not answered as the cloud is set. */
export function wrongsOf({ contracts, points, left, endedBy }: Result, switches: Partial<Switches> = {}): string[] {
  const set = (name: keyof Switches) => switches[name] ?? ANSWERS[name][0];
  return [
    ...contracts.filter(({ outcome }) => outcome !== 'holds').map(({ sentence, seen }) => `${sentence} ${seen}`),
    ...points
      .filter((one) => verdictOf(one.answer, set(one.switch) ?? null) !== 'agrees')
      .map((one) => `${one.switch}: ${textOf(one.answer)}, and it is set to ${JSON.stringify(set(one.switch))}`),
    ...left.map(({ kind, id }) => `${kind} ${id} is left`),
    ...(endedBy === null ? [] : [endedBy]),
  ];
}

/** What exists, without what every call changes. */
export function stateOf({ cloud }: Site): unknown {
  const { calls: _, ...state } = cloud.snapshot({ withValues: true }) as { calls: unknown };
  return withoutUse(state);
}

/** Without the last uses of keys and identities, and without what is told as removed or deleted. */
function withoutUse(part: unknown): unknown {
  if (Array.isArray(part)) return part.filter((one) => !isRemoved(one)).map(withoutUse);
  if (typeof part !== 'object' || part === null) return part;
  const kept = Object.entries(part).filter(([field]) => !/^(lastAuthnMs|authnCount|activity)$/.test(field));
  return Object.fromEntries(kept.map(([field, value]) => [field, withoutUse(value)]));
}

const isRemoved = (one: unknown): boolean =>
  ['removed', 'deleted'].includes((one as { state?: string } | null)?.state ?? '');
