import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { LAYERS } from '../support/layers.ts';

const page = readFileSync('docs/architecture.md', 'utf8');

/** What stands in the first column of the first table under a heading. */
function namesUnder(heading: string): string[] {
  const [, after = ''] = page.split(`\n## ${heading}\n`);
  const [table = ''] = /^\|.*?\n\n/ms.exec(after) ?? [];
  return [...table.matchAll(/^\| `([^`]+)`/gm)].map(([, name = '']) => name);
}

const STEPS = [...readFileSync('shared/rotation/step.ts', 'utf8').matchAll(/^ {2}\| \(?\{ step: '(\w+)'/gm)].map(
  ([, step = '']) => step,
);

describe('the page of the architecture', () => {
  it('has the layers in the order in which they may import each other', () => {
    expect(namesUnder('Layers')).toEqual(LAYERS);
  });

  it('has every function', () => {
    expect(namesUnder('What each function does').toSorted()).toEqual(readdirSync('functions').toSorted());
  });

  it('has every step', () => {
    expect(STEPS).toHaveLength(10);
    expect(namesUnder('The life of a key')).toEqual(STEPS);
  });
});

const PICTURES = readdirSync('docs/pictures').map((name) => `docs/pictures/${name}`);

/** The words of a picture, as whoever cannot see it has them read out. */
const wordsIn = (picture: string): string =>
  [...picture.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text).join('\n');

describe.each(PICTURES)('%s', (file) => {
  const picture = readFileSync(file, 'utf8');

  it('is shown on a page, with words for those who cannot see it', () => {
    const [, words = ''] = new RegExp(`!\\[([^\\]]+)\\]\\(${file.replace('docs/', '')}\\)`).exec(page) ?? [];
    expect(words.length).toBeGreaterThan(50);
    for (const part of ['role="img"', '<title ', '<desc ']) expect(picture).toContain(part);
  });

  it('has text as text, one look for light and one for dark, and fetches nothing', () => {
    expect(wordsIn(picture).length).toBeGreaterThan(200);
    expect(picture).toContain('@media (prefers-color-scheme: dark)');
    expect(picture).not.toMatch(/<image|<script|<foreignObject|href=|@import|url\((?!#)/);
  });
});

describe('the pictures', () => {
  it('have every function, and every step', () => {
    const [architecture = '', life = ''] = ['architecture', 'life-of-a-key'].map((name) =>
      wordsIn(readFileSync(`docs/pictures/${name}.svg`, 'utf8')),
    );
    for (const name of readdirSync('functions')) expect(architecture).toContain(name);
    for (const step of STEPS) expect(life.split('\n')).toContain(step);
  });
});
