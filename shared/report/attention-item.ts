import type { Attention } from './fleet-data.ts';

type Given = Pick<Attention, 'level' | 'what' | 'title' | 'why' | 'next'> & Partial<Attention>;

/** About one entry; about none where its name is empty. */
export const item = (entry: string, given: Given): Attention => ({
  entries: entry === '' ? [] : [entry],
  entryCount: entry === '' ? 0 : 1,
  code: '',
  since: null,
  also: [],
  ...given,
});
