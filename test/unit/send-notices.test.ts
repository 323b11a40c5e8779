import fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NOTICE_TYPES } from '../../shared/notices/notice.ts';
import type { Notice } from '../../shared/notices/notice.ts';
import type { NoticeTarget } from '../../shared/runtime/notice-targets.ts';
import {
  INSTANCE_URL,
  PREVIOUS_SECRET,
  Receivers,
  SECRETS,
  SLACK_URL,
  SOURCE_ID,
  START_MS,
  WEBHOOK_SECRET,
  WEBHOOK_URL,
  notice,
  targetsOf,
} from '../support/receivers.ts';
import type { Answer, Arrival } from '../support/receivers.ts';

const parsed = ({ body }: Pick<Arrival, 'body'>) => JSON.parse(body) as Record<string, unknown>;
const ids = (deliveries: readonly { notice: Notice }[]) => deliveries.map((one) => one.notice.id);
const inTurn =
  (...answers: Answer[]) =>
  (_: Arrival, earlier: number): Answer =>
    answers[earlier] ?? { status: 200 };
const [webhookId = ''] = targetsOf(['webhook']).map(({ id }) => id);

afterEach(() => {
  vi.useRealTimers();
});

describe('a notice to a receiver of Standard Webhooks', () => {
  it('is what the library accepts, by either secret, and has the fields of the page', async () => {
    const receivers = new Receivers();
    const targets = targetsOf(['webhook'], { KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: PREVIOUS_SECRET });
    const { delivered, failed, nowDisabled } = await receivers.send([notice()], targets);
    expect([ids(delivered), failed, nowDisabled]).toEqual([['notice_1'], [], []]);
    const [arrival] = receivers.arrivals;
    if (!arrival) throw new Error('nothing arrived');
    expect(arrival.url).toBe(WEBHOOK_URL);
    expect(arrival.headers).toMatchObject({ 'webhook-id': 'notice_1', 'content-type': 'application/json' });
    vi.useFakeTimers({ now: START_MS, toFake: ['Date'] });
    for (const secret of [WEBHOOK_SECRET, PREVIOUS_SECRET]) {
      expect(new Webhook(secret).verify(arrival.body, arrival.headers)).toEqual({
        type: 'key.contained',
        timestamp: new Date(START_MS - 1_000).toISOString(),
        data: {
          deployment: 'prod',
          name: 'logs-ingest',
          keyId: 'ApiKey-1',
          incident: 'incident-7',
          why: 'key ApiKey-1 was reported as compromised',
          next: ['Have every consumer fetch secret logs-ingest anew.'],
          details: { account: '0'.repeat(32), steps: ['contain ApiKey-1'] },
        },
      });
    }
    expect(() =>
      new Webhook(`whsec_${Buffer.alloc(32, 'c').toString('base64')}`).verify(arrival.body, arrival.headers),
    ).toThrow('No matching signature');
  });

  it('is signed with one secret where there is one, and anew for every attempt', async () => {
    const receivers = new Receivers(inTurn({ status: 503 }));
    await receivers.send([notice()], targetsOf(['webhook']));
    const signed = receivers.arrivals.map(({ headers }) => [
      headers['webhook-timestamp'],
      headers['webhook-signature'],
    ]);
    expect(signed.map(([timestamp]) => Number(timestamp) - START_MS / 1_000)).toEqual([0, 5]);
    expect(new Set(signed.map(([, signature]) => signature)).size).toBe(2);
    for (const [, signature] of signed) expect(signature).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
  });

  it.each<[string, Answer, number[]]>([
    ['400', { status: 400 }, [0, 5_000]],
    ['401', { status: 401 }, [0, 5_000]],
    ['429', { status: 429 }, [0, 5_000]],
    ['500', { status: 500 }, [0, 5_000]],
    ['502', { status: 502 }, [0, 5_000]],
    ['504', { status: 504 }, [0, 5_000]],
    ['a name that does not exist', { fails: 'ENOTFOUND' }, [0, 5_000]],
    ['a connection that is refused', { fails: 'ECONNREFUSED' }, [0, 5_000]],
    ['a certificate that is not good', { fails: 'CERT_HAS_EXPIRED' }, [0, 5_000]],
    ['no answer within 10 s', 'silence', [0, 15_000]],
    ['a redirect', { status: 302, headers: { location: 'https://other.example' } }, [0]],
    ['a permanent redirect', { status: 308, headers: { location: 'https://other.example' } }, [0]],
    ['304', { status: 304 }, [0]],
  ])('that meets %s is repeated by the schedule, within the run', async (_, answer, times) => {
    const receivers = new Receivers(() => answer);
    const { delivered, failed, nowDisabled } = await receivers.send([notice()], targetsOf(['webhook']));
    expect([delivered, ids(failed), nowDisabled]).toEqual([[], ['notice_1'], []]);
    expect(receivers.times).toEqual(times);
    expect(new Set(receivers.arrivals.map(({ url }) => url))).toEqual(new Set([WEBHOOK_URL]));
  });

  it('is repeated after 5 min and 30 min where the run has that long', async () => {
    const receivers = new Receivers(() => ({ status: 500 }));
    await receivers.send([notice()], targetsOf(['webhook']), { deadlineMs: START_MS + 86_400_000 });
    expect(receivers.times).toEqual([0, 5_000, 305_000, 2_105_000]);
  });

  it.each([
    ['30', 30_000],
    [new Date(START_MS + 40_000).toUTCString(), 40_000],
    ['1', 5_000],
    ['soon', 5_000],
    ['-5', 5_000],
  ])('is repeated when the receiver says: Retry-After %s', async (retryAfter, thenMs) => {
    const receivers = new Receivers(inTurn({ status: 429, headers: { 'retry-after': retryAfter } }));
    const { delivered } = await receivers.send([notice()], targetsOf(['webhook']));
    expect([ids(delivered), receivers.times]).toEqual([['notice_1'], [0, thenMs]]);
  });

  it('is given up at once when the receiver asks for more time than the run has', async () => {
    const receivers = new Receivers(() => ({ status: 503, headers: { 'retry-after': '3600' } }));
    await receivers.send([notice()], targetsOf(['webhook']));
    expect([receivers.times, receivers.clock.nowMs()]).toEqual([[0], START_MS]);
  });

  it('is the last where the receiver says that it is gone, which is told; and then none is sent', async () => {
    const receivers = new Receivers(() => ({ status: 410 }));
    const notices = [notice(), notice({}, 2)];
    const { failed, nowDisabled } = await receivers.send(notices, targetsOf(['webhook']));
    expect([failed, nowDisabled, receivers.arrivals.length]).toEqual([[], [webhookId], 1]);
    expect(receivers.warnings).toMatchObject([{ event: 'notice_failed', target: webhookId, status: 410 }]);
    await receivers.send(notices, targetsOf(['webhook']), { disabled: new Set(nowDisabled) });
    expect(receivers.arrivals).toHaveLength(1);
  });
});

describe('a notice to Slack', () => {
  const sentTo = async (given: Notice) => {
    const receivers = new Receivers();
    await receivers.send([given], targetsOf(['slack']));
    const [arrival] = receivers.arrivals;
    const body = parsed(arrival ?? { body: '{}' });
    const blocks = body['blocks'] as { text: { text: string } }[];
    return { url: arrival?.url, text: String(body['text']), sections: blocks.map((block) => block.text.text) };
  };

  it('says what happened, to which key, and what to do', async () => {
    const { url, text, sections } = await sentTo(notice());
    expect(url).toBe(SLACK_URL);
    expect(text).toBe('logs-ingest leaked and was put out of use: key ApiKey-1 was reported as compromised');
    expect(sections).toEqual([
      '*logs-ingest leaked and was put out of use*\nkey ApiKey-1 was reported as compromised',
      '*Next*\n1. Have every consumer fetch secret logs-ingest anew.',
      expect.stringContaining(
        'deployment prod · key ApiKey-1 · incident incident-7 · 2026-11-20T02:59:59.000Z',
      ) as string,
    ]);
  });

  it('takes names for data: nobody is called, and nothing becomes a link', async () => {
    const { text, sections } = await sentTo(
      notice({ name: '<!channel> & <https://evil.example|ok>', why: '<@U1> & co' }),
    );
    for (const shown of [text, ...sections]) expect(shown).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
    expect(text).toContain('&lt;!channel&gt; &amp; &lt;https://evil.example|ok&gt;');
  });

  it('never has a longer section than Slack takes, nor half a character', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.record({
          why: fc.string({ unit: fc.constantFrom('&', '<', 'x', '😀', '\n'), minLength: 500, maxLength: 1_200 }),
          next: fc.array(fc.string({ unit: fc.constantFrom('>', '&', 'y', '😀'), minLength: 200, maxLength: 900 })),
        }),
        async (texts) => {
          const { sections } = await sentTo(notice(texts));
          for (const section of sections) {
            expect(section.length).toBeLessThanOrEqual(3_000);
            expect(section).not.toMatch(/&(?!amp;|lt;|gt;)/);
            expect(section.isWellFormed()).toBe(true);
          }
        },
      ),
      { numRuns: 30 },
    );
  });

  it.each<[string, Answer, number[]]>([
    ['400', { status: 400 }, [0]],
    ['403', { status: 403 }, [0]],
    ['404', { status: 404 }, [0]],
    ['410', { status: 410 }, [0]],
    ['302', { status: 302 }, [0]],
    ['429', { status: 429, headers: { 'retry-after': '20' } }, [0, 20_000]],
    ['500', { status: 500 }, [0, 5_000]],
    ['silence', 'silence', [0, 15_000]],
  ])('that meets %s is repeated only where that may help', async (_, answer, times) => {
    const receivers = new Receivers(() => answer);
    const { failed, nowDisabled } = await receivers.send([notice()], targetsOf(['slack']));
    expect([ids(failed), nowDisabled, receivers.times]).toEqual([['notice_1'], [], times]);
  });
});

describe('a notice to Event Notifications', () => {
  it('is an event of the API source, sent with the login of Keyrota', async () => {
    const receivers = new Receivers(() => ({ status: 202 }));
    const { delivered } = await receivers.send([notice()], targetsOf(['events']));
    expect(ids(delivered)).toEqual(['notice_1']);
    const [arrival] = receivers.arrivals;
    expect(arrival?.url).toBe(`${INSTANCE_URL}/notifications`);
    expect(arrival?.headers['authorization']).toBe('Bearer made-up-bearer-token');
    expect(parsed(arrival ?? { body: '{}' })).toMatchObject({
      specversion: '1.0',
      id: 'notice_1',
      source: 'keyrota/prod',
      type: 'com.keyrota.key.contained',
      time: '2026-11-20T02:59:59.000Z',
      ibmensourceid: SOURCE_ID,
      ibmenseverity: 'CRITICAL',
      ibmendefaultshort: 'logs-ingest leaked and was put out of use',
      ibmendefaultlong: expect.stringContaining('1. Have every consumer') as string,
      datacontenttype: 'application/json',
      data: { deployment: 'prod', keyId: 'ApiKey-1' },
    });
  });

  it.each<[string, Answer, number]>([
    ['400', { status: 400 }, 1],
    ['403', { status: 403 }, 1],
    ['401 twice', { status: 401 }, 2],
    ['503', { status: 503 }, 4],
    ['a dead host', { fails: 'ECONNREFUSED' }, 4],
  ])('that meets %s fails like any call to IBM Cloud', async (_, answer, attempts) => {
    const receivers = new Receivers(() => answer);
    const { failed } = await receivers.send([notice()], targetsOf(['events']));
    expect([ids(failed), receivers.arrivals.length]).toEqual([['notice_1'], attempts]);
    expect(receivers.warnings).toMatchObject([{ event: 'notice_failed', target: 'event-notifications' }]);
  });

  it('is not sent without a login', async () => {
    const receivers = new Receivers();
    await receivers.send([notice()], targetsOf(['events']), { login: null });
    expect(receivers.arrivals).toEqual([]);
    expect(receivers.warnings).toMatchObject([{ reason: 'no_login' }]);
  });
});

describe('notices', () => {
  const ALL = targetsOf(['webhook', 'slack', 'events']);
  const TEN = Array.from({ length: 10 }, (_, index) => notice({}, index));

  it('go to all targets side by side, and to each in order; a dead one holds up nobody', async () => {
    const receivers = new Receivers(({ url }) => (url === WEBHOOK_URL ? 'silence' : { status: 200 }));
    const { delivered, failed } = await receivers.send(TEN, ALL);
    for (const target of ['slack', 'event-notifications']) {
      expect(ids(delivered.filter((one) => one.target === target))).toEqual(ids(TEN.map((one) => ({ notice: one }))));
    }
    expect(failed.map(({ target }) => target)).toEqual(TEN.map(() => webhookId));
    expect(receivers.arrivals.filter(({ url }) => url === WEBHOOK_URL)).toHaveLength(2);
    expect(receivers.clock.nowMs() - START_MS).toBe(25_000);
  });

  it('end with the time that they were given, whoever answers', async () => {
    for (const deadlineMs of [START_MS - 1, START_MS, START_MS + 3_000, START_MS + 17_000]) {
      const receivers = new Receivers(() => 'silence');
      const { delivered, failed } = await receivers.send(TEN, ALL, { deadlineMs });
      expect([delivered, failed.length]).toEqual([[], 30]);
      expect(receivers.clock.nowMs()).toBeLessThanOrEqual(Math.max(deadlineMs, START_MS));
    }
  });

  it('end with the run, and without an error', async () => {
    const ending = new AbortController();
    const receivers = new Receivers(() => {
      ending.abort(new Error('the run ends'));
      return 'silence';
    });
    const { delivered, failed } = await receivers.send(TEN, ALL, { signal: ending.signal });
    expect([delivered, failed.length]).toEqual([[], 30]);
  });

  it('for a target that cannot even be addressed fail without an error', async () => {
    const targets = targetsOf(['events']).map((target) => ({ ...target, url: '{instance}' }) as NoticeTarget);
    const receivers = new Receivers();
    const { failed } = await receivers.send(TEN, targets);
    expect([failed.length, receivers.arrivals]).toEqual([10, []]);
    expect(receivers.warnings).toHaveLength(10);
  });

  it('that are none, or have no target, ask nobody', async () => {
    const receivers = new Receivers();
    expect(await receivers.send([], ALL)).toEqual({ delivered: [], failed: [], nowDisabled: [] });
    expect(await receivers.send(TEN, [])).toEqual({ delivered: [], failed: [], nowDisabled: [] });
    expect(receivers.arrivals).toEqual([]);
  });

  it('of one fact are sent once to each target, however often they are given', async () => {
    const receivers = new Receivers();
    await receivers.send([notice(), notice(), notice({}, 2), notice()], ALL);
    const seen = receivers.arrivals.map(({ url, headers, body }) => `${url} ${headers['webhook-id'] ?? body}`);
    expect(new Set(seen).size).toBe(seen.length - 1); // Slack shows no ids: two notices read alike
    expect(seen).toHaveLength(6);
  });

  it('show no value, even where a text came with one, and no line end', async () => {
    const value = `${'aB3'.repeat(14)}xY`;
    const texts = {
      why: `refused: ${value}\nand more\u2028`,
      next: [value],
      incident: value,
      details: { [value]: value, list: [value] },
    };
    const receivers = new Receivers(({ url }) => ({ status: url === SLACK_URL ? 404 : 200 }));
    await receivers.send([notice(texts)], ALL);
    const shown = receivers.arrivals.map(({ body }) => body).join() + receivers.logLines.join();
    expect(receivers.arrivals).toHaveLength(3);
    expect(shown).not.toContain(value);
    expect(shown).toContain('[redacted]');
  });

  it('are small, whatever they tell', async () => {
    const long = '\u0001😀"'.repeat(3_000);
    const details = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`${index}`, long]));
    const receivers = new Receivers();
    await receivers.send(
      [notice({ why: long, next: Array.from({ length: 90 }, () => long), details, name: long })],
      ALL,
    );
    for (const { url, body } of receivers.arrivals) {
      expect(Buffer.byteLength(body)).toBeLessThan(url === SLACK_URL ? 40_000 : 64_000);
    }
    const [webhook] = receivers.arrivals.filter(({ url }) => url === WEBHOOK_URL);
    expect(Buffer.byteLength(webhook?.body ?? '')).toBeLessThan(20_000);
  });

  it('of every type read well everywhere', async () => {
    const receivers = new Receivers();
    const all = NOTICE_TYPES.flatMap((type, index) => [
      notice({ type }, index),
      notice({ type, name: null }, index + 100),
      notice({ type, name: null, keyId: null, next: [], incident: null }, index + 200),
    ]);
    const { failed } = await receivers.send(all, ALL);
    expect(failed).toEqual([]);
    expect(receivers.arrivals).toHaveLength(all.length * 3);
    for (const { body } of receivers.arrivals) expect(body).not.toMatch(/undefined|\[object/);
  });
});

describe('the log of notices', () => {
  const ANSWERS: Answer[] = [
    { status: 404 },
    { status: 503 },
    { fails: 'ENOTFOUND' },
    'silence',
    { status: 410 },
    { status: 302 },
  ];

  it.each(ANSWERS)(
    'has one line for each failure, with target and status, and no address or secret: %j',
    async (answer) => {
      const receivers = new Receivers(() => answer);
      const targets = targetsOf(['webhook', 'slack', 'events'], {
        KEYROTA_NOTICE_WEBHOOK_SECRET_PREVIOUS: PREVIOUS_SECRET,
      });
      const { failed, nowDisabled } = await receivers.send([notice()], targets);
      expect(receivers.warnings).toHaveLength(3);
      expect(failed.length + nowDisabled.length).toBe(3);
      const status = typeof answer === 'object' && 'status' in answer ? answer.status : null;
      for (const line of receivers.warnings)
        expect(line).toMatchObject({ event: 'notice_failed', status, type: 'key.contained' });
      for (const secret of SECRETS) expect(receivers.logLines.join('\n')).not.toContain(secret);
    },
  );

  it('does not take a text for the code of a failure', async () => {
    const receivers = new Receivers(() => ({ fails: SLACK_URL }));
    await receivers.send([notice()], targetsOf(['slack']));
    expect(receivers.warnings).toMatchObject([{ reason: 'no_answer' }]);
    for (const secret of SECRETS) expect(receivers.logLines.join('\n')).not.toContain(secret);
  });
});
