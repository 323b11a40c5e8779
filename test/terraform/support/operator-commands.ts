import { vi } from 'vitest';
import { createProgram } from '../../../infra/operator/program.ts';
import { ownerEnvironment } from '../../../infra/demo/functions.ts';
import { importKey } from '../../../shared/rotation/import.ts';
import { withPorts } from '../../../shared/rotation/run.ts';
import { readManifest } from '../../../shared/keys/read-manifest.ts';
import { createLog } from '../../../shared/runtime/log.ts';
import { SecretValue } from '../../../shared/runtime/secret-value.ts';
import { readSettings } from '../../../shared/runtime/settings.ts';
import { CLOUD } from './deployed.ts';
import type { WholeAccount } from './whole-account.ts';

/** A person at a command line, with a login of their own. */
export class OperatorAtWork {
  readonly #account: WholeAccount;
  readonly #environment: Record<string, string>;

  /** @param apiKey What the person logs in with. */
  constructor(account: WholeAccount, apiKey: string) {
    this.#account = account;
    const { KEYROTA_MANIFEST = '' } = account.deployed.environmentOf('rotate-keys');
    this.#environment = {
      ...ownerEnvironment(account.lab.cloud, CLOUD),
      KEYROTA_API_KEY: apiKey,
      KEYROTA_TIMER_MINUTES: '60',
      KEYROTA_LOG_LEVEL: 'error',
      KEYROTA_MANIFEST,
    };
  }

  /** From now on the person's manifest has this entry too, with the secret group of the first one. */
  takeIn(entry: object): void {
    const manifest = JSON.parse(this.#environment['KEYROTA_MANIFEST'] ?? '') as { keys: { secret: object }[] };
    const keys = [...manifest.keys, { ...entry, secret: manifest.keys[0]?.secret }];
    this.#environment['KEYROTA_MANIFEST'] = JSON.stringify({ ...manifest, keys });
  }

  /** Carries a command out, and gives its exit code. @throws What the command fails with. */
  async run(...words: readonly string[]): Promise<number> {
    vi.unstubAllEnvs();
    for (const [name, value] of Object.entries(this.#environment)) vi.stubEnv(name, value);
    using _stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    let exitCode = -1;
    const program = createProgram(async (work) => {
      exitCode = await work();
    });
    await program.parseAsync([...words], { from: 'user' });
    return exitCode;
  }

  /** `import NAME`, which reads its value from standard input. */
  async import(name: string, value: string): Promise<void> {
    const settings = readSettings(this.#environment);
    const manifest = readManifest(settings);
    const key = manifest.keys.find((one) => one.name === name);
    if (!key) throw new Error(`there is no entry ${name}`);
    const clock = this.#account.lab.portClock;
    const log = createLog({ clock, write: () => undefined });
    await withPorts({ settings, manifest, clock, log }, async (ports) => {
      await ports.login();
      await importKey(key, new SecretValue(value), ports);
    });
  }
}
