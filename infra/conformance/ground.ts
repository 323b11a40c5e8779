import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { Bench, Ground } from './bench.ts';
import { ibmCodeIn, textIn } from './raw-answer.ts';
import type { RawAnswer, RawCall } from './raw-answer.ts';
import type { RawApi } from './raw.ts';
import { removeSecret, requestSecret } from './secrets-bench.ts';

/** What each part of the ground needs, for whoever is refused. */
const NEEDS = 'docs/conformance.md tells which roles a run needs. What was made until then is removed again.';

/** Makes the one secret group and the one service ID of a run. @throws KeyrotaError `ground_refused`; ApiError. */
export async function makeGround(bench: Bench): Promise<Ground> {
  const { addresses, book, own } = bench;
  const name = book.runName;
  const description = 'Of a conformance run of Keyrota. It removes it at its end.';
  const group = await made(bench, 'the secret group', own.secretsManager, {
    method: 'POST',
    path: '/api/v2/secret_groups',
    body: { name, description },
  });
  const serviceId = await made(bench, 'the service ID', own.iam, {
    method: 'POST',
    path: '/v1/serviceids',
    body: { account_id: addresses.accountId, name, description },
  });
  const ground: Ground = {
    groupId: textIn(group, 'id'),
    serviceId: { id: textIn(serviceId, 'id'), iamId: textIn(serviceId, 'iam_id'), crn: textIn(serviceId, 'crn') },
    instanceId: '',
  };
  return { ...ground, instanceId: await instanceOf(bench.on(ground)) };
}

async function made(bench: Bench, what: string, api: RawApi, call: RawCall): Promise<Record<string, unknown>> {
  const answer = await api.send(call, bench.signal);
  if (answer.status !== 201) throw refused(what, answer);
  return answer.body;
}

/** The GUID of the Secrets Manager instance, from the CRN of a secret in it. */
async function instanceOf(bench: Bench): Promise<string> {
  const answer = await requestSecret(bench, bench.nameOf('first'));
  if (answer.status !== 201) throw refused('a first secret', answer);
  await removeSecret(bench, textIn(answer.body, 'id'));
  return textIn(answer.body, 'crn').split(':')[7] ?? '';
}

const refused = (what: string, answer: RawAnswer): KeyrotaError =>
  new KeyrotaError('ground_refused', `${what} could not be made: status ${answer.status} ${ibmCodeIn(answer)}`.trim(), {
    next: NEEDS,
  });
