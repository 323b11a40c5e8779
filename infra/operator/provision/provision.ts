import { IamLogin } from '../../../shared/auth/iam-login.ts';
import { ApiError, isApiError } from '../../../shared/clients/api-error.ts';
import { Calls } from '../../../shared/clients/calls.ts';
import { IamPolicies, givesRole } from '../../../shared/clients/iam-policies.ts';
import { IamTokens } from '../../../shared/clients/iam-token.ts';
import { grantOptions } from '../../../shared/keys/grant-command.ts';
import type { Grant, ManagedKey, ServiceIdApiKey, UserApiKey } from '../../../shared/keys/manifest.ts';
import type { KeyReport } from '../../../shared/rotation/reconcile.ts';
import { rotateAll } from '../../../shared/rotation/rotate-all.ts';
import { withPorts } from '../../../shared/rotation/run.ts';
import type { RunContext } from '../../../shared/rotation/run.ts';
import { KeyrotaError } from '../../../shared/runtime/errors.ts';
import { quoted } from '../../../shared/runtime/shell-words.ts';
import { Identities } from './identities.ts';
import type { Grant as IdentityGrant, ServiceId } from './identities.ts';

/** One thing that must be there before a key can be used, and how a person would make it with IBM's CLI. */
interface ProvisionStep {
  what: string;
  command: string;
  /** `there` before; `made` just now; `to do` in a dry run. */
  state: 'there' | 'made' | 'to do';
}

export interface ProvisionReport {
  steps: ProvisionStep[];
  /** The service ID that the entry is to name; null for a user's key, and in a dry run where there is none yet. */
  serviceId: string | null;
  /** What became of the first key; null in a dry run. */
  key: KeyReport | null;
}

/** How long new identities and policies may take until they are seen everywhere, and how often they are looked for. */
const SPREADING_MS = 90_000;
const LOOK_AGAIN_MS = 3_000;

/** What a first key runs into while its identity and policies spread. */
const SPREADING_CODES = ['grant_missing', 'identity_gone'];

interface Work {
  context: RunContext;
  dryRun: boolean;
  identities: Identities;
  policies: IamPolicies;
  signal: AbortSignal;
  steps: ProvisionStep[];
}

/**
 * Makes what a key needs in the order in which a person would: the identity, its policies, the first key. What is there
 * already is left alone, so that it can be repeated. With `dryRun` it only looks, and tells the commands.
 * @throws KeyrotaError `nothing_to_provision` for a retired entry, and for a kind whose owner is no identity; the ApiError of a call.
 */
export async function provision(key: ManagedKey, dryRun: boolean, context: RunContext): Promise<ProvisionReport> {
  if (key.state === 'retired') {
    const why = `The entry ${key.name} is retired: its keys end, and none is made.`;
    throw new KeyrotaError('nothing_to_provision', why, {
      next: 'Say `state: active` in the entry, if it is to live.',
    });
  }
  const work = openWork(dryRun, context);
  const subject = await subjectOf(key, work);
  for (const grant of subject.key.grants) await provideGrant(subject, grant, work);
  const report = dryRun ? null : await firstKey(subject.key, work);
  const isThere = report ? report.outcome === 'rest' || report.outcome === 'hold' : await isStored(key, work);
  work.steps.push(firstKeyStep(subject.key, report, isThere));
  const serviceId = subject.key.kind === 'service-id-api-key' ? subject.key.serviceId || null : null;
  return { steps: work.steps, serviceId, key: report };
}

function openWork(dryRun: boolean, context: RunContext): Work {
  const { settings, clock, log, http = {} } = context;
  const signal = context.signal ?? new AbortController().signal;
  const common = { clock, log, deadlineMs: clock.nowMs() + settings.runMs, timeoutMs: settings.callTimeoutMs };
  const tokens = new IamTokens({ serviceUrl: settings.iamUrl, calls: new Calls(common), clock, http });
  const login = new IamLogin({ login: settings.login, tokens, clock, signal });
  const calls = new Calls({ ...common, login });
  const atIam = { serviceUrl: settings.iamUrl, authenticator: login, http, accountId: settings.accountId, calls };
  return { context, dryRun, identities: new Identities(atIam), policies: new IamPolicies(atIam), signal, steps: [] };
}

/** Whose key it is: the entry with its identity, and how IAM and its CLI name that. */
interface Subject {
  key: ServiceIdApiKey | UserApiKey;
  /** Empty while it is not made. */
  iamId: string;
  policyCommand: string;
}

async function subjectOf(key: ManagedKey, work: Work): Promise<Subject> {
  if (key.kind === 'user-api-key') {
    return { key, iamId: key.iamId, policyCommand: `ibmcloud iam user-policy-create USER_NAME_OF_${key.iamId}` };
  }
  if (key.kind !== 'service-id-api-key') {
    const why = `The owner of a ${key.kind} is no identity that could be made or be given a policy.`;
    throw new KeyrotaError('nothing_to_provision', why, { next: `keyrota rotate ${key.name} makes its first key.` });
  }
  const serviceId = key.serviceId || (await provideServiceId(key, work));
  return {
    key: { ...key, serviceId, owner: serviceId },
    iamId: serviceId && `iam-${serviceId}`,
    policyCommand: `ibmcloud iam service-policy-create ${serviceId || 'SERVICE_ID'}`,
  };
}

/** The service ID that an earlier attempt made, or a new one; empty in a dry run. It bears a name that nobody else gives. */
async function provideServiceId(key: ServiceIdApiKey, work: Work): Promise<string> {
  const { identities, dryRun, signal, steps } = work;
  const name = `keyrota-${key.deployment}-${key.name}`;
  const found = await identities.findServiceId(name, signal);
  const made = found ?? (dryRun ? null : await createServiceId(name, key.description, work));
  steps.push({
    what: `service ID ${name}`,
    command: `ibmcloud iam service-id-create ${name} --description ${quoted(key.description)}`,
    state: found ? 'there' : dryRun ? 'to do' : 'made',
  });
  return made?.id ?? '';
}

/** After a lost answer there may be one that the list does not show yet: another of that name would stand beside it. */
async function createServiceId(name: string, description: string, work: Work): Promise<ServiceId> {
  const { context, identities, signal } = work;
  try {
    return await identities.createServiceId(name, description, signal);
  } catch (error) {
    if (!(error instanceof ApiError) || error.effect === 'none') throw error;
    const untilMs = context.clock.nowMs() + SPREADING_MS;
    while (context.clock.nowMs() < untilMs) {
      await context.clock.sleep(LOOK_AGAIN_MS, signal);
      const made = await identities.findServiceId(name, signal);
      if (made) return made;
    }
    throw error;
  }
}

async function provideGrant(subject: Subject, grant: Grant, work: Work): Promise<void> {
  const { service, role, instance } = grant;
  const { iamId, policyCommand } = subject;
  const wanted = { iamId, role, service, ...(instance && { instance }) };
  const isThere = await isGiven(wanted, work);
  if (!isThere && !work.dryRun) await createPolicy(wanted, work);
  work.steps.push({
    what: `policy: ${role} on ${service}${instance === null ? '' : ` ${instance}`}`,
    command: `${policyCommand} ${grantOptions(grant)}`,
    state: isThere ? 'there' : work.dryRun ? 'to do' : 'made',
  });
}

/** A new identity may not be known everywhere; and a policy of an attempt whose answer was lost is there already. */
async function createPolicy(grant: IdentityGrant, work: Work): Promise<void> {
  const { clock } = work.context;
  const untilMs = clock.nowMs() + SPREADING_MS;
  for (;;) {
    try {
      await work.identities.createPolicy(grant, work.signal);
      return;
    } catch (error) {
      const isConflict = isApiError(error, 'conflict');
      if (isConflict && (await isGiven(grant, work))) return;
      const mayBeTooNew = isConflict || isApiError(error, 'not_found') || isApiError(error, 'invalid_request');
      if (mayBeTooNew && clock.nowMs() < untilMs) await clock.sleep(LOOK_AGAIN_MS, work.signal);
      else throw isConflict ? refusedPolicy(grant, error) : error;
    }
  }
}

async function isGiven({ iamId, service, role, instance }: IdentityGrant, work: Work): Promise<boolean> {
  const known = iamId === '' ? [] : await work.policies.listPolicies(iamId, work.signal);
  return known.some((policy) => givesRole(policy, service, role, instance ?? null));
}

/** The same status stands for a policy that is there already, and for an identity that is locked. */
function refusedPolicy({ iamId, service, role }: IdentityGrant, refusal: ApiError): KeyrotaError {
  const serviceId = /^iam-(ServiceId-.+)$/.exec(iamId)?.[1];
  const message = `${serviceId ?? iamId} did not get the role ${role} on ${service}, and no policy gives it: ${refusal.message}`;
  const next =
    serviceId === undefined
      ? 'Give it that role by hand, and repeat this.'
      : `A locked service ID takes no policies. When nobody needs the lock any more: ibmcloud iam service-id-unlock ${serviceId}, and repeat this.`;
  return new KeyrotaError('policy_refused', message, { next, cause: refusal });
}

/** Whether a value is stored, under a former name of the entry too. Where the operator may not see that, it is not known. */
async function isStored({ formerly, secret }: ManagedKey, { context, signal }: Work): Promise<boolean> {
  return withPorts({ ...context, readOnly: true }, async ({ secrets }) => {
    for (const name of [secret.name, ...formerly]) {
      const current = await secrets.findCurrent({ ...secret, name }, signal).catch((error: unknown) => {
        if (isApiError(error, 'forbidden')) return null;
        throw error;
      });
      if (current) return true;
    }
    return false;
  });
}

function firstKeyStep(key: ServiceIdApiKey | UserApiKey, report: KeyReport | null, isThere: boolean): ProvisionStep {
  const isMade = report?.steps.some(({ step }) => step === 'mint') ?? false;
  return {
    what: `first key, proven, and stored in secret ${key.secret.name}`,
    command: `keyrota rotate ${key.name}`,
    state: isMade ? 'made' : isThere ? 'there' : 'to do',
  };
}

async function firstKey(key: ServiceIdApiKey | UserApiKey, { context, signal }: Work): Promise<KeyReport> {
  const { clock, settings } = context;
  const keys = context.manifest.keys.map((one) => (one.name === key.name ? key : one));
  const manifest = { ...context.manifest, keys };
  const { timerMs, keysAtOnce } = settings;
  const options = { only: [key.name], force: false, dryRun: false, timerMs, keysAtOnce };
  const untilMs = clock.nowMs() + SPREADING_MS;
  for (;;) {
    const { keys: reports } = await withPorts({ ...context, manifest }, (ports) => rotateAll(manifest, options, ports));
    const report = reports.find(({ name }) => name === key.name);
    if (!report) throw new KeyrotaError('not_looked_at', `There was no time to look at ${key.name}.`);
    if (!SPREADING_CODES.includes(report.code ?? '') || clock.nowMs() >= untilMs) return report;
    await clock.sleep(LOOK_AGAIN_MS, signal);
  }
}
