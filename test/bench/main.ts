// `npm run bench -- [NAME] [--json]`: measures, and prints a figure a line.
import { styleText } from 'node:util';
import { Command, CommanderError } from 'commander';
import { endWithReader } from '../../infra/local/broken-pipe.ts';
import { BENCHES } from './benches.ts';
import type { Figure } from './figure.ts';

const list = BENCHES.map(({ name, what }) => `  ${name.padEnd(12)} ${what}`).join('\n');

const program = new Command('bench')
  .description('Measures Keyrota, each figure against a baseline of the same run.')
  .argument('[name]', 'measure this alone')
  .option('--json', 'print {"name", "value", "unit", "baseline", "ratio"}, one figure a line')
  .addHelpText('after', `\nNames:\n${list}`)
  .exitOverride()
  .action(async (name: string | undefined, { json }: { json?: boolean }) => {
    const chosen = name === undefined ? BENCHES : BENCHES.filter((bench) => bench.name === name);
    if (chosen.length === 0) program.error(`error: there is no bench ${name}\nNames:\n${list}`, { exitCode: 2 });
    for (const bench of chosen) {
      if (!json) process.stdout.write(`${styleText('bold', bench.name)}: ${bench.what}\n`);
      for await (const figure of bench.measure()) {
        process.stdout.write(`${json ? JSON.stringify(figure) : textOf(figure)}\n`);
      }
    }
  });

function textOf({ name, value, unit, baseline, ratio }: Figure): string {
  const against = baseline === null ? '' : `  (${ratio} of ${baseline} ${unit})`;
  return `  ${name.padEnd(110)} ${String(value).padStart(10)} ${unit}${against}`;
}

endWithReader();
try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed its own message by now; asking for help is no failure.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
