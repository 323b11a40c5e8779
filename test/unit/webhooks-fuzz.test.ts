import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { respond as actingOn } from '../../functions/respond-to-compromise/respond.ts';
import type { FunctionResult } from '../../shared/runtime/code-engine.ts';
import { Dice } from '../support/dice.ts';
import { FUNCTIONS, INSTANCE, capturedLines, useEnvironment } from '../support/webhook-functions.ts';
import type { FunctionName } from '../support/webhook-functions.ts';
import {
  EVENTS,
  GITGUARDIAN,
  GITHUB,
  INCIDENT,
  bytesOf,
  eventNotification,
  gitguardian,
  github,
  incident,
  paramsOf,
  signedEvent,
  withHeaders,
} from '../support/webhook-requests.ts';
import type { Delivery } from '../support/webhook-requests.ts';

const acted = vi.hoisted(() => ({ count: 0 }));
vi.mock('../../functions/respond-to-compromise/respond.ts', () => {
  const respond: typeof actingOn = () => {
    acted.count += 1;
    return Promise.resolve({ status: 202, body: { outcome: 'noted' } });
  };
  return { respond };
});
vi.mock('../../shared/incidents/github-leak.ts', () => ({ fetchGithubLeak: () => Promise.resolve({}) }));
vi.mock('../../functions/handle-secret-event/handle.ts', () => ({
  handleSecretEvent: () => {
    acted.count += 1;
    return Promise.resolve({ outcome: 'looked' });
  },
}));

/** In every body, and in no line and no answer. With a blank and a sign: no id looks like it. */
const CANARY = 'zq canary €';
const SECRETS = [...INCIDENT, ...GITHUB, ...GITGUARDIAN, ...EVENTS];
const HASH = 'ab'.repeat(32);

interface Target {
  name: FunctionName;
  sign: (body: unknown) => Delivery;
  /** What would be acted on. */
  body: Record<string, unknown>;
  /** The headers without which it is not accepted. */
  proof: readonly string[];
  /** Whether the body is part of what is proven. */
  isBodyProven: boolean;
}

const EVENT = { id: '1', source: 'x', type: 'key.compromised' };
const INCIDENT_DATA = { credential: { sha256: HASH }, reason: CANARY };
const SECRET_EVENT = {
  ...EVENT,
  type: 'com.ibm.cloud.secrets-manager.secret_deleted',
  note: CANARY,
  data: { secrets: [{ secret_id: INSTANCE, secret_name: CANARY, secret_group_id: 'default' }] },
};
const ALERT = {
  action: 'created',
  alert: { number: 42, secret_type: 'ibm_cloud_iam_key', html_url: CANARY },
  repository: { full_name: 'acme/app' },
};
const LOGS_ALERT = {
  ...EVENT,
  type: 'com.ibm.cloud.logs.Alert:AlertTriggered',
  data: { alert_definition: { name: CANARY, meta_labels: { keyrota_key_id: 'ApiKey-1' } } },
};
const atRoot =
  (sign: (body: unknown) => Delivery) =>
  (body: unknown): Delivery => ({ ...sign(body), path: '/' });

const respond = { name: 'respondToCompromise' } as const;
const handle = { name: 'handleSecretEvent', body: SECRET_EVENT } as const;
const byHeader = { sign: (body: unknown) => eventNotification(body), proof: ['Authorization'], isBodyProven: false };
/** A signature takes a millisecond: that of the same body is made once. */
const signedOnce = new Map<unknown, Delivery>();
const byKey = {
  sign: (body: unknown) => {
    const delivery = signedOnce.get(body) ?? signedEvent(body);
    if (typeof body === 'object') signedOnce.set(body, delivery);
    return delivery;
  },
  proof: [],
  isBodyProven: true,
};
const TARGETS: readonly Target[] = [
  {
    ...respond,
    sign: (body) => incident(body),
    body: { type: 'key.compromised', data: INCIDENT_DATA },
    proof: ['Webhook-Id', 'Webhook-Timestamp', 'Webhook-Signature'],
    isBodyProven: true,
  },
  { ...respond, sign: (body) => github(body), body: ALERT, proof: ['X-Hub-Signature-256'], isBodyProven: true },
  {
    ...respond,
    sign: (body) => gitguardian(body),
    body: { action: 'incident_triggered', incident: { hmsl_hash: HASH, detector: { display_name: CANARY } } },
    proof: ['Timestamp', 'Gitguardian-Signature'],
    isBodyProven: true,
  },
  { ...respond, ...byHeader, body: LOGS_ALERT },
  { ...respond, ...byKey, body: { ...EVENT, data: INCIDENT_DATA } },
  { ...handle, ...byHeader, sign: atRoot(byHeader.sign) },
  { ...handle, ...byKey, sign: atRoot(byKey.sign) },
];

type Params = Record<string, unknown>;
interface Spoilt {
  name: FunctionName;
  params: Params;
}

const CHARACTERS = ['0', 'a', 'A', '=', '/', '.', ',', ' ', '\n', '\0', 'é', '€'] as const;

function flipByte(bytes: Buffer, dice: Dice): Buffer {
  const flipped = Buffer.from(bytes);
  const place = dice.between(0, flipped.length - 1);
  flipped[place] = (flipped[place] ?? 0) ^ (1 << dice.between(0, 7));
  return flipped;
}

function otherText(text: string, dice: Dice): string {
  // The name of the scheme may be written in any case.
  const first = text.startsWith('Bearer ') ? 'Bearer '.length : 0;
  const place = dice.between(first, text.length - 1);
  const other = dice.pick(CHARACTERS.filter((character) => character !== text[place]));
  const changed = [
    text.slice(0, place) + other + text.slice(place + 1),
    text.slice(0, place) + text.slice(place + 1),
    text.slice(0, place) + other + text.slice(place),
    text.slice(0, place),
  ];
  return dice.pick(changed);
}

/** Headers that prove other things, and headers that prove nothing. */
const otherProofs = (dice: Dice): Record<string, string> =>
  dice.pick<Record<string, string>>([
    { Authorization: `Bearer ${dice.pick(GITHUB)}` },
    { 'X-Hub-Signature': `sha1=${'0'.repeat(40)}` },
    { 'X-Hub-Signature-256': `sha256=${'0'.repeat(64)}` },
    { 'Webhook-Signature': 'v1,AAAA v1a,AAAA' },
    { 'X-Forwarded-For': '127.0.0.1', 'Ce-Id': '1', 'Ce-Type': 'dev.knative.sources.ping' },
    { constructor: 'x', ['__proto__']: 'y' },
  ]);

/** What makes a good request one that nobody may act on. `delivery` is good. */
const SPOILERS: readonly ((target: Target, delivery: Delivery, dice: Dice) => Params | null)[] = [
  ({ isBodyProven }, delivery, dice) =>
    isBodyProven ? paramsOf({ ...delivery, body: flipByte(delivery.body, dice) }) : null,
  ({ isBodyProven }, delivery, dice) =>
    isBodyProven
      ? paramsOf({ ...delivery, body: delivery.body.subarray(0, dice.between(0, delivery.body.length - 1)) })
      : null,
  ({ proof }, delivery, dice) => {
    const header = proof.length > 0 ? dice.pick(proof) : null;
    if (header === null) return null;
    return paramsOf(withHeaders(delivery, { [header]: otherText(delivery.headers[header] ?? '', dice) }));
  },
  ({ proof }, delivery, dice) =>
    proof.length === 0 ? null : paramsOf(withHeaders(delivery, { [dice.pick(proof)]: null, ...otherProofs(dice) })),
  // The same header twice, under names that differ in case: the last one counts, and it is wrong.
  ({ proof }, delivery, dice) => {
    const header = proof.length > 0 ? dice.pick(proof) : null;
    if (header === null) return null;
    return paramsOf(withHeaders(delivery, { [header.toUpperCase()]: otherText(delivery.headers[header] ?? '', dice) }));
  },
  (_, delivery, dice) => {
    const type = dice.pick([
      'text/plain',
      'application/x-www-form-urlencoded',
      'application/jsonp',
      '',
      'multipart/form-data',
    ]);
    const params = paramsOf(withHeaders(delivery, { 'Content-Type': type }));
    return { ...params, __ce_body: dice.pick([delivery.body.toString(), params['__ce_body']]) };
  },
  (_, delivery, dice) => ({
    ...paramsOf(delivery),
    __ce_method: dice.pick(['GET', 'PUT', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'x', 'POST ']),
  }),
  (_, delivery, dice) => ({
    ...paramsOf(delivery),
    __ce_path: dice.pick(['/x', '/incident/', '/__proto__', '/constructor', '//', '/%2e', 'incident']),
  }),
  // Another sender's path, or the other function.
  ({ name }, delivery, dice) => {
    const paths = ['/incident', '/github', '/gitguardian', '/event-notifications'];
    const others = name === 'handleSecretEvent' ? paths : [...paths.filter((path) => path !== delivery.path), '/'];
    return { ...paramsOf(delivery), __ce_path: dice.pick(others) };
  },
  // The proof in the body, where Code Engine makes parameters of it.
  (_, delivery, dice) => ({
    ...paramsOf({ ...delivery, headers: { 'Content-Type': 'application/json' }, body: Buffer.from('{}') }),
    headers: delivery.headers,
    body: delivery.body.toString('base64'),
    ...Object.fromEntries(Object.entries(delivery.headers).map(([header, value]) => [`__ce_${header}`, value])),
    ['__proto__']: dice.pick([1, {}, []]),
  }),
];

/** Bodies that are too large for every route; made once. */
const HUGE = [Buffer.alloc(1024 * 1024 + 1, '{"a":'), Buffer.alloc(5 * 1024 * 1024, '[')].map((bytes) =>
  bytes.toString('base64'),
);

function spoilt(dice: Dice): Spoilt {
  const target = dice.pick(TARGETS);
  const delivery = target.sign(target.body);
  for (;;) {
    const params = dice.pick(SPOILERS)(target, delivery, dice);
    if (params !== null) return { name: target.name, params };
  }
}

/** Without any proof, of any form. */
function random(dice: Dice): Spoilt {
  const name = dice.pick(['respondToCompromise', 'handleSecretEvent'] as const);
  const { body, path } = (({ sign, body: value }) => sign(value))(
    dice.pick(TARGETS.filter((one) => one.proof.length > 0)),
  );
  const oddities = [
    body.toString('base64'),
    body.toString(),
    CANARY,
    '',
    7,
    null,
    [CANARY],
    { [CANARY]: CANARY },
    '[[[',
  ];
  return {
    name,
    params: {
      __ce_method: dice.pick(['POST', 'POST', 'POST', 'GET', 7, null]),
      __ce_path: dice.pick([path, path, '/', '/x', 7, null]),
      __ce_headers: dice.pick([
        { 'Content-Type': 'application/json', ...otherProofs(dice) },
        { 'content-type': 'application/json; charset=utf-8' },
        { 'Content-Type': 'text/plain' },
        { 'Content-Type': ['application/json'], Authorization: { a: 1 } },
        null,
        'x',
        [],
      ]),
      __ce_body: dice.pick(oddities),
      [dice.pick(['body', 'headers', 'authorization', 'dryRun'])]: CANARY,
    },
  };
}

const DEEP = `${'['.repeat(20_000)}${']'.repeat(20_000)}`;
const VALUES: readonly unknown[] = [
  null,
  0,
  -1,
  1e308,
  true,
  '',
  CANARY,
  [],
  {},
  [[CANARY]],
  { [CANARY]: CANARY },
  'x'.repeat(5_000),
];
const KEYS = ['__proto__', 'constructor', 'prototype', 'toString', CANARY];

/** A body with something odd in one place. Envelopes keep their ids: those are noted. */
function odd(body: Record<string, unknown>, dice: Dice): unknown {
  const changed = structuredClone(body);
  let place = changed;
  for (let depth = dice.between(0, 3); depth > 0; depth -= 1) {
    const inner = Object.values(place).filter(
      (one): one is Record<string, unknown> => typeof one === 'object' && one !== null,
    );
    if (inner.length > 0) place = dice.pick(inner);
  }
  const fields = Object.keys(place).filter((field) => !['id', 'source', 'type'].includes(field));
  const field = dice.pick([...fields, ...KEYS]);
  Object.defineProperty(place, field, {
    value: dice.pick(VALUES),
    enumerable: true,
    writable: true,
    configurable: true,
  });
  const text = JSON.stringify(changed);
  return dice.between(0, 40) > 0
    ? text
    : dice.pick([
        DEEP,
        text.replace('}', `,"deep":${DEEP}}`),
        `\ufeff${text}`,
        flipByte(bytesOf(text), dice),
        text.slice(1),
      ]);
}

function oddButGood(dice: Dice): Spoilt {
  // To sign with a private key takes longer than all the rest: one in ten may.
  const cheap = TARGETS.filter(({ proof }) => proof.length > 0);
  const target = dice.pick(dice.between(1, 10) === 1 ? TARGETS : cheap);
  return { name: target.name, params: paramsOf(target.sign(odd(target.body, dice))) };
}

let output: ReturnType<typeof capturedLines>;
beforeAll(() => {
  useEnvironment();
  output = capturedLines();
});
afterAll(() => {
  output.restore();
  vi.unstubAllEnvs();
});

const REFUSALS = new Set([401, 404, 405, 413, 415]);

/** What is wrong with an answer, and what was written meanwhile. */
function faultsOf(given: Spoilt, result: FunctionResult, allowed: (status: number) => boolean): string[] {
  const shown = JSON.stringify(result) + output.lines.splice(0).join('');
  const faults = [
    ...(allowed(result.statusCode) ? [] : [`status ${result.statusCode}`]),
    ...(shown.includes('zq canary') ? ['shows the body'] : []),
    ...(SECRETS.some((secret) => shown.includes(secret)) ? ['shows a secret'] : []),
    ...(/\.ts:\d|node:internal|\bat \w+ \(/.test(shown) ? ['shows a stack'] : []),
  ];
  return faults.map((fault) => `${fault}: ${JSON.stringify(given).slice(0, 500)}`);
}

async function play(
  count: number,
  seed: string,
  make: (dice: Dice) => Spoilt,
  allowed: (status: number) => boolean,
): Promise<string[]> {
  const dice = new Dice(seed);
  const faults: string[] = [];
  for (let turn = 0; turn < count; turn += 1) {
    const given = make(dice);
    faults.push(...faultsOf(given, await FUNCTIONS[given.name](given.params), allowed));
    if (faults.length > 10) break;
  }
  return faults;
}

describe('a hundred thousand requests and more', () => {
  it('that were good before something was changed are refused, and nobody acts on them', async () => {
    acted.count = 0;
    expect(await play(60_000, 'spoilt', spoilt, (status) => REFUSALS.has(status))).toEqual([]);
    expect(acted.count).toBe(0);
  });

  it('that prove nothing are refused, and nobody acts on them', async () => {
    acted.count = 0;
    expect(await play(35_000, 'random', random, (status) => REFUSALS.has(status))).toEqual([]);
    expect(acted.count).toBe(0);
  });

  it('that are proven and odd are refused as malformed, ignored or acted on, and break nothing', async () => {
    acted.count = 0;
    const statuses = new Set<number>();
    const note = (status: number) => {
      statuses.add(status);
      return [200, 202, 400, 413].includes(status);
    };
    expect(await play(10_000, 'odd', oddButGood, note)).toEqual([]);
    expect(statuses).toEqual(new Set([200, 202, 400]));
    expect(acted.count).toBeGreaterThan(1_000);
  });

  it('that are far too large are refused before anybody looks into them', async () => {
    for (const body of HUGE) {
      for (const { name, sign, body: value } of TARGETS) {
        const params = { ...paramsOf(sign(value)), __ce_body: body };
        expect(await FUNCTIONS[name](params)).toMatchObject({ statusCode: 413 });
      }
    }
    expect(output.lines).toEqual([]);
  });

  it('of which one is good: it is acted on, so that the others prove something', async () => {
    for (const { name, sign, body } of TARGETS) {
      acted.count = 0;
      expect(await FUNCTIONS[name](paramsOf(sign(body)))).toMatchObject({ statusCode: 202 });
      expect(acted.count).toBe(1);
    }
  });
});
