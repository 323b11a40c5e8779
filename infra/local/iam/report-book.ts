import type { CloudParts } from '../parts.ts';
import type { Activity } from './activity.ts';
import { iamDate } from './dates.ts';
import { isServiceIamId } from './service-id-book.ts';
import type { IamWorld } from './world.ts';

/** Which identities and API keys of the account were not used for some time. */
export interface Report {
  readonly reference: string;
  readonly startedAtMs: number;
  /** Until then it is being built. */
  readonly readyAtMs: number;
  /** In the API's terms. */
  readonly body: object;
}

/** How long reports are kept that nobody may need any more. */
const KEPT_MS = 24 * 3_600_000;
const HOUR_MS = 3_600_000;

/** The activity reports of the account. */
export class ReportBook {
  readonly #parts: CloudParts;
  #reports: readonly Report[] = [];

  constructor(parts: CloudParts) {
    this.#parts = parts;
  }

  /** Null when there is none of that reference, or none at all for `latest`. */
  get(reference: string): Report | null {
    if (reference === 'latest') return this.#reports.at(-1) ?? null;
    return this.#reports.find((report) => report.reference === reference) ?? null;
  }

  /** Begins a report on what was not used for `durationHours`, and removes those that are older than a day. */
  add(world: Omit<IamWorld, 'reports'>, durationHours: number, byIamId: string): Report {
    const { clock, random, switches } = this.#parts;
    const startedAtMs = clock.nowMs();
    const readyAtMs = startedAtMs + switches.reportDelayMs;
    const reference = random.uuid();
    const body = {
      created_by: byIamId,
      reference,
      report_duration: String(durationHours),
      report_start_time: iamDate(startedAtMs),
      report_end_time: iamDate(readyAtMs),
      ...inactiveOf(world, startedAtMs - durationHours * HOUR_MS),
    };
    const report = { reference, startedAtMs, readyAtMs, body };
    this.#reports = [...this.#reports.filter((old) => startedAtMs - old.startedAtMs <= KEPT_MS), report];
    return report;
  }
}

/** All that was last used before `sinceMs`, or never. */
function inactiveOf({ parts, keys, serviceIds, profiles, users }: Omit<IamWorld, 'reports'>, sinceMs: number): object {
  const { clock, switches } = parts;
  const useOf = ({ activity }: { activity: Activity }) => activity.shown(clock.nowMs(), switches.activityDelayMs);
  const isInactive = (one: { activity: Activity }) => (useOf(one).lastAuthnMs ?? -Infinity) < sinceMs;
  const lastUse = (one: { activity: Activity }) => {
    const { lastAuthnMs } = useOf(one);
    return lastAuthnMs === null ? {} : { last_authn: iamDate(lastAuthnMs) };
  };
  const entity = (one: { id: string; name: string; activity: Activity }) => ({
    id: one.id,
    name: one.name,
    ...lastUse(one),
  });
  const person = (iamId: string) => {
    const name = users.get(iamId)?.name ?? iamId;
    return { iam_id: iamId, name, username: name };
  };
  const owner = (iamId: string) => {
    if (!isServiceIamId(iamId)) return { type: 'user', user: person(iamId) };
    const { id, name } = serviceIds.withIamId(iamId) ?? {};
    return { type: 'serviceid', serviceid: { id, name } };
  };
  return {
    users: users
      .all()
      .filter((user) => user.state !== 'left' && isInactive(user))
      .map((user) => ({ ...person(user.iamId), ...lastUse(user) })),
    apikeys: keys
      .all()
      .filter(isInactive)
      .map((key) => ({ ...entity(key), ...owner(key.iamId) })),
    serviceids: serviceIds.all().filter(isInactive).map(entity),
    profiles: profiles.all().filter(isInactive).map(entity),
  };
}
