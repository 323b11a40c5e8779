import { describe, expect, it } from 'vitest';
import { MINUTE_MS } from '../../../shared/keys/duration.ts';
import { FunctionsOnCloud } from '../../support/functions-on-cloud.ts';

interface Line {
  event: string;
  time: string;
  reason?: string;
}

describe('an alert of GitHub', () => {
  const scene = async () => {
    const functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    functions.hook();
    const leak = { repository: 'acme/shop', secretType: 'ibm_cloud_iam_key', secret: await lab.fetchValue() };
    const isOut = () => lab.state.iam.apiKeys.some(({ id, disabled }) => id === lab.currentKeyId() && disabled);
    const lines = () => functions.lines.map((line) => JSON.parse(line) as Line);
    const statuses = () => lab.cloud.github.deliveries.filter(({ action }) => action).map((one) => one.statuses);
    return { functions, lab, leak, isOut, lines, statuses };
  };

  it('that takes too long to read leaves GitHub its answer in time', async () => {
    const { functions, lab, leak, isOut, lines, statuses } = await scene();
    using _ = functions;
    lab.fault({ match: 'GET /repos/**', delayMs: 1_000, status: 503, times: 1 });
    lab.fault({ match: 'GET /repos/**', delayMs: 2_400, times: 1 });
    lab.cloud.github.leak(leak);
    await lab.pass(2_600);
    expect(lines().map(({ event }) => event)).toContain('alert_not_fetched');
    await lab.pass(MINUTE_MS);
    expect([isOut(), statuses()[0]]).toEqual([false, [502]]);
  });

  it('that people dismissed contains nothing when it is delivered again', async () => {
    const { functions, lab, leak, isOut, lines } = await scene();
    using _ = functions;
    lab.fault({ match: 'GET /repos/**', status: 404, times: 1 });
    const { number } = lab.cloud.github.leak(leak);
    await lab.pass(MINUTE_MS);
    const headers = { authorization: `Bearer ${lab.cloud.github.token}`, 'user-agent': 'a person' };
    const path = `http://127.0.0.1:1/repos/acme/shop/secret-scanning/alerts/${number}`;
    const body = JSON.stringify({ state: 'resolved', resolution: 'false_positive' });
    await lab.send(
      new Request(path, { method: 'PATCH', headers: { ...headers, 'content-type': 'application/json' }, body }),
    );
    const [created] = lab.cloud.github.deliveries.filter(({ action }) => action === 'created');
    lab.cloud.github.redeliver(created?.id ?? '');
    await lab.pass(MINUTE_MS);
    expect(isOut()).toBe(false);
    expect(lines().map(({ reason }) => reason)).toContain('alert_dismissed');
  });
});
