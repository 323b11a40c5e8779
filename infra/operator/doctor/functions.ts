import { isLoopback } from '../../../shared/runtime/service-url.ts';
import { messageOf } from '../../../shared/runtime/errors.ts';
import { FUNCTIONS } from './deployed.ts';
import type { FunctionName } from './deployed.ts';
import { failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { Ask, DoctorWorld } from './world.ts';

/** How a function that takes requests of strangers is asked, so that it must refuse. */
interface Question {
  method: 'GET' | 'POST';
  path: string;
  /** What lets callers prove who they are. */
  toOpen: string;
  /** The event in its log that tells of a failure. */
  failure: string;
}

/** Null: a request would start its work. */
const QUESTIONS: Record<FunctionName, Question | null> = {
  'rotate-keys': null,
  'check-expiry': null,
  'respond-to-compromise': {
    method: 'POST',
    path: '/incident',
    toOpen: 'Where signed reports are to be taken: set KEYROTA_INCIDENT_SECRET (`secrets` of the Terraform module).',
    failure: 'response_failed',
  },
  'handle-secret-event': {
    method: 'POST',
    path: '/',
    toOpen: 'Set KEYROTA_EVENT_NOTIFICATIONS_SECRET (`secrets` of the Terraform module).',
    failure: 'event_failed',
  },
  'show-report': {
    method: 'GET',
    path: '/',
    toOpen: 'Set KEYROTA_REPORT_TOKEN (`secrets` of the Terraform module).',
    failure: 'report_failed',
  },
};

/** Asks each function that may be asked without starting its work. */
export function checkFunctions(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const urls = world.deployed?.urls ?? {};
  const named = FUNCTIONS.flatMap((name) => (urls[name] === undefined ? [] : [{ name, url: urls[name] }]));
  return Promise.all(named.map(({ name, url }) => checkFunction(name, url, world, signal)));
}

const INTERNAL = '.function.cluster.local';

async function checkFunction(
  name: FunctionName,
  url: string,
  { ask, manifest, deployed }: DoctorWorld,
  signal: AbortSignal,
): Promise<Finding> {
  const question = QUESTIONS[name];
  const component = deployed?.names[name] ?? name;
  const { hostname } = new URL(url);
  if (hostname.endsWith(INTERNAL))
    return notLookedAt('it answers within its project only: whether it works, its runs tell', [], name);
  if (!question) {
    if (isLoopback(hostname)) return notLookedAt('to call it would start its work', [], name);
    const next = [`Take it off the internet: ibmcloud ce fn update --name ${component} --visibility project`];
    return warning(`${hostname} answers to the internet, which only its timer needs`, next, name);
  }
  const { method, path } = question;
  const sent = { method, ...(method === 'POST' && { headers: { 'content-type': 'application/json' }, body: '{}' }) };
  try {
    const answer = await ask(`${url.replace(/\/$/, '')}${path}`, { ...sent, signal });
    const toPush = pushCommand(manifest.deployment, component, name);
    return judged({ name, hostname, question, component, toPush }, answer);
  } catch (error) {
    if (signal.aborted) throw error;
    return failed(`${hostname} does not answer: ${messageOf(error)}`, [`curl -sv ${url}`], name);
  }
}

/** Codes of functions that are there, and closed: nothing is set by which somebody could prove who they are. */
const CLOSED = new Set(['sender_not_configured', 'report_closed']);

/** With a prefix of Terraform the function is called PREFIX-NAME, and the project PREFIX-keyrota-DEPLOYMENT. */
function pushCommand(deployment: string, component: string, name: FunctionName): string {
  const prefix = component.endsWith(`-${name}`) ? component.slice(0, -name.length - 1) : '';
  const command = 'npm run push-bundles -- --project';
  return prefix === ''
    ? `${command} keyrota-${deployment}`
    : `${command} ${prefix}-keyrota-${deployment} --prefix ${prefix}`;
}

interface Asked {
  name: FunctionName;
  hostname: string;
  question: Question;
  /** What it is called in the project. */
  component: string;
  /** The command that brings its code. */
  toPush: string;
}

function judged(
  { name, hostname, question, component, toPush }: Asked,
  { status, code }: Awaited<ReturnType<Ask>>,
): Finding {
  if (status === 401 || status === 403) return ok('answers, and refuses who proves nothing', name);
  if (code === 'not_deployed') return failed('its code is not there yet', [toPush], name);
  if (code !== null && CLOSED.has(code)) {
    const seen = 'answers, and is closed: nothing is set by which a caller could prove who it is';
    return warning(seen, [question.toOpen], name);
  }
  if (status < 300) {
    const next = [`Take it off the internet at once: ibmcloud ce fn update --name ${component} --visibility project`];
    return failed(`${hostname} took a request that proves nothing: status ${status}`, next, name);
  }
  const told = code === null ? '' : ` ${code}`;
  const names = code === 'settings_invalid' ? ', which names the settings that are wrong' : '';
  return failed(`answers with status ${status}${told}`, [`See its log: event ${question.failure}${names}.`], name);
}
