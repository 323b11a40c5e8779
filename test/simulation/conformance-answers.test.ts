import { describe, expect, it } from 'vitest';
import { POINTS } from '../../infra/conformance/catalogue.ts';
import type { SwitchName } from '../../infra/conformance/answer.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { openSite, runAt, wrongsOf } from '../support/conformance.ts';
import { ANSWERS } from '../support/open-questions.ts';

/** Those with the most answers first. */
const NAMES = POINTS.map((point) => point.switch).toSorted((one, two) => ANSWERS[two].length - ANSWERS[one].length);

/** Which switches are set to which of their further answers in one run; all others stay as they are. */
type Setting = ReadonlyMap<SwitchName, unknown>;

const DIGITS = Array.from({ length: Math.ceil(Math.log2(NAMES.length + 1)) }, (_, digit) => digit);
const isSet = (number: number, digit: number): boolean => ((number >> digit) & 1) === 1;
const countOf = (number: number): number => DIGITS.filter((digit) => isSet(number, digit)).length;

/** A number for each switch, those with the most digits set first. */
const NUMBERS = Array.from({ length: 2 ** DIGITS.length - 1 }, (_, place) => place + 1).toSorted(
  (one, two) => countOf(two) - countOf(one),
);

/**
 * One run for each binary digit, in which those switches are set whose number has it: so each is set in other runs than any other one,
 * and a point that followed the switch of another would be found out. From run to run they take turns with their answers.
 */
const RUNS: readonly Setting[] = DIGITS.map((digit) => {
  const settings = NAMES.flatMap((name, place) => {
    const number = NUMBERS[place] ?? 0;
    const turn = DIGITS.filter((earlier) => earlier < digit && isSet(number, earlier)).length;
    const further = ANSWERS[name].slice(1);
    return isSet(number, digit) ? [[name, further[turn % further.length]] as const] : [];
  });
  return new Map(settings);
});

describe('a conformance run on an embedded cloud that answers otherwise', () => {
  it('is tried with every further answer of every point, beside the one that is assumed', () => {
    const missing = NAMES.flatMap((name) => {
      const met = new Set(RUNS.map((setting) => setting.get(name)));
      return ANSWERS[name]
        .slice(1)
        .filter((value: unknown) => !met.has(value))
        .map((value) => `${name} ${String(value)}`);
    });
    expect(missing).toEqual([]);
    expect(NAMES.filter((name) => ANSWERS[name].length < 2)).toEqual([]);
  });

  it.each(RUNS.map((setting, number) => ({ setting, text: `${setting.size} switches of run ${number + 1}` })))(
    'finds all contracts to hold, and each point as it is set, with $text set otherwise',
    async ({ setting }) => {
      const switches = Object.fromEntries(setting) as Partial<Switches>;
      const site = await openSite(switches);
      expect(wrongsOf(await runAt(site), switches)).toEqual([]);
    },
  );
});
