import type { FleetData, KeyRow, Severity } from '../fleet-data.ts';
import type { KeyStory } from '../key-story.ts';
import type { Filter } from './filter.ts';

/** The story of a key on its way, there, or why it did not come. */
export type StoryState = { story: KeyStory } | { story: null; trouble: { what: string; next: string } | null };

/** All that the page shows. */
export interface PageState {
  data: FleetData;
  rows: readonly KeyRow[];
  /** The worst severity of the findings about each entry. */
  worst: ReadonlyMap<string, Severity>;
  nowMs: number;
  filter: Filter;
  stories: Map<string, StoryState>;
}

/** What a person does on the page. */
export interface Actions {
  /** Shows other keys; from the first page on, unless a page is said. */
  show(change: Partial<Filter>): void;
  /** Opens the key, wherever it is, and goes there. */
  goTo(name: string): void;
}
