import { randomBytes } from 'node:crypto';
import { onStopRequest } from '../local/stop-request.ts';
import { CloudClock } from '../local/clock.ts';
import { EmbeddedCloud } from '../local/cloud.ts';
import { controlRoutes } from '../local/control.ts';
import { FunctionHost } from '../local/host/function-host.ts';
import { Timers } from '../local/host/timers.ts';
import { serve } from '../local/server.ts';
import { demoManifest, setUpAccount } from './account.ts';
import type { DemoAccount } from './account.ts';
import { AGENT, answerAboutAgents, startAgents } from './agents.ts';
import type { IngestionAgent } from './agent.ts';
import { Doorway } from './doorway.ts';
import { MANIFEST_FILE, demandNoDemo, leaveDemoFile } from './demo-file.ts';
import {
  FUNCTIONS,
  buildFunctions,
  hostedFunctions,
  makeSecrets,
  ownerEnvironment,
  projectCrn,
  subscribe,
} from './functions.ts';
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

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** Runs the demo. Returns the exit code. */
export async function runDemo(options: DemoOptions): Promise<number> {
  await demandNoDemo();
  buildFunctions();
  const startMs = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS;
  const untilMs = options.days === null ? Infinity : startMs + options.days * DAY_MS;
  const clock = new CloudClock({ startMs, speed: 0 });
  const ended = endOf(clock, untilMs);
  const cloud = new EmbeddedCloud({ clock, seed: randomBytes(16).toString('hex'), switches: { logdnaOffered: true } });
  const story = new Story(startMs, print);
  const parts: { tally?: Tally; agents: IngestionAgent[] } = { agents: [] };
  const onLog = (_: string, line: string, stream: 'stdout' | 'stderr') => {
    if (stream === 'stderr') {
      process.stderr.write(`${line}\n`);
      return;
    }
    parts.tally?.note(line);
    if (options.json) print(jsonLineOf(line));
    else story.tell(line, cloud.notices.webhooks);
  };
  const doorway = new Doorway();
  const { counted, deliver } = doorway;
  await using api = await serve({ handle: (request) => cloud.handle(request), port: 0, ...counted });
  await using functionServer = await serve({ handle: deliver, port: 0, ...counted });
  const control = controlRoutes(cloud);
  const handleControl = async (request: Request) =>
    answerAboutAgents(request, parts.agents) ?? (await control.fetch(request));
  await using controlServer = await serve({ handle: handleControl, port: 0 });
  const account = await setUpAccount(cloud, api.url, { projectCrn: projectCrn(cloud.account.id), agent: AGENT });
  const manifest = demoManifest(account);
  clock.speed = 1; // calls wait for their turns
  await importFirstLogin(account.firstLogin, manifest, ownerEnvironment(cloud, api.url), clock);
  clock.speed = 0;
  const secrets = makeSecrets();
  const functionsUrl = functionServer.url;
  const hosted = hostedFunctions({ cloud, url: api.url, functionsUrl, account, manifest, secrets });
  await using host = new FunctionHost({ clock, functions: hosted, onLog });
  doorway.host = host;
  cloud.deliver = deliver;

  const agents = startAgents(cloud, api.url, account, untilMs);
  parts.agents = agents;
  const tally = new Tally(cloud, agents, account.keys);
  parts.tally = tally;
  const schedules = [
    { name: 'rotate-keys-timer', functionName: FUNCTIONS.rotate, schedule: '0 * * * *' },
    { name: 'check-expiry-timer', functionName: FUNCTIONS.check, schedule: '30 4 * * *' },
  ];
  using timers = new Timers({ clock, timers: schedules, deliver });

  const addresses = cloud.addresses(api.url, controlServer.url);
  const { triggerToken, incident: incidentSecret } = secrets;
  const report = { reportUrl: `${functionsUrl}/${FUNCTIONS.report}/`, reportToken: secrets.report };
  const proofs = { triggerToken, incidentSecret, ...idsOf(account), ...report };
  const ready = { ...addresses, functionsUrl, ...proofs, manifestFile: MANIFEST_FILE };
  using _file = await leaveDemoFile(ready, manifest);
  print(options.json ? JSON.stringify({ event: 'ready', ...ready }) : introduction(ready));
  subscribe(cloud, functionsUrl, secrets);

  clock.speed = options.days === null ? SPEED : Infinity;
  await ended;
  timers[Symbol.dispose]();
  for (const agent of agents) agent.stop();
  await doorway.settled();
  const { days } = options;
  const isComplete = days !== null && clock.nowMs() >= untilMs;
  const summary = { ...tally.summary(), ...(isComplete && { days }) };
  clock.stop();
  print(options.json ? JSON.stringify(summary) : conclusion(summary));
  if (days === null) return 0;
  if (!isComplete) process.stderr.write(`demo: stopped after ${summary.days} of ${days} days\n`);
  return isComplete && summary.linesRefused === 0 && summary.orphanKeys === 0 ? 0 : 1;
}

/** Who the functions are. */
function idsOf({ profiles }: DemoAccount): { keyrotaIamIds: string[]; profileIds: Record<string, string> } {
  const profileIds = Object.fromEntries(Object.entries(profiles).map(([name, { id }]) => [name, id]));
  return { keyrotaIamIds: Object.values(profiles).map(({ iamId }) => iamId), profileIds };
}

/** Resolves at `untilMs`, or when somebody stops the demo. */
function endOf(clock: CloudClock, untilMs: number): Promise<void> {
  return new Promise((resolve) => {
    onStopRequest(resolve);
    if (untilMs !== Infinity) clock.at(untilMs, () => resolve());
  });
}

function introduction(ready: { reportUrl: string; reportToken: string }): string {
  return `Keyrota on an embedded IBM Cloud: eight keys of all kinds, a program for each that others than Keyrota use, a timer every virtual hour.
Up to one virtual day passes in a second. Look at it from another terminal:
  npm run keyrota -- plan
  npm run keyrota -- explain cloud-logs-ingest
  npm run keyrota -- rotate cloud-logs-ingest --force --yes
  npm run keyrota -- report-leak cloud-logs-ingest --yes
For the person on duty: ${ready.reportUrl}
  any user name, password ${ready.reportToken}
Ctrl-C ends it.

ready ${JSON.stringify(ready)}
`;
}

function conclusion(summary: Summary): string {
  const rows = Object.entries(summary).map(([name, value]) => `  ${name.padEnd(22)}${String(value).padStart(10)}`);
  return `\n${rows.join('\n')}`;
}
