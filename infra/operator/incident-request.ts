import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { webhookHeaders } from '../../shared/notices/standard-webhook.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { SecretValue } from '../../shared/runtime/secret-value.ts';

/** The function that takes reports, and what they are signed with. */
export interface IncidentReceiver {
  /** Of the function; its path `/incident` is added. */
  url: string;
  secret: SecretValue;
}

const Incident = z.object({
  incident: z.string(),
  keyId: z.string(),
  outcome: z.string(),
  containedAt: z.string().nullable(),
  tokensMayBeValidUntil: z.string().nullable(),
});
/** What became of one key, as the function says. */
export type Incident = z.infer<typeof Incident>;

const Taken = z.object({ incidents: z.array(Incident) });
const Refused = z.object({ code: z.string(), message: z.string() });

/** What the function answered. */
export type IncidentAnswer =
  { status: number; incidents: Incident[] } | { status: number; code: string; message: string };

/** How long the function may take, in real milliseconds. By its own clock it takes 8 s at most. */
const ANSWER_MS_MAX = 60_000;

/**
 * Sends a report that a key leaked, signed by Standard Webhooks 1.0.0.
 * @param data As `shared/incidents/incident.ts` reads it. @param nowMs The present as the function sees it.
 * @throws KeyrotaError `report_not_sent`; what the signal aborts with.
 */
export async function sendIncident(
  { url, secret }: IncidentReceiver,
  data: object,
  nowMs: number,
  signal: AbortSignal,
): Promise<IncidentAnswer> {
  const body = JSON.stringify({ type: 'key.compromised', timestamp: new Date(nowMs).toISOString(), data });
  const signed = webhookHeaders(`report_${randomUUID()}`, body, [secret], nowMs);
  const headers = { ...signed, 'content-type': 'application/json' };
  const limited = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS_MAX)]);
  const address = `${url.replace(/\/+$/, '')}/incident`;
  try {
    const answer = await fetch(address, { method: 'POST', headers, body, redirect: 'manual', signal: limited });
    return answerIn(answer.status, await answer.text());
  } catch (cause) {
    signal.throwIfAborted();
    const next = 'Whether the report arrived is not known; it can be sent again without harm.';
    throw new KeyrotaError('report_not_sent', `${address} gave no answer.`, { next, cause });
  }
}

function answerIn(status: number, text: string): IncidentAnswer {
  const body = jsonOf(text);
  const taken = Taken.safeParse(body);
  if (taken.success) return { status, ...taken.data };
  const refused = Refused.safeParse(body);
  if (refused.success) return { status, ...refused.data };
  return { status, code: 'unexpected_answer', message: 'That is no answer of respond-to-compromise.' };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
