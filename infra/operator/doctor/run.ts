import { isApiError } from '../../../shared/clients/api-error.ts';
import { grantTo } from '../../../shared/inventory/own-access.ts';
import { PersonNeeded } from '../../../shared/keys/kind.ts';
import { TimeIsUp, withTimeLimit } from '../../../shared/runtime/clock.ts';
import { KeyrotaError, messageOf } from '../../../shared/runtime/errors.ts';
import { checkLinks, checkRoles } from './access.ts';
import { checkAddresses } from './addresses.ts';
import { CHECK_IDS } from './catalogue.ts';
import type { CheckId } from './catalogue.ts';
import { checkEntries, checkQuotas } from './entries.ts';
import { failed, notLookedAt } from './finding.ts';
import type { Finding } from './finding.ts';
import { checkFunctions } from './functions.ts';
import { checkAccount, checkClock, checkLogin } from './login.ts';
import type { LoggedIn } from './login.ts';
import { checkGroups, checkInstance, checkLedger } from './secrets.ts';
import { checkChecks, checkRuns, toReadLedger } from './timers.ts';
import { tryLock } from './try-lock.ts';
import { instanceGuid } from './world.ts';
import type { DoctorWorld } from './world.ts';

/** A finding, and the check that it comes from. */
export interface CheckFinding extends Finding {
  check: CheckId;
}

export interface DoctorWish {
  /** Whether the guard lock is tried, on a throwaway secret. */
  triesLock: boolean;
}

/** What one check may take, in milliseconds. */
const CHECK_MS = 45_000;

interface Check {
  /** Left out: always. */
  isWanted?: (world: DoctorWorld, wish: DoctorWish) => boolean;
  look: (world: DoctorWorld, signal: AbortSignal, loggedIn: LoggedIn) => Promise<Finding[]>;
  /** It has a limit of its own, or takes back what it did, which must not be cut off. Default: false. */
  endsByItself?: boolean;
  /** The command that lets the login see what it may not see. */
  toAllow?: (world: DoctorWorld) => string;
}

const isDeployed = ({ deployed }: DoctorWorld): boolean => deployed !== null;
const onIam =
  (role: string) =>
  ({ account }: DoctorWorld): string =>
    grantTo(account.login.iamId, `--roles '${role}' --service-name iam-identity`);

/** All but the login itself, without which none of them can be made. */
const CHECKS: Record<Exclude<CheckId, 'login'>, Check> = {
  addresses: { look: checkAddresses },
  account: { look: checkAccount },
  clock: { look: async (world, _, loggedIn) => checkClock(loggedIn, world) },
  instance: {
    look: checkInstance,
    toAllow: (world) =>
      grantTo(
        world.account.login.iamId,
        `--roles Viewer --service-name secrets-manager --service-instance ${instanceGuid(world) ?? 'GUID'}`,
      ),
  },
  groups: { look: checkGroups },
  ledger: { look: checkLedger },
  entries: { look: checkEntries, endsByItself: true },
  quotas: { look: checkQuotas },
  roles: { look: checkRoles, toAllow: onIam('Viewer') },
  links: { isWanted: isDeployed, look: checkLinks, toAllow: onIam('Viewer') },
  functions: { isWanted: isDeployed, look: checkFunctions },
  runs: { look: checkRuns },
  checks: { look: checkChecks, toAllow: toReadLedger },
  lock: { isWanted: (_, { triesLock }) => triesLock, look: tryLock, endsByItself: true },
};

/**
 * Makes every check, one after the other, and goes on where one of them fails. Without a login those that need one are not made.
 * @throws what the signal aborts with.
 */
export async function examine(world: DoctorWorld, wish: DoctorWish): Promise<CheckFinding[]> {
  const findings: CheckFinding[] = [];
  let loggedIn: LoggedIn | null = null;
  for (const check of CHECK_IDS) {
    if (check === 'login') {
      const found = await within(world, (signal) => checkLogin(world, signal)).catch((error: unknown) =>
        lookFailed(error, world),
      );
      if ('findings' in found) loggedIn = found;
      findings.push(...('findings' in found ? found.findings : [found]).map((one) => ({ check, ...one })));
      continue;
    }
    if (!(CHECKS[check].isWanted?.(world, wish) ?? true)) continue;
    findings.push(...(await made(check, world, loggedIn)).map((one) => ({ check, ...one })));
  }
  return findings;
}

async function made(
  check: Exclude<CheckId, 'login'>,
  world: DoctorWorld,
  loggedIn: LoggedIn | null,
): Promise<Finding[]> {
  const { look, toAllow, endsByItself = false } = CHECKS[check];
  // The addresses come before the login, and are asked without one.
  const login = loggedIn ?? { beganMs: 0, endedMs: 0, findings: [], isIn: check === 'addresses' };
  if (!login.isIn) return [notLookedAt('it takes a login')];
  try {
    if (endsByItself) return await look(world, world.ports.signal, login);
    return await within(world, (signal) => look(world, signal, login));
  } catch (error) {
    return [lookFailed(error, world, toAllow)];
  }
}

const within = <T>({ clock, ports }: DoctorWorld, work: (signal: AbortSignal) => Promise<T>): Promise<T> =>
  withTimeLimit(clock, CHECK_MS, ports.signal, work);

/** @throws what the signal aborted with, and whatever is a defect. */
function lookFailed(error: unknown, world: DoctorWorld, toAllow?: Check['toAllow']): Finding {
  if (world.ports.signal.aborted) throw error;
  if (error instanceof TimeIsUp)
    return notLookedAt(`there was no answer within ${error.limitMs / 1_000} s`, ['Try again.']);
  if (error instanceof PersonNeeded) return failed(error.obstacle.problem, error.obstacle.steps);
  if (!(error instanceof KeyrotaError)) throw error;
  const next = error.next === '' ? [] : [error.next];
  if (isApiError(error, 'forbidden'))
    return notLookedAt(`this login may not see it: ${messageOf(error)}`, toAllow ? [toAllow(world)] : next);
  return failed(messageOf(error), next);
}
