import { describe, expect, it } from 'vitest';
import { run } from './support/command.ts';

const SIM = 'test/simulation/main.ts';

describe.concurrent('npm run sim', () => {
  it('tells the same life for the same seed', async () => {
    const [one, other] = await Promise.all([1, 2].map(() => run(SIM, ['--seed', 'twice', '--story'])));
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one?.stdout).toMatch(/^twice {2}ok .*\n {4}switches .*\n {4}day 0: /);
    expect(one?.stdout).toBe(other?.stdout);
  });

  it('prints the seed of a life that goes wrong, its story, and the command that replays it; exit code 1', async () => {
    const without = ['--without', 'age rule'];
    const { code, stdout } = await run(SIM, ['--seed', 'c', '--runs', '4', ...without]);
    expect(code).toBe(1);
    const [, seed = ''] = /replay: npm run sim -- --seed "(c\.\d)" --without "age rule"$/m.exec(stdout) ?? [];
    expect(stdout).toContain(`${seed}  WRONG`);
    const replayed = await run(SIM, ['--seed', seed, ...without]);
    const wrongs = /^ {2}(?! |replay).*$/m.exec(stdout)?.[0] ?? 'none';
    expect(replayed).toMatchObject({ code: 1 });
    expect(replayed.stdout).toContain(wrongs);
  });

  it.each([
    { args: ['--runs', 'many'], says: /--runs.*whole number/ },
    { args: ['--runs', '0'], says: /--runs.*whole number/ },
    { args: ['--without', 'hope'], says: /--without.*claim, guard lock/ },
    { args: ['--sed', 'x'], says: /--sed/ },
  ])('refuses $args with one line and exit code 2', async ({ args, says }) => {
    const { code, stdout, stderr } = await run(SIM, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr.trim()).toMatch(says);
  });
});
