export const RESOLUTIONS = ['false_positive', 'wont_fix', 'revoked', 'used_in_tests'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

/** A secret that somebody pushed, as secret scanning finds it. */
export interface Leak {
  /** `owner/name`. */
  repository: string;
  /** The slug of the pattern, as an alert has it. */
  secretType: string;
  secret: string;
  /** Default: the slug. */
  displayName?: string;
  /** Default `unknown`. */
  validity?: 'active' | 'inactive' | 'unknown';
  /** Default false. */
  publiclyLeaked?: boolean;
  /** Where it stands. Default `README.md`. */
  path?: string;
}

/** An alert of a repository; numbers begin with 1 in each. */
export interface Alert extends Required<Leak> {
  number: number;
  createdAtMs: number;
  updatedAtMs: number;
  state: 'open' | 'resolved';
  resolution: Resolution | null;
  resolutionComment: string | null;
  resolvedAtMs: number | null;
}

/** Actions of `secret_scanning_alert` that are embedded. */
export type AlertAction = 'created' | 'reopened' | 'resolved' | 'validated' | 'publicly_leaked';

/** A webhook of all repositories, with the content type `application/json`. */
export interface NewHook {
  url: string;
  /** Without one nothing is signed. */
  secret: string | null;
}

export interface Hook extends NewHook {
  id: number;
}

/** What was, or is to be, delivered to a hook. */
export interface HookDelivery {
  /** `X-GitHub-Delivery`, the same when it is delivered again. */
  id: string;
  event: 'ping' | 'secret_scanning_alert' | 'secret_scanning_alert_location';
  action: AlertAction | null;
  hook: Hook;
  /** As it is sent. */
  body: string;
  atMs: number;
  /** One each time that it was sent: the status, or null where there was no answer. */
  statuses: (number | null)[];
}
