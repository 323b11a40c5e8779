import { DAY_MS, MINUTE_MS } from './duration.ts';

export const DAYS = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] as const;

/** Times, in UTC, at which a regular rotation may leave an owner without a key for a moment. */
export interface MaintenanceWindow {
  /** Minutes after midnight. */
  fromMinute: number;
  lengthMs: number;
  /** Days on which it begins, 0 is Sunday. */
  days: readonly number[];
}

const minuteOf = (text: string): number => {
  const [hours = 0, minutes = 0] = text.split(':').map(Number);
  return hours * 60 + minutes;
};

/** From the manifest's words; `until` is on the next day where it is not after `from`. */
export function maintenanceWindow(
  from: string,
  until: string,
  days: readonly (typeof DAYS)[number][],
): MaintenanceWindow {
  const fromMinute = minuteOf(from);
  const minutes = minuteOf(until) - fromMinute;
  return {
    fromMinute,
    lengthMs: (minutes > 0 ? minutes : minutes + 24 * 60) * MINUTE_MS,
    days: days.map((day) => DAYS.indexOf(day)),
  };
}

/** When the window opens next, in epoch milliseconds; null while it is open. */
export function opensAtMs({ fromMinute, lengthMs, days }: MaintenanceWindow, nowMs: number): number | null {
  const midnightMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
  for (let day = -1; day <= 7; day += 1) {
    const opensMs = midnightMs + day * DAY_MS + fromMinute * MINUTE_MS;
    if (nowMs >= opensMs + lengthMs || !days.includes(new Date(opensMs).getUTCDay())) continue;
    return nowMs >= opensMs ? null : opensMs;
  }
  return null; // there is at least one day, so it is never reached
}
