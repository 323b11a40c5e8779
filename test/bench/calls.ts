import type { Bench, Figure } from './figure.ts';
import { figure } from './figure.ts';
import { LIFE, measuredLife } from './life.ts';

const MINT_AIM = 9;
const LIFE_AIM = 18;

/** How many API calls a key costs, and what each is for. */
export const callsBench: Bench = {
  name: 'calls',
  what: 'API calls of a mint and of a whole life (mint, disable, delete, release), our login apart, against the aims; then each call',
  async *measure() {
    const life = await measuredLife();
    const count = (steps: typeof life) => steps.reduce((sum, { calls }) => sum + calls.length, 0);
    const mintOf = (steps: typeof life) => steps.filter(({ step }) => step === 'mint');
    yield figure('a mint', count(mintOf(life)), 'calls', MINT_AIM);
    yield figure('a whole life', count(life), 'calls', LIFE_AIM);
    const granted = await measuredLife({ grants: [{ service: 'logs', role: 'Sender' }] });
    yield figure('a mint of an entry with grants, whose policies are looked at', count(mintOf(granted)), 'calls');
    yield* callByCall(life);
  },
};

/** A line a call. @throws Error for a call that nobody has given a purpose. */
function* callByCall(life: readonly { step: string; calls: string[] }[]): Generator<Figure> {
  for (const [place, { step, calls }] of life.entries()) {
    for (const [index, call] of calls.entries()) {
      const planned = LIFE[place]?.calls[index];
      if (planned?.call !== call)
        throw new Error(`${step} ${index + 1}: ${call} is not in the list of test/bench/life.ts`);
      yield figure(`${step} ${index + 1}: ${planned.purpose}`, 1, 'calls');
    }
  }
}
