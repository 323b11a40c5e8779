import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Admin } from '../../infra/demo/admin.ts';
import { Command, run } from './support/command.ts';
import { DemoFolder, readyOf } from './support/demo.ts';
import type { Ready } from './support/demo.ts';

const SCRIPT = 'infra/operator/main.ts';
const ENTRIES = ['cloud-logs-ingest', 'logs-router-ingest', 'functional-id-ingest'] as const;
type Entry = (typeof ENTRIES)[number];

interface Version {
  id: string;
  alias?: string;
  payload?: string;
  customMetadata: { keyrota?: { key_id: string } };
}

/** What the demo's control port tells, as far as it is looked at here. */
interface State {
  iam: { apiKeys: { id: string; name: string; value?: string; disabled: boolean }[] };
  secretsManager: { secrets: { id: string; name: string; groupId: string; versions: Version[] }[] };
  github: { alerts: { number: number; state: string; resolution: string | null }[] };
  notices: { webhooks: { body: { type: string; data: { name: string; incident: string | null } } }[] };
}

interface Agent {
  secretName: string;
  keyId: string | null;
  works: boolean;
  linesSent: number;
}

interface Answer {
  incidents: { incident: string; keyId: string; outcome: string; containedAt: string }[];
}

/** A demo at a pace at which all that is tried here takes little of its time. */
class LeakDemo implements AsyncDisposable {
  readonly folder = new DemoFolder();
  readonly command: Command = this.folder.start('--json');
  #ready: Ready | undefined;

  get ready(): Ready {
    if (!this.#ready) throw new Error('It has not begun.');
    return this.#ready;
  }

  async begin(): Promise<void> {
    this.#ready = await readyOf(this.command);
    for (const name of ENTRIES) await this.#lineWith('key_minted', name);
    await this.setSpeed(3_600);
  }

  keyrota(...args: string[]) {
    return run(SCRIPT, args, { cwd: this.folder.path });
  }

  /** Resolves with the first line of that event and key. */
  #lineWith(event: string, key: string): Promise<string> {
    const isMeant = (line: string) => line.includes(`"event":"${event}"`) && line.includes(`"key":"${key}"`);
    return this.command.until(({ lines }) => lines.find(isMeant));
  }

  lineWith(event: string, key: Entry): Promise<Record<string, unknown>> {
    return this.#lineWith(event, key).then((line) => JSON.parse(line) as Record<string, unknown>);
  }

  async control(path: string, body?: object): Promise<unknown> {
    const { controlUrl } = this.ready;
    const response = await fetch(controlUrl + path, body && { method: 'POST', body: JSON.stringify(body) });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return await response.json();
  }

  setSpeed(speed: number): Promise<unknown> {
    return this.control('/clock', { speed });
  }

  async state(): Promise<State> {
    return (await this.control('/state?values=true')) as State;
  }

  async keyIdOf(name: Entry): Promise<string> {
    const { secretsManager } = await this.state();
    const versions = secretsManager.secrets.find((secret) => secret.name === name)?.versions ?? [];
    return versions.at(-1)?.customMetadata.keyrota?.key_id ?? '';
  }

  /** Resolves with the agent once it ships with another key. */
  async agentWithout(name: Entry, keyId: string): Promise<Agent> {
    return this.whenever(async () => {
      const agents = (await this.control('/agents')) as Agent[];
      return agents.find((one) => one.secretName === name && one.keyId !== null && one.keyId !== keyId && one.works);
    });
  }

  /** Asks until there is an answer: the demo's time goes on by itself. */
  async whenever<T>(look: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const found = await look();
      if (found !== undefined) return found;
    }
  }

  /** Sends a report, signed with that secret at the demo's time. */
  async report(id: string, credential: object, secret = this.ready.incidentSecret) {
    const { nowMs } = (await this.control('/clock')) as { nowMs: number };
    const data = { credential, detected_at: new Date(nowMs).toISOString() };
    const body = JSON.stringify({ type: 'key.compromised', data });
    const timestamp = String(Math.floor(nowMs / 1_000));
    const key = Buffer.from(secret.replace('whsec_', ''), 'base64');
    const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
    const headers = {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': timestamp,
      'webhook-signature': `v1,${signature}`,
    };
    const url = `${this.ready.functionsUrl}/respond-to-compromise/incident`;
    const response = await fetch(url, { method: 'POST', headers, body });
    return { status: response.status, body: (await response.json()) as Answer };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.command[Symbol.asyncDispose]();
    this.folder[Symbol.dispose]();
  }
}

/** A function in the place of ours. */
async function startStub(answer: (outgoing: ServerResponse) => unknown) {
  const { promise: asked, resolve: ask } = Promise.withResolvers<void>();
  const server = createServer((_, outgoing) => {
    ask();
    answer(outgoing);
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    /** Resolves once somebody has asked it. */
    asked,
    [Symbol.dispose]: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

describe('a key that leaks while the demo runs', () => {
  let demo: LeakDemo;
  beforeAll(async () => {
    demo = new LeakDemo();
    await demo.begin();
  });
  afterAll(() => demo[Symbol.asyncDispose]());

  it('is left alone when the report is signed by somebody else', async () => {
    const keyId = await demo.keyIdOf('cloud-logs-ingest');
    const { status } = await demo.report('report_forged', { id: keyId }, `whsec_${'A'.repeat(43)}=`);
    const { iam } = await demo.state();
    expect([status, iam.apiKeys.find(({ id }) => id === keyId)?.disabled]).toEqual([401, false]);
  });

  it('is disabled at once, its agent works with another one at its next fetch, and people are told', async () => {
    const keyId = await demo.keyIdOf('cloud-logs-ingest');
    await demo.setSpeed(10);
    const first = await demo.report('report_1', { id: keyId });
    const { iam } = await demo.state();
    expect(first).toMatchObject({ status: 202, body: { incidents: [{ keyId, outcome: 'contained' }] } });
    expect(iam.apiKeys.find(({ id }) => id === keyId)?.disabled).toBe(true);
    const again = await demo.report('report_1', { id: keyId });
    const told = ({ body }: typeof first) => body.incidents.map(({ incident, outcome }) => ({ incident, outcome }));
    expect([again.status, told(again)]).toEqual([202, told(first)]);
    await demo.setSpeed(3_600);
    const agent = await demo.agentWithout('cloud-logs-ingest', keyId);
    expect(agent.keyId).toBe(await demo.keyIdOf('cloud-logs-ingest'));
    const types = await demo.whenever(async () => {
      const { notices } = await demo.state();
      const ours = notices.webhooks.filter(({ body }) => body.data.name === 'cloud-logs-ingest');
      const of = ours.map(({ body }) => body.type);
      return of.includes('key.replaced') ? of : undefined;
    });
    expect(types.filter((type) => type !== 'key.rotated')).toEqual(['key.contained', 'key.replaced']);
  });

  it('is reported by an operator, who sees the figures, and exports what is known', async () => {
    const keyId = await demo.keyIdOf('logs-router-ingest');
    const { code, stdout, stderr } = await demo.keyrota(
      'report-leak',
      'logs-router-ingest',
      '--by',
      'secret-crn',
      '--yes',
      '--json',
    );
    expect([code, stderr]).toEqual([0, '']);
    const told = JSON.parse(stdout) as Record<string, unknown> & { answer: Answer };
    const replacedBy = await demo.keyIdOf('logs-router-ingest');
    expect(told).toMatchObject({ keyId, answer: { status: 202 }, replacedBy, agentWorks: true });
    for (const field of ['disabledAfterMs', 'replacedAfterMs']) expect(told[field]).toBeLessThan(60_000);
    const counts = { untilDisabled: expect.any(Number) as number, untilReplaced: expect.any(Number) as number };
    expect(told['calls']).toEqual(counts);
    const [{ incident } = { incident: '' }] = told.answer.incidents;
    const exported = await demo.keyrota('export', incident);
    expect([exported.code, exported.stderr]).toEqual([0, '']);
    const file = JSON.parse(readFileSync(join(demo.folder.path, `${incident}.json`), 'utf8')) as object;
    expect(file).toMatchObject({ incident, key_id: keyId, replaced_by: replacedBy });
  });

  it('closes the alert of GitHub where it was pushed', async () => {
    const keyId = await demo.keyIdOf('cloud-logs-ingest');
    const { iam } = await demo.state();
    const secret = iam.apiKeys.find(({ id }) => id === keyId)?.value ?? '';
    const leak = { repository: 'acme/agent', secretType: 'ibm_cloud_iam_key', secret };
    const { number } = (await demo.control('/github/leaks', leak)) as { number: number };
    const alert = await demo.whenever(async () => {
      const { github } = await demo.state();
      return github.alerts.find((one) => one.number === number && one.state === 'resolved');
    });
    expect(alert.resolution).toBe('revoked');
    await demo.agentWithout('cloud-logs-ingest', keyId);
  });

  it('tells why a function refuses the report of an operator, and waits no longer than until Ctrl-C', async () => {
    const keyId = await demo.keyIdOf('functional-id-ingest');
    const refusal = { code: 'too_many_keys', message: 'This sender may report 20 keys an hour.' };
    using refusing = await startStub((outgoing) => outgoing.writeHead(429).end(JSON.stringify(refusal)));
    const refused = await demo.keyrota('report-leak', 'functional-id-ingest', '--yes', '--url', refusing.url);
    expect([refused.code, refused.stderr]).toEqual([1, '']);
    expect(refused.stdout).toContain(`429 too_many_keys: ${refusal.message}`);
    expect(await demo.keyIdOf('functional-id-ingest')).toBe(keyId);
    using silent = await startStub(() => undefined);
    const args = ['report-leak', 'functional-id-ingest', '--yes', '--url', silent.url];
    await using command = Command.script(SCRIPT, args, { cwd: demo.folder.path });
    await silent.asked;
    const { code, signal, stdout, stderr } = await command.stop('SIGINT');
    expect([code, signal, stdout, stderr]).toEqual([1, null, '', 'keyrota: interrupted\n']);
  });

  it('tells of a version that somebody else stored, and of a secret that was deleted', async () => {
    const { url, accountId, adminApiKey } = demo.ready;
    const admin = new Admin(fetch, url, accountId, adminApiKey);
    const { secretsManager } = await demo.state();
    const secretOf = (name: Entry) => secretsManager.secrets.find((one) => one.name === name)?.id ?? '';
    await admin.request('POST', `/api/v2/secrets/${secretOf('logs-router-ingest')}/versions`, {
      payload: 'of-a-person',
    });
    const deleted = `/api/v2/secrets/${secretOf('functional-id-ingest')}`;
    await admin.request('DELETE', `${deleted}/locks_bulk`);
    await admin.request('DELETE', deleted);
    const told = await Promise.all([
      demo.lineWith('version_made_by_somebody_else', 'logs-router-ingest'),
      demo.lineWith('secret_deleted', 'functional-id-ingest'),
    ]);
    expect(told.map(({ level }) => level)).toEqual(['warn', 'warn']);
  });
});

describe('npm run keyrota -- report-leak', () => {
  const refused = async (args: string[], env: Record<string, string> = {}) => {
    using folder = new DemoFolder();
    return run(SCRIPT, ['report-leak', ...args], { cwd: folder.path, env });
  };

  it.each([
    [['cloud-logs-ingest', '--by', 'guess'], 'Allowed choices are id, secret-crn, value-hash'],
    [[], 'missing required argument'],
  ])('refuses the arguments %j with exit code 2', async (args, why) => {
    const { code, stdout, stderr } = await refused(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain(why);
  });

  it('says what is missing where it is to report to a deployed function', async () => {
    const settings = {
      KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
      KEYROTA_SECRETS_MANAGER_URL: 'http://127.0.0.1:1',
      KEYROTA_LOGIN: 'api-key',
      KEYROTA_API_KEY: 'a-key-that-is-made-up',
      KEYROTA_MANIFEST: JSON.stringify({
        deployment: 'prod',
        keys: [{ name: 'ingest', kind: 'service-id-api-key', serviceId: 'ServiceId-1' }],
      }),
    };
    const [none, unsafe, unsigned] = await Promise.all([
      refused(['ingest'], settings),
      refused(['ingest', '--url', 'http://example.com'], settings),
      refused(['ingest', '--url', 'https://example.com'], settings),
    ]);
    expect([none.code, unsafe.code, unsigned.code]).toEqual([2, 2, 2]);
    expect(none.stderr).toContain('--url URL');
    expect(unsafe.stderr).toContain('--url: must be an https address');
    expect(unsigned.stderr).toContain('KEYROTA_INCIDENT_SECRET is missing');
  });

  it('says how to begin where neither a demo runs nor settings are there', async () => {
    const { code, stdout, stderr } = await refused(['cloud-logs-ingest']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toContain('npm start');
  });
});
