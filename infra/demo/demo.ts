import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onStopRequest } from '../local/stop-request.ts';
import { CloudClock } from '../local/clock.ts';
import { EmbeddedCloud } from '../local/cloud.ts';
import { controlRoutes } from '../local/control.ts';
import { FunctionHost } from '../local/host/function-host.ts';
import { DEFAULT_PROJECT } from '../local/host/hosted-function.ts';
import { Timers } from '../local/host/timers.ts';
import { serve } from '../local/server.ts';
import { demoManifest, setUpAccount } from './account.ts';
import type { DemoAccount } from './account.ts';
import { IngestionAgent } from './agent.ts';
import { MANIFEST_FILE, demandNoDemo, leaveDemoFile } from './demo-file.ts';
import { jsonLineOf } from './json-line.ts';
import { importFirstLogin } from './first-login.ts';
import { Story } from './story.ts';
import { Tally } from './tally.ts';
import type { Summary } from './tally.ts';

export interface DemoOptions {
  /** Virtual days to run as fast as possible; null: at up to a day a second, until stopped. */
  days: number | null;
  /** JSON lines on standard output. */
  json: boolean;
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** One virtual day in a real second. */
const SPEED = DAY_MS / 1_000;
const ROTATOR = 'rotate-keys';
const AGENT = 'log-agent';
const BUNDLES = resolve('.keyrota/bundles');

const projectCrn = (accountId: string): string =>
  `crn:v1:bluemix:public:codeengine:${DEFAULT_PROJECT.region}:a/${accountId}:${DEFAULT_PROJECT.id}::`;

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs the demo. Returns the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  await demandNoDemo();
  build();
  const startMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
  const untilMs = options.days === null ? Infinity : startMs + options.days * DAY_MS;
  const clock = new CloudClock({ startMs, speed: 0 });
  const ended = endOf(clock, untilMs);
  const cloud = new EmbeddedCloud({ clock, seed: randomBytes(16).toString('hex'), switches: { logdnaOffered: true } });
  const story = new Story(startMs, print);
  const onLog = (_: string, line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stderr') process.stderr.write(`${line}\n`);
    else if (options.json) print(jsonLineOf(line));
    else story.tell(line);
  };

  const functions: { host?: FunctionHost } = {};
  const counted = {
    onArrival: (incoming: Parameters<FunctionHost['requestArrived']>[0]) => functions.host?.requestArrived(incoming),
    onDone: (incoming: Parameters<FunctionHost['requestDone']>[0]) => functions.host?.requestDone(incoming),
  };
  await using api = await serve({ handle: (request) => cloud.handle(request), port: 0, ...counted });
  const control = controlRoutes(cloud);
  await using controlServer = await serve({ handle: async (request) => control.fetch(request), port: 0 });
  const workloads = { projectCrn: projectCrn(cloud.account.id), rotator: ROTATOR, agent: AGENT };
  const account = await setUpAccount(cloud, api.url, workloads);
  const manifest = demoManifest(account);
  clock.speed = 1; // calls wait for their turns
  await importFirstLogin(account.firstLogin, manifest, ownerEnvironment(cloud, api.url), clock);
  clock.speed = 0;
  const triggerToken = randomBytes(24).toString('base64url');
  const environment = environmentOf(cloud, api.url, account, manifest, triggerToken);
  await using host = new FunctionHost({ clock, functions: [rotator(cloud, environment)], onLog });
  functions.host = host;
  await using functionServer = await serve({ handle: (request) => host.handle(request), port: 0, ...counted });

  const agents = startAgents(cloud, api.url, account, untilMs);
  const tally = new Tally(cloud, agents, account.keys);
  const deliveries = new Set<Promise<Response>>();
  const deliver = (request: Request) => {
    const delivery = host.handle(request);
    deliveries.add(delivery);
    return delivery.finally(() => deliveries.delete(delivery));
  };
  const schedule = { name: 'rotate-keys-timer', functionName: ROTATOR, schedule: '0 * * * *' };
  using timers = new Timers({ clock, timers: [schedule], deliver });

  const addresses = cloud.addresses(api.url, controlServer.url);
  const ready = { ...addresses, functionsUrl: functionServer.url, triggerToken, manifestFile: MANIFEST_FILE };
  using _file = await leaveDemoFile(ready, manifest);
  print(options.json ? JSON.stringify({ event: 'ready', ...ready }) : introduction(ready));

  clock.speed = options.days === null ? SPEED : Infinity;
  await ended;
  timers[Symbol.dispose]();
  for (const agent of agents) agent.stop();
  await Promise.allSettled(deliveries);
  const { days } = options;
  const isComplete = days !== null && clock.nowMs() >= untilMs;
  const summary = { ...tally.summary(), ...(isComplete && { days }) };
  clock.stop();
  print(options.json ? JSON.stringify(summary) : conclusion(summary));
  if (days === null) return 0;
  if (!isComplete) process.stderr.write(`demo: stopped after ${summary.days} of ${days} days\n`);
  return isComplete && summary.linesRefused === 0 && summary.orphanKeys === 0 ? 0 : 1;
}

/** The functions as they are deployed. */
function build(): void {
  const script = fileURLToPath(new URL('../../esbuild.config.mjs', import.meta.url));
  const { status, stderr } = spawnSync(process.execPath, [script, '--out', BUNDLES], { encoding: 'utf8' });
  if (status !== 0) throw new Error(`the functions could not be built:\n${stderr}`);
}

/** Where everything is. */
const addressesOf = (cloud: EmbeddedCloud, url: string): Record<string, string> => ({
  KEYROTA_ACCOUNT_ID: cloud.account.id,
  KEYROTA_IAM_URL: url,
  KEYROTA_RESOURCE_CONTROLLER_URL: url,
  KEYROTA_CLASSIC_URL: url,
  KEYROTA_SECRETS_MANAGER_URL: url,
});

/** The account's owner, who does what a person does. */
const ownerEnvironment = (cloud: EmbeddedCloud, url: string): Record<string, string> => ({
  ...addressesOf(cloud, url),
  KEYROTA_LOGIN: 'api-key',
  KEYROTA_API_KEY: cloud.iam.adminApiKey,
});

function environmentOf(
  cloud: EmbeddedCloud,
  url: string,
  account: DemoAccount,
  manifest: object,
  triggerToken: string,
): Record<string, string> {
  return {
    ...addressesOf(cloud, url),
    KEYROTA_MANIFEST: JSON.stringify(manifest),
    KEYROTA_LOGIN: 'trusted-profile',
    KEYROTA_PROFILE_ID: account.rotatorProfileId,
    KEYROTA_TRIGGER_TOKEN: triggerToken,
    KEYROTA_TIMER_MINUTES: '60',
  };
}

function rotator(cloud: EmbeddedCloud, environment: Record<string, string>) {
  const resource = { crn: projectCrn(cloud.account.id), componentType: 'function' as const, componentName: ROTATOR };
  const token = cloud.iam.issueComputeResourceToken(resource);
  return {
    name: ROTATOR,
    directory: join(BUNDLES, ROTATOR),
    environment,
    maxExecutionSeconds: 120,
    computeResourceToken: () => token,
    computeResourceTokenVariable: 'KEYROTA_COMPUTE_RESOURCE_TOKEN_FILE',
  };
}

/** A program for each key that others than Keyrota use. The first agent ships a line every virtual minute, the others every ten. */
function startAgents(cloud: EmbeddedCloud, url: string, account: DemoAccount, untilMs: number): IngestionAgent[] {
  const resource = { crn: projectCrn(cloud.account.id), componentType: 'function' as const, componentName: AGENT };
  const computeResourceToken = cloud.iam.issueComputeResourceToken(resource);
  const agents = account.keys
    .filter(({ isPrivate }) => !isPrivate)
    .map(
      ({ name, entry, shipping }, index) =>
        new IngestionAgent({
          cloud,
          url,
          secretName: name,
          secretType: entry['kind'] === 'service-credential' ? 'kv' : 'arbitrary',
          shipping,
          lineEveryMs: shipping === null ? 6 * HOUR_MS : (index === 0 ? 1 : 10) * 60_000,
          refreshEveryMs: 6 * HOUR_MS,
          profileId: account.agentProfileId,
          computeResourceToken,
          untilMs,
        }),
    );
  for (const agent of agents) agent.start();
  return agents;
}

/** Resolves at `untilMs`, or when somebody stops the demo. */
function endOf(clock: CloudClock, untilMs: number): Promise<void> {
  return new Promise((resolve) => {
    onStopRequest(resolve);
    if (untilMs !== Infinity) clock.at(untilMs, () => resolve());
  });
}

function introduction(ready: object): string {
  return `Keyrota on an embedded IBM Cloud: eight keys of all kinds, a program for each that others than Keyrota use, a timer every virtual hour.
Up to one virtual day passes in a second. Look at it from another terminal:
  npm run keyrota -- plan
  npm run keyrota -- rotate cloud-logs-ingest --force
Ctrl-C ends it.

ready ${JSON.stringify(ready)}
`;
}

function conclusion(summary: Summary): string {
  const rows = Object.entries(summary).map(([name, value]) => `  ${name.padEnd(14)}${String(value).padStart(10)}`);
  return `\n${rows.join('\n')}`;
}
