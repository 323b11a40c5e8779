/** How urgent an entry of the runbook is, in its words. */
const URGENCIES = ['now', 'today', 'this week', 'no hurry', 'nothing'] as const;
type Urgency = (typeof URGENCIES)[number];

/** What somebody may look up in docs/runbook.md: a chapter of its own, or a row of a table. */
export interface RunbookEntry {
  /** What it is found by: its code, or its title where it has none. */
  title: string;
  /** It is a code that the product shows. */
  isCode: boolean;
  /** The part of an address after `#`. */
  anchor: string;
  urgency: Urgency;
  /** Title of the chapter that it stands in. */
  chapter: string;
  /** Its text; of a row, the row. */
  text: string;
}

/** The anchor that GitHub gives to a heading. */
export const anchorOf = (heading: string): string =>
  heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-');

const CHAPTER = /^## (.+)$/m;
const HEADING = /^### (.+)$/m;
const ROW = /^\| <a id="([^"]+)"><\/a>`([^`]+)` +\| ([^|]+?) +\|.*$/gm;
const FIRST_WORDS = /^\*\*([^*]+?)\.?\*\*/;

/** All entries, in the order of the page. @throws Error for one that does not say how urgent it is. */
export function runbookEntries(page: string): RunbookEntry[] {
  const [, ...chapters] = page.split(new RegExp(CHAPTER.source, 'm'));
  return pairsOf(chapters).flatMap(([chapter, body]) => [...withHeading(chapter, body), ...inRows(chapter, body)]);
}

/** Headings whose text begins with how urgent it is; the others only divide a chapter. */
function withHeading(chapter: string, body: string): RunbookEntry[] {
  const [, ...parts] = body.split(new RegExp(HEADING.source, 'm'));
  return pairsOf(parts).flatMap(([heading, given]): RunbookEntry[] => {
    const text = given.trim();
    const isCode = heading.startsWith('`');
    const [, words] = FIRST_WORDS.exec(text) ?? [];
    if (words === undefined && !isCode) return [];
    const title = heading.replaceAll('`', '');
    return [{ title, isCode, anchor: anchorOf(heading), urgency: urgencyOf(title, words), chapter, text }];
  });
}

const inRows = (chapter: string, body: string): RunbookEntry[] =>
  [...body.matchAll(ROW)].map(([text, anchor = '', title = '', words = '']) => ({
    title,
    isCode: true,
    anchor,
    urgency: urgencyOf(title, words),
    chapter,
    text,
  }));

function urgencyOf(title: string, words = ''): Urgency {
  const found = URGENCIES.find((one) => one === words.toLowerCase());
  if (!found) throw new Error(`the entry ${title} of the runbook must say how urgent it is: ${URGENCIES.join(', ')}`);
  return found;
}

function pairsOf(texts: readonly string[]): [string, string][] {
  return texts.flatMap((text, place): [string, string][] => (place % 2 === 0 ? [[text, texts[place + 1] ?? '']] : []));
}

/** So many links stand on a line. */
const LINKS_ON_A_LINE = 4;

/** The index of the runbook: all that it has, chapter by chapter, what must be looked at now in bold. */
export function runbookIndex(page: string): string {
  const chapters = [...Map.groupBy(runbookEntries(page), ({ chapter }) => chapter)];
  const lists = chapters.map(([chapter, entries]) => {
    const links = entries.toSorted((one, other) => one.title.localeCompare(other.title, 'en')).map(linkTo);
    const lines = links.flatMap((_, place) =>
      place % LINKS_ON_A_LINE === 0 ? [links.slice(place, place + LINKS_ON_A_LINE).join(' · ')] : [],
    );
    return `- [${chapter}](#${anchorOf(chapter)}):\n  ${lines.join(' ·\n  ')}`;
  });
  return ['In **bold**: look now.', lists.join('\n')].join('\n\n');
}

function linkTo({ title, isCode, anchor, urgency }: RunbookEntry): string {
  const link = `[${isCode ? `\`${title}\`` : title}](#${anchor})`;
  return urgency === 'now' ? `**${link}**` : link;
}
