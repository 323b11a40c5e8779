import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { respond as actingOn } from '../../functions/respond-to-compromise/respond.ts';
import { ROUTES } from '../../functions/respond-to-compromise/schema.ts';
import { SENDERS } from '../../shared/incidents/leak-report.ts';
import type { ReportedLeak } from '../../shared/incidents/leak-report.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { call, capturedLines, useEnvironment } from '../support/webhook-functions.ts';
import {
  GITHUB,
  eventNotification,
  gitguardian,
  github,
  incident,
  signedEvent,
  withHeaders,
} from '../support/webhook-requests.ts';
import type { Delivery } from '../support/webhook-requests.ts';

const acted: ReportedLeak[] = [];
const core = vi.hoisted(() => ({ loads: 0 }));
vi.mock('../../functions/respond-to-compromise/respond.ts', () => {
  core.loads += 1;
  const respond: typeof actingOn = (leaks) => {
    acted.push(...leaks);
    return Promise.resolve({ status: 202, body: { outcome: 'noted' } });
  };
  return { respond };
});

let output: ReturnType<typeof capturedLines>;
beforeEach(() => {
  useEnvironment();
  output = capturedLines();
  acted.length = 0;
});
afterEach(() => {
  output.restore();
  vi.unstubAllEnvs();
});

const noted = () => output.lines.map((line) => JSON.parse(line) as Record<string, unknown>);
const respond = (delivery: Delivery) => call('respondToCompromise', delivery);

const HASH = 'ab'.repeat(32);
const COMPROMISED = { type: 'key.compromised', data: { credential: { sha256: HASH } } };
const GITGUARDIAN_INCIDENT = { action: 'incident_triggered', incident: { hmsl_hash: HASH } };
const EVENT = { id: '1', source: 'x', type: 'key.compromised', data: COMPROMISED.data };
const ALERT = {
  action: 'created',
  alert: { number: 42, secret_type: 'ibm_cloud_iam_key', url: 'https://evil.example/' },
  repository: { full_name: 'acme/app' },
};

describe('respond-to-compromise', () => {
  // First, while nothing has loaded the core.
  it('loads nothing that talks to others for a request that is refused or ignored', async () => {
    const statuses = [
      withHeaders(incident(COMPROMISED), { 'Webhook-Signature': null }),
      incident('{'),
      incident({ type: 'other' }),
      { ...incident(COMPROMISED), path: '/other' },
    ].map(async (delivery) => (await respond(delivery)).statusCode);
    expect(await Promise.all(statuses)).toEqual([401, 400, 200, 404]);
    expect(core.loads).toBe(0);
  });

  it.each<[string, Delivery, object]>([
    ['Standard Webhooks', incident(COMPROMISED), { sender: 'standard-webhooks', deliveryId: 'msg_1' }],
    [
      'GitGuardian',
      gitguardian(GITGUARDIAN_INCIDENT),
      { sender: 'gitguardian', credential: { by: 'hmsl', hash: HASH } },
    ],
    ['Event Notifications', eventNotification(EVENT), { sender: 'event-notifications' }],
    ['Event Notifications, signed', signedEvent(EVENT), { deliveryId: 'x|1|key.compromised' }],
  ])('hands a report by %s to what acts on it, and answers as that does', async (_, delivery, report) => {
    expect(await respond(delivery)).toMatchObject({ statusCode: 202, body: { outcome: 'noted' } });
    expect(acted).toMatchObject([{ report, resolve: null }]);
    expect(output.lines).toEqual([]);
  });

  it('fetches what GitHub found from the configured address, and nowhere else', async () => {
    const paths: (string | undefined)[] = [];
    const server = createServer(({ method, url }, answer) => {
      paths.push(`${method} ${url}`);
      answer.writeHead(200, { 'content-type': 'application/json' }).end('{"secret":"a-made-up-key"}');
    });
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    useEnvironment({
      KEYROTA_GITHUB_TOKEN: 'github_pat_a-made-up-token',
      KEYROTA_GITHUB_API_URL: `http://127.0.0.1:${port}`,
    });
    expect(await respond(github(ALERT))).toMatchObject({ statusCode: 202 });
    expect(acted).toMatchObject([
      { report: { sender: 'github', credential: { by: 'value', value: new SecretValue('a-made-up-key') } } },
    ]);
    await acted[0]?.resolve?.(new AbortController().signal);
    expect(paths).toEqual([
      'GET /repos/acme/app/secret-scanning/alerts/42',
      'PATCH /repos/acme/app/secret-scanning/alerts/42',
    ]);
    expect(output.lines).toEqual([]);
    server.closeAllConnections();
    server.close();
  });

  it('asks for another delivery where GitHub cannot be asked', async () => {
    expect(await respond(github(ALERT))).toMatchObject({ statusCode: 503, body: { code: 'alert_not_fetched' } });
    expect(noted()).toMatchObject([{ level: 'error', event: 'alert_not_fetched', sender: 'github', number: 42 }]);
    expect(acted).toEqual([]);
  });

  it.each<[Delivery, string]>([
    [incident({ type: 'other' }), 'unknown_event'],
    [github({ zen: 'x' }, { event: 'ping' }), 'ping'],
    [github({ action: 'resolved' }), 'unknown_action'],
    [gitguardian({ action: 'incident_resolved' }), 'unknown_action'],
    [eventNotification({ ...EVENT, type: 'test_event' }), 'test_event'],
  ])('says that there is nothing to do: %#', async (delivery, reason) => {
    expect(await respond(delivery)).toMatchObject({ statusCode: 200, body: { outcome: 'ignored', reason } });
    expect(noted()).toMatchObject([{ level: 'info', event: 'report_ignored', reason }]);
    expect(acted).toEqual([]);
  });

  it('notes that a sender still uses its former secret', async () => {
    expect(await respond(github({ zen: 'x' }, { event: 'ping', secret: GITHUB[1] }))).toMatchObject({
      statusCode: 200,
    });
    expect(noted()).toMatchObject([{ level: 'warn', event: 'former_secret_used', sender: 'github' }, {}]);
  });

  it('has a path for each sender', () => {
    expect([...ROUTES.values()].map(({ sender }) => sender)).toEqual(SENDERS);
  });

  it('tells senders apart by their paths: none is let in at that of another', async () => {
    const deliveries = [
      incident(COMPROMISED),
      github(ALERT),
      gitguardian(GITGUARDIAN_INCIDENT),
      eventNotification(EVENT),
    ];
    for (const { path } of deliveries) {
      for (const delivery of deliveries.filter((one) => one.path !== path)) {
        expect(await respond({ ...delivery, path })).toMatchObject({ statusCode: 401 });
      }
    }
    expect(acted).toEqual([]);
  });

  it('answers a refusal with its code alone, and notes it once', async () => {
    const answer = await respond(withHeaders(incident(COMPROMISED), { 'Webhook-Id': 'msg_2' }));
    expect(answer).toMatchObject({ statusCode: 401, body: { code: 'unauthorized', message: 'Unauthorized.' } });
    expect(noted()).toMatchObject([
      { level: 'warn', event: 'request_refused', sender: 'standard-webhooks', status: 401, code: 'unauthorized' },
    ]);
  });

  it('refuses what is proven and no report as malformed', async () => {
    const texts = ['not JSON', '[]', '7', 'null', '{"id":"1"}'];
    const deliveries = [incident, github, gitguardian, eventNotification, signedEvent].flatMap((sign) =>
      texts.map((text) => sign(text)),
    );
    for (const delivery of deliveries) {
      expect(await respond(delivery)).toMatchObject({ statusCode: 400, body: { code: 'invalid_request' } });
    }
  });

  it.each(['', '/', '/incident/', '/INCIDENT', '/constructor', '/__proto__', '/incident/../github'])(
    'has no path %j',
    async (path) => {
      expect(await respond({ ...incident(COMPROMISED), path })).toMatchObject({ statusCode: 404 });
    },
  );

  it('is closed for a sender that is not configured, however good its request is', async () => {
    const pairs: [Delivery, string][] = [
      [incident(COMPROMISED), 'KEYROTA_INCIDENT_SECRET'],
      [github(ALERT), 'KEYROTA_GITHUB_SECRET'],
      [gitguardian(GITGUARDIAN_INCIDENT), 'KEYROTA_GITGUARDIAN_SECRET'],
      [eventNotification(EVENT), 'KEYROTA_EVENT_NOTIFICATIONS_SECRET'],
    ];
    for (const [delivery, name] of pairs) {
      useEnvironment({ [name]: '', [`${name}_PREVIOUS`]: '', KEYROTA_EVENT_NOTIFICATIONS_PUBLIC_KEY: '' });
      expect(await respond(delivery)).toMatchObject({ statusCode: 503, body: { code: 'sender_not_configured' } });
    }
    expect(acted).toEqual([]);
  });

  it('answers 500 with faulty settings, and does not say which', async () => {
    useEnvironment({ KEYROTA_INCIDENT_SECRET: 'short' });
    const answer = await respond(incident(COMPROMISED));
    expect(answer).toMatchObject({ statusCode: 500, body: { code: 'settings_invalid' } });
    expect(JSON.stringify(answer)).not.toContain('KEYROTA_');
    expect(noted()).toMatchObject([{ level: 'error', event: 'response_failed' }]);
  });
});
