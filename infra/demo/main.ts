// `npm start`: the whole product on an embedded IBM Cloud, until it is stopped, or for `--days N` as fast as it can.
import { parseArgs } from 'node:util';
import { endWithReader } from '../local/broken-pipe.ts';
import { runDemo } from './demo.ts';

const USAGE = `Usage: npm start -- [--days DAYS] [--json]

Runs Keyrota on an embedded IBM Cloud and tells the life of each key, at up to one virtual day a second, until it is stopped.
  --days DAYS  run that many virtual days as fast as possible; exit 0 only if no line was refused and no key is unknown
  --json       print JSON lines only; with --days the last one is the summary`;

class UsageError extends Error {}

function readArguments() {
  const options = {
    days: { type: 'string' },
    json: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  } as const;
  try {
    const { values } = parseArgs({ options });
    const { days } = values;
    if (days !== undefined && !/^[1-9]\d{0,3}$/.test(days)) {
      throw new UsageError(`--days: found ${JSON.stringify(days)}, allowed: 1 to 9999`);
    }
    return { days: days === undefined ? null : Number(days), json: values.json, help: values.help };
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

endWithReader();
try {
  const { days, json, help } = readArguments();
  if (help) process.stdout.write(`${USAGE}\n`);
  else process.exitCode = await runDemo({ days, json });
} catch (error) {
  const isUsage = error instanceof UsageError;
  process.stderr.write(`demo: ${(error as Error).message}\n${isUsage ? `\n${USAGE}\n` : ''}`);
  process.exitCode = isUsage ? 2 : 1;
}
