import { createHmac, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { sign as signGithub, verify as verifyByOctokit } from '@octokit/webhooks-methods';
import { CompactSign, compactVerify } from 'jose';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { EVENT_NOTIFICATIONS_ADMISSION, JSON_ONLY, admit } from '../../shared/auth/webhooks/admission.ts';
import { verifyEventNotification } from '../../shared/auth/webhooks/event-notifications.ts';
import { verifyGitguardian } from '../../shared/auth/webhooks/gitguardian.ts';
import { verifyGithub } from '../../shared/auth/webhooks/github.ts';
import { verifyStandardWebhook } from '../../shared/auth/webhooks/standard-webhooks.ts';
import { systemClock } from '../../shared/runtime/clock.ts';
import type { Clock } from '../../shared/runtime/clock.ts';
import { HttpError } from '../../shared/runtime/code-engine.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import type { SenderSecrets } from '../../shared/runtime/sender-settings.ts';
import {
  EVENTS,
  EVENTS_PRIVATE_KEY,
  EVENTS_PUBLIC_KEY,
  GITGUARDIAN,
  GITHUB,
  INCIDENT,
  bytesOf,
  compactOf,
  eventNotification,
  gitguardian,
  github,
  incident,
  requestOf,
  signedEvent,
  withHeaders,
} from '../support/webhook-requests.ts';
import type { Delivery } from '../support/webhook-requests.ts';

const BODY = { type: 'key.compromised', text: 'ä€😀' };
/** Half of a character of three bytes: no UTF-8. */
const NO_UTF8 = Buffer.from([0x7b, 0xe2, 0x82, 0x7d]);
const NONE: SenderSecrets = { current: null, previous: null };

const both = ([current, previous]: readonly [string, string]): SenderSecrets => ({
  current: new SecretValue(current),
  previous: new SecretValue(previous),
});

const at = (nowMs: number): Clock => ({ ...systemClock, nowMs: () => nowMs });

/** Status and code of what it ends with. */
function refusalOf(work: () => unknown): [number, string] {
  try {
    work();
  } catch (error) {
    if (error instanceof HttpError) return [error.status, error.code];
    throw error;
  }
  throw new Error('it was accepted');
}

const UNAUTHORIZED = [401, 'unauthorized'];
const CLOSED = [503, 'sender_not_configured'];

describe('a report by Standard Webhooks', () => {
  const verify = (delivery: Delivery, secrets = both(INCIDENT), clock = systemClock) =>
    verifyStandardWebhook(requestOf(delivery), secrets, clock);
  const library = new Webhook(INCIDENT[0]);

  it('is accepted as the test vector of the standard', () => {
    const vector: Delivery = {
      path: '/incident',
      headers: {
        'Content-Type': 'application/json',
        'webhook-id': 'msg_p5jXN8AQM9LWM0D4loKWxJek',
        'webhook-timestamp': '1614265330',
        'webhook-signature': 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=',
      },
      body: Buffer.from('{"test": 2432232314}'),
    };
    const secrets = { ...NONE, current: new SecretValue('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw') };
    expect(verify(vector, secrets, at(1_614_265_330_000))).toBe('current');
  });

  it('is accepted as the published library signs it', () => {
    const delivery = incident(BODY);
    const text = delivery.body.toString();
    const signature = library.sign('msg_other', new Date(), text);
    expect(verify(withHeaders(delivery, { 'Webhook-Id': 'msg_other', 'Webhook-Signature': signature }))).toBe(
      'current',
    );
  });

  it('is accepted by the published library as these tests sign it', () => {
    const { headers, body } = incident(BODY);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    expect(library.verify(body.toString(), lower)).toEqual(BODY);
  });

  it('is accepted with either secret, and it is known with which', () => {
    expect(verify(incident(BODY))).toBe('current');
    expect(verify(incident(BODY, { secret: INCIDENT[1] }))).toBe('previous');
    expect(verify(incident(BODY, { secret: INCIDENT[1] }), { ...both(INCIDENT), current: null })).toBe('previous');
    const one = { ...both(INCIDENT), previous: null };
    expect(refusalOf(() => verify(incident(BODY, { secret: INCIDENT[1] }), one))).toEqual(UNAUTHORIZED);
  });

  it('may carry several signatures, of which one is right', () => {
    const delivery = incident(BODY);
    const right = delivery.headers['Webhook-Signature'] ?? '';
    for (const list of [`v1,AAAA ${right}`, `${right} v1,AAAA`, `v1a,AAAA v2,AAAA ${right}`]) {
      expect(verify(withHeaders(delivery, { 'Webhook-Signature': list }))).toBe('current');
    }
  });

  it('is accepted over bytes that are no text', () => {
    expect(verify(incident(NO_UTF8))).toBe('current');
  });

  it('is accepted 300 s early or late, and no second more', () => {
    const nowMs = 1_800_000_000_000;
    for (const offMs of [-300_000, 0, 300_000]) {
      expect(verify(incident(BODY, { atMs: nowMs + offMs }), both(INCIDENT), at(nowMs))).toBe('current');
    }
    for (const offMs of [-301_000, 301_000, -86_400_000]) {
      const late = () => verify(incident(BODY, { atMs: nowMs + offMs }), both(INCIDENT), at(nowMs));
      expect(refusalOf(late)).toEqual(UNAUTHORIZED);
    }
  });

  it('is refused, if nothing is configured, whatever it carries', () => {
    expect(refusalOf(() => verify(incident(BODY), NONE))).toEqual(CLOSED);
    expect(refusalOf(() => verify(withHeaders(incident(BODY), { 'Webhook-Signature': null }), NONE))).toEqual(CLOSED);
  });

  const good = incident(BODY);
  const right = good.headers['Webhook-Signature'] ?? '';
  const hmacOf = (text: string) =>
    createHmac('sha256', Buffer.from(INCIDENT[0].slice(6), 'base64'))
      .update(text)
      .digest('base64');
  const signedAs = (id: string, timestamp: string) => ({
    ...good,
    headers: {
      ...good.headers,
      'Webhook-Id': id,
      'Webhook-Timestamp': timestamp,
      'Webhook-Signature': `v1,${hmacOf(`${id}.${timestamp}.${good.body.toString()}`)}`,
    },
  });
  const nowSeconds = Math.floor(Date.now() / 1_000);
  it.each<[string, Delivery]>([
    ['no signature', withHeaders(good, { 'Webhook-Signature': null })],
    ['no id', withHeaders(good, { 'Webhook-Id': null })],
    ['no time', withHeaders(good, { 'Webhook-Timestamp': null })],
    ['another id', withHeaders(good, { 'Webhook-Id': 'msg_2' })],
    ['another time', withHeaders(good, { 'Webhook-Timestamp': String(nowSeconds + 1) })],
    ['another body', { ...good, body: Buffer.from('{}') }],
    ['no body', { ...good, body: Buffer.alloc(0) }],
    ['one byte more', { ...good, body: Buffer.concat([good.body, Buffer.from(' ')]) }],
    ['the scheme in capitals', withHeaders(good, { 'Webhook-Signature': right.toUpperCase() })],
    ['another scheme', withHeaders(good, { 'Webhook-Signature': right.replace('v1,', 'v2,') })],
    ['a scheme of keys in pairs', withHeaders(good, { 'Webhook-Signature': right.replace('v1,', 'v1a,') })],
    ['no scheme', withHeaders(good, { 'Webhook-Signature': right.replace('v1,', '') })],
    ['no padding', withHeaders(good, { 'Webhook-Signature': right.replace('=', '') })],
    ['a part of the signature', withHeaders(good, { 'Webhook-Signature': right.slice(0, 20) })],
    ['an empty signature', withHeaders(good, { 'Webhook-Signature': 'v1,' })],
    ['commas in the list', withHeaders(good, { 'Webhook-Signature': `v1,AAAA,${right}` })],
    ['the prefix of svix', withHeaders(good, { 'Webhook-Id': null, 'Svix-Id': 'msg_1' })],
    ['a dot in the id, though signed', signedAs('msg.1', String(nowSeconds))],
    ['an empty id, though signed', signedAs('', String(nowSeconds))],
    ['a blank in the id, though signed', signedAs('msg 1', String(nowSeconds))],
    ['a time with a fraction, though signed', signedAs('msg_1', `${nowSeconds}.5`)],
    ['a time and letters, though signed', signedAs('msg_1', `${nowSeconds}abc`)],
    ['a hexadecimal time, though signed', signedAs('msg_1', `0x${nowSeconds.toString(16)}`)],
    ['a time with an exponent, though signed', signedAs('msg_1', '1e9')],
    ['an empty time, though signed', signedAs('msg_1', '')],
    ['milliseconds, though signed', signedAs('msg_1', String(Date.now()))],
  ])('is refused with %s', (_, delivery) => {
    expect(refusalOf(() => verify(delivery))).toEqual(UNAUTHORIZED);
  });
});

describe('a delivery of GitHub', () => {
  const verify = (delivery: Delivery, secrets = both(GITHUB)) => verifyGithub(requestOf(delivery), secrets);

  it('is accepted as the test vector of its documentation', () => {
    const vector = withHeaders(github('Hello, World!'), {
      'X-Hub-Signature-256': 'sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17',
    });
    expect(verify(vector, { ...NONE, current: new SecretValue("It's a Secret to Everybody") })).toBe('current');
  });

  it('is accepted as the published library signs it, and the other way round', async () => {
    const { headers, body } = github(BODY);
    const signature = await signGithub(GITHUB[0], body.toString());
    expect(signature).toBe(headers['X-Hub-Signature-256']);
    expect(await verifyByOctokit(GITHUB[0], body.toString(), headers['X-Hub-Signature-256'] ?? '')).toBe(true);
    expect(verify(withHeaders(github(BODY), { 'X-Hub-Signature-256': signature }))).toBe('current');
  });

  it('is accepted with either secret, and it is known with which', () => {
    expect(verify(github(NO_UTF8))).toBe('current');
    expect(verify(github(BODY, { secret: GITHUB[1] }))).toBe('previous');
    const one = { ...both(GITHUB), previous: null };
    expect(refusalOf(() => verify(github(BODY, { secret: GITHUB[1] }), one))).toEqual(UNAUTHORIZED);
  });

  it('is refused, if nothing is configured', () => {
    expect(refusalOf(() => verify(github(BODY), NONE))).toEqual(CLOSED);
  });

  const good = github(BODY);
  const right = good.headers['X-Hub-Signature-256'] ?? '';
  const sha1 = `sha1=${createHmac('sha1', GITHUB[0]).update(good.body).digest('hex')}`;
  it.each<[string, Delivery]>([
    ['no signature', withHeaders(good, { 'X-Hub-Signature-256': null })],
    ['an older one alone', withHeaders(good, { 'X-Hub-Signature-256': null, 'X-Hub-Signature': sha1 })],
    ['an older one in its place', withHeaders(good, { 'X-Hub-Signature-256': sha1 })],
    ['another body', { ...good, body: Buffer.from('{}') }],
    ['the digits alone', withHeaders(good, { 'X-Hub-Signature-256': right.slice('sha256='.length) })],
    ['capitals', withHeaders(good, { 'X-Hub-Signature-256': right.toUpperCase() })],
    ['a part', withHeaders(good, { 'X-Hub-Signature-256': right.slice(0, -1) })],
    ['more', withHeaders(good, { 'X-Hub-Signature-256': `${right}0` })],
    ['a character that is none', withHeaders(good, { 'X-Hub-Signature-256': right.replace(/.$/, '€') })],
    ['two', withHeaders(good, { 'X-Hub-Signature-256': `${right}, ${right}` })],
  ])('is refused with %s', (_, delivery) => {
    expect(refusalOf(() => verify(delivery))).toEqual(UNAUTHORIZED);
  });
});

describe('a delivery of GitGuardian', () => {
  const nowMs = 1_800_000_000_000;
  const verify = (delivery: Delivery, secrets = both(GITGUARDIAN), clock = at(nowMs)) =>
    verifyGitguardian(requestOf(delivery), secrets, clock);

  it.each([
    '1800000000',
    '1800000000.123456',
    '2027-01-15T08:00:00Z',
    '2027-01-15T08:00:00.123456+00:00',
    '2027-01-15 09:00:00.123+0100',
    '1799999940',
    '1800000060',
  ])('is accepted at the time %s, in either secret', (timestamp) => {
    expect(verify(gitguardian(BODY, { timestamp }))).toBe('current');
    expect(verify(gitguardian(NO_UTF8, { timestamp, secret: GITGUARDIAN[1] }))).toBe('previous');
  });

  it.each(['', '1799999939', '1800000061', '1800000000000', 'now', '1.8e9', '2027-01-15', '2027-13-15T08:00:00Z', ' '])(
    'is refused at the time %j, though signed',
    (timestamp) => {
      expect(refusalOf(() => verify(gitguardian(BODY, { timestamp })))).toEqual(UNAUTHORIZED);
    },
  );

  it('is refused, if nothing is configured', () => {
    expect(refusalOf(() => verify(gitguardian(BODY), NONE))).toEqual(CLOSED);
  });

  const good = gitguardian(BODY, { timestamp: '1800000000' });
  const unbound = createHmac('sha256', GITGUARDIAN[0]).update(good.body).digest('hex');
  it.each<[string, Delivery]>([
    ['no signature', withHeaders(good, { 'Gitguardian-Signature': null })],
    ['no time', withHeaders(good, { Timestamp: null })],
    ['another time', withHeaders(good, { Timestamp: '1800000001' })],
    ['a signature without the time', withHeaders(good, { 'Gitguardian-Signature': `sha256=${unbound}` })],
    ['another body', { ...good, body: Buffer.from('{}') }],
    ['another algorithm', withHeaders(good, { 'Gitguardian-Signature': `md5=${unbound}` })],
  ])('is refused with %s', (_, delivery) => {
    expect(refusalOf(() => verify(delivery))).toEqual(UNAUTHORIZED);
  });
});

describe('an event', () => {
  const EVENT = { id: '1', source: 'somewhere', type: 'test_event' };
  const bySecret = { ...both(EVENTS), publicKey: null };
  const byKey = { ...NONE, publicKey: EVENTS_PUBLIC_KEY };
  const byEither = { ...both(EVENTS), publicKey: EVENTS_PUBLIC_KEY };
  const verify = (
    delivery: Delivery,
    sender: typeof byEither | typeof byKey | typeof bySecret,
    clock = systemClock,
  ) => {
    const { provenBy, body } = verifyEventNotification(requestOf(delivery), sender, clock);
    return [provenBy, JSON.parse(body.toString()) as unknown];
  };

  it('is accepted with the secret header, in either secret', () => {
    for (const sender of [bySecret, byEither]) {
      expect(verify(eventNotification(EVENT), sender)).toEqual(['current', EVENT]);
      expect(verify(eventNotification(EVENT, { secret: EVENTS[1] }), sender)).toEqual(['previous', EVENT]);
    }
  });

  const forms: [string, (compact: string) => unknown][] = [
    ['as it is', (compact) => compact],
    ['with a line end', (compact) => `${compact}\n`],
    ['as a text', (compact) => JSON.stringify(compact)],
    ['in the one field of an object', (compact) => ({ data: compact })],
    ['in a field, with blanks', (compact) => ` { "payload" : "${compact}" } `],
  ];
  it.each(forms)('that is signed is accepted %s, and its payload is the event', (_, form) => {
    for (const sender of [byKey, byEither]) {
      expect(verify(signedEvent(EVENT, form), sender)).toEqual(['public-key', EVENT]);
    }
  });

  it('is accepted as the published library signs it, and the other way round', async () => {
    const bytes = new TextEncoder().encode(JSON.stringify(EVENT));
    const compact = await new CompactSign(bytes).setProtectedHeader({ alg: 'RS256' }).sign(EVENTS_PRIVATE_KEY);
    expect(verify({ ...signedEvent(EVENT), body: Buffer.from(compact) }, byKey)).toEqual(['public-key', EVENT]);
    const verified = await compactVerify(compactOf(EVENT), createPublicKey(EVENTS_PUBLIC_KEY), {
      algorithms: ['RS256'],
    });
    expect(JSON.parse(new TextDecoder().decode(verified.payload))).toEqual(EVENT);
  });

  it('that is signed lives as long as it says, and 300 s more', () => {
    const nowMs = 1_800_000_000_000;
    const living = (claims: object) => () => verify(signedEvent({ ...EVENT, ...claims }), byKey, at(nowMs));
    for (const claims of [{ exp: 1_800_000_000 - 300 }, { nbf: 1_800_000_000 + 300 }, { exp: 2e9, nbf: 1 }]) {
      expect(living(claims)()).toMatchObject(['public-key', claims]);
    }
    for (const claims of [{ exp: 1_800_000_000 - 301 }, { nbf: 1_800_000_000 + 301 }, { exp: 'never' }]) {
      expect(refusalOf(living(claims))).toEqual(UNAUTHORIZED);
    }
  });

  const other = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const [header = '', payload = '', signature = ''] = compactOf(EVENT).split('.');
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url');
  const jwk = other.publicKey.export({ format: 'jwk' });
  const confused = (alg: string) => {
    const signed = `${part({ alg })}.${payload}`;
    return `${signed}.${createHmac('sha256', EVENTS_PUBLIC_KEY).update(signed).digest('base64url')}`;
  };
  const refused: [string, string][] = [
    ['signed with another key', compactOf(EVENT, { alg: 'RS256' }, other.privateKey)],
    ['that brings its own key', compactOf(EVENT, { alg: 'RS256', jwk }, other.privateKey)],
    ['that names where its key is', compactOf(EVENT, { alg: 'RS256', jku: 'https://x' }, other.privateKey)],
    ['that says it needs no signature', `${part({ alg: 'none' })}.${payload}.AA`],
    ['whose header says none, with a good signature', `${part({ alg: 'none' })}.${payload}.${signature}`],
    ['signed with the public key as a secret', confused('HS256')],
    ['signed with the public key as a secret under our algorithm', confused('RS256')],
    ['of another algorithm, though its signature fits', compactOf(EVENT, { alg: 'RS512' })],
    ['of an algorithm in small letters', compactOf(EVENT, { alg: 'rs256' })],
    ['without an algorithm', compactOf(EVENT, {})],
    ['with extensions that must be understood', compactOf(EVENT, { alg: 'RS256', crit: ['b64'], b64: false })],
    ['whose payload was changed', `${header}.${part({ ...EVENT, id: '2' })}.${signature}`],
    ['whose signature is cut', `${header}.${payload}.${signature.slice(0, -4)}`],
  ];
  it.each(refused)('%s is refused', (_, compact) => {
    for (const sender of [byKey, byEither]) {
      for (const [, form] of forms) {
        const delivery = { ...signedEvent(EVENT), body: bytesOf(form(compact)) };
        expect(refusalOf(() => verify(delivery, sender))).toEqual(UNAUTHORIZED);
      }
    }
    // Nor does the secret header make it good.
    const both = { ...eventNotification(EVENT), body: Buffer.from(compact) };
    expect(refusalOf(() => verify(both, byEither))).toEqual(UNAUTHORIZED);
  });

  it('without a signature is refused where only a key is configured', () => {
    expect(refusalOf(() => verify(eventNotification(EVENT), byKey))).toEqual(UNAUTHORIZED);
  });

  it('that is signed is refused where no key is configured: quietly dropped it would be lost', () => {
    const delivery = { ...eventNotification(EVENT), body: signedEvent(EVENT).body };
    expect(refusalOf(() => verify(delivery, bySecret))).toEqual(CLOSED);
    expect(refusalOf(() => verify(signedEvent(EVENT), bySecret))).toEqual(UNAUTHORIZED);
  });

  it('is refused, if nothing is configured', () => {
    for (const delivery of [eventNotification(EVENT), signedEvent(EVENT)]) {
      expect(refusalOf(() => verify(delivery, { ...NONE, publicKey: null }))).toEqual(CLOSED);
    }
  });

  it.each<[string, string | null]>([
    ['no header', null],
    ['another secret', `Bearer ${EVENTS[0]}x`],
    ['a part of it', `Bearer ${EVENTS[0].slice(0, -1)}`],
    ['another scheme', `Basic ${EVENTS[0]}`],
    ['no scheme', EVENTS[0]],
  ])('is refused with %s', (_, authorization) => {
    const delivery = withHeaders(eventNotification(EVENT), { Authorization: authorization });
    for (const sender of [bySecret, byEither]) expect(refusalOf(() => verify(delivery, sender))).toEqual(UNAUTHORIZED);
  });
});

describe('a request', () => {
  const admission = { contentTypes: JSON_ONLY, mostBytes: 100 };
  const sent = (changes: object, type: string | null = 'application/json') => ({
    ...requestOf(withHeaders(github('{}'), { 'Content-Type': type })),
    ...changes,
  });

  it.each(['GET', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', ''])('by %s is refused', (method) => {
    expect(refusalOf(() => admit(sent({ method }), admission))).toEqual([405, 'method_not_allowed']);
  });

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON ;x=y'])(
    'as %s is taken',
    (type) => {
      expect(admit(sent({}, type), admission)).toBeUndefined();
    },
  );

  it.each([
    null,
    '',
    'text/plain',
    'text/json',
    'application/x-www-form-urlencoded',
    'application/jsonp',
    'application/json, text/plain',
    'application/cloudevents+json',
    'application/octet-stream',
  ])('as %j is refused', (type) => {
    expect(refusalOf(() => admit(sent({}, type), admission))).toEqual([415, 'unsupported_media_type']);
  });

  it('of Event Notifications may say that it is a CloudEvent, alone and not one of many', () => {
    const typed = (type: string) => () => admit(sent({}, type), EVENT_NOTIFICATIONS_ADMISSION);
    expect(typed('application/cloudevents+json; charset=UTF-8')()).toBeUndefined();
    expect(refusalOf(typed('application/cloudevents-batch+json'))).toEqual([415, 'unsupported_media_type']);
  });

  it('is taken up to its size, and no byte more', () => {
    expect(admit(sent({ body: Buffer.alloc(100) }), admission)).toBeUndefined();
    expect(refusalOf(() => admit(sent({ body: Buffer.alloc(101) }), admission))).toEqual([413, 'too_large']);
  });
});
