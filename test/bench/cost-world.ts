import { createRequire } from 'node:module';
import { check } from '../../functions/check-expiry/check.ts';
import { rotate } from '../../functions/rotate-keys/rotate.ts';
import { ROLE } from '../../infra/demo/admin.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { inProcess } from '../support/in-process.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { openFleet } from './fleet-world.ts';
import type { Work } from './month.ts';

/** The SDK's own copy of axios, under which the embedded cloud takes the place of the network. */
const axios = createRequire(createRequire(import.meta.url).resolve('ibm-cloud-sdk-core'))('axios') as {
  defaults: { adapter: unknown };
};

const RUN_ID = '00000000-0000-4000-8000-000000000000';

/** What timers call, on virtual time on which each call of IBM Cloud takes as long. All that runs is counted. */
export class CostWorld implements Disposable {
  readonly lab: Laboratory;
  readonly #names: readonly string[];
  readonly #environment: Record<string, string>;
  readonly #adapter = axios.defaults.adapter;
  #logBytes = 0;

  private constructor(lab: Laboratory, written: object, names: readonly string[], callMs: number) {
    this.lab = lab;
    this.#names = names;
    this.#environment = { KEYROTA_MANIFEST: JSON.stringify(written) };
    const send = inProcess(lab.cloud);
    axios.defaults.adapter = async (config: unknown) => {
      await lab.clock.sleep(callMs);
      return send(config);
    };
  }

  static async open(entryCount: number, callMs: number): Promise<CostWorld> {
    const names = Array.from({ length: entryCount }, (_, place) => `key-${place}`);
    const { lab, written } = await openFleet({ deployment: 'lab', names, keysPerIdentity: 5 });
    // What the check may see, and waits for.
    for (const role of [ROLE.viewer, ROLE.configurationReader])
      await lab.admin.grant(lab.keyrota.iamId, role, 'iam-identity');
    const ledger = { group: lab.groupId };
    return new CostWorld(lab, { ...written, ledger }, names, callMs);
  }

  /** One tick of the timer, and what it took. */
  tick(timerMinutes: number): Promise<Work> {
    return this.#counted(timerMinutes, (context) =>
      rotate({ dryRun: false, force: false, incidents: [] }, RUN_ID, context),
    );
  }

  /** One daily check, and what it took. */
  check(): Promise<Work> {
    return this.#counted(1, (context) => check({ dryRun: false }, { ...context, runId: RUN_ID, isToldAll: false }));
  }

  /** Every consumer fetches its secret. */
  async consumersFetch(): Promise<void> {
    for (const name of this.#names) await this.lab.fetchValue(name);
  }

  [Symbol.dispose](): void {
    axios.defaults.adapter = this.#adapter;
  }

  async #counted(
    timerMinutes: number,
    run: (context: Parameters<typeof rotate>[2]) => Promise<unknown>,
  ): Promise<Work> {
    const { lab } = this;
    const clock = lab.portClock;
    const environment = {
      ...this.#environment,
      KEYROTA_TIMER_MINUTES: String(timerMinutes),
      KEYROTA_LOG_LEVEL: 'info',
    };
    const { settings } = lab.context(lab.manifest(), environment);
    const write = (line: string) => {
      this.#logBytes += Buffer.byteLength(line) + 1;
    };
    const log = createLog({ clock, write, level: settings.logLevel }, { run: RUN_ID, delivery: RUN_ID });
    const before = { calls: lab.cloud.calls.total, atMs: clock.nowMs(), logBytes: this.#logBytes };
    await run({ settings, clock, log });
    return {
      calls: lab.cloud.calls.total - before.calls,
      seconds: (clock.nowMs() - before.atMs) / 1_000,
      logBytes: this.#logBytes - before.logBytes,
    };
  }
}
