import { EVENT_NOTIFICATIONS_ADMISSION, JSON_ONLY } from '../../shared/auth/webhooks/admission.ts';
import type { Admission } from '../../shared/auth/webhooks/admission.ts';
import { verifyEventNotification } from '../../shared/auth/webhooks/event-notifications.ts';
import { verifyGitguardian } from '../../shared/auth/webhooks/gitguardian.ts';
import { verifyGithub } from '../../shared/auth/webhooks/github.ts';
import type { ProvenBy } from '../../shared/auth/webhooks/sender-proof.ts';
import { verifyStandardWebhook } from '../../shared/auth/webhooks/standard-webhooks.ts';
import { readEventReport } from '../../shared/incidents/event-report.ts';
import { readGitguardianIncident } from '../../shared/incidents/gitguardian-incident.ts';
import { readGithubAlert } from '../../shared/incidents/github-alert.ts';
import type { GithubAlert } from '../../shared/incidents/github-alert.ts';
import { readIncident } from '../../shared/incidents/incident.ts';
import { parseJsonBody } from '../../shared/incidents/json-body.ts';
import type { Reading, Sender } from '../../shared/incidents/leak-report.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import type { FunctionRequest } from '../../shared/runtime/code-engine.ts';
import type { SenderSettings } from '../../shared/runtime/sender-settings.ts';

/** A request whose sender is proven. */
interface ProvenRequest {
  provenBy: ProvenBy;
  /** Only what was proven is read: its body has not been looked at before. @throws HttpError 400 */
  read(): Reading | { alert: GithubAlert };
}

/** How one sender reports. The path says who it is, never a header. */
export interface Route {
  sender: Sender;
  admission: Admission;
  /** @throws HttpError 401; 503 where the sender is not configured. */
  prove(request: FunctionRequest, senders: SenderSettings['senders'], clock: Clock): ProvenRequest;
}

const MOST_BYTES_OF_GITHUB = 1024 * 1024;

export const ROUTES: ReadonlyMap<string, Route> = new Map([
  [
    '/incident',
    {
      sender: 'standard-webhooks',
      admission: { contentTypes: JSON_ONLY, mostBytes: 256 * 1024 },
      prove: (request, { incident }, clock) => ({
        provenBy: verifyStandardWebhook(request, incident, clock),
        read: () => readIncident(parseJsonBody(request.body), request.header('webhook-id') ?? ''),
      }),
    },
  ],
  [
    '/github',
    {
      sender: 'github',
      admission: { contentTypes: JSON_ONLY, mostBytes: MOST_BYTES_OF_GITHUB },
      prove: (request, { github }) => ({
        provenBy: verifyGithub(request, github),
        read: () => readGithubAlert(parseJsonBody(request.body), request, github.secretTypes),
      }),
    },
  ],
  [
    '/gitguardian',
    {
      sender: 'gitguardian',
      admission: { contentTypes: JSON_ONLY, mostBytes: MOST_BYTES_OF_GITHUB },
      prove: (request, { gitguardian }, clock) => ({
        provenBy: verifyGitguardian(request, gitguardian, clock),
        read: () => readGitguardianIncident(parseJsonBody(request.body), request),
      }),
    },
  ],
  [
    '/event-notifications',
    {
      sender: 'event-notifications',
      admission: EVENT_NOTIFICATIONS_ADMISSION,
      prove: (request, { eventNotifications }, clock) => {
        const { provenBy, body } = verifyEventNotification(request, eventNotifications, clock);
        return { provenBy, read: () => readEventReport(parseJsonBody(body)) };
      },
    },
  ],
] satisfies [string, Route][]);
