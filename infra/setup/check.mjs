// `npm run check`: everything that holds without a test, side by side. Each tells all of what it has to say when it is through, and one that
// fails makes the whole fail.
import { spawn } from 'node:child_process';

const CHECKS = ['check:types', 'check:lint', 'check:format', 'check:unused', 'build'];

/** Resolves with the exit code of an npm script, once its output is told in one piece. */
function run(script) {
  const child = spawn('npm', ['run', '--silent', script], { stdio: ['ignore', 'pipe', 'pipe'] });
  const output = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => output.push(data));
  return new Promise((resolve) => {
    child.on('error', (error) => {
      process.stderr.write(`check: ${script} could not be started: ${error.message}\n`);
      resolve(1);
    });
    child.on('close', (code) => {
      process.stdout.write(Buffer.concat(output));
      if (code !== 0) process.stderr.write(`check: npm run ${script} failed\n`);
      resolve(code ?? 1);
    });
  });
}

const codes = await Promise.all(CHECKS.map(run));
process.exitCode = codes.some((code) => code !== 0) ? 1 : 0;
