import { Identities } from '../../../infra/operator/provision/identities.ts';
import { IamLogin } from '../../../shared/auth/iam-login.ts';
import { Calls, RateCap } from '../../../shared/clients/calls.ts';
import type { HttpOptions } from '../../../shared/clients/http-options.ts';
import { IamIdentity } from '../../../shared/clients/iam-identity.ts';
import { IamPolicies } from '../../../shared/clients/iam-policies.ts';
import { IamTokens } from '../../../shared/clients/iam-token.ts';
import { LogLines } from '../../../shared/clients/log-line.ts';
import { ResourceKeys } from '../../../shared/clients/resource-keys.ts';
import { SecretStore } from '../../../shared/clients/secret-store.ts';
import type { Clock } from '../../../shared/runtime/clock.ts';
import { createLog } from '../../../shared/runtime/log.ts';
import type { Log } from '../../../shared/runtime/log.ts';
import type { Login } from '../../../shared/runtime/settings.ts';
import type { Laboratory } from '../../support/laboratory.ts';
import { cloudAdapter, recording } from './adapters.ts';
import type { Adapter, Sent } from './adapters.ts';

export interface ProductOptions {
  /** Default: the embedded cloud as a function. */
  adapter?: Adapter;
  /** Where the cloud is served; then everything travels through sockets. */
  url?: string;
  /** Default: the key of Keyrota's own identity. */
  login?: Login;
  /** Default: the laboratory's. */
  clock?: Clock;
  /** Default: 10 s. */
  timeoutMs?: number;
  /** How long the run has, from now. Default: 100 s. */
  runMs?: number;
  /** Default: no limit. */
  secretsManagerCallsPerSecond?: number;
  /** Ends the run, as `openPorts` passes it on: to the calls and to the login. */
  signal?: AbortSignal;
}

/** The product's own clients, put together as a run does it, and what they send. */
export type Product = ReturnType<typeof productOn>;

export function productOn(lab: Laboratory, options: ProductOptions = {}) {
  const { settings, log } = lab.context(lab.manifest());
  const clock = options.clock ?? lab.portClock;
  const sent: Sent[] = [];
  const serviceUrl = options.url ?? 'http://127.0.0.1:1';
  const adapter = recording(options.adapter ?? cloudAdapter(lab.cloud), sent);
  const http: HttpOptions = options.url === undefined ? { adapter } : {};
  const { timeoutMs = 10_000, runMs = 100_000 } = options;
  const common = { clock, log, timeoutMs, deadlineMs: clock.nowMs() + runMs };
  const signal = options.signal ?? new AbortController().signal;
  const tokens = new IamTokens({ serviceUrl, calls: new Calls(common), clock, http });
  const login = new IamLogin({ login: options.login ?? settings.login, tokens, clock, signal });
  const accountId = lab.cloud.account.id;
  const atIam = { serviceUrl, authenticator: login, http, accountId, calls: new Calls({ ...common, login }) };
  const callsPerSecond = options.secretsManagerCallsPerSecond;
  const rateCap = callsPerSecond === undefined ? {} : { rateCap: new RateCap(clock, callsPerSecond) };
  const atSecretsManager = {
    serviceUrl,
    authenticator: login,
    http,
    calls: new Calls({ ...common, ...rateCap, login }),
  };
  return {
    tokens,
    login,
    identity: new IamIdentity(atIam),
    policies: new IamPolicies(atIam),
    identities: new Identities(atIam),
    resourceKeys: new ResourceKeys(atIam),
    secrets: new SecretStore(atSecretsManager),
    logLines: new LogLines({ calls: new Calls(common), http }),
    signal,
    /** Every request so far; not those that travel through sockets. */
    sent,
  };
}

/** Identity of an API key, as settings name it. */
export const logInWith = (apiKey: string, lab: Laboratory): Login =>
  lab.context(lab.manifest(), { KEYROTA_API_KEY: apiKey }).settings.login;

const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g;

/** One call as it reached the cloud. */
export interface Seen {
  /** Method and path, with `*` for each UUID. */
  call: string;
  /** Since the watch began. */
  afterMs: number;
  outcome: number | 'refused' | 'reset';
}

/** Begins to watch the calls that reach the cloud. The function tells those until now. */
export function watchCalls({ cloud, clock }: Laboratory): () => Seen[] {
  const startMs = clock.nowMs();
  const from = cloud.calls.total + 1;
  return () =>
    cloud.calls.list(from).map(({ method, path, atMs, outcome }) => ({
      call: `${method} ${path.replace(ID, '*')}`,
      afterMs: atMs - startMs,
      outcome,
    }));
}

/** The moments at which calls reached the cloud. */
export const timesOf = (calls: readonly Seen[]): number[] => calls.map(({ afterMs }) => afterMs);

/** A log that nobody reads. */
export const silentLog = (clock: Clock): Log => createLog({ clock, write: () => undefined });
