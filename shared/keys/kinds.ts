import type { IamLogin } from '../auth/iam-login.ts';
import type { Calls } from '../clients/calls.ts';
import type { Login as LoginOfCalls } from '../clients/calls.ts';
import type { HttpOptions } from '../clients/http-options.ts';
import { IamIdentity } from '../clients/iam-identity.ts';
import { IamPolicies } from '../clients/iam-policies.ts';
import type { IamTokens } from '../clients/iam-token.ts';
import { LogLines } from '../clients/log-line.ts';
import type { ResourceKeys } from '../clients/resource-keys.ts';
import type { SecretStore } from '../clients/secret-store.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { Settings } from '../runtime/settings.ts';
import type { KeyKind } from './kind.ts';
import type { ManagedKey } from './manifest.ts';
import type { UserLogins } from './user-login.ts';

/** What kinds make their clients from. */
export interface KindParts {
  settings: Settings;
  clock: Clock;
  log: Log;
  http: HttpOptions;
  signal: AbortSignal;
  /** When the run ends, in epoch milliseconds. */
  deadlineMs: number;
  /** Nothing is to be changed: a dry run. */
  readOnly: boolean;
  /** Keyrota's own login. */
  login: IamLogin;
  tokens: IamTokens;
  secrets: SecretStore;
  /** How calls are sent: with Keyrota's login, with another one, or (null) without any. */
  calls: (login: LoginOfCalls | null) => Calls;
}

type KindName = ManagedKey['kind'];

/** What the kinds of one run share; made when the first of them needs it. */
interface Shared {
  logins: () => Promise<UserLogins>;
}

function sharedBy(parts: KindParts): Shared {
  let logins: Promise<UserLogins> | null = null;
  return { logins: () => (logins ??= import('./user-login.ts').then(({ UserLogins }) => new UserLogins(parts))) };
}

/** A kind loads when an entry needs it: whoever has no classic keys loads nothing of theirs. */
const OPENERS: Record<KindName, (parts: KindParts, shared: Shared) => Promise<KeyKind>> = {
  'service-id-api-key': async (parts) => {
    const { serviceIdApiKeys } = await import('./service-id-api-key.ts');
    const { tokens } = parts;
    return serviceIdApiKeys({ ...atIam(parts), tokens, logLines: logLinesOf(parts) });
  },
  'user-api-key': async (parts, shared) => {
    const [{ userApiKeys }, logins] = await Promise.all([import('./user-api-key.ts'), shared.logins()]);
    const { tokens } = parts;
    const identityOf = (login: IamLogin) => atIam(parts, login).identity;
    return userApiKeys({ ...atIam(parts), tokens, logins, identityOf, logLines: logLinesOf(parts) });
  },
  'logging-key': async (parts) => {
    const { loggingKeys } = await import('./logging-key.ts');
    return loggingKeys({ ...parts, calls: parts.calls(null), resourceKeys: await resourceKeysOf(parts) });
  },
  'service-credential': async (parts) => {
    const { serviceCredentials } = await import('./service-credential.ts');
    const { tokens, clock } = parts;
    return serviceCredentials({ ...atIam(parts), resourceKeys: await resourceKeysOf(parts), tokens, clock });
  },
  'classic-api-key': async (parts, shared) => {
    const [{ classicApiKeys }, { ClassicUsers }, logins] = await Promise.all([
      import('./classic-api-key.ts'),
      import('../clients/classic-users.ts'),
      shared.logins(),
    ]);
    const { clock, log, deadlineMs, settings, http, calls } = parts;
    const usersOf = (login: IamLogin) => {
      const options = { serviceUrl: settings.classicUrl, authenticator: login, http };
      return new ClassicUsers({ ...options, calls: calls(login), callsWithKeys: calls(null) });
    };
    return classicApiKeys({ clock, log, deadlineMs, logins, usersOf });
  },
};

/** Clients of IAM that work with Keyrota's own login, or with another one. */
export function atIam(parts: KindParts, login = parts.login): { identity: IamIdentity; policies: IamPolicies } {
  const { settings, http, calls } = parts;
  const { iamUrl, accountId } = settings;
  const options = { serviceUrl: iamUrl, authenticator: login, http, accountId, calls: calls(login) };
  return { identity: new IamIdentity(options), policies: new IamPolicies(options) };
}

/** A client of the resource controller that works with Keyrota's own login. */
async function resourceKeysOf(parts: KindParts): Promise<ResourceKeys> {
  const { ResourceKeys } = await import('../clients/resource-keys.ts');
  const { settings, http, login } = parts;
  const { resourceControllerUrl: serviceUrl } = settings;
  return new ResourceKeys({ serviceUrl, authenticator: login, http, calls: parts.calls(login) });
}

const logLinesOf = ({ calls, http }: KindParts): LogLines => new LogLines({ calls: calls(null), http });

/** The kinds of these entries. */
export async function openKinds(
  keys: readonly ManagedKey[],
  parts: KindParts,
): Promise<Partial<Record<KindName, KeyKind>>> {
  const shared = sharedBy(parts);
  const names = [...new Set(keys.map(({ kind }) => kind))];
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, await OPENERS[name](parts, shared)] as const)),
  );
}
