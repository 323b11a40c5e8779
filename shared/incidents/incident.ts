import * as z from 'zod';
import { SecretValue } from '../runtime/secret-value.ts';
import { shaped } from './json-body.ts';
import type { LeakReport, LeakedCredential, Reading, Sender } from './leak-report.ts';
import { HexHash, deliveryIdOf } from './report-fields.ts';

/** The one type of our own format that is acted on. */
const COMPROMISED = 'key.compromised';

const LONGEST_TEXT = 1_000;
const SHORTEST_VALUE = 10;
const LONGEST_VALUE = 4_096;
const LONGEST_NAME = 256;

const Text = z.string().max(LONGEST_TEXT);
const Word = (longest: number) => z.string().max(longest).regex(/^\S+$/, 'must have no blanks or line ends');
const Crn = Word(LONGEST_TEXT).regex(/^crn:v1:/, 'must begin with crn:v1:');
const Time = z.iso
  .datetime({ offset: true, error: 'must be a time with its zone, for example 2026-12-20T18:00:00Z' })
  .transform((text) => Date.parse(text));

/** By which of its properties a key is named: each makes it a credential of ours. */
const LOCATORS = {
  id: Word(LONGEST_NAME).transform((id): LeakedCredential => ({ by: 'id', id })),
  crn: Crn.transform((crn): LeakedCredential => ({ by: 'crn', crn })),
  value: z
    .string()
    .min(SHORTEST_VALUE)
    .max(LONGEST_VALUE)
    .transform((value): LeakedCredential => ({ by: 'value', value: new SecretValue(value) })),
  name: z
    .string()
    .min(1)
    .max(LONGEST_NAME)
    .transform((name): LeakedCredential => ({ by: 'name', name })),
  service_id: Word(LONGEST_NAME)
    .regex(/^(iam-)?ServiceId-/, 'must begin with ServiceId-')
    .transform((serviceId): LeakedCredential => ({ by: 'service-id', serviceId })),
  secret_crn: Crn.transform((crn): LeakedCredential => ({ by: 'secret-crn', crn })),
  sha256: HexHash.transform((hash): LeakedCredential => ({ by: 'sha256', hash })),
  hmsl: HexHash.transform((hash): LeakedCredential => ({ by: 'hmsl', hash })),
};

const NAMES = Object.keys(LOCATORS).join(', ');

/** Exactly one locator. What kind of key it is, a report may say; where the key is found says it better. */
const Credential = z
  .strictObject({ kind: Text.optional(), ...z.object(LOCATORS).partial().shape })
  .transform((given, context): LeakedCredential => {
    const [credential, ...more] = Object.values(given).filter((one) => typeof one === 'object');
    if (credential && more.length === 0) return credential;
    context.addIssue({ code: 'custom', message: `needs exactly one of ${NAMES}` });
    return z.NEVER;
  });

/** Strict, so that a misspelt `dry_run` is no real run. Severity and reporter are for the sender's own records. */
const IncidentData = z.strictObject({
  credential: Credential,
  severity: Text.optional(),
  reason: Text.optional(),
  detected_at: Time.optional(),
  leaked_at: Time.optional(),
  evidence_url: z
    .url({ protocol: /^https$/, error: 'must be an https address' })
    .max(LONGEST_TEXT)
    .optional(),
  reporter: Text.optional(),
  dry_run: z.boolean().default(false),
});

type IncidentData = z.output<typeof IncidentData>;

const Typed = z.object({ type: z.string(), data: z.unknown().optional() });

/**
 * Reads a report in our own format: `{"type": "key.compromised", "data": {"credential": {…}}}`. Other types are ignored.
 * @throws HttpError 400.
 */
export function readIncident(body: unknown, deliveryId: string): Reading {
  const { type, data } = shaped(Typed, body);
  if (type !== COMPROMISED) return { ignored: 'unknown_event' };
  const { data: read } = shaped(z.object({ data: IncidentData }), { data });
  return { reports: [reportOf(read, 'standard-webhooks', deliveryId)] };
}

const Valueless = z.object({
  data: z.object({
    credential: z.object({
      value: z.undefined('is not taken here: Event Notifications keeps what it carries').optional(),
    }),
  }),
});

/**
 * Reads the same `data` out of an event of Event Notifications, but never a value.
 * @throws HttpError 400.
 */
export function readIncidentEvent(data: unknown, deliveryId: string): Reading {
  shaped(Valueless, { data });
  const { data: read } = shaped(z.object({ data: IncidentData }), { data });
  return { reports: [reportOf(read, 'event-notifications', deliveryId)] };
}

/** Whether an event of Event Notifications is in our own format; its types must be in reverse domain order. */
export const isIncidentType = (type: string): boolean => type === COMPROMISED || type.endsWith(`.${COMPROMISED}`);

const reportOf = (data: IncidentData, sender: Sender, deliveryId: string): LeakReport => ({
  sender,
  deliveryId: deliveryIdOf(deliveryId),
  credential: data.credential,
  detectedAtMs: data.detected_at ?? null,
  leakedAtMs: data.leaked_at ?? null,
  reason: data.reason ?? null,
  evidenceUrl: data.evidence_url ?? null,
  dryRun: data.dry_run,
});
