import type { Switches } from '../local/switches.ts';

export type SwitchName = keyof Switches;

/** Which way the platform answered an open point. */
export type Answer<Value = Switches[SwitchName]> =
  /** One of the ways that the switch knows. */
  | { kind: 'value'; value: Value }
  /** Waited for: it was so by `atMostMs`, and not yet at the look before, `moreThanMs`. Both 0 where it was so at once. */
  | { kind: 'after'; moreThanMs: number; atMostMs: number }
  /** Waited for in vain. */
  | { kind: 'longer'; thanMs: number }
  /** A way that the embedded cloud does not know. */
  | { kind: 'other'; seen: string }
  | { kind: 'unsettled'; why: string };

/** How an answer stands to what the embedded cloud assumes. */
export type Verdict = 'agrees' | 'differs' | 'not settled';

export const value = <Value>(one: Value): Answer<Value> => ({ kind: 'value', value: one });
export const other = (seen: string): Answer<never> => ({ kind: 'other', seen });
export const unsettled = (why: string): Answer<never> => ({ kind: 'unsettled', why });

/** One of the known ways, or what else was seen. */
export const oneOf = <Value>(known: readonly Value[], seen: Value | number): Answer<Value> =>
  known.includes(seen as Value) ? value(seen as Value) : other(`status ${String(seen)}`);

export function verdictOf(answer: Answer, assumed: Switches[SwitchName]): Verdict {
  switch (answer.kind) {
    case 'value':
      return answer.value === assumed ? 'agrees' : 'differs';
    case 'after':
      return isWithin(answer, Number(assumed)) ? 'agrees' : 'differs';
    case 'longer':
      return Number(assumed) > answer.thanMs ? 'agrees' : 'differs';
    case 'other':
      return 'differs';
    case 'unsettled':
      return 'not settled';
    default:
      return answer satisfies never;
  }
}

const isWithin = ({ moreThanMs, atMostMs }: { moreThanMs: number; atMostMs: number }, assumedMs: number): boolean =>
  atMostMs === 0 ? assumedMs === 0 : moreThanMs < assumedMs && assumedMs <= atMostMs;

/** What the switch is set to, to be like the platform; undefined where no value of it is. */
export function settingOf(answer: Answer, assumed: Switches[SwitchName]): Switches[SwitchName] | undefined {
  if (verdictOf(answer, assumed) === 'agrees') return assumed;
  if (answer.kind === 'value') return answer.value;
  if (answer.kind === 'after') return answer.atMostMs;
  return answer.kind === 'longer' ? answer.thanMs : undefined;
}

/** As people read a value of a switch. */
export const shown = (one: unknown): string => (typeof one === 'string' ? one : JSON.stringify(one));

export function textOf(answer: Answer): string {
  switch (answer.kind) {
    case 'value':
      return shown(answer.value);
    case 'after':
      return answer.atMostMs === 0 ? 'at once' : `within ${answer.atMostMs} ms, not within ${answer.moreThanMs}`;
    case 'longer':
      return `not within ${answer.thanMs} ms`;
    case 'other':
      return `another way: ${answer.seen}`;
    case 'unsettled':
      return `not settled: ${answer.why}`;
    default:
      return answer satisfies never;
  }
}
