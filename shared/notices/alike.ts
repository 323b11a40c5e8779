import { noticeId } from './notice.ts';
import type { Notice } from './notice.ts';

/** More than so many of one kind at once are told in one notice: a role that is missing concerns every key. */
const MOST_ALIKE = 5;

/** Leaks are told one by one, however many there are. */
const NEVER_GROUPED: ReadonlySet<Notice['type']> = new Set([
  'key.contained',
  'key.replaced',
  'reports.braked',
] as const);

/** Notices of one type, code and severity, where there are many, become one that names the keys. `tells` goes along. */
export function groupAlike(
  notices: readonly Notice[],
  tells: ReadonlyMap<string, readonly string[]>,
): { notices: Notice[]; tells: Record<string, readonly string[]> } {
  const groups = Object.groupBy(notices, ({ type, id, details }) =>
    NEVER_GROUPED.has(type) ? id : `${type} ${String(details['code'] ?? '')} ${String(details['severity'] ?? '')}`,
  );
  const all = Object.values(groups).flatMap((group = []) => {
    const [first] = group;
    if (!first || group.length <= MOST_ALIKE) return group.map((notice) => ({ notice, ids: [notice.id] }));
    return [{ notice: together(first, group), ids: group.map(({ id }) => id) }];
  });
  const told = all.map(({ notice, ids }) => [notice.id, ids.flatMap((id) => tells.get(id) ?? [])] as const);
  return { notices: all.map(({ notice }) => notice), tells: Object.fromEntries(told) };
}

const called = ({ name, keyId }: Notice): string => name ?? keyId ?? '';

function together(first: Notice, group: readonly Notice[]): Notice {
  const names = group.map(called).toSorted();
  const { account = null, code, severity } = first.details;
  return {
    ...first,
    id: noticeId(first.deployment, first.type, ...group.map(({ id }) => id).toSorted()),
    name: null,
    keyId: null,
    why: `${group.length} keys. The first, ${called(first)}: ${first.why}`,
    details: {
      account,
      ...(code !== undefined && { code }),
      ...(severity !== undefined && { severity }),
      count: group.length,
      names,
    },
  };
}
