import { DAY_MS } from '../../../shared/keys/duration.ts';
import { ApiError } from '../../../shared/clients/api-error.ts';
import { KeyrotaError, messageOf } from '../../../shared/runtime/errors.ts';
import { counted, failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import type { DoctorWorld } from './world.ts';

/** The key that the doctor itself logs in with should not end sooner. */
const KEY_ENDS_WITHIN_MS = 14 * DAY_MS;

const TO_LOG_IN = [
  'Another key: `ibmcloud iam api-key-create NAME`, or of a service ID `ibmcloud iam service-api-key-create NAME SERVICE_ID`;',
  'then: export KEYROTA_LOGIN=api-key KEYROTA_API_KEY=…',
];

/** When a login began and ended by this machine's clock, in epoch milliseconds, and the findings. */
export interface LoggedIn {
  beganMs: number;
  endedMs: number;
  findings: Finding[];
  /** Whether the other checks can go on. */
  isIn: boolean;
}

/** Logs in. */
export async function checkLogin(world: DoctorWorld, signal: AbortSignal): Promise<LoggedIn> {
  const { clock, ports } = world;
  const beganMs = clock.nowMs();
  try {
    await ports.outward.login.ready(signal);
  } catch (error) {
    if (signal.aborted || !(error instanceof KeyrotaError)) throw error;
    const isRefused = error instanceof ApiError && error.failure.status !== null && error.failure.status < 500;
    const next = error.next === '' ? (isRefused ? TO_LOG_IN : ['Try again.']) : [error.next];
    const findings = [failed(`Keyrota cannot log in: ${messageOf(error)}`, next)];
    return { beganMs, endedMs: clock.nowMs(), findings, isIn: false };
  }
  const endedMs = clock.nowMs();
  return { beganMs, endedMs, findings: [await ownKey(world, signal)], isIn: true };
}

async function ownKey({ clock, settings, account, ports }: DoctorWorld, signal: AbortSignal): Promise<Finding> {
  const who = ports.outward.login.iamId ?? 'somebody whom the token does not name';
  const { login } = settings;
  if (login.kind !== 'api-key') return ok(`logged in as ${who}, by trusted profile`);
  // It works, whatever may be seen of it.
  const key = await account.identity.keyOfValue(login.apiKey, signal).catch((error: unknown) => {
    if (signal.aborted || !(error instanceof KeyrotaError)) throw error;
    return null;
  });
  const endMs = key?.expires_at ?? null;
  if (!key || endMs === null) return ok(`logged in as ${who}, by an API key`);
  const daysLeft = Math.floor((endMs - clock.nowMs()) / DAY_MS);
  const seen = `logged in as ${who}, by API key ${key.name}, which ends in ${counted(daysLeft, 'day')}`;
  return endMs - clock.nowMs() < KEY_ENDS_WITHIN_MS ? warning(seen, TO_LOG_IN) : ok(seen);
}

/** Whether the token is for the account that the settings name. */
export async function checkAccount({ settings, ports }: DoctorWorld): Promise<Finding[]> {
  const accountId = ports.outward.login.told?.account?.bss;
  if (accountId === undefined) return [notLookedAt('the token does not tell its account')];
  if (accountId === settings.accountId) return [ok(`account ${accountId}`)];
  return [
    failed(`the login is for account ${accountId}, and KEYROTA_ACCOUNT_ID names ${settings.accountId}`, [
      `export KEYROTA_ACCOUNT_ID=${accountId}`,
      'Where the other account is meant: log in there.',
    ]),
  ];
}

/** IAM's clock and ours: what decides on ages and signatures bears a minute. */
const BEARS_MS = 60_000;
const NOTICED_MS = 10_000;

const TO_SET_THE_CLOCK = [
  'Switch time synchronization on: `sudo timedatectl set-ntp true`, and see `timedatectl status`.',
];

/** By when IAM says that it made the token, which is while we waited for it. */
export function checkClock({ beganMs, endedMs }: LoggedIn, { ports }: DoctorWorld): Finding[] {
  const issuedAt = ports.outward.login.told?.iat;
  if (issuedAt === undefined) return [notLookedAt('the token does not tell when it was made')];
  // Told in whole seconds, rounded down.
  const [earliestMs, latestMs] = [issuedAt * 1_000, issuedAt * 1_000 + 1_000];
  const apartMs = Math.max(0, earliestMs - endedMs, beganMs - latestMs);
  if (apartMs < NOTICED_MS) return [ok('this machine and IAM agree on the time')];
  const seconds = Math.round(apartMs / 1_000);
  const which = earliestMs > endedMs ? 'behind' : 'ahead of';
  const seen = `the clock of this machine is ${seconds} s ${which} that of IAM`;
  return [(apartMs >= BEARS_MS ? failed : warning)(seen, TO_SET_THE_CLOCK)];
}
