import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'vitest';
import { FUNCTIONS } from '../../../infra/demo/functions.ts';
import { Command } from './command.ts';

/** What the embedded cloud says of itself. */
export interface CloudFields {
  url: string;
  controlUrl: string;
  accountId: string;
  adminIamId: string;
  adminApiKey: string;
  resourceGroupId: string;
  secretsManagerUrl: string;
  logsUrl: string;
  classicUrl: string;
  githubUrl: string;
  githubToken: string;
  eventNotificationsUrl: string;
  eventNotificationsId: string;
  eventNotificationsSourceId: string;
  noticesUrl: string;
  noticesSecret: string;
  slackUrl: string;
}

/** What the demo says once it runs. */
export interface Ready extends CloudFields {
  functionsUrl: string;
  triggerToken: string;
  incidentSecret: string;
  keyrotaIamIds: string[];
  profileIds: Record<string, string>;
  reportUrl: string;
  reportToken: string;
  manifestFile: string;
}

const like = (pattern: RegExp) => expect.stringMatching(pattern) as string;
const ADDRESS = like(/^http:\/\/127\.0\.0\.1:\d+$/);
const PROFILE = like(/^iam-Profile-/);

/** How those fields look. */
export const CLOUD_FIELDS: CloudFields = {
  url: ADDRESS,
  controlUrl: ADDRESS,
  accountId: like(/^[0-9a-f]{32}$/),
  adminIamId: like(/^IBMid-/),
  adminApiKey: like(/^[\w-]{44}$/),
  resourceGroupId: like(/^[0-9a-f]{32}$/),
  secretsManagerUrl: ADDRESS,
  logsUrl: ADDRESS,
  classicUrl: ADDRESS,
  githubUrl: ADDRESS,
  githubToken: like(/^ghp_[0-9a-f]{36}$/),
  eventNotificationsUrl: ADDRESS,
  eventNotificationsId: like(/^[0-9a-f-]{36}$/),
  eventNotificationsSourceId: like(/^[0-9a-f-]{36}:api$/),
  noticesUrl: like(/^http:\/\/127\.0\.0\.1:\d+\/notices\/standard-webhooks$/),
  noticesSecret: like(/^whsec_[\w+/]{43}=$/),
  slackUrl: like(/^http:\/\/127\.0\.0\.1:\d+\/notices\/slack\/[0-9a-f]{24}$/),
};
export const READY_FIELDS: Ready = {
  ...CLOUD_FIELDS,
  functionsUrl: ADDRESS,
  triggerToken: like(/^[\w-]{32,}$/),
  incidentSecret: like(/^whsec_[\w+/]{43}=$/),
  keyrotaIamIds: Object.values(FUNCTIONS).map(() => PROFILE),
  profileIds: Object.fromEntries(Object.values(FUNCTIONS).map((name) => [name, like(/^Profile-/)])),
  reportUrl: like(/^http:\/\/127\.0\.0\.1:\d+\/show-report\/$/),
  reportToken: like(/^[\w-]{32}$/),
  manifestFile: like(/\.json$/),
};

/** A folder of its own to run the demo and the operator's commands in, so that it meets no demo of the repository. */
export class DemoFolder implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'keyrota-demo-'));
  readonly demoFile = join(this.path, '.keyrota', 'demo.json');

  /** Starts `npm start`'s command. */
  start(...args: string[]): Command {
    return Command.script('infra/demo/main.ts', args, { cwd: this.path });
  }

  get hasDemoFile(): boolean {
    return existsSync(this.demoFile);
  }

  readDemoFile(): unknown {
    return JSON.parse(readFileSync(this.demoFile, 'utf8'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** What the ready line of `--json` says. */
export async function readyOf(command: Command): Promise<Ready & { event: string }> {
  return JSON.parse(await command.firstLine()) as Ready & { event: string };
}
