import { IamLogin } from '../auth/iam-login.ts';
import { Calls, RateCap } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { IamIdentity } from '../clients/iam-identity.ts';
import { IamTokens } from '../clients/iam-token.ts';
import { SecretStore } from '../clients/secret-store.ts';
import type { StoredSecret } from '../clients/secret-store.ts';
import type { Manifest } from '../keys/manifest.ts';
import { readSummary } from '../rotation/record.ts';
import type { Summary } from '../rotation/record.ts';
import type { SeenIncident } from '../rotation/seen-incidents.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import type { LeakFacts } from './answer.ts';
import type { LeakReport } from './leak-report.ts';
import type { ToldLately } from './told-lately.ts';

/** What the response to a leak is made from. */
export interface LeakContext {
  settings: Settings;
  manifest: Manifest;
  clock: Clock;
  log: Log;
  /** Ends the response early. */
  signal: AbortSignal;
  /** When the answer must be there, in epoch milliseconds: 8 s from the request. */
  deadlineMs: number;
  /** What tests put under the SDKs. Default: the network. */
  http?: HttpOptions;
  /** Has `rotate-keys` look at these entries now, and hands it what is known of leaks of keys that no entry manages. */
  poke: (names: readonly string[], incidents: readonly SeenIncident[], signal: AbortSignal) => Promise<unknown>;
  /** Tells people. Called when something was done or must be known, not for repeats that changed nothing. */
  notify?: (facts: LeakFacts, signal: AbortSignal) => Promise<unknown>;
  /** Of keys that no entry manages. Default: nothing was told before. */
  toldLately?: ToldLately;
}

/** One of our secrets, as the list of all shows it. */
export interface ListedSecret {
  secret: StoredSecret;
  summary: Summary;
}

/** IBM Cloud as the response to one report sees it. Nothing is asked before it is needed. */
export interface LeakWorld {
  settings: Settings;
  manifest: Manifest;
  clock: Clock;
  log: Log;
  login: IamLogin;
  identity: IamIdentity;
  secrets: SecretStore;
  /** All secrets with a summary, listed once. @throws ApiError when Secrets Manager does not answer. */
  listed: () => Promise<readonly ListedSecret[]>;
  /** The same, listed anew. */
  listAgain: (signal: AbortSignal) => Promise<readonly ListedSecret[]>;
  /** Id of the API key that Keyrota is logged in with, asked once; null where it is none, or of another identity. */
  ownKeyId: (iamId: string, signal: AbortSignal) => Promise<string | null>;
}

/** What one call may take at most: three of them in a row leave time to write down what was done. */
const CALL_TIMEOUT_MS = 3_000;

export function openWorld(context: LeakContext): LeakWorld {
  const { settings, manifest, clock, log, signal, deadlineMs, http = {} } = context;
  const common = { clock, log, deadlineMs, timeoutMs: Math.min(settings.callTimeoutMs, CALL_TIMEOUT_MS) };
  const tokens = new IamTokens({ serviceUrl: settings.iamUrl, calls: new Calls(common), clock, http });
  const login = new IamLogin({ login: settings.login, tokens, clock, signal });
  const { iamUrl, secretsManagerUrl, accountId } = settings;
  const client = { authenticator: login, http };
  const identity = new IamIdentity({
    ...client,
    serviceUrl: iamUrl,
    accountId,
    calls: new Calls({ ...common, login }),
  });
  const rateCap = new RateCap(clock, settings.secretsManagerCallsPerSecond);
  const calls = new Calls({ ...common, login, rateCap });
  const secrets = new SecretStore({ ...client, serviceUrl: secretsManagerUrl, calls });
  let listing: Promise<readonly ListedSecret[]> | null = null;
  return {
    settings,
    manifest,
    clock,
    log,
    login,
    identity,
    secrets,
    listed: () => (listing ??= listOwn(secrets, signal)),
    listAgain: (until) => listOwn(secrets, until),
    ownKeyId: ownKeyFinder(settings, login, identity),
  };
}

async function listOwn(secrets: SecretStore, signal: AbortSignal): Promise<readonly ListedSecret[]> {
  const listed: ListedSecret[] = [];
  for await (const secret of secrets.listOwn(signal)) {
    const summary = readSummary(secret.custom_metadata);
    if (summary) listed.push({ secret, summary });
  }
  return listed;
}

function ownKeyFinder({ login: how }: Settings, login: IamLogin, identity: IamIdentity): LeakWorld['ownKeyId'] {
  if (how.kind !== 'api-key') return () => Promise.resolve(null);
  let asked: Promise<string | null> | null = null;
  return async (iamId, signal) => {
    if (login.iamId !== null && login.iamId !== iamId) return null;
    asked ??= identity.keyOfValue(how.apiKey, signal).then((key) => key?.id ?? null);
    return asked;
  };
}

/** Whether only to say what would be done. */
export const isDryRun = (report: LeakReport, { manifest }: Pick<LeakWorld, 'manifest'>): boolean =>
  report.dryRun || manifest.incidents.dryRun;
