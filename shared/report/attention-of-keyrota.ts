import { timerLate } from '../findings/account-rules.ts';
import { DAY_MS } from '../keys/duration.ts';
import { timeOf, timeText } from '../rotation/record.ts';
import { item } from './attention-item.ts';
import type { Attention, Unseen } from './fleet-data.ts';
import { ENTRIES_SHOWN } from './group-attention.ts';
import type { Look } from './look.ts';

/** The check comes every day: two may fail before people are told. */
export const CHECK_LATE_MS = 3 * DAY_MS;

interface Sight {
  look: Look;
  unseen: readonly Unseen[];
  /** How often the timer calls `rotate-keys`. */
  timerMs: number;
}

/** What concerns Keyrota itself, and no single entry. */
export function ofKeyrota({ look, unseen, timerMs }: Sight): Attention[] {
  const { ledger, takenAtMs, unlisted } = look;
  const essential = unseen.filter(({ isEssential }) => isEssential);
  const late = timerLate(look.lastRunMs, timerMs, takenAtMs);
  const checkedMs = timeOf(ledger?.check.at ?? '');
  const mute = Object.entries(ledger?.disabled_targets ?? {});
  const undelivered = ledger?.undelivered ?? [];
  return [
    ...late.map(({ why, next, sinceMs }) =>
      item('', {
        level: 'critical',
        what: 'silent',
        title: 'Nothing is rotated: the timer is late',
        why,
        next,
        since: sinceMs === null ? null : timeText(sinceMs),
      }),
    ),
    ...essential.map(({ what, why, next, code }) =>
      item('', {
        level: 'high',
        what: 'unseen',
        title: `This report cannot see ${what}`,
        why,
        next: next === '' ? [] : [next],
        code,
      }),
    ),
    ...(checkedMs !== null && takenAtMs - checkedMs > CHECK_LATE_MS ? [lateCheck(checkedMs)] : []),
    ...(unlisted.length > 0 ? [gone(unlisted)] : []),
    ...mute.map(([target, at]) =>
      item('', {
        level: 'watch',
        what: 'untold',
        title: 'A receiver takes no more notices',
        why: `${target} has answered that it is gone`,
        next: [NEW_RECEIVER],
        since: at,
        code: target,
      }),
    ),
    ...(undelivered.length > 0 ? [untold(undelivered.length)] : []),
  ];
}

const NEW_RECEIVER = 'Give the function another receiver: docs/notices.md lists the settings.';

const lateCheck = (checkedMs: number): Attention =>
  item('', {
    level: 'watch',
    what: 'silent',
    title: 'The daily check of the account is late',
    why: `the findings below are those of ${timeText(checkedMs)}`,
    next: ['See whether the timer of check-expiry is there, and what its log says.'],
    since: timeText(checkedMs),
    code: 'check',
  });

const untold = (count: number): Attention =>
  item('', {
    level: 'watch',
    what: 'untold',
    title: 'Notices could not be delivered',
    why: `${count} of what happened nobody could be told: the next run tries again`,
    next: ['See whether the receivers of notices are up: docs/notices.md says how they are tried.'],
    code: 'undelivered',
  });

const gone = (names: readonly string[]): Attention => ({
  ...item('', {
    level: 'watch',
    what: 'unlisted',
    title: 'Entries are gone from the manifest',
    why: 'their secrets are still there, and nobody rotates or retires their keys',
    next: ['Put them back; with `state: retired` where nobody needs them any more.'],
  }),
  entries: names.slice(0, ENTRIES_SHOWN),
  entryCount: names.length,
});
