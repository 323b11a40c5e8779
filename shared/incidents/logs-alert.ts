import * as z from 'zod';
import type { Event } from './event.ts';
import type { LeakedCredential, Reading } from './leak-report.ts';
import { LenientUrl } from './report-fields.ts';

/** What an alert's definition carries to name the key that it is about. */
const KEY_LABEL = 'keyrota_key_id';

const API_KEY_ID = /\bApiKey-[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi;

const Labels = z.union([
  z.array(z.object({ key: z.unknown(), value: z.unknown() })),
  z
    .record(z.string(), z.unknown())
    .transform((labels) => [{ key: KEY_LABEL, value: Object.hasOwn(labels, KEY_LABEL) ? labels[KEY_LABEL] : null }]),
]);

const Data = z.object({
  alert_definition: z
    .object({ name: z.string().max(200).optional().catch(undefined), meta_labels: Labels.optional().catch(undefined) })
    .optional()
    .catch(undefined),
  log_example: z.unknown().optional(),
  links: z.object({ view_alert: LenientUrl.optional() }).optional().catch(undefined),
});

/** Whether an event is an alert of IBM Cloud Logs that was triggered, and not one that is over. */
export const isLogsAlert = ({ type }: Event): boolean => /^com\.ibm\.cloud\.logs\.[^:]*:AlertTriggered$/.test(type);

/**
 * Reads an alert of IBM Cloud Logs: its label `keyrota_key_id` names the key, or else the one API key id that the log line of
 * the example has. Who did something and what it was done to may both be keys: of several none is taken.
 * https://cloud.ibm.com/docs/cloud-logs?topic=cloud-logs-event-payload
 */
export function readLogsAlert({ deliveryId, atMs, data }: Event): Reading {
  const { alert_definition: definition, log_example: example, links } = Data.safeParse(data).data ?? {};
  const labels = (definition?.meta_labels ?? []).filter(({ key }) => key === KEY_LABEL).map(({ value }) => value);
  const label = labels.find((value): value is string => typeof value === 'string' && /^\S{1,256}$/.test(value));
  const ids = label === undefined ? apiKeyIdsIn(example) : [label];
  const [id] = ids;
  if (id === undefined) return { ignored: 'no_key_named' };
  if (ids.length > 1) return { ignored: 'several_keys_named' };
  const credential: LeakedCredential = id.startsWith('crn:') ? { by: 'crn', crn: id } : { by: 'id', id };
  return {
    reports: [
      {
        sender: 'event-notifications',
        deliveryId,
        credential,
        detectedAtMs: atMs,
        leakedAtMs: null,
        reason: definition?.name === undefined ? 'An alert of IBM Cloud Logs.' : `Alert "${definition.name}".`,
        evidenceUrl: links?.view_alert ?? null,
        dryRun: false,
      },
    ],
  };
}

/** Each once, from all texts of a record; where it was too long, the record itself is a text. */
function apiKeyIdsIn(record: unknown): string[] {
  const texts: string[] = [];
  // Without recursion: how deep a record is, its sender decides.
  for (const left = [record]; left.length > 0;) {
    const one = left.pop();
    if (typeof one === 'string') texts.push(one);
    else if (typeof one === 'object' && one !== null) left.push(...(Object.values(one) as unknown[]));
  }
  const ids = texts.flatMap((text) => text.match(API_KEY_ID) ?? []);
  return [...new Map(ids.map((id) => [id.toLowerCase(), id])).values()];
}
