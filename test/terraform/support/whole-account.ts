import { setUpKeys } from '../../../infra/demo/demo-keys.ts';
import { importFirstLogin } from '../../../infra/demo/first-login.ts';
import { ownerEnvironment } from '../../../infra/demo/functions.ts';
import { readRunMark } from '../../../shared/rotation/run-mark.ts';
import { Laboratory } from '../../support/laboratory.ts';
import { INCIDENT, incident } from '../../support/webhook-requests.ts';
import { CLOUD, Deployed } from './deployed.ts';
import type { Answer } from './deployed.ts';
import { parseModule } from './module.ts';

const HOUR_MS = 3_600_000;

const TRIGGER_TOKEN = 'trigger-token-0123456789-0123456789';
const REPORT_TOKEN = 'report-token-0123456789-0123456789-';
const SECRETS = {
  KEYROTA_TRIGGER_TOKEN: TRIGGER_TOKEN,
  KEYROTA_REPORT_TOKEN: REPORT_TOKEN,
  KEYROTA_INCIDENT_SECRET: INCIDENT[0],
};

/** Lives that last for days, so that all of one is seen. */
const SHORT = {
  rotateEvery: '2d',
  grace: '2h',
  quarantine: '2h',
  unusedFor: '26h',
  consumersRefreshWithin: '1h',
  hold: { atMost: '1d' },
};

interface KeyAnswer {
  name: string;
  steps: { step: string }[];
  outcome: string;
  code: string | null;
}

/**
 * An account with a key of each kind, and Keyrota deployed to it by the module: its functions have what the module gives them, and
 * nothing else. Ledger, logins of users, and what consumers read are in groups of their own.
 */
export class WholeAccount implements Disposable {
  readonly lab: Laboratory;
  readonly deployed: Deployed;
  readonly names: readonly string[];

  private constructor(lab: Laboratory, deployed: Deployed, names: readonly string[]) {
    this.lab = lab;
    this.deployed = deployed;
    this.names = names;
  }

  static async open(options: NonNullable<Parameters<typeof Deployed.apply>[3]> = {}): Promise<WholeAccount> {
    const lab = await Laboratory.open({ logdnaOffered: true });
    const { cloud, admin, groupId, portClock } = lab;
    const privateGroupId = await admin.createSecretGroup('logins');
    const ledgerGroupId = await admin.createSecretGroup('ledger');
    const user = cloud.iam.addUser('log-shipper');
    // The demo's own grants go to identities that nobody uses: what counts here are the module's.
    const nobody = { rotatorIamId: await identity(lab, 'nobody'), responderIamId: await identity(lab, 'no-one') };
    const keys = await setUpKeys({ cloud, admin, url: CLOUD, ...nobody, groupId, privateGroupId }, user);
    const entries = keys.map(({ name, entry }) => ({ name, ...entry }));
    const manifest = { deployment: 'lab', ledger: { group: ledgerGroupId }, defaults: SHORT, keys: entries };
    const { inputs, ...rest } = options;
    const deployed = await Deployed.apply(lab, await parseModule('infra/terraform'), manifest, {
      inputs: { secrets: SECRETS, ...inputs },
      ...rest,
    });
    await lab.pass(10_000);
    await importFirstLogin(user.apiKey, manifest, ownerEnvironment(cloud, CLOUD), portClock);
    await lab.pass(HOUR_MS);
    return new WholeAccount(
      lab,
      deployed,
      keys.map(({ name }) => name),
    );
  }

  /** One tick of the timer. What it did and how each key stands, for all that do not rest. */
  async tick(): Promise<string[]> {
    const { body } = await this.deployed.call('rotate-keys', '/', { body: {} });
    const { keys } = body as { keys: KeyAnswer[] };
    return keys.map(({ name, steps, outcome, code }) =>
      [name, ...steps.map(({ step }) => step), outcome, code].join(' '),
    );
  }

  /** Some hours with a tick in each, in which consumers fetch what they need. All that ticks told. */
  async live(hours: number): Promise<string[]> {
    const told: string[] = [];
    for (let hour = 0; hour < hours; hour += 1) {
      told.push(...(await this.tick()));
      const stored = new Set(this.lab.state.secretsManager.secrets.map(({ name }) => name));
      for (const name of this.names.filter((one) => stored.has(one))) await this.lab.fetchStored(name);
      await this.lab.pass(HOUR_MS);
    }
    return told;
  }

  /** Whether a run of the timer noted itself on the ledger. */
  get hasNote(): boolean {
    const ledger = this.lab.state.secretsManager.secrets.find(({ name }) => name === 'keyrota-ledger-lab');
    return ledger !== undefined && readRunMark(ledger.customMetadata) !== null;
  }

  /** Somebody reports the current key of an entry; with `by` by its name at the issuer, or by its value. What became of it. */
  async report(name: string, by: 'id' | 'name' | 'value' = 'id'): Promise<string> {
    const { lab } = this;
    const atMs = lab.clock.nowMs();
    const id = lab.currentKeyId(name);
    const credential = {
      id: () => ({ id }),
      name: () => ({ name: lab.state.iam.apiKeys.find((key) => key.id === id)?.name }),
      value: () => ({ value: lab.state.iam.apiKeys.find((key) => key.name.includes(name) || key.id === id)?.value }),
    }[by]();
    const data = { credential, detected_at: new Date(atMs).toISOString() };
    const sent = incident(
      { type: 'key.compromised', timestamp: data.detected_at, data },
      { atMs, id: `msg_${name}_${by}` },
    );
    const { status, body } = await this.deployed.call('respond-to-compromise', '/incident', sent);
    await this.deployed.settled();
    const [found] = (body as { incidents?: { outcome: string; marked: object }[] }).incidents ?? [];
    return `${name} by ${by}: ${status} ${found?.outcome} ${JSON.stringify(found?.marked)}`;
  }

  /** What the daily check could not see. */
  async check(): Promise<string[]> {
    const headers = { authorization: `Bearer ${TRIGGER_TOKEN}` };
    const { status, body } = await this.deployed.call('check-expiry', '/', { headers, body: {} });
    const { unseen = [] } = body as { unseen?: { what: string; code: string }[] };
    return [`status ${status}`, ...unseen.map(({ what, code }) => `${code}: ${what.replaceAll(/\S*-\S*\d\S*/g, '*')}`)];
  }

  /** What the report shows, but for numbers and times. */
  async show(): Promise<string[]> {
    const fleet = await this.#read('/data.json');
    const { unseen = [] } = fleet.body as { unseen?: { what: string; code: string }[] };
    const told = [`status ${fleet.status}`, ...unseen.map(({ what, code }) => `${code}: ${what}`)];
    for (const name of this.names) {
      const { status, body } = await this.#read(`/keys/${name}.json`);
      const { rule = '', code = '' } = (body as { decision?: { rule?: string; code?: string } }).decision ?? {};
      told.push(`${name}: ${status} ${rule} ${code}`);
    }
    return told;
  }

  [Symbol.dispose](): void {
    this.deployed[Symbol.dispose]();
  }

  #read(path: string): Promise<Answer> {
    const headers = { authorization: `Bearer ${REPORT_TOKEN}` };
    return this.deployed.call('show-report', path, { method: 'GET', headers });
  }
}

const identity = async ({ admin }: Laboratory, name: string): Promise<string> =>
  (await admin.createServiceId(name, 'Has rights that nobody uses.')).iamId;
