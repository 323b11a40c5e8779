import * as z from 'zod';
import { isTestEvent, readEvent } from '../../shared/incidents/event.ts';
import { shaped } from '../../shared/incidents/json-body.ts';

const PREFIX = 'com.ibm.cloud.secrets-manager.';
const MOST_SECRETS = 100;

/** What happened to a secret, as far as it changes what Keyrota has to do; and what a log calls it. */
const FINDINGS = {
  secret_deleted: 'secret_deleted',
  secret_rotated: 'version_made_by_somebody_else',
  secret_rotation_blocked: 'rotation_blocked',
  secret_expiration_blocked: 'rotation_blocked',
  secret_deletion_blocked: 'rotation_blocked',
  secret_version_data_deleted: 'secret_data_deleted',
  secret_data_removed: 'secret_data_deleted',
  secret_about_to_expire: 'secret_expires',
  secret_expired: 'secret_expires',
} as const;

type EventType = keyof typeof FINDINGS;
export type Finding = (typeof FINDINGS)[EventType];

const SECRET_ID = /^(crn:v1:\S+:)?[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const Data = z.object({
  secrets: z
    .array(
      z.object({
        secret_id: z.string().max(1_000).regex(SECRET_ID, 'must be a CRN or the id of a secret'),
        secret_name: z.string().min(1).max(256),
        secret_group_id: z.string().min(1).max(256),
        event_triggered_by: z
          .string()
          .regex(/^[\w.:/-]{1,256}$/)
          .optional()
          .catch(undefined),
      }),
    )
    .max(MOST_SECRETS),
  source_instance_crn: z.string().max(1_000).optional(),
});

/** A secret that an event is about. */
export interface ChangedSecret {
  id: string;
  /** GUID of the instance; null where it is not told. */
  instance: string | null;
  name: string;
  groupId: string;
  /** `SecretsManager`, or the IAM id of who did it; null where it is not told. */
  by: string | null;
}

export interface SecretEvent {
  deliveryId: string;
  finding: Finding;
  secrets: ChangedSecret[];
}

/**
 * Reads an event of Secrets Manager. https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-event-notifications
 * @throws HttpError 400.
 */
export function readSecretEvent(body: unknown): SecretEvent | { ignored: 'test_event' | 'unknown_event' } {
  const event = readEvent(body);
  if (isTestEvent(event)) return { ignored: 'test_event' };
  const [type = ''] = event.type.split(':');
  const name = type.startsWith(PREFIX) ? type.slice(PREFIX.length) : '';
  if (!isKnown(name)) return { ignored: 'unknown_event' };
  const { data } = shaped(z.object({ data: Data }), { data: event.data });
  const secrets = data.secrets.map((secret): ChangedSecret => {
    const instanceCrn = secret.secret_id.startsWith('crn:') ? secret.secret_id : data.source_instance_crn;
    return {
      id: secret.secret_id.slice(secret.secret_id.lastIndexOf(':') + 1),
      instance: instanceCrn?.split(':')[7]?.toLowerCase() || null,
      name: secret.secret_name,
      groupId: secret.secret_group_id,
      by: secret.event_triggered_by ?? null,
    };
  });
  return { deliveryId: event.deliveryId, finding: FINDINGS[name], secrets };
}

const isKnown = (name: string): name is EventType => Object.hasOwn(FINDINGS, name);
