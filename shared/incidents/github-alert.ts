import * as z from 'zod';
import type { FunctionRequest } from '../runtime/code-engine.ts';
import { shaped } from './json-body.ts';
import type { IgnoredBecause, LeakReport } from './leak-report.ts';
import { LenientTime, LenientUrl, deliveryIdOf, idOfBody } from './report-fields.ts';

/** Of GitHub's own patterns, those that find keys of IBM Cloud. */
const BUILT_IN_TYPES = ['ibm_cloud_iam_key', 'ibm_softlayer_api_key'];

/** Whether alerts of that type are about keys of IBM Cloud. @param customTypes slugs of custom patterns. */
export const isKeyType = (type: string, customTypes: readonly string[]): boolean =>
  [...BUILT_IN_TYPES, ...customTypes].includes(type);

/** Actions that tell of a key in the open. `validated` is one only where the key still works. */
const ACTED_ON = ['created', 'reopened', 'publicly_leaked', 'validated'];

/** Both parts go into the path of a call. */
const Repository = z
  .string()
  .max(200)
  .regex(/^(?!\.+\/)[\w.-]+\/(?!\.+$)[\w.-]+$/, 'must be OWNER/NAME');

const Action = z.object({ action: z.string() });

const Alert = z.object({
  alert: z.object({
    number: z.int().positive(),
    secret_type: z.string(),
    validity: z.string().nullish().catch(null),
    created_at: LenientTime.optional(),
    html_url: LenientUrl.optional(),
  }),
  repository: z.object({ full_name: Repository }),
});

/** An alert of GitHub: all but the key, which its webhook does not tell. */
export interface GithubAlert {
  /** `OWNER/NAME`. */
  repository: string;
  number: number;
  report: Omit<LeakReport, 'credential'>;
}

/**
 * Reads a delivery of GitHub. https://docs.github.com/en/webhooks/webhook-events-and-payloads#secret_scanning_alert
 * @param customTypes slugs of custom patterns that find keys of IBM Cloud, besides GitHub's own.
 * @throws HttpError 400.
 */
export function readGithubAlert(
  body: unknown,
  request: FunctionRequest,
  customTypes: readonly string[],
): { alert: GithubAlert } | { ignored: IgnoredBecause } {
  const event = request.header('x-github-event');
  if (event === 'ping') return { ignored: 'ping' };
  if (event !== 'secret_scanning_alert') return { ignored: 'unknown_event' };
  const { action } = shaped(Action, body);
  if (!ACTED_ON.includes(action)) return { ignored: 'unknown_action' };
  const { alert, repository } = shaped(Alert, body);
  if (!isKeyType(alert.secret_type, customTypes)) return { ignored: 'other_secret_type' };
  if (action === 'validated' && alert.validity !== 'active') return { ignored: 'unknown_action' };
  const { full_name: name } = repository;
  const delivery = request.header('x-github-delivery');
  return {
    alert: {
      repository: name,
      number: alert.number,
      report: {
        sender: 'github',
        // Not signed, but then a repeat with another id finds the key dead.
        deliveryId: delivery === null ? idOfBody(request.body) : deliveryIdOf(delivery),
        detectedAtMs: alert.created_at ?? null,
        leakedAtMs: null,
        reason: `Secret scanning alert ${alert.number} of ${name}: ${action}.`,
        evidenceUrl: alert.html_url ?? null,
        dryRun: false,
      },
    },
  };
}
