import { systemClock } from '../../shared/runtime/clock.ts';
import { readSettings } from '../../shared/runtime/settings.ts';
import type { World } from './world.ts';

/** With any of them somebody means an account. */
const MEANT = ['KEYROTA_ACCOUNT_ID', 'KEYROTA_API_KEY', 'KEYROTA_SECRETS_MANAGER_URL'];

export const isAccountMeant = (environment: Record<string, string | undefined>): boolean =>
  MEANT.some((variable) => !!environment[variable]);

/** The account of the settings, over the network. @throws SettingsError. */
export function openAccount(environment: Record<string, string | undefined>): World {
  const settings = readSettings(environment);
  return {
    kind: 'account',
    addresses: {
      accountId: settings.accountId,
      iamUrl: settings.iamUrl,
      secretsManagerUrl: settings.secretsManagerUrl,
      resourceControllerUrl: settings.resourceControllerUrl,
    },
    login: settings.login,
    clock: systemClock,
    send: overNetwork,
    callTimeoutMs: settings.callTimeoutMs,
  };
}

/** Nobody waits so long for an answer; the process must end all the same. */
const LONGEST_CALL_MS = 120_000;

/** A redirect is an answer like any other: to follow it would carry the token elsewhere. */
async function overNetwork(request: Request): Promise<Response> {
  try {
    return await fetch(request, { redirect: 'manual', signal: AbortSignal.timeout(LONGEST_CALL_MS) });
  } catch (error) {
    const { cause } = error as { cause?: { code?: string; message?: string } };
    throw new Error(cause?.code ?? cause?.message ?? 'no connection', { cause: error });
  }
}
