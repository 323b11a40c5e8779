import type { Switches } from '../local/switches.ts';
import type { Answer, SwitchName } from './answer.ts';
import type { Bench } from './bench.ts';

/** A sentence that must hold on the platform: the product relies on it. */
export interface Contract {
  sentence: string;
  /** @throws Broken with what was seen, when it does not hold; any other failure counts as the same. */
  prove: (bench: Bench) => Promise<void>;
}

/** A switch whose question can be put to the platform. */
export interface OpenPoint<Name extends SwitchName = SwitchName> {
  switch: Name;
  question: string;
  /** What cannot be found out throws. */
  ask: (bench: Bench) => Promise<Answer<Switches[Name]>>;
}

/** A switch whose question cannot be put to the platform, or not without harm. */
export interface NotProbed {
  switch: SwitchName;
  why: string;
}

/** What belongs together. */
export interface Family {
  title: string;
  contracts: readonly Contract[];
  points: readonly OpenPoint[];
}

/** A contract does not hold. The message is what was seen. */
class Broken extends Error {
  override readonly name = 'Broken';
}

/** @throws Broken unless it holds. */
export function holds(condition: boolean, seenOtherwise: string): asserts condition {
  if (!condition) throw new Broken(seenOtherwise);
}

export const contract = (sentence: string, prove: Contract['prove']): Contract => ({ sentence, prove });

/** The type of its values is that of the switch. */
export const point = <Name extends SwitchName>(
  name: Name,
  question: string,
  ask: (bench: Bench) => Promise<Answer<Switches[Name]>>,
): OpenPoint => ({ switch: name, question, ask });
