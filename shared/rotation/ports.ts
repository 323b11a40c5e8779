import { randomBytes } from 'node:crypto';
import { IamLogin } from '../auth/iam-login.ts';
import { Calls, RateCap } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { IamIdentity } from '../clients/iam-identity.ts';
import { IamPolicies } from '../clients/iam-policies.ts';
import { IamTokens } from '../clients/iam-token.ts';
import { LogLines } from '../clients/log-line.ts';
import { SecretStore } from '../clients/secret-store.ts';
import type { KeyKind } from '../keys/kind.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import { serviceIdApiKeys } from '../keys/service-id-api-key.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';

/** The world as the core sees it. */
export interface Ports {
  clock: Clock;
  log: Log;
  secrets: SecretStore;
  kinds: Readonly<Record<ManagedKey['kind'], KeyKind>>;
  randomBytes: (byteCount: number) => Uint8Array;
  /** Aborts when the run must end. */
  signal: AbortSignal;
  /** When that is, in epoch milliseconds. */
  deadlineMs: number;
  /** Resolves when Keyrota is logged in. @throws KeyrotaError when it cannot log in. */
  login(): Promise<void>;
}

export interface PortsOptions {
  settings: Settings;
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  deadlineMs: number;
  /** What tests put under the SDKs. Default: the network. */
  http?: HttpOptions;
  /** Default: the machine's. */
  randomBytes?: (byteCount: number) => Uint8Array;
}

/** The real world, or an embedded one that behaves like it: clients, login and kinds of one run. */
export function openPorts(options: PortsOptions): Ports {
  const { settings, clock, log, signal, deadlineMs, http = {} } = options;
  const { iamUrl, accountId, secretsManagerUrl } = settings;
  const common = { clock, log, deadlineMs, timeoutMs: settings.callTimeoutMs };
  const tokens = new IamTokens({ serviceUrl: iamUrl, calls: new Calls(common), clock, http });
  const login = new IamLogin({ login: settings.login, tokens, clock, signal });
  const atIam = { serviceUrl: iamUrl, authenticator: login, http, accountId, calls: new Calls({ ...common, login }) };
  const rateCap = new RateCap(clock, settings.secretsManagerCallsPerSecond);
  return {
    clock,
    log,
    signal,
    deadlineMs,
    randomBytes: options.randomBytes ?? randomBytes,
    secrets: new SecretStore({
      serviceUrl: secretsManagerUrl,
      authenticator: login,
      http,
      calls: new Calls({ ...common, login, rateCap }),
    }),
    kinds: {
      'service-id-api-key': serviceIdApiKeys({
        identity: new IamIdentity(atIam),
        policies: new IamPolicies(atIam),
        tokens,
        logLines: new LogLines({ calls: new Calls(common), http }),
      }),
    },
    login: () => login.ready(signal),
  };
}
