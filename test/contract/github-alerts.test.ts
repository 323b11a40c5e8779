import type { IncomingMessage, ServerResponse } from 'node:http';
import { text } from 'node:stream/consumers';
import { describe, expect, it } from 'vitest';
import { Calls } from '../../shared/clients/calls.ts';
import { GithubAlerts } from '../../shared/clients/github-alerts.ts';
import type { GithubAlert } from '../../shared/incidents/github-alert.ts';
import { fetchGithubLeak } from '../../shared/incidents/github-leak.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { apiFailureOf, everythingIn, failureOf } from './support/failures.ts';
import { silentLog } from './support/product.ts';
import { spoiltServer } from './support/served.ts';

const TOKEN = 'github_pat_a-made-up-token';
/** Not shaped like a key: what masks it knows it. */
const LEAKED = 'a made-up value that leaked';
const place = { repository: 'acme/app.js', number: 42 };
const PATH = '/api/v3/repos/acme/app.js/secret-scanning/alerts/42';
const { signal } = new AbortController();

/** Delays between attempts pass at once; nothing takes so long that its time is up. */
const quick: Clock = {
  nowMs: () => systemClock.nowMs(),
  sleep: (delayMs) => ([2_500, 3_000, 10_000].includes(delayMs) ? new Promise(() => undefined) : Promise.resolve()),
};

interface Seen {
  method: string | undefined;
  url: string | undefined;
  headers: IncomingMessage['headers'];
  body: string;
}

/** A GitHub that notes what it is asked, and answers in order; the last answer for ever. */
async function githubWith(...answers: { status: number; body?: unknown; headers?: Record<string, string> }[]) {
  const seen: Seen[] = [];
  const take = async (outgoing: ServerResponse, incoming: IncomingMessage) => {
    const { method, url, headers } = incoming;
    seen.push({ method, url, headers, body: await text(incoming) });
    const answer = answers[Math.min(seen.length, answers.length) - 1];
    outgoing.writeHead(answer?.status ?? 500, { 'content-type': 'application/json', ...answer?.headers });
    outgoing.end(JSON.stringify(answer?.body ?? {}));
  };
  const server = await spoiltServer((outgoing, incoming) => void take(outgoing, incoming));
  return { seen, url: `${server.url}/api/v3`, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

const clientAt = (apiUrl: string) => {
  const deadlineMs = quick.nowMs() + 60_000;
  const calls = new Calls({ clock: quick, log: silentLog(quick), timeoutMs: 10_000, deadlineMs });
  return new GithubAlerts({ apiUrl, token: new SecretValue(TOKEN), calls, http: {} });
};

describe('the alerts of GitHub', () => {
  it('tell the secret that was found', async () => {
    await using server = await githubWith({
      status: 200,
      body: { number: 42, secret: LEAKED, url: 'https://evil.example' },
    });
    expect((await clientAt(server.url).readAlert(place, signal)).secret.reveal()).toBe(LEAKED);
    expect(server.seen).toMatchObject([
      {
        method: 'GET',
        url: PATH,
        headers: {
          accept: 'application/vnd.github+json',
          authorization: `Bearer ${TOKEN}`,
          'user-agent': 'keyrota',
          'x-github-api-version': '2022-11-28',
        },
        body: '',
      },
    ]);
  });

  it('are resolved as revoked', async () => {
    await using server = await githubWith({ status: 200, body: { number: 42, secret: LEAKED, state: 'resolved' } });
    await clientAt(server.url).resolveAsRevoked(place, 'It is dead.', new SecretValue(LEAKED), signal);
    expect(server.seen).toMatchObject([
      { method: 'PATCH', url: PATH, headers: { 'content-type': 'application/json' } },
    ]);
    expect(JSON.parse(server.seen[0]?.body ?? '')).toEqual({
      state: 'resolved',
      resolution: 'revoked',
      resolution_comment: 'It is dead.',
    });
  });

  it('are asked again after a failure that passes', async () => {
    await using server = await githubWith({ status: 503 }, { status: 200, body: { secret: LEAKED } });
    expect((await clientAt(server.url).readAlert(place, signal)).secret.reveal()).toBe(LEAKED);
  });

  it.each<[string, object]>([
    ['none', {}],
    ['an empty one', { secret: '' }],
    ['null', { secret: null }],
    ['a number', { secret: 7 }],
  ])('that tell no secret are not understood: %s', async (_, body) => {
    await using server = await githubWith({ status: 200, body });
    const error = await apiFailureOf(clientAt(server.url).readAlert(place, signal));
    expect(error.code).toBe('unexpected_answer');
  });

  it('are not asked elsewhere: no redirect is followed', async () => {
    await using elsewhere = await githubWith({ status: 200, body: { secret: LEAKED } });
    await using server = await githubWith({ status: 307, headers: { location: `${elsewhere.url}/x` } });
    const error = await apiFailureOf(clientAt(server.url).readAlert(place, signal));
    expect(error.code).toBe('unexpected_answer');
    expect(elsewhere.seen).toEqual([]);
  });

  it('leave neither token nor secret in what goes wrong', async () => {
    for (const status of [400, 401, 403, 404, 422]) {
      await using server = await githubWith({ status, body: { message: `${TOKEN} ${LEAKED}` } });
      const client = clientAt(server.url);
      const errors = [
        await failureOf(client.resolveAsRevoked(place, 'x', new SecretValue(LEAKED), signal)),
        await failureOf(client.readAlert(place, signal)),
      ];
      expect(everythingIn(errors)).not.toContain(TOKEN);
      expect(everythingIn(errors[0])).not.toContain(LEAKED);
    }
  });
});

describe('an alert that was reported', () => {
  const report: GithubAlert['report'] = {
    sender: 'github',
    deliveryId: 'delivery-1',
    detectedAtMs: 1,
    leakedAtMs: null,
    reason: null,
    evidenceUrl: null,
    dryRun: false,
  };
  const lines: string[] = [];
  const fetchFrom = (apiUrl: string, token: SecretValue | null = new SecretValue(TOKEN)) => {
    lines.length = 0;
    const log = createLog({ clock: quick, write: (line) => lines.push(line) });
    const sender = { current: null, previous: null, token, apiUrl, secretTypes: [] };
    return fetchGithubLeak({ ...place, report }, sender, { clock: quick, log, http: {} });
  };

  it('becomes a leak with its value, and closes it at the end', async () => {
    await using server = await githubWith({ status: 200, body: { secret: LEAKED } });
    const leak = await fetchFrom(server.url);
    if ('ignored' in leak) throw new Error('it is a leak');
    expect(leak.report).toEqual({ ...report, credential: { by: 'value', value: new SecretValue(LEAKED) } });
    await leak.resolve?.(signal);
    expect(server.seen.map(({ method }) => method)).toEqual(['GET', 'PATCH']);
    expect(lines).toEqual([]);
  });

  it.each([401, 403, 404, 500])('is not acted on where GitHub answers %i, and the log says so', async (status) => {
    await using server = await githubWith({ status, body: { message: TOKEN } });
    const error = await failureOf(fetchFrom(server.url));
    expect(error).toBeInstanceOf(HttpError);
    expect(error).toMatchObject({ status: 502, code: 'alert_not_fetched' });
    expect(lines.map((line) => (JSON.parse(line) as { event: string }).event)).toEqual(['alert_not_fetched']);
    expect(everythingIn([error, lines])).not.toContain(TOKEN);
  });

  it.each<[object, string | null]>([
    [{ secret_type: 'other_key' }, 'other_secret_type'],
    [{ state: 'resolved', resolution: 'false_positive' }, 'alert_dismissed'],
    [{ state: 'resolved', resolution: 'used_in_tests' }, 'alert_dismissed'],
    [{ state: 'resolved', resolution: 'wont_fix' }, 'alert_dismissed'],
    [{ state: 'resolved', resolution: 'revoked' }, null],
    [{ state: 'open', resolution: null, secret_type: 'ibm_cloud_iam_key' }, null],
  ])('is what GitHub tells now, whatever was delivered: %j', async (told, ignored) => {
    await using server = await githubWith({ status: 200, body: { secret: LEAKED, ...told } });
    const leak = await fetchFrom(server.url);
    expect('ignored' in leak ? leak.ignored : null).toBe(ignored);
  });

  it('is not acted on without a token', async () => {
    await using server = await githubWith({ status: 200, body: { secret: LEAKED } });
    expect(await failureOf(fetchFrom(server.url, null))).toMatchObject({ status: 503, code: 'alert_not_fetched' });
    expect(lines.join()).toContain('KEYROTA_GITHUB_TOKEN');
    expect(server.seen).toEqual([]);
  });
});
