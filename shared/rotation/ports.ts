import { randomBytes } from 'node:crypto';
import { IamLogin } from '../auth/iam-login.ts';
import { Calls, RateCap } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { IamTokens } from '../clients/iam-token.ts';
import { SecretStore } from '../clients/secret-store.ts';
import type { KeyKind } from '../keys/kind.ts';
import { atIam, openKinds } from '../keys/kinds.ts';
import type { KindParts } from '../keys/kinds.ts';
import type { ManagedKey } from '../keys/manifest.ts';
import type { Clock } from '../runtime/clock.ts';
import { KeyrotaError } from '../runtime/errors.ts';
import type { Log } from '../runtime/log.ts';
import type { NoticeTarget } from '../runtime/notice-targets.ts';
import type { Settings } from '../runtime/settings.ts';

/** The world as the core sees it. */
export interface Ports {
  clock: Clock;
  log: Log;
  secrets: SecretStore;
  /** What can be done with keys of that entry's kind. */
  kindOf: (key: ManagedKey) => KeyKind;
  randomBytes: (byteCount: number) => Uint8Array;
  /** Aborts when the run must end. */
  signal: AbortSignal;
  /** Aborts when the run is asked to end: what is begun is brought to its end, and nothing else is begun. Left out where nobody asks. */
  stopping?: AbortSignal;
  /** When `signal` aborts, in epoch milliseconds. */
  deadlineMs: number;
  /** How long the run may last from its begin, in milliseconds. */
  runMs: number;
  /** Resolves when Keyrota is logged in. @throws KeyrotaError when it cannot log in. */
  login(): Promise<void>;
  /** Id of the API key that Keyrota itself is logged in with, where that is one of the entry's owner; null otherwise. */
  ownKeyId(key: ManagedKey): Promise<string | null>;
  /** Removes what the run needed and does not leave behind. Never throws. */
  close(): Promise<void>;
  /** How people and programs are told of what a run did. */
  outward: Outward;
}

interface Outward {
  accountId: string;
  targets: readonly NoticeTarget[];
  /** Keyrota's own login, for Event Notifications. */
  login: IamLogin;
  http: HttpOptions;
}

export interface PortsOptions {
  settings: Settings;
  /** The entries that are worked on: their kinds are opened. */
  keys: readonly ManagedKey[];
  clock: Clock;
  log: Log;
  signal: AbortSignal;
  deadlineMs: number;
  /** Nothing is to be changed: a dry run. Default: false. */
  readOnly?: boolean;
  /** What tests put under the SDKs. Default: the network. */
  http?: HttpOptions;
  /** Default: the machine's. */
  randomBytes?: (byteCount: number) => Uint8Array;
}

/** The real world, or an embedded one that behaves like it: clients, login and kinds of one run. */
export async function openPorts(options: PortsOptions): Promise<Ports> {
  const { settings, clock, log, signal, deadlineMs, http = {}, readOnly = false } = options;
  const common = { clock, log, deadlineMs, timeoutMs: settings.callTimeoutMs };
  const tokens = new IamTokens({ serviceUrl: settings.iamUrl, calls: new Calls(common), clock, http });
  const login = new IamLogin({ login: settings.login, tokens, clock, signal });
  const rateCap = new RateCap(clock, settings.secretsManagerCallsPerSecond);
  const secrets = new SecretStore({
    serviceUrl: settings.secretsManagerUrl,
    authenticator: login,
    http,
    calls: new Calls({ ...common, login, rateCap }),
  });
  const calls: KindParts['calls'] = (other) => new Calls({ ...common, ...(other && { login: other }) });
  const parts: KindParts = { settings, clock, log, http, signal, deadlineMs, readOnly, login, tokens, secrets, calls };
  const kinds = await openKinds(options.keys, parts);
  return {
    clock,
    log,
    signal,
    deadlineMs,
    runMs: settings.runMs,
    randomBytes: options.randomBytes ?? randomBytes,
    secrets,
    kindOf: (key) => {
      const kind = kinds[key.kind];
      if (!kind) throw new KeyrotaError('kind_not_open', `Nothing was opened for keys of kind ${key.kind}.`);
      return kind;
    },
    login: () => login.ready(signal),
    ownKeyId: ownKeyFinder(parts),
    close: () => closeAll(Object.values(kinds), log),
    outward: { accountId: settings.accountId, targets: settings.notices, login, http },
  };
}

/** Asks IAM once which key Keyrota is logged in with, and only if Keyrota is one of the owners. */
function ownKeyFinder(parts: KindParts): Ports['ownKeyId'] {
  const { login } = parts.settings;
  if (login.kind !== 'api-key') return () => Promise.resolve(null);
  let asked: Promise<string | null> | null = null;
  return async ({ owner }) => {
    await parts.login.ready(parts.signal);
    const { iamId } = parts.login;
    if (iamId !== null && iamId !== owner && iamId !== `iam-${owner}`) return null;
    asked ??= atIam(parts)
      .identity.keyOfValue(login.apiKey, parts.signal)
      .then((key) => key?.id ?? null);
    return asked;
  };
}

/** The same, for the work on one key: its lines name it. */
export const portsFor = (key: ManagedKey, ports: Ports): Ports => ({
  ...ports,
  log: ports.log.with({ key: key.name }),
});

/** What may still be said to an issuer when a run is over, in milliseconds. */
const CLOSING_MS = 5_000;

async function closeAll(kinds: readonly KeyKind[], log: Log): Promise<void> {
  for (const kind of kinds) {
    try {
      await kind.close?.(AbortSignal.timeout(CLOSING_MS));
    } catch (error) {
      log.warn('not_tidied_up', 'what the run made for itself at an issuer is left there; the next run removes it', {
        error,
      });
    }
  }
}
