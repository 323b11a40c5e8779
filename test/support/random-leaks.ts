import type { LeakedCredential, LeakReport } from '../../shared/incidents/leak-report.ts';
import type { Dice } from './dice.ts';
import { byValue, codeOf, leakReport, respond } from './leaks.ts';
import { wholeTickDeed } from './leak-scenes.ts';
import type { Deed, Trial } from './trial.ts';
import { lockByConsumer } from './whole-tick.ts';

/** The response to that report. */
export const reportDeed =
  (report: LeakReport): Deed =>
  async ({ lab, manifest }, { http, signal }) => {
    const answer = await respond(lab, manifest, report, { ...(http && { http }), ...(signal && { signal }) });
    if (answer.status !== 202) throw new Error(`answered ${answer.status} ${codeOf(answer) ?? ''}`);
  };

/** A report of the current key, in one of the ways in which it can be named. From now on nobody expects that key to work. */
export async function reportOfCurrent({ lab, witness }: Trial, dice: Dice): Promise<LeakReport> {
  const { id: secretId, versions } = lab.secret();
  const keyId = lab.currentKeyId();
  const way = dice.pick(['value', 'id', 'secret-crn'] as const);
  const credential: LeakedCredential =
    way === 'value'
      ? byValue(await lab.fetchValue())
      : way === 'id'
        ? { by: 'id', id: keyId }
        : { by: 'secret-crn', crn: `${lab.cloud.account.secretsManager.crn.replace(/::$/, '')}:secret:${secretId}` };
  const named = way === 'secret-crn' ? versions.map(({ customMetadata }) => customMetadata.keyrota?.key_id ?? '') : [];
  for (const id of [keyId, ...named]) witness.excuse(id);
  return leakReport(credential, {
    detectedAtMs: lab.clock.nowMs(),
    deliveryId: `delivery-${dice.between(1, 1_000_000)}`,
  });
}

/** A tick to its end, while the ledger cannot be read. */
export async function tickWithoutLedger(trial: Trial): Promise<void> {
  trial.lab.fault({ match: 'GET /api/v2/secrets/*/versions/*', status: 403, times: 5 });
  await wholeTickDeed(trial, {});
  trial.lab.cloud.faults.clear();
}

const LOCK = 'agent-of-a-consumer';

/** A consumer locks what is current, as it may do with what it uses. */
export const lockCurrent = async ({ lab }: Trial): Promise<void> => lockByConsumer(lab, 'current', LOCK);

/** The consumer uses what is current now, and lets go of what it had. */
export const letGo = async ({ lab }: Trial): Promise<unknown> =>
  lab.admin.request('DELETE', `/api/v2/secrets/${lab.secret().id}/locks_bulk?name=${LOCK}`);
