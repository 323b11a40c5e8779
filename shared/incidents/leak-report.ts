import type { SecretValue } from '../runtime/secret-value.ts';

/** Who reports leaks from outside; each has a route and a verifier of its own. */
export const SENDERS = ['standard-webhooks', 'github', 'gitguardian', 'event-notifications'] as const;
/** `operator`: a person with a login of their own, by `keyrota contain`. */
export type Sender = (typeof SENDERS)[number] | 'operator';

/** What a report says of the key that leaked. */
export type LeakedCredential =
  | { by: 'value'; value: SecretValue }
  /** `ApiKey-…`, the GUID of a resource key, or the id of a key of another kind. */
  | { by: 'id'; id: string }
  | { by: 'crn'; crn: string }
  /** The key's name at its issuer. Names are not unique there. */
  | { by: 'name'; name: string }
  /** `ServiceId-…`, also with `iam-` before it: all keys of that identity. */
  | { by: 'service-id'; serviceId: string }
  /** All keys that a secret in Secrets Manager held. */
  | { by: 'secret-crn'; crn: string }
  /** Hexadecimal, small letters. */
  | { by: 'sha256' | 'hmsl'; hash: string };

/** A report of a leak, verified and in the product's own terms. */
export interface LeakReport {
  sender: Sender;
  /** The sender's own id of this delivery: the same on every repeat. */
  deliveryId: string;
  credential: LeakedCredential;
  /** When the leak was found, as the authenticated body says, in epoch milliseconds; null where it does not. */
  detectedAtMs: number | null;
  /** Since when the key may be in other hands, in epoch milliseconds; null where the report does not say. */
  leakedAtMs: number | null;
  /** Why the sender believes so, in its words; null where it does not say. */
  reason: string | null;
  /** Where a person finds more; null for nowhere. It is never fetched. */
  evidenceUrl: string | null;
  /** Only say what would be done. */
  dryRun: boolean;
}

/** A leak to act on, and how its sender is told once the key is dead. */
export interface ReportedLeak {
  report: LeakReport;
  /** Closes the matter at its sender; null where that keeps none open. @throws ApiError */
  resolve: ((signal: AbortSignal) => Promise<void>) | null;
}

/** Why a delivery that was proven needs nothing done. */
export type IgnoredBecause =
  | 'ping'
  | 'test_event'
  | 'unknown_event'
  | 'unknown_action'
  | 'other_secret_type'
  | 'alert_dismissed'
  | 'no_key_named'
  | 'several_keys_named';

/** What a delivery says: leaks to act on, or nothing to do. */
export type Reading = { reports: LeakReport[] } | { ignored: IgnoredBecause };
