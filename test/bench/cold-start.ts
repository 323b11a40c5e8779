import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { INCIDENT, bytesOf, incident, paramsOf, withHeaders } from '../support/webhook-requests.ts';
import { Bundles } from './bundles.ts';
import type { Bench } from './figure.ts';
import { figure } from './figure.ts';

const RUNS = 25;

/** Ends when `main` has refused a request, with this status. */
const UNTIL_REFUSED = `
  const [file, params, status] = process.argv.slice(2);
  require(file).main(JSON.parse(params)).then(({ statusCode }) => process.exit(statusCode === Number(status) ? 0 : 1));`;

/** Ends when the first answer has come, which is that to the login. */
const UNTIL_ANSWERED = `
  require('node:diagnostics_channel').subscribe('http.client.response.finish', ({ response }) =>
    process.exit(response.statusCode === 200 ? 0 : 1));
  const [file, params] = process.argv.slice(2);
  require(file).main(JSON.parse(params)).then(() => process.exit(1));`;

/** What a function is sent: something that it refuses, with this status, and something that has it log in. */
interface Requests {
  name: string;
  refused: object;
  status: number;
  answered: object;
}

const jsonBody = (body: unknown): object => ({ __ce_body: bytesOf(body).toString('base64') });

/** Signed when the bench begins: a signature holds for five minutes. */
const requestsOf = (): Requests[] => {
  const report = incident({ type: 'key.compromised', data: { credential: { id: 'ApiKey-1' } } });
  const unsigned = withHeaders(report, { 'Webhook-Signature': null });
  return [
    { name: 'rotate-keys', refused: jsonBody([]), status: 400, answered: jsonBody({}) },
    { name: 'respond-to-compromise', refused: paramsOf(unsigned), status: 401, answered: paramsOf(report) },
  ];
};

/** How long the first request of an instance takes, from the start of its process on. */
export const coldStartBench: Bench = {
  name: 'cold-start',
  what: `from the start of the process, medians of ${RUNS} interleaved runs, against Node without any code (aim: 2.5 times)`,
  async *measure() {
    using bundles = new Bundles();
    await using iam = await LoginServer.open();
    const bare = new Case('node without any code', [scriptIn(bundles, 'empty', '')]);
    const refused = scriptIn(bundles, 'until-refused', UNTIL_REFUSED);
    const answered = scriptIn(bundles, 'until-answered', UNTIL_ANSWERED);
    const casesOf = ({ name, refused: bad, status, answered: good }: Requests, libraries: 'lean' | 'whole') => {
      const folder = bundles.pathOf(name, libraries);
      const named = libraries === 'lean' ? name : `${name} with whole libraries`;
      return [
        new Case(`${named} until it refuses a bad request`, [refused, folder, JSON.stringify(bad), String(status)]),
        new Case(`${named} until the first answer of IAM`, [answered, folder, JSON.stringify(good)]),
      ];
    };
    const requests = requestsOf();
    const cases = (['lean', 'whole'] as const).flatMap((libraries) =>
      requests.flatMap((one) => casesOf(one, libraries)),
    );
    // The first round fills the caches of the machine and does not count.
    for (let round = 0; round <= RUNS; round += 1) {
      for (const one of [bare, ...cases]) await one.run(environmentAt(iam.url), round > 0);
    }
    yield figure(bare.name, bare.medianMs, 'ms');
    for (const one of cases) yield figure(one.name, one.medianMs, 'ms', bare.medianMs);
  },
};

function scriptIn({ folder }: Bundles, name: string, text: string): string {
  const path = join(folder, `${name}.cjs`);
  writeFileSync(path, text);
  return path;
}

/** One process that is run again and again. */
class Case {
  readonly name: string;
  readonly #args: string[];
  readonly #tookMs: number[] = [];

  constructor(name: string, args: string[]) {
    this.name = name;
    this.#args = args;
  }

  get medianMs(): number {
    return this.#tookMs.toSorted((one, other) => one - other)[Math.floor(this.#tookMs.length / 2)] ?? Number.NaN;
  }

  /** Rejects when it does not end as it should: then there is nothing to measure. */
  async run(env: Record<string, string>, counts: boolean): Promise<void> {
    const startMs = performance.now();
    const child = spawn(process.execPath, this.#args, { env, stdio: 'ignore' });
    const code = await new Promise((resolve, reject) => {
      child.once('exit', resolve).once('error', reject);
    });
    if (code !== 0) throw new Error(`${this.name}: ended with ${String(code)}`);
    if (counts) this.#tookMs.push(performance.now() - startMs);
  }
}

/** Answers every call as IAM answers a login. */
class LoginServer implements AsyncDisposable {
  readonly #server = createServer((_, answer) => {
    answer.setHeader('content-type', 'application/json');
    answer.end(JSON.stringify({ access_token: 'a-token', token_type: 'Bearer', expires_in: 3600 }));
  });

  static async open(): Promise<LoginServer> {
    const opened = new LoginServer();
    await new Promise<void>((resolve) => void opened.#server.listen(0, '127.0.0.1', resolve));
    return opened;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

/** All that the functions need until they log in. */
function environmentAt(url: string): Record<string, string> {
  const entry = { name: 'ingest', kind: 'service-id-api-key', serviceId: 'ServiceId-1' };
  return {
    KEYROTA_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
    KEYROTA_IAM_URL: url,
    KEYROTA_SECRETS_MANAGER_URL: url,
    KEYROTA_LOGIN: 'api-key',
    KEYROTA_API_KEY: 'a-key-that-nobody-knows',
    KEYROTA_INCIDENT_SECRET: INCIDENT[0],
    KEYROTA_MANIFEST: JSON.stringify({ deployment: 'bench', keys: [entry] }),
  };
}
