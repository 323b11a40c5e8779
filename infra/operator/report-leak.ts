import type { ManagedKey } from '../../shared/keys/manifest.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { readSummary, readVersionRecord } from '../../shared/rotation/record.ts';
import type { Summary } from '../../shared/rotation/record.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import type { RunContext } from '../../shared/rotation/run.ts';
import { isServiceUrl, SERVICE_URL_RULE } from '../../shared/runtime/service-url.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { Settings } from '../../shared/runtime/settings.ts';
import { onStopRequest } from '../local/stop-request.ts';
import { EXIT, entryOf } from './commands.ts';
import type { AskingOptions, ExitCode } from './commands.ts';
import { demandYes } from './confirm.ts';
import { withContext } from './context.ts';
import type { Demo } from './demo.ts';
import { agentWorksWith, countCalls, demoNowMs, latestCall } from './demo-witness.ts';
import type { CallCounts } from './demo-witness.ts';
import { sendIncident } from './incident-request.ts';
import type { Incident, IncidentAnswer, IncidentReceiver } from './incident-request.ts';
import { InputError } from './input-error.ts';
import type { Locator } from './locators.ts';
import { print, printJson } from './output.ts';
import { withProgress } from './progress.ts';

export interface ReportLeakOptions extends AskingOptions {
  by: Locator;
  /** Address of the function. */
  url?: string;
}

/** A replacement is looked for so often, and for so long, in milliseconds of the account's time. */
const LOOK_EVERY_MS = 2_000;
const FOLLOW_MS = 600_000;
/** How long the demo's agent is waited for once time runs on, in real milliseconds: a token that it has may live for an hour. */
const AGENT_MS = 30_000;

/** The current key of an entry, and where it is kept. */
interface CurrentKey {
  keyId: string;
  secretId: string;
  summary: Summary;
}

interface Replacement {
  keyId: string;
  atMs: number;
  /** Somebody has fetched its value. */
  fetched: boolean;
}

/** What came of a report. Times in milliseconds since it was sent; null where it has not come to that, or nobody tells. */
interface Outcome {
  name: string;
  keyId: string;
  by: Locator;
  answer: IncidentAnswer;
  disabledAfterMs: number | null;
  replacedBy: string | null;
  replacedAfterMs: number | null;
  /** Only a demo tells. */
  calls: CallCounts | null;
  /** The replacement was fetched. */
  fetched: boolean;
}

/** `report-leak NAME`: reports the current key of an entry as leaked, and follows until it is replaced. */
export async function reportLeakCommand(name: string, options: ReportLeakOptions): Promise<ExitCode> {
  const seen = await withContext(options, async (context, demo) => {
    const key = entryOf(context.manifest, name);
    const receiver = receiverOf(options.url, context.settings, demo);
    const lines = [
      `The current key of ${name} is reported as leaked: it stops working at once, for everybody who uses it.`,
    ];
    await demandYes({ lines, yes: options.yes ?? false }, context.signal);
    const outcome = await withProgress(
      { what: `following the report of ${name}`, keyCount: null },
      context,
      (watched) =>
        withPorts({ ...watched, readOnly: true }, async (ports) => {
          await ports.login();
          return reportAndFollow({ key, by: options.by, receiver, demo }, context, ports);
        }),
    );
    return { outcome, demo };
  });
  const { outcome, demo } = seen;
  const agentWorks =
    demo && outcome.replacedBy !== null ? await lookAtAgent(demo, outcome.name, outcome.replacedBy) : null;
  if (options.json) printJson({ ...outcome, agentWorks });
  else print(textOf(outcome, agentWorks));
  return exitCodeOf(outcome);
}

interface Report {
  key: ManagedKey;
  by: Locator;
  receiver: IncidentReceiver;
  demo: Demo | null;
}

async function reportAndFollow(
  { key, by, receiver, demo }: Report,
  { settings, clock, signal }: RunContext & { signal: AbortSignal },
  ports: Ports,
): Promise<Outcome> {
  const current = await currentKeyOf(key, ports);
  const sinceCall = demo ? await latestCall(demo, signal) : 0;
  const sentMs = demo ? await demoNowMs(demo, signal) : clock.nowMs();
  const answer = await sendIncident(receiver, incidentData(current, by, settings, sentMs), sentMs, signal);
  const told = incidentOf(answer, current.keyId);
  const replacement = told && isFollowed(told) ? await replacementOf(current, ports) : null;
  const containedMs = told?.containedAt ? Date.parse(told.containedAt) : null;
  return {
    name: key.name,
    keyId: current.keyId,
    by,
    answer,
    disabledAfterMs: since(sentMs, containedMs),
    replacedBy: replacement?.keyId ?? null,
    replacedAfterMs: since(sentMs, replacement?.atMs ?? null),
    calls: demo && (await countCalls(demo, sinceCall, current, signal)),
    fetched: replacement?.fetched ?? false,
  };
}

/** What was contained before the report was sent took no time. */
const since = (sentMs: number, atMs: number | null): number | null =>
  atMs === null ? null : Math.max(0, atMs - sentMs);

const incidentOf = (answer: IncidentAnswer, keyId: string): Incident | undefined =>
  'incidents' in answer ? answer.incidents.find((one) => one.keyId === keyId) : undefined;

/** Nothing replaces a key in a dry run, or one that no entry manages. */
const isFollowed = ({ outcome }: Incident): boolean => outcome !== 'dry-run' && outcome !== 'reported';

/** @throws InputError where there is no address, or nothing to sign with. */
function receiverOf(url: string | undefined, { senders }: Settings, demo: Demo | null): IncidentReceiver {
  if (url !== undefined && !isServiceUrl(url))
    throw new InputError('url_invalid', `--url: must be ${SERVICE_URL_RULE}.`);
  if (demo) {
    const address = url ?? `${demo.functionsUrl}/respond-to-compromise`;
    return { url: address, secret: new SecretValue(demo.incidentSecret) };
  }
  if (url === undefined) {
    throw new InputError('url_missing', 'Name the address of the function respond-to-compromise with `--url URL`.');
  }
  const { current } = senders.incident;
  if (!current)
    throw new InputError('secret_missing', 'KEYROTA_INCIDENT_SECRET is missing: the report must be signed with it.');
  return { url, secret: current };
}

/** @throws InputError where the entry has no key yet. */
async function currentKeyOf({ name, secret: place }: ManagedKey, { secrets, signal }: Ports): Promise<CurrentKey> {
  const secret = await secrets.find(place, signal);
  const summary = secret && readSummary(secret.custom_metadata);
  if (!secret || !summary || summary.key_id === '') throw new InputError('no_key_yet', `${name} has no key yet.`);
  return { keyId: summary.key_id, secretId: secret.id, summary };
}

/** As `shared/incidents/incident.ts` reads it. */
function incidentData(current: CurrentKey, by: Locator, settings: Settings, nowMs: number): object {
  return {
    credential: credentialOf(current, by, settings),
    detected_at: new Date(nowMs).toISOString(),
    reason: 'A person reported it with keyrota report-leak.',
    reporter: 'keyrota report-leak',
  };
}

function credentialOf({ keyId, secretId, summary }: CurrentKey, by: Locator, settings: Settings): object {
  switch (by) {
    case 'id':
      return { id: keyId };
    case 'secret-crn':
      return { secret_crn: crnOf(secretId, settings) };
    case 'value-hash':
      return { sha256: summary.sha256 };
    default:
      return by satisfies never;
  }
}

/** The address of an instance tells its id and region; where it does not, the CRN leaves them out. */
function crnOf(secretId: string, { secretsManagerUrl, accountId }: Settings): string {
  const { hostname } = new URL(secretsManagerUrl);
  const [, instance = '', region = ''] =
    /^([0-9a-f-]{36})\.(?:private\.)?([a-z0-9-]+)\.secrets-manager\./.exec(hostname) ?? [];
  return `crn:v1:bluemix:public:secrets-manager:${region}:a/${accountId}:${instance}:secret:${secretId}`;
}

/** The key that is current in its stead; null where none came in time. */
async function replacementOf({ keyId, secretId }: CurrentKey, ports: Ports): Promise<Replacement | null> {
  const { secrets, clock, signal } = ports;
  const untilMs = clock.nowMs() + FOLLOW_MS;
  for (;;) {
    const versions = await secrets.listVersions(secretId, signal);
    const current = versions.find(({ alias }) => alias === 'current');
    const record = current && readVersionRecord(current.version_custom_metadata);
    if (current && record && record.key_id !== keyId)
      return { keyId: record.key_id, atMs: current.created_at, fetched: current.downloaded };
    if (clock.nowMs() >= untilMs) return null;
    await clock.sleep(LOOK_EVERY_MS, signal);
  }
}

/** The demo runs on at its own speed meanwhile. */
async function lookAtAgent(demo: Demo, name: string, keyId: string): Promise<boolean | null> {
  const interrupted = new AbortController();
  using _stop = onStopRequest(() => interrupted.abort(new Error('interrupted')));
  return agentWorksWith(demo, name, keyId, AGENT_MS, interrupted.signal);
}

function exitCodeOf({ answer, keyId, replacedBy }: Outcome): ExitCode {
  const { outcome } = incidentOf(answer, keyId) ?? {};
  if (outcome === 'dry-run') return EXIT.done;
  if (outcome === 'reported') return EXIT.personNeeded;
  return replacedBy === null ? EXIT.failed : EXIT.done;
}

function textOf(outcome: Outcome, agentWorks: boolean | null): string {
  const { name, keyId, by, answer } = outcome;
  const first = `${name}: ${keyId} was reported by its ${BY[by]}, and the function answered ${answer.status}`;
  if ('code' in answer) return `${first} ${answer.code}: ${answer.message}`;
  const told = incidentOf(answer, keyId);
  const others = answer.incidents.filter((one) => one !== told).map((one) => `  also ${one.keyId}: ${one.outcome}`);
  const lines = [`${first}: ${told?.outcome ?? 'another key'}`, ...others, ...figuresOf(outcome)];
  if (agentWorks !== null) lines.push(`  its agent ${agentWorks ? 'works' : 'does not work yet'} with the new key`);
  else if (outcome.replacedBy !== null && outcome.calls === null)
    lines.push(`  the new key was ${outcome.fetched ? 'fetched' : 'not fetched yet'}`);
  if (told?.tokensMayBeValidUntil)
    lines.push(`  tokens that were made with it may be valid until ${told.tokensMayBeValidUntil}`);
  if (told) lines.push(`  ${told.incident}: \`export ${told.incident}\` writes down all that is known of it`);
  return lines.join('\n');
}

const BY: Record<Locator, string> = { id: 'id', 'secret-crn': 'secret', 'value-hash': 'hash' };

const after = (elapsedMs: number, callCount: number | null | undefined): string =>
  `${elapsedMs} ms${typeof callCount === 'number' ? ` and ${callCount} calls to IBM Cloud` : ''} after the report`;

function figuresOf({ name, disabledAfterMs, replacedAfterMs, replacedBy, calls }: Outcome): string[] {
  const lines: string[] = [];
  if (disabledAfterMs !== null) lines.push(`  disabled ${after(disabledAfterMs, calls?.untilDisabled)}`);
  if (replacedAfterMs !== null && replacedBy !== null)
    lines.push(`  replaced by ${replacedBy} ${after(replacedAfterMs, calls?.untilReplaced)}`);
  else lines.push(`  not replaced yet: \`explain ${name}\` says why`);
  return lines;
}
