import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { FunctionsOnCloud } from '../support/functions-on-cloud.ts';
import { ANSWERS } from '../support/open-questions.ts';
import { wholeTick } from '../support/whole-tick.ts';

const TO_RESPONSE = '/respond-to-compromise/event-notifications';

const isOut = ({ lab }: FunctionsOnCloud, keyId: string): boolean =>
  lab.keys.find(({ id }) => id === keyId)?.disabled === true;

const statuses = ({ lab }: FunctionsOnCloud): (number | null)[][] =>
  lab.cloud.eventNotifications.deliveries.map((delivery) => delivery.statuses);

const SWITCHES = (
  ['eventContentType', 'eventSigning', 'notificationIdKept', 'retriedEventDeliveries'] as const
).flatMap((name) => ANSWERS[name].map((value) => ({ name, value })));

describe.each(SWITCHES)('where Event Notifications answers $name = $value', ({ name, value }) => {
  it('an alert of Cloud Logs that names a key contains it, and a repeat of the delivery changes nothing', async () => {
    using functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    Object.assign(lab.cloud.switches, { [name]: value });
    const { destinationId } = functions.subscribe(TO_RESPONSE);
    functions.trust(destinationId);
    const keyId = lab.currentKeyId();
    const effects = lab.recordEffects();
    // The first answer does not come in time to IAM: the sender is asked to come again.
    lab.fault({ match: 'GET /v1/apikeys/*', status: 503, times: 3 });
    lab.cloud.eventNotifications.publishLogsAlert({ name: 'odd', logExample: { message: { target: { id: keyId } } } });
    await lab.pass(5 * MINUTE_MS);
    expect(isOut(functions, keyId)).toBe(true);
    expect(statuses(functions)[0]?.at(-1)).toBe(202);
    expect(functions.pokes).toEqual([['ingest']]);
    await functions.rotate(0);
    expect(lab.currentKeyId()).not.toBe(keyId);
    const replaced = effects.length;
    lab.cloud.eventNotifications.publishLogsAlert({ name: 'odd', logExample: { message: { target: { id: keyId } } } });
    await lab.pass(5 * MINUTE_MS);
    expect(effects).toHaveLength(replaced);
    expect(await lab.works(await lab.fetchValue())).toBe(true);
  });
});

describe('a report in our own format, as an event', () => {
  it('contains the key that it names', async () => {
    using functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    functions.subscribe(TO_RESPONSE);
    const keyId = lab.currentKeyId();
    const data = { credential: { id: keyId } };
    lab.cloud.eventNotifications.publish({ source: 'scanner', type: 'com.keyrota.key.compromised', data });
    await lab.pass(MINUTE_MS);
    expect(statuses(functions)).toEqual([[202]]);
    expect([isOut(functions, keyId), functions.pokes]).toEqual([true, [['ingest']]]);
  });
});

describe('an alert of GitHub', () => {
  const leaked = async (functions: FunctionsOnCloud) => {
    const { lab } = functions;
    functions.hook();
    const value = await lab.fetchValue();
    const keyId = lab.currentKeyId();
    const leak = { repository: 'acme/shop', secretType: 'ibm_cloud_iam_key', secret: value };
    const { number } = lab.cloud.github.leak(leak);
    await lab.pass(MINUTE_MS);
    return { keyId, value, number };
  };
  const alerts = ({ lab }: FunctionsOnCloud) =>
    (lab.cloud.github.snapshot({ withValues: false }) as { alerts: object[] }).alerts;

  it('is fetched, its key contained and replaced, and the alert resolved as revoked', async () => {
    using functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    const { keyId, value } = await leaked(functions);
    expect(isOut(functions, keyId)).toBe(true);
    expect(alerts(functions)).toMatchObject([{ state: 'resolved', resolution: 'revoked' }]);
    await functions.rotate(0);
    expect(lab.currentKeyId()).not.toBe(keyId);
    expect(functions.lines.join('')).not.toContain(value);
  });

  it('that is delivered again changes nothing, also when the key is replaced', async () => {
    using functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    await leaked(functions);
    await functions.rotate(0);
    const current = lab.currentKeyId();
    const effects = lab.recordEffects();
    const { deliveries } = lab.cloud.github;
    for (const { id } of deliveries.filter(({ action }) => action === 'created')) lab.cloud.github.redeliver(id);
    await lab.pass(HOUR_MS);
    await functions.rotate(1);
    expect([effects, lab.currentKeyId()]).toEqual([[], current]);
    expect(alerts(functions)).toMatchObject([{ state: 'resolved' }]);
  });
});

describe('events of Secrets Manager', () => {
  const registered = async (): Promise<FunctionsOnCloud> => {
    const functions = await FunctionsOnCloud.open();
    const { lab } = functions;
    functions.subscribe('/handle-secret-event');
    await lab.admin.request('POST', '/api/v2/notifications/registration', {
      event_notifications_instance_crn: lab.cloud.account.eventNotifications.crn,
      event_notifications_source_name: 'secrets',
    });
    return functions;
  };

  it('about what Keyrota itself did start nothing, over two months of ticks with a rotation in each', async () => {
    using functions = await registered();
    const { lab, manifest } = functions;
    const before = lab.secret().versions.length;
    for (let day = 0; day < 62; day += 1) {
      await lab.pass(DAY_MS);
      await wholeTick(lab, manifest, { timerMs: DAY_MS });
      await lab.fetchValue();
    }
    expect(lab.secret().versions.length).toBeGreaterThan(before + 1);
    expect(statuses(functions).length).toBeGreaterThan(1);
    expect(functions.pokes).toEqual([]);
  });

  it('about a version that somebody else stored start one look, and what that does starts none', async () => {
    using functions = await registered();
    const { lab } = functions;
    await lab.admin.request('POST', `/api/v2/secrets/${lab.secret().id}/versions`, { payload: 'by hand' });
    await lab.pass(10 * MINUTE_MS);
    expect(functions.pokes).toEqual([['ingest']]);
    await functions.rotate(0);
    await lab.pass(HOUR_MS);
    expect(functions.pokes).toHaveLength(1);
  });
});
