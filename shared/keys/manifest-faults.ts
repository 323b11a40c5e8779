import type * as z from 'zod';
import { maskSecrets } from '../runtime/secret-value.ts';

/** One thing that is wrong in the manifest. */
export interface Fault {
  /** Where, for example `keys[2].rotateEvery`. */
  path: string;
  found: string;
  allowed: string;
}

type Issue = z.core.$ZodIssue;

const LONGEST_FOUND = 80;

const pathText = (path: readonly PropertyKey[]): string =>
  path
    .map((part) => (typeof part === 'number' ? `[${part}]` : `.${String(part)}`))
    .join('')
    .replace(/^\./, '') || '(the whole)';

const foundText = (value: unknown): string => {
  if (value === undefined) return 'nothing';
  const text = maskSecrets(jsonOf(value));
  return text.length > LONGEST_FOUND ? `${text.slice(0, LONGEST_FOUND)}…` : text;
};

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch {
    return 'something that contains itself';
  }
}

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, part) => (value as Record<PropertyKey, unknown> | undefined)?.[part], root);

const counted = (count: number | bigint, origin: string) => {
  const unit = origin === 'string' ? 'character' : origin === 'array' ? 'entry' : 'field';
  if (Number(count) === 1) return `one ${unit}`;
  return `${count} ${unit === 'entry' ? 'entries' : `${unit}s`}`;
};

/** A schema may say in its own words what it wants. */
const hasOwnWords = ({ message }: Issue): boolean => !message.startsWith('Invalid');

function allowedText(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      if (hasOwnWords(issue)) return issue.message;
      return `${/^[aeiou]/.test(issue.expected) ? 'an' : 'a'} ${issue.expected}`;
    case 'invalid_value':
      return hasOwnWords(issue) ? issue.message : issue.values.map((value) => JSON.stringify(value)).join(' or ');
    case 'invalid_union': {
      const options = 'options' in issue ? (issue.options as unknown[]) : [];
      return options.map((option) => JSON.stringify(option)).join(' or ') || issue.message;
    }
    case 'too_small':
      return `at least ${counted(issue.minimum, issue.origin)}`;
    case 'too_big':
      return `at most ${counted(issue.maximum, issue.origin)}`;
    default:
      return issue.message;
  }
}

/** Of several forms that a value can have, the one that it nearly has: what is wrong lies within. */
const isWithin = (issues: readonly Issue[]): boolean =>
  issues.length > 0 && issues.every(({ code, path }) => path.length > 0 || code === 'unrecognized_keys');

/** zod's issues with `root`, in the manifest's words. */
export function faultsOf(issues: readonly Issue[], root: unknown): Fault[] {
  return issues.flatMap((issue) => {
    if (issue.code === 'unrecognized_keys') {
      return issue.keys.map((field) => {
        const path = [...issue.path, field];
        return { path: maskSecrets(pathText(path)), found: foundText(valueAt(root, path)), allowed: 'no such field' };
      });
    }
    const nearest = issue.code === 'invalid_union' ? issue.errors.find(isWithin) : undefined;
    if (nearest)
      return faultsOf(
        nearest.map((one) => ({ ...one, path: [...issue.path, ...one.path] })),
        root,
      );
    const path = pathText(issue.path);
    return [{ path, found: foundText(valueAt(root, issue.path)), allowed: allowedText(issue) }];
  });
}
