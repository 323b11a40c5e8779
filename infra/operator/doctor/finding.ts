/** What a check came to: `not looked at` where it could not be seen, which is no fault and no proof. */
export type Result = 'ok' | 'warning' | 'failed' | 'not looked at';

/** One thing that was looked at. */
export interface Finding {
  result: Result;
  /** The entry, the function, the group or the API; empty where the check is about one thing alone. */
  subject: string;
  /** What was seen, as a clause. */
  seen: string;
  /** What to do, step by step, with exact commands; empty for what is well. */
  next: string[];
}

const finding =
  (result: Result) =>
  (seen: string, next: readonly string[] = [], subject = ''): Finding => ({ result, subject, seen, next: [...next] });

export const ok = (seen: string, subject = ''): Finding => finding('ok')(seen, [], subject);
export const warning = finding('warning');
export const failed = finding('failed');
export const notLookedAt = finding('not looked at');

/** How many there are, in words; `some` is the word for more than one. */
export const counted = (count: number, one: string, some = `${one}s`): string => `${count} ${count === 1 ? one : some}`;
