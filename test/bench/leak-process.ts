import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Runs a bundle as an instance does: loads it, and hands it what comes. Its clock is as much ahead as the embedded cloud's. */
const INSTANCE = `
  const [file, aheadMs] = process.argv.slice(2);
  const realNow = Date.now;
  Date.now = () => realNow() + Number(aheadMs);
  const { main } = require(file);
  process.on('message', (params) => main(params).then((answer) => process.send(answer)));`;

/** What an attentive person would write for one key, without looking left or right: the same calls in a row, and nothing else. */
const PLAIN_SCRIPT = `
  const http = require('node:http');
  const { KEYROTA_IAM_URL: iam, KEYROTA_API_KEY: apikey } = process.env;
  const agent = new http.Agent({ keepAlive: true });
  const call = (method, path, headers, body) => new Promise((resolve, reject) => {
    const request = http.request(iam + path, { method, headers, agent }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => { text += chunk; }).on('end', () => resolve(text));
    });
    request.on('error', reject).end(body);
  });
  exports.main = async ({ value }) => {
    const form = new URLSearchParams({ grant_type: 'urn:ibm:params:oauth:grant-type:apikey', apikey }).toString();
    const type = { 'content-type': 'application/x-www-form-urlencoded', accept: 'application/json' };
    const { access_token: token } = JSON.parse(await call('POST', '/identity/token', type, form));
    const authorization = 'Bearer ' + token;
    const { id } = JSON.parse(await call('GET', '/v1/apikeys/details', { authorization, 'iam-apikey': value }));
    await call('POST', '/v1/apikeys/' + id + '/disable', { authorization });
    return { statusCode: 202 };
  };`;

/** Writes the scripts into that folder. Returns their paths. */
export function leakScripts(folder: string): { instance: string; plainScript: string } {
  const written = (name: string, text: string) => {
    const path = join(folder, `${name}.cjs`);
    writeFileSync(path, text);
    return path;
  };
  return { instance: written('instance', INSTANCE), plainScript: written('plain-script', PLAIN_SCRIPT) };
}

/** A process of its own that answers one request after the other. */
export class InstanceProcess implements AsyncDisposable {
  readonly #child: ChildProcess;

  constructor(args: string[], env: Record<string, string>) {
    this.#child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  }

  /** @throws Error unless it answers 202. */
  async send(params: object): Promise<void> {
    this.#child.send(params);
    const ended = once(this.#child, 'exit').then(() => [{ statusCode: 0 }]);
    const [{ statusCode }] = (await Promise.race([once(this.#child, 'message'), ended])) as [{ statusCode: number }];
    if (statusCode !== 202) throw new Error(`the report was answered with ${statusCode}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill();
    await once(this.#child, 'exit');
  }
}
