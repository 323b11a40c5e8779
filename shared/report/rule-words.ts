import { RULES } from '../findings/rules.ts';
import type { RuleWords } from './fleet-data.ts';

/** What people are told of a rule; of one that this version does not know, its id. */
export function wordsOf(rule: string): RuleWords {
  if (!Object.hasOwn(RULES, rule)) return { title: rule, matters: '' };
  const { title, matters } = RULES[rule as keyof typeof RULES];
  return { title, matters };
}

export const titleOf = (rule: string): string => wordsOf(rule).title;
