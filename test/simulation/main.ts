// `npm run sim -- [--seed S] [--runs N] [--switches FILE] [--without GUARD]`: lives of a key under random trouble, the same ones for the same seed.
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { endWithReader } from '../../infra/local/broken-pipe.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { switchesIn } from '../../infra/local/switches-file.ts';
import { GUARDS, simulationWithout } from '../support/guards.ts';
import type { GuardName } from '../support/guards.ts';
import { randomLife } from '../support/random-life.ts';

interface KnownAnswers {
  file: string;
  switches: Partial<Switches>;
}

interface Options {
  seed: string;
  runs: number;
  without?: GuardName;
  switches?: KnownAnswers;
  story?: boolean;
}

const whole = (text: string): number => {
  if (/^[1-9]\d{0,5}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It is a whole number from 1 to 999999.');
};

const answersIn = (file: string): KnownAnswers => {
  try {
    return { file, switches: switchesIn(file) };
  } catch (error) {
    throw new InvalidArgumentError(`${(error as Error).message}.`);
  }
};

const guardList = GUARDS.map(({ name, rule }) => `  ${name.padEnd(32)} ${rule}`).join('\n');

const program = new Command('sim')
  .description('Lets keys live for weeks under random trouble, and tells what was not as it must be at any moment.')
  .addOption(new Option('--seed <text>', 'chooses the lives').default(new Date().toISOString(), 'the present'))
  .addOption(
    new Option('--runs <count>', 'so many lives, S.1, S.2 and so on; one is S itself').default(1).argParser(whole),
  )
  .addOption(
    new Option('--without <guard>', 'a test build that lacks a guard, to see it fail').choices(
      GUARDS.map(({ name }) => name),
    ),
  )
  .addOption(
    new Option('--switches <file>', 'answers of the platform that are known, as JSON; others are the seed’s').argParser(
      answersIn,
    ),
  )
  .option('--story', 'tell all that happened, also in lives that went well')
  .addHelpText('after', `\nGuards:\n${guardList}\n\nExit codes: 0 all went well, 1 something was wrong, 2 wrong input.`)
  .exitOverride();

const print = (text: string) => process.stdout.write(`${text}\n`);

/** Whether all lives went well. */
async function live({ seed, runs, without, switches, story }: Options): Promise<boolean> {
  const liveOnce = without === undefined ? randomLife : (await simulationWithout(without)).randomLife;
  let failed = 0;
  for (let run = 1; run <= runs; run += 1) {
    const own = runs === 1 ? seed : `${seed}.${run}`;
    const life = await liveOnce(own, switches?.switches);
    const isWell = life.wrongs.length === 0;
    print(`${own}  ${isWell ? 'ok' : 'WRONG'}  ${life.story.length - 2} moments`);
    if (!isWell || story) print(life.story.map((moment) => `    ${moment}`).join('\n'));
    if (isWell) continue;
    failed += 1;
    const known = switches === undefined ? '' : ` --switches ${JSON.stringify(switches.file)}`;
    const option = without === undefined ? known : `${known} --without ${JSON.stringify(without)}`;
    print(
      [
        ...life.wrongs.map((wrong) => `  ${wrong}`),
        `  replay: npm run sim -- --seed ${JSON.stringify(own)}${option}`,
      ].join('\n'),
    );
  }
  print(failed === 0 ? `${runs} of ${runs} went well` : `${failed} of ${runs} went wrong`);
  return failed === 0;
}

endWithReader();
try {
  await program.parseAsync();
  process.exitCode = (await live(program.opts<Options>())) ? 0 : 1;
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  // Commander has printed its own message by now; asking for help is no failure.
  process.exitCode = error.exitCode === 0 ? 0 : 2;
}
