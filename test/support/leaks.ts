import type { LeakAnswer, LeakedKeyAnswer } from '../../shared/incidents/answer.ts';
import type { LeakReport, LeakedCredential } from '../../shared/incidents/leak-report.ts';
import { respondToLeak } from '../../shared/incidents/respond.ts';
import type { LeakContext } from '../../shared/incidents/world.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { Laboratory } from './laboratory.ts';

const ANSWER_WITHIN_MS = 8_000;

export const byValue = (value: string): LeakedCredential => ({ by: 'value', value: new SecretValue(value) });

export const leakReport = (credential: LeakedCredential, more: Partial<LeakReport> = {}): LeakReport => ({
  sender: 'standard-webhooks',
  deliveryId: 'delivery-1',
  credential,
  detectedAtMs: null,
  leakedAtMs: null,
  reason: null,
  evidenceUrl: null,
  dryRun: false,
  ...more,
});

/** What `rotate-keys` and people were told. */
export interface Told {
  names: string[][];
  incidents: Parameters<LeakContext['poke']>[1][];
  facts: Parameters<NonNullable<LeakContext['notify']>>[0][];
}

/** Responds to a report as the function does; `told` gets what was handed on. */
export function respond(
  lab: Laboratory,
  manifest: Manifest,
  report: LeakReport,
  { told, ...changes }: Partial<LeakContext> & { told?: Told } = {},
): Promise<LeakAnswer> {
  const { settings, clock, log, http = {} } = lab.context(manifest);
  return respondToLeak(report, {
    settings,
    manifest,
    clock,
    log,
    http,
    signal: new AbortController().signal,
    deadlineMs: clock.nowMs() + ANSWER_WITHIN_MS,
    poke: (names, incidents) => {
      told?.names.push([...names]);
      told?.incidents.push(incidents);
      return Promise.resolve();
    },
    notify: (facts) => {
      told?.facts.push(facts);
      return Promise.resolve();
    },
    ...changes,
  });
}

export const nothingTold = (): Told => ({ names: [], incidents: [], facts: [] });

/** The keys of an answer. @throws Error for an answer that refuses. */
export function keysOf(answer: LeakAnswer): readonly LeakedKeyAnswer[] {
  if ('incidents' in answer.body) return answer.body.incidents;
  throw new Error(`refused: ${answer.body.code}: ${answer.body.message}`);
}

/** The only key of an answer. */
export function keyOf(answer: LeakAnswer): LeakedKeyAnswer {
  const [only, ...others] = keysOf(answer);
  if (!only || others.length > 0) throw new Error('not one key');
  return only;
}

/** The code of an answer that refuses; null for one that does not. */
export const codeOf = ({ body }: LeakAnswer): string | null => ('code' in body ? body.code : null);
