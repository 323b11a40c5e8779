import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { findFormerRuns, STALE_AFTER_MS } from '../../infra/conformance/leftovers.ts';
import { Book } from '../../infra/conformance/book.ts';
import { CALLS, planLines, sortFormer } from '../../infra/conformance/plan.ts';
import { exitCodeOf, switchesOf } from '../../infra/conformance/report.ts';
import { cleanUp } from '../../infra/conformance/clean-up.ts';
import { makeGround } from '../../infra/conformance/ground.ts';
import { removeFormer } from '../../infra/conformance/run.ts';
import type { Result } from '../../infra/conformance/run.ts';
import { Session } from '../../infra/conformance/world.ts';
import { Admin, ROLE } from '../../infra/demo/admin.ts';
import type { Send } from '../../infra/demo/admin.ts';
import { Fault } from '../../infra/local/faults.ts';
import { Switches } from '../../infra/local/switches.ts';
import { switchesIn } from '../../infra/local/switches-file.ts';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { behind, openSite, runAt, stateOf, wrongsOf } from '../support/conformance.ts';
import type { Site } from '../support/conformance.ts';
import { randomLife } from '../support/random-life.ts';

const NEVER = new AbortController().signal;

/** An account in which others have things, too. */
async function inhabited(switches: Partial<Switches> = {}) {
  const site = await openSite(switches);
  const { cloud, world } = site;
  const admin = new Admin(world.send, 'http://cloud.local', cloud.account.id, cloud.iam.adminApiKey);
  const groupId = await admin.createSecretGroup('of others');
  await admin.request('POST', '/api/v2/secrets', {
    secret_type: 'arbitrary',
    name: 'of-others',
    secret_group_id: groupId,
    payload: 'theirs',
  });
  const { iamId, id } = await admin.createServiceId('of others', 'Of others.');
  const key = await admin.request('POST', '/v1/apikeys', {
    name: 'of others',
    iam_id: iamId,
    account_id: cloud.account.id,
  });
  const source = cloud.account.secretsManager.guid;
  await admin.request('POST', '/v2/resource_keys', { name: 'of others', source, role: 'Reader' });
  return { site, admin, serviceId: { id, iamId, key: String(key['apikey']), keyId: String(key['id']) } };
}

/** Whatever is a secret in an answer that passes. */
function listening(values: string[]): (send: Send) => Send {
  return (send) => async (request) => {
    const response = await send(request);
    const text = await response.clone().text();
    for (const [, value = ''] of text.matchAll(/"(?:apikey|access_token)":"([^"]{20,})"/g)) values.push(value);
    return response;
  };
}

/** Lets the service ID of others run it, with these roles alone. */
async function asServiceIdOfOthers(account: Awaited<ReturnType<typeof inhabited>>, hasRoles: boolean): Promise<Site> {
  const { site, admin, serviceId } = account;
  const instance = { serviceInstance: site.cloud.account.secretsManager.guid };
  if (hasRoles) {
    for (const role of [ROLE.manager, ROLE.administrator])
      await admin.grant(serviceId.iamId, role, 'secrets-manager', instance);
    await admin.grant(serviceId.iamId, ROLE.administrator, 'iam-identity');
  }
  await site.cloud.clock.advanceTo(site.cloud.clock.nowMs() + 10_000); // its key is fresh
  return { ...site, world: { ...site.world, login: { kind: 'api-key', apiKey: new SecretValue(serviceId.key) } } };
}

describe('a run with no roles but those that the page names', () => {
  let result: Result;
  let before: unknown;
  let after: unknown;
  let site: Site;
  const values: string[] = [];

  beforeAll(async () => {
    const account = await inhabited();
    site = behind(await asServiceIdOfOthers(account, true), listening(values));
    before = stateOf(site);
    result = await runAt(site);
    after = stateOf(site);
  });

  it('finds that all contracts hold, and each point as the embedded cloud assumes it', () => {
    expect(wrongsOf(result)).toEqual([]);
  });

  it('leaves the account as it was, with all that others have in it', () => {
    expect(after).toEqual(before);
  });

  it('shows no value of a key or token in what it says or finds', () => {
    const said = JSON.stringify([site.lines, result, switchesOf(result)]);
    expect(values.length).toBeGreaterThan(50);
    expect(values.filter((value) => said.includes(value))).toEqual([]);
  });

  it('takes as many calls as it announced, and no more than five a second', () => {
    expect(result.callCount).toBeGreaterThan(CALLS.least * 0.9);
    expect(result.callCount).toBeLessThan(CALLS.most);
    expect(result.callCount / (result.tookMs / 1_000)).toBeLessThanOrEqual(5);
  });

  it('ends with 0, and gives the embedded cloud a body for its switches that it takes', () => {
    expect(exitCodeOf(result)).toBe(0);
    expect(Object.keys(switchesOf(result))).toHaveLength(result.points.length);
    expect(Switches.parse(switchesOf(result))).toEqual(Switches.parse({}));
  });
});

describe('a run without any role', () => {
  it('makes nothing, and says what it needs', async () => {
    const site = await asServiceIdOfOthers(await inhabited(), false);
    const before = stateOf(site);
    const result = await runAt(site);
    expect(result.endedBy).toMatch(/^the secret group could not be made: status 403.*docs\/conformance\.md/);
    expect(exitCodeOf(result)).toBe(1);
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a platform that is not as it must be', () => {
  it('breaks the contracts about what it only pretends to do', async () => {
    const site = behind(await openSite(), (send) => (request) => {
      const { pathname } = new URL(request.url);
      const isPretended = request.method === 'POST' && /\/(disable|locks_bulk)$|apikeys\/.*\/lock$/.test(pathname);
      return isPretended ? Promise.resolve(Response.json({}, { status: 201 })) : send(request);
    });
    const result = await runAt(site);
    const broken = result.contracts.filter(({ outcome }) => outcome === 'broken').map(({ sentence }) => sentence);
    expect(broken).toEqual([
      expect.stringMatching(/^A locked key cannot be deleted/),
      expect.stringMatching(/^Disabling is told by the key/),
      expect.stringMatching(/^A disabled key is refused/),
      expect.stringMatching(/^While the previous version is locked/),
      expect.stringMatching(/^A lock of a name that is there/),
      expect.stringMatching(/^A locked secret cannot be deleted/),
      expect.stringMatching(/^`remove_previous` on the current version/),
      expect.stringMatching(/^`remove_previous` leaves locks of other names/),
      expect.stringMatching(/^`remove_previous_and_delete` also wipes/),
      expect.stringMatching(/^A list of locks/),
    ]);
    expect(exitCodeOf(result)).toBe(1);
  });

  it('breaks a contract about what it cannot do now, and settles no point by that', async () => {
    const site = behind(
      await openSite(),
      (send) => (request) =>
        request.url.endsWith('/locks_bulk') && request.method === 'POST'
          ? Promise.resolve(Response.json({}, { status: 503 }))
          : send(request),
    );
    const result = await runAt(site);
    const unsettled = result.points.filter(({ verdict }) => verdict === 'not settled').map((one) => one.switch);
    expect(unsettled).toEqual([
      'lockWithoutPayloadStatus',
      'atomicWrites',
      'lockRefusesSecretPatch',
      'lockModeOnPrevious',
      'replacedLockCreatedAt',
      'removePreviousNeedsLockDelete',
    ]);
    expect(result.points.filter(({ verdict }) => verdict === 'differs')).toEqual([]);
    expect(result.contracts.filter(({ outcome }) => outcome === 'broken')).toHaveLength(8);
  });
});

describe('a user who gets a policy on the service ID for making it', () => {
  it('has it no more when the service ID is removed', async () => {
    const { site, admin } = await inhabited();
    const { iamId, apiKey } = site.cloud.iam.addUser('somebody');
    for (const role of [ROLE.manager, ROLE.administrator]) await admin.grant(iamId, role, 'secrets-manager');
    await admin.grant(iamId, ROLE.reader, 'iam-identity');
    site.world.login = { kind: 'api-key', apiKey: new SecretValue(apiKey) };
    const before = stateOf(site);
    const bench = new Session(site.world).bench(new Book('keyrota-conformance-x'), NEVER, 60_000);
    const { serviceId } = await makeGround(bench);
    expect(JSON.stringify(stateOf(site)).includes(`"name":"resource","value":"${serviceId.id}"`)).toBe(true);
    expect(await cleanUp(bench)).toEqual([]);
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a call about something that the run did not make', () => {
  it('is not sent, whichever client makes it', async () => {
    const { site, serviceId } = await inhabited();
    const { own } = new Session(site.world).bench(new Book('keyrota-conformance-x'), NEVER, 60_000);
    await own.keys.listApiKeys(serviceId.iamId, NEVER); // logged in
    const { total } = site.cloud.calls;
    const keyId = serviceId.keyId;
    const before = stateOf(site);
    await expect(own.keys.deleteApiKey(keyId, NEVER)).rejects.toThrow(/not for this run to call/);
    const path = '/api/v2/secrets/11111111-2222-4333-8444-555555555555';
    await expect(own.secretsManager.send({ method: 'DELETE', path }, NEVER)).rejects.toThrow(
      /not for this run to call/,
    );
    expect(site.cloud.calls.total).toBe(total);
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a run that is interrupted', () => {
  it('removes what it made, and tries no more', async () => {
    const { site } = await inhabited();
    const before = stateOf(site);
    const interrupted = new AbortController();
    const result = await runAt(site, interrupted.signal, (line) => {
      if (line.startsWith('30/')) interrupted.abort(new KeyrotaError('interrupted', 'interrupted'));
    });
    expect(result.endedBy).toBe('interrupted');
    expect(result.left).toEqual([]);
    expect(result.contracts.filter(({ outcome }) => outcome === 'not tried').length).toBeGreaterThan(0);
    expect(exitCodeOf(result)).toBe(1);
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a run that is interrupted while something is being made', () => {
  it('waits for that, and removes it with the rest', async () => {
    const open = await openSite();
    const before = stateOf(open);
    const interrupted = new AbortController();
    open.cloud.faults.add(Fault.parse({ match: 'POST /v1/serviceids', lateMs: 15_000 }));
    const site = behind(open, (send) => (request) => {
      if (request.method === 'POST' && request.url.endsWith('/serviceids')) interrupted.abort(new Error('interrupted'));
      return send(request);
    });
    const result = await runAt(site, interrupted.signal);
    expect(result).toMatchObject({ endedBy: 'interrupted', left: [] });
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a run that is killed', () => {
  const formerOf = async ({ world }: Site) => {
    const session = new Session(world);
    return { session, runs: await findFormerRuns(session.bench(new Book('keyrota-conformance'), NEVER, 60_000)) };
  };

  it('leaves what the next run finds by its name, and removes once it is four hours old', async () => {
    const { site } = await inhabited();
    const before = stateOf(site);
    let sent = 0;
    // In the middle of a resource key: all kinds of things are there. From then on nothing gets through.
    let isDead = false;
    const dying = behind(site, (send) => async (request) => {
      if (isDead) throw new Error('the process is gone');
      sent += 1;
      const response = await send(request);
      isDead = request.method === 'POST' && request.url.endsWith('resource_keys');
      return response;
    });
    const result = await runAt(dying);
    expect(sent).toBeGreaterThan(100);
    expect(result.left.length).toBeGreaterThan(0);
    expect(exitCodeOf(result)).toBe(1);
    expect(stateOf(site)).not.toEqual(before);

    const { session, runs } = await formerOf(site);
    expect(runs).toMatchObject([{ runName: result.runName, found: ['secret group', 'service ID', 'resource key'] }]);
    const nowMs = runs[0]?.beganAtMs ?? 0;
    expect(sortFormer(runs, nowMs + STALE_AFTER_MS, false)).toEqual({ removed: [], left: runs });
    expect(sortFormer(runs, nowMs + STALE_AFTER_MS, true)).toEqual({ removed: runs, left: [] });
    const former = sortFormer(runs, nowMs + STALE_AFTER_MS + 1, false);
    expect(planLines(site.world, 'x', former).join('\n')).toContain(
      `former runs left:\n  ${result.runName}: secret group`,
    );
    expect(await removeFormer({ session, signal: NEVER, say: () => undefined }, former.removed)).toEqual([]);
    expect(stateOf(site)).toEqual(before);
    expect((await formerOf(site)).runs).toEqual([]);
  });
});

describe('the answers of a run', () => {
  it('are a file that the embedded cloud and the simulation take, and another file is refused in one line', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'keyrota-switches-'));
    const written = (text: string): string => {
      const file = join(folder, 'switches.json');
      writeFileSync(file, text);
      return file;
    };
    try {
      const known = switchesIn(written('{"duplicateSecretStatus": 400, "firstLoginDelayMs": 750}'));
      expect(known).toEqual({ duplicateSecretStatus: 400, firstLoginDelayMs: 750 });
      const { story, wrongs } = await randomLife('known', known);
      expect(wrongs).toEqual([]);
      expect(story[0]).toMatch(/"firstLoginDelayMs":750,.*"duplicateSecretStatus":400,/);
      expect(() => switchesIn(written('{"firstLoginDelayMs": -1}'))).toThrow(/^firstLoginDelayMs: /);
      expect(() => switchesIn(written('{"hope": 1}'))).toThrow(/"hope"/);
      for (const text of ['[]', '{"no', '1']) expect(() => switchesIn(written(text))).toThrow('it is no JSON object');
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
