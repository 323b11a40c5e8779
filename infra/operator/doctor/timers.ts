import { timerLate } from '../../../shared/findings/account-rules.ts';
import { DAY_MS } from '../../../shared/keys/duration.ts';
import { lastRunMs, readLedger } from '../../../shared/ledger/ledger.ts';
import { timeText } from '../../../shared/rotation/record.ts';
import { failed, notLookedAt, ok, warning } from './finding.ts';
import type { Finding } from './finding.ts';
import { grantOnGroup } from './grants.ts';
import type { DoctorWorld } from './world.ts';

/** Whether the timer calls rotate-keys, by the note that a run leaves on the ledger. */
export async function checkRuns(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const { manifest, ports, clock, settings, deployed } = world;
  const atMs = await lastRunMs(manifest, { ...ports, signal });
  if (atMs === null) {
    const next = ['The first daily check makes the ledger, on which runs note themselves from then on.'];
    return [
      deployed
        ? warning('no run was noted yet', next)
        : notLookedAt('no run was noted yet: nothing is deployed, or this is its first day'),
    ];
  }
  const [late] = timerLate(atMs, settings.timerMs, clock.nowMs());
  return [late ? failed(late.why, late.next) : ok(`the last noted run was at ${timeText(atMs)}`)];
}

/** It is made once a day; one that fell out is no trouble yet. */
const CHECK_WITHIN_MS = 2 * DAY_MS;

/** Whether the daily check runs, by what it remembers. */
export async function checkChecks(world: DoctorWorld, signal: AbortSignal): Promise<Finding[]> {
  const { manifest, ports, clock, deployed } = world;
  const { check } = await readLedger(manifest, { ...ports, signal });
  if (check.at === '')
    return [
      deployed ? warning('no check is remembered yet', [LOOK_AT_CHECK]) : notLookedAt('no check is remembered yet'),
    ];
  const atMs = Date.parse(check.at);
  const seen = `the last check was at ${timeText(atMs)}`;
  return [clock.nowMs() - atMs > CHECK_WITHIN_MS ? failed(seen, [LOOK_AT_CHECK]) : ok(seen)];
}

const LOOK_AT_CHECK =
  'ibmcloud ce sub cron list: is there one for check-expiry, and is it ready? Its log tells the rest.';

/** The ledger's value may be read by who may read values in its group. */
export const toReadLedger = (world: DoctorWorld): string =>
  grantOnGroup(world, 'SecretsReader', world.manifest.ledger.groupId);
