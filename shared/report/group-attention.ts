import type { Attention } from './fleet-data.ts';

/** From so many on, things alike are told once. */
const MANY = 4;

/** So many names are told where many entries have the same trouble. */
export const ENTRIES_SHOWN = 20;

/** Many entries with the same trouble are one thing to do: the first one's words stand for all. */
export function grouped(items: readonly Attention[]): Attention[] {
  const alike = Map.groupBy(items, ({ level, what, code, title }) =>
    JSON.stringify([level, what, code, what === 'finding' ? '' : title]),
  );
  return [...alike.values()].flatMap((group) => {
    const [first] = group;
    return group.length < MANY || !first ? group : [asOne(first, group)];
  });
}

function asOne(first: Attention, group: readonly Attention[]): Attention {
  const names = group.flatMap(({ entries }) => entries);
  const since = group.flatMap(({ since }) => since ?? []).toSorted()[0] ?? null;
  const [name = first.title] = names;
  return {
    ...first,
    title: `${first.what === 'finding' ? first.code : first.title}: ${group.length} times`,
    why: `${name}, for example: ${first.why}`,
    entries: names.slice(0, ENTRIES_SHOWN),
    entryCount: names.length,
    since,
    also: [...new Set(group.flatMap(({ also }) => also))].slice(0, ENTRIES_SHOWN),
  };
}
