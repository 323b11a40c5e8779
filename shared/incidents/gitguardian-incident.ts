import * as z from 'zod';
import type { FunctionRequest } from '../runtime/code-engine.ts';
import { shaped } from './json-body.ts';
import type { Reading } from './leak-report.ts';
import { HexHash, LenientTime, LenientUrl, idOfBody } from './report-fields.ts';

/**
 * Only `incident_triggered` is documented by name, others by their titles alone: "Incident reopened", "Incident regression",
 * "New occurrence", "Incident Validity changed".
 */
const ACTED_ON = /triggered|reopened|regression|new_?occurrence|occurrence_?(new|created|added|detected)|validity/;

const Action = z.object({ action: z.string() });

const Incident = z.object({
  incident: z.object({
    hmsl_hash: HexHash.nullable().catch(null).optional(),
    date: LenientTime.optional(),
    validity: z.string().nullish().catch(null),
    secret_revoked: z.boolean().nullish().catch(null),
    gitguardian_url: LenientUrl.optional(),
    detector: z
      .object({ display_name: z.string().max(100).nullable().catch(null).optional() })
      .nullable()
      .catch(null)
      .optional(),
  }),
});

/**
 * Reads a delivery of GitGuardian: it names the key by a hash that only who has the key can make.
 * https://docs.gitguardian.com/platform/monitor-perimeter/notifiers-integrations/custom-webhook
 * @throws HttpError 400.
 */
export function readGitguardianIncident(body: unknown, request: FunctionRequest): Reading {
  const action = shaped(Action, body)
    .action.toLowerCase()
    .replaceAll(/[\s-]+/g, '_');
  if (!ACTED_ON.test(action)) return { ignored: 'unknown_action' };
  const { incident } = shaped(Incident, body);
  const isDead = incident.secret_revoked === true || incident.validity === 'invalid';
  if (action.includes('validity') && isDead) return { ignored: 'unknown_action' };
  const { hmsl_hash: hash } = incident;
  if (!hash) return { ignored: 'no_key_named' };
  const found = incident.detector?.display_name ?? 'a secret';
  return {
    reports: [
      {
        sender: 'gitguardian',
        deliveryId: idOfBody(request.body),
        credential: { by: 'hmsl', hash },
        detectedAtMs: incident.date ?? null,
        leakedAtMs: null,
        reason: `GitGuardian found ${found}.`,
        evidenceUrl: incident.gitguardian_url ?? null,
        dryRun: false,
      },
    ],
  };
}
