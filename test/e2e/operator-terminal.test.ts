import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GROUPS } from '../../infra/operator/program.ts';
import type { KeyStory } from '../../shared/report/key-story.ts';
import { Command, run } from './support/command.ts';
import { DemoFolder, readyOf } from './support/demo.ts';
import { KeyrotaProcess } from './support/keyrota-process.ts';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));
const SCRIPT = 'infra/operator/main.ts';
const KEYROTA = `${process.execPath} ${resolve(ROOT, SCRIPT)}`;
const STACK = /\n +at |node:internal/;
/** What steers a terminal: colours, and the cursor. */
const ESCAPE = '\u001B';
const COLOUR = new RegExp(`${ESCAPE}\\[3\\dm`);

interface Planned {
  plan: string;
  keys: { name: string; outcome: string; steps: { step: string }[] }[];
}

interface Version {
  id: string;
  alias?: string;
  customMetadata: { keyrota: { key_id: string } };
}

interface State {
  secretsManager: { secrets: { name: string; versions: Version[] }[] };
}

/** A demo as slow as the operator's commands make it, so that nothing is due while they are tried. */
class SlowDemo implements AsyncDisposable {
  readonly folder = new DemoFolder();
  readonly command: Command = this.folder.start('--json');
  readonly #shared = new KeyrotaProcess();
  #controlUrl = '';

  async begin(): Promise<void> {
    const names = ['cloud-logs-ingest', 'logs-router-ingest', 'functional-id-ingest'];
    const { controlUrl } = await readyOf(this.command);
    this.#controlUrl = controlUrl;
    for (const name of names) {
      await this.command.until(({ lines }) =>
        lines.find((line) => line.includes('"event":"key_minted"') && line.includes(`"key":"${name}"`)),
      );
    }
    await fetch(`${controlUrl}/clock`, { method: 'POST', body: '{"speed":10}' });
  }

  async keyrota(args: string[]) {
    const ending = await this.#shared.run(args, { cwd: this.folder.path });
    if (STACK.test(ending.stdout + ending.stderr)) throw new Error(`a stack: ${ending.stderr}`);
    return ending;
  }

  /** In a process of its own. */
  async keyrotaAlone(args: string[], env: Record<string, string> = {}) {
    const ending = await run(SCRIPT, args, { cwd: this.folder.path, env });
    if (STACK.test(ending.stdout + ending.stderr)) throw new Error(`a stack: ${ending.stderr}`);
    return ending;
  }

  async story(name: string): Promise<KeyStory> {
    const { code, stdout, stderr } = await this.keyrota(['explain', name, '--json']);
    if (code !== 0 || stderr !== '') throw new Error(`no story: ${code} ${stderr}`);
    return JSON.parse(stdout) as KeyStory;
  }

  /** Versions of the secret of an entry, as the account itself has them. */
  async versions(name: string): Promise<Version[]> {
    const { secretsManager } = (await (await fetch(`${this.#controlUrl}/state`)).json()) as State;
    return secretsManager.secrets.find((secret) => secret.name === name)?.versions ?? [];
  }

  async currentKeyId(name: string): Promise<string | undefined> {
    const current = (await this.versions(name)).find(({ alias }) => alias === 'current');
    return current?.customMetadata.keyrota.key_id;
  }

  onTerminal(args: string, env: Record<string, string> = {}): Command {
    return Command.onTerminal(`exec ${KEYROTA} ${args}`, {
      cwd: this.folder.path,
      env: { TERM: 'xterm-256color', ...env },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#shared[Symbol.dispose]();
    await this.command[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

let demo: SlowDemo;
beforeAll(async () => {
  demo = new SlowDemo();
  await demo.begin();
});
afterAll(() => demo[Symbol.asyncDispose]());

const isAsked = ({ stdout }: Command): true | undefined => (stdout.includes('Go on?') ? true : undefined);

describe('a question', () => {
  it.each([
    ['no', 'n', 'keyrota: The answer was no.'],
    ['Enter alone, which is no', '\r', 'keyrota: The answer was no.'],
    ['Ctrl-C', '\u0003', 'keyrota: interrupted'],
  ])('that is answered with %s leaves all as it was, with exit code 1', async (_, typed, words) => {
    const before = await demo.currentKeyId('cloud-logs-ingest');
    await using command = demo.onTerminal('rotate cloud-logs-ingest --force');
    await command.until(isAsked);
    expect(command.stdout).toContain(
      'A new key takes the place of the current one now, due or not: cloud-logs-ingest.',
    );
    command.type(typed);
    const { code, stdout } = await command.end();
    expect([code, stdout.includes(words), stdout.includes('Nothing was done.')]).toEqual([1, true, true]);
    expect(stdout).not.toMatch(STACK);
    expect(await demo.currentKeyId('cloud-logs-ingest')).toBe(before);
  });

  it('is asked at the terminal where a value is piped in', async () => {
    const before = await demo.currentKeyId('cloud-logs-ingest');
    await using command = Command.onTerminal(`echo a-made-up-value | ${KEYROTA} import cloud-logs-ingest`, {
      cwd: demo.folder.path,
      env: { TERM: 'xterm' },
    });
    await command.until(isAsked);
    expect(command.stdout).toContain(`takes the place of ${before}`);
    command.type('n');
    expect((await command.end()).code).toBe(1);
    expect(await demo.currentKeyId('cloud-logs-ingest')).toBe(before);
  });

  it('comes after the value that is typed in, and not shown', async () => {
    const before = await demo.currentKeyId('cloud-logs-ingest');
    await using command = demo.onTerminal('import cloud-logs-ingest');
    await command.until(({ stdout }) => (stdout.includes('it is not shown') ? true : undefined));
    command.type('a-value-that-nobody-may-see\r');
    await command.until(isAsked);
    command.type('n');
    const { code, stdout } = await command.end();
    expect([code, stdout.includes('a-value-that-nobody-may-see')]).toEqual([1, false]);
    expect(await demo.currentKeyId('cloud-logs-ingest')).toBe(before);
  });

  it.each([
    ['contain', ['contain', 'cloud-logs-ingest']],
    ['import', ['import', 'cloud-logs-ingest']],
    ['undo', ['undo', 'cloud-logs-ingest']],
  ])('of %s that nobody can answer is no, with exit code 2', async (_, args) => {
    const versionIds = async () => (await demo.versions('cloud-logs-ingest')).map(({ id }) => id);
    const before = await versionIds();
    const input = 'a-made-up-value\n';
    const ending = await run(SCRIPT, args, { cwd: demo.folder.path, input });
    expect([ending.code, ending.stdout]).toEqual([2, '']);
    expect(ending.stderr).toContain('keyrota: This asks first, and there is no terminal to ask at. Nothing was done.');
    expect(ending.stderr).toContain('cloud-logs-ingest');
    expect(await versionIds()).toEqual(before);
  });
});

describe('long work', () => {
  it('that is agreed to shows how far it is on a terminal', async () => {
    const before = await demo.currentKeyId('functional-id-ingest');
    await using command = demo.onTerminal('rotate functional-id-ingest --force');
    await command.until(isAsked);
    command.type('y');
    const { code, stdout } = await command.end();
    expect([code, stdout.includes('working on the keys: 0 of 1 keys done')]).toEqual([0, true]);
    expect(stdout).toContain('functional-id-ingest: created key');
    expect(stdout).toMatch(/│ functional-id-ingest │ mint/);
    expect(await demo.currentKeyId('functional-id-ingest')).not.toBe(before);
  });

  it('ends at Ctrl-C with exit code 1, and says how far it came', async () => {
    const before = await demo.currentKeyId('functional-id-login');
    await using command = demo.onTerminal('rotate functional-id-login --force --yes');
    await command.until(({ stdout }) => (stdout.includes('functional-id-login: created key') ? true : undefined));
    command.type('\u0003');
    const { code, stdout } = await command.end();
    expect([code, stdout.match(STACK)]).toEqual([1, null]);
    expect(stdout).toContain('keyrota: functional-id-login was not rotated: ');
    expect(await demo.currentKeyId('functional-id-login')).toBe(before);
  });

  it('comes to its end on a terminal that has no width', async () => {
    await using command = Command.onTerminal(`stty cols 0; ${KEYROTA} plan log-agents`, { cwd: demo.folder.path });
    const { code, stdout } = await command.end();
    expect([code, stdout]).toEqual([0, expect.stringContaining('log-agents')]);
  });

  it('counts the keys, and leaves standard output to what was asked for', async () => {
    await using command = demo.onTerminal('plan --json > plan.json');
    const { code, stdout } = await command.end();
    expect([code, stdout]).toEqual([0, expect.stringMatching(/looking at the keys: \d of 9 keys done/)]);
    const written = readFileSync(join(demo.folder.path, 'plan.json'), 'utf8');
    expect(written).not.toContain(ESCAPE);
    expect((JSON.parse(written) as Planned).keys).toHaveLength(9);
  });

  it('has plain lines elsewhere, without anything that steers a terminal', async () => {
    const { code, stdout, stderr } = await demo.keyrotaAlone(['plan'], { KEYROTA_LOG_LEVEL: 'debug', TERM: 'xterm' });
    expect([code, (stdout + stderr).includes(ESCAPE), stdout.includes('keys done')]).toEqual([0, false, false]);
    expect(stderr).toMatch(/^\{"level":"debug","event":"key_rested"/m);
    expect(stderr).not.toContain('keys done');
  });
});

describe('colours', () => {
  it('are for terminals, and for whoever asks for them', async () => {
    const plan = ['plan', 'cloud-logs-ingest'];
    const [piped, forced] = await Promise.all([demo.keyrotaAlone(plan), demo.keyrotaAlone(plan, { FORCE_COLOR: '1' })]);
    expect([COLOUR.test(piped.stdout), COLOUR.test(forced.stdout)]).toEqual([false, true]);
    await using shown = demo.onTerminal('plan cloud-logs-ingest');
    await using refused = demo.onTerminal('plan cloud-logs-ingest', { NO_COLOR: '1' });
    expect(COLOUR.test((await shown.end()).stdout)).toBe(true);
    expect(COLOUR.test((await refused.end()).stdout)).toBe(false);
  });
});

/** Examples that change nothing. */
const HARMLESS = GROUPS.flatMap(({ commands }) => commands)
  .filter(({ looks }) => looks)
  .flatMap(({ name, asks, examples }) => {
    const isLook = asks === null && name !== 'export' && name !== 'provision';
    return examples.filter(({ line }) => isLook || line.includes('--dry-run'));
  });

describe('the examples of help and docs/commands.md that change nothing', () => {
  it.each(HARMLESS.map(({ line }) => line))('work: %s', async (line) => {
    const { code, stdout } = await demo.keyrota(line.replace(/^npm run (-s )?keyrota -- /, '').split(' '));
    // A check ends with the worst that it has found.
    const isFound = line.includes('-- check') && [10, 11, 12, 13].includes(code ?? 0);
    expect([isFound || code === 0, stdout === '']).toEqual([true, false]);
  });
});

describe('a plan', () => {
  it('is carried out by its hash, once: then the world has moved', async () => {
    const name = 'logs-router-ingest';
    const planned = await demo.keyrota(['plan', name, '--force']);
    const hash = /^plan (\S+)$/m.exec(planned.stdout)?.[1] ?? '';
    expect((JSON.parse((await demo.keyrota(['plan', name, '--force', '--json'])).stdout) as Planned).plan).toBe(hash);
    const done = await demo.keyrota(['rotate', name, '--force', '--yes', '--plan', hash, '--json']);
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(JSON.parse(done.stdout)).toMatchObject({ plan: hash, keys: [{ name, steps: [{ step: 'mint' }] }] });
    const again = await demo.keyrota(['rotate', name, '--force', '--yes', '--plan', hash]);
    expect([again.code, again.stdout]).toEqual([1, '']);
    expect(again.stderr).toMatch(/^keyrota: The world is not as it was planned: logs-router-ingest \(now hold: /);
    expect(again.stderr).toContain('npm run keyrota -- plan logs-router-ingest --force');
  });
});

describe('contain', () => {
  it('puts the current key out of use and another one in its place, and explain tells it', async () => {
    const name = 'cloud-logs-ingest';
    const tried = await demo.keyrota(['contain', name, '--dry-run']);
    expect([tried.code, tried.stdout]).toEqual([0, expect.stringContaining('nothing was done to ApiKey-')]);
    const keyId = await demo.currentKeyId(name);
    const contained = await demo.keyrota(['contain', name, '--yes', '--json']);
    expect(contained.code).toBe(0);
    const told = JSON.parse(contained.stdout) as { replacedBy: string; incident: { incident: string } };
    expect(told).toMatchObject({ name, keyId, wasCurrent: true, incident: { outcome: 'contained', name } });
    const story = await demo.story(name);
    expect(story.keys.find(({ role }) => role === 'current')?.id).toBe(told.replacedBy);
    expect(story.incidents).toMatchObject([{ keyId, reports: [{ by: 'operator' }] }]);
    const { code, stdout } = await demo.keyrota(['explain', name]);
    expect([code, stdout.split('\n')[0]]).toEqual([0, expect.stringContaining(`works with key ${told.replacedBy}`)]);
    expect(stdout).toContain(`${told.incident.incident}: ${keyId}, reported`);
  });
});
