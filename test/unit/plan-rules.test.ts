import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { RULE_NAMES, plan, planByRule } from '../../shared/rotation/plan.ts';
import { OTHER_RULE_NAMES } from '../../shared/report/tell-key-story.ts';
import { NOW_MS, daysAgo, keyThat, managedKey, observation, secretWith, version } from '../support/observations.ts';

const sourceOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');
const inKebabCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);

describe('the names of the rules', () => {
  it('are those of their functions, so that whoever reads one finds the other', () => {
    const pairs = [...sourceOf('shared/rotation/plan.ts').matchAll(/^ {2}\['([a-z-]+)', (\w+)\],$/gm)];
    expect(pairs.map(([, name]) => name)).toEqual(RULE_NAMES.slice(0, -1));
    for (const [, name, rule] of pairs) expect(name).toBe(inKebabCase(rule ?? ''));
  });

  it('are explained in docs/commands.md, in their order, with all else that decides', () => {
    const rows = [...sourceOf('docs/commands.md').matchAll(/^\| `([a-z-]+)` +\| [^|]+ +\|$/gm)].map(([, name]) => name);
    const all = [...RULE_NAMES, ...OTHER_RULE_NAMES];
    expect(rows.filter((name) => all.includes(name ?? ''))).toEqual(all);
  });

  it('come with the very step that plan decides on', () => {
    const seen = { secret: secretWith([version('K1', daysAgo(30))]), keys: [keyThat('K1')] };
    const { step, rule } = planByRule(managedKey(), observation(seen), NOW_MS);
    expect(step).toEqual(plan(managedKey(), observation(seen), NOW_MS));
    expect([step.step, rule]).toEqual(['mint', 'rotate-what-is-due']);
  });
});
