// One instance of the job for fleets: `node main.js`. Code Engine says by JOB_INDEX which.
import { systemClock } from '../../shared/runtime/clock.ts';
import { rotateShard } from './rotate-shard.ts';

const stopping = new AbortController();
// The first process of a container ignores what it does not listen to.
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stopping.abort(new Error(name)));

const write = (line: string) => {
  process.stdout.write(`${line}\n`);
};

void rotateShard(process.env, { clock: systemClock, write, stopping: stopping.signal }).then((exitCode) => {
  process.exitCode = exitCode;
});
