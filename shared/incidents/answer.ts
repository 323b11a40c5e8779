import { incidentIdOf } from '../keys/compromise-mark.ts';
import { HOUR_MS } from '../keys/duration.ts';
import { timeText } from '../rotation/record.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Containment, Decision } from './contain.ts';
import type { LeakReport, Sender } from './leak-report.ts';
import type { Marks } from './mark.ts';
import type { LeakedKey } from './whose-key.ts';
import { isDryRun } from './world.ts';
import type { LeakWorld } from './world.ts';

/**
 * `contained`: it logs in no more. `handed-over`: it cannot be put out of use from here; it is marked, and `rotate-keys` does
 * it next. `replaced-first`: Keyrota runs on it. `reported`: no entry manages it, so a person must act. `dry-run`: nothing was
 * done. `gone`: it exists no more. `failed`: IBM Cloud did not answer clearly; the same report goes on where this one ended.
 */
export type LeakOutcome = 'contained' | 'handed-over' | 'replaced-first' | 'reported' | 'dry-run' | 'gone' | 'failed';

/** A key of the same identity that was made since the leak, and not by Keyrota. */
export interface Sibling {
  keyId: string;
  /** At its issuer. */
  name: string;
  createdAt: string;
  /** It is disabled. */
  contained: boolean;
}

/** What became of one key. Times are ISO texts, null where it has not come to that. Never a value. */
export interface LeakedKeyAnswer {
  incident: string;
  keyId: string;
  /** The entry that it belongs to; null for none. */
  name: string | null;
  outcome: LeakOutcome;
  /** In a dry run: what would become of it. */
  wouldBe?: Exclude<LeakOutcome, 'dry-run' | 'failed'>;
  containedAt: string | null;
  /** Where its leak is written down: at the issuer, and on the version that holds it. */
  marked: { issuer: boolean; version: boolean };
  /** Tokens that it was exchanged for before may live on until then. */
  tokensMayBeValidUntil: string | null;
  /** The same of refresh tokens, which only users get. */
  refreshTokensMayBeValidUntil: string | null;
  siblings: readonly Sibling[];
  /** `rotate-keys` was told. */
  poked: boolean;
}

/** Why nothing was done. */
export type RefusalCode =
  /** No key of the account was found by what the report says. */
  | 'key_not_identified'
  /** It is there, and Keyrota has no role that shows it. */
  | 'key_not_visible'
  | 'foreign_account'
  | 'name_ambiguous'
  /** A report of that kind needs the time of its detection, and has none, or one that lies ahead. */
  | 'detection_time_needed'
  | 'service_ids_not_allowed'
  /** The sender may not report keys of that identity. */
  | 'not_allowed'
  /** Nothing could count reports of that key that do not show its value. */
  | 'value_needed'
  | 'too_many_keys'
  /** IBM Cloud did not answer what must be known. */
  | 'cloud_not_answering';

/** The response to a report, as HTTP tells it. */
export type LeakAnswer =
  | { status: 202 | 503; body: { incidents: readonly LeakedKeyAnswer[] }; retryAfterSeconds: number | null }
  | {
      status: 403 | 422 | 429 | 503;
      body: { code: RefusalCode; message: string };
      retryAfterSeconds: number | null;
    };

/** One key, for people. */
export interface ToldKey extends LeakedKeyAnswer {
  /** In IAM; of a service credential that of the API key behind it. Null for a key of another kind. */
  apiKeyId: string | null;
}

/** What people are told. */
export interface LeakFacts {
  sender: Sender;
  deliveryId: string;
  /** In the sender's words; null where it does not say. */
  reason: string | null;
  evidenceUrl: string | null;
  incidents: readonly ToldKey[];
  /** Why nothing was done, where it was refused by a brake; null otherwise. */
  refused: RefusalCode | null;
}

const STATUS: Readonly<Record<RefusalCode, 403 | 422 | 429 | 503>> = {
  key_not_identified: 422,
  key_not_visible: 422,
  foreign_account: 422,
  name_ambiguous: 422,
  detection_time_needed: 422,
  service_ids_not_allowed: 422,
  not_allowed: 403,
  value_needed: 422,
  too_many_keys: 429,
  cloud_not_answering: 503,
};

/** After so many seconds a sender whose report met silence may send it again. */
const RETRY_AFTER_SECONDS = 30;

/** How long an access token lives at most. */
const TOKEN_MS = HOUR_MS;
/** How long a refresh token lives at most. */
const REFRESH_TOKEN_MS = 72 * HOUR_MS;

/** A report that is not acted on. Nothing was changed. */
export class LeakRefused extends KeyrotaError {
  override readonly name = 'LeakRefused';
  override readonly code: RefusalCode;
  readonly retryAfterSeconds: number | null;

  constructor(code: RefusalCode, message: string, details: { retryAfterSeconds?: number; cause?: unknown } = {}) {
    super(code, message, { cause: details.cause });
    this.code = code;
    this.retryAfterSeconds = details.retryAfterSeconds ?? (code === 'cloud_not_answering' ? RETRY_AFTER_SECONDS : null);
  }

  get answer(): LeakAnswer {
    const { code, message, retryAfterSeconds } = this;
    return { status: STATUS[code], body: { code, message }, retryAfterSeconds };
  }
}

/** One key of a report, and what became of it. */
export interface Work {
  key: LeakedKey;
  decision: Decision;
  /** Null in a dry run, and until then. */
  containment: Containment | null;
  marks: Marks;
  siblings: readonly Sibling[];
}

/** What is answered once the keys were found. Where a repeat of the report would come further, the sender is asked for it. */
export function answerOf(
  works: readonly Work[],
  report: LeakReport,
  poked: boolean,
  world: Pick<LeakWorld, 'manifest'>,
): LeakAnswer {
  const incidents = works.map((work) => keyAnswer(work, isDryRun(report, world), poked));
  const isUnfinished = works.some((work) => work.containment?.outcome === 'failed' || isUnknownToRotateKeys(work));
  return {
    status: isUnfinished ? 503 : 202,
    body: { incidents },
    retryAfterSeconds: isUnfinished ? RETRY_AFTER_SECONDS : null,
  };
}

/** It could be written down nowhere, so nobody but the sender knows that an entry's key leaked. */
const isUnknownToRotateKeys = ({ key, containment, marks }: Work): boolean =>
  containment !== null && key.entry !== null && !key.isGone && !marks.issuer && !marks.version && !marks.summary;

const WOULD_BE = {
  disable: 'contained',
  'handed-over': 'handed-over',
  'replaced-first': 'replaced-first',
  reported: 'reported',
  gone: 'gone',
  'owner-unknown': 'reported',
} as const satisfies Record<Decision, LeakOutcome>;

export function keyAnswer(
  { key, decision, containment, marks, siblings }: Work,
  isDry: boolean,
  poked: boolean,
): LeakedKeyAnswer {
  const { keyId, entry, apiKey } = key;
  const outcome = containment?.outcome ?? 'dry-run';
  const { issuer, version, containedAtMs } = marks;
  const isUsers = apiKey?.iam_id.startsWith('iam-') === false;
  const untilText = (lifeMs: number) => (containedAtMs === null ? null : timeText(containedAtMs + lifeMs));
  return {
    incident: incidentIdOf(keyId),
    keyId,
    name: entry?.name ?? null,
    outcome,
    ...(isDry && { wouldBe: WOULD_BE[decision] }),
    containedAt: untilText(0),
    marked: { issuer, version },
    tokensMayBeValidUntil: untilText(TOKEN_MS),
    refreshTokensMayBeValidUntil: isUsers ? untilText(REFRESH_TOKEN_MS) : null,
    siblings,
    poked: poked && outcome !== 'gone',
  };
}
