import { describe, expect, it } from 'vitest';
import { Book } from '../../infra/conformance/book.ts';
import { cleanUp } from '../../infra/conformance/clean-up.ts';
import { makeGround } from '../../infra/conformance/ground.ts';
import { STALE_AFTER_MS, findFormerRuns } from '../../infra/conformance/leftovers.ts';
import { exitCodeOf, sums } from '../../infra/conformance/report.ts';
import { CLEAN_UP_LIMIT_MS, RUN_LIMIT_MS, removeFormer } from '../../infra/conformance/run.ts';
import { runNameAt } from '../../infra/conformance/run-name.ts';
import { Session } from '../../infra/conformance/world.ts';
import { Admin } from '../../infra/demo/admin.ts';
import { messageOf } from '../../shared/runtime/errors.ts';
import { behind, openSite, runAt, stateOf, wrongsOf } from '../support/conformance.ts';
import type { Site } from '../support/conformance.ts';

const NEVER = new AbortController().signal;
const MINUTE_MS = 60_000;

const partsOf = ({ method, url }: Request) => ({ method, path: new URL(url).pathname });

/** The same site, where `change` may answer in place of the cloud; null lets a request pass. */
const answering = (site: Site, change: (request: Request) => Response | null) =>
  behind(site, (send) => async (request) => change(request) ?? send(request));

/** The ground of a run that makes a resource key as well, and then removes all of it. */
async function removedAfterResourceKey({ world }: Site) {
  const book = new Book(runNameAt(world.clock.nowMs()));
  const bench = new Session(world).bench(book, NEVER, 20 * MINUTE_MS);
  const { instanceId } = await makeGround(bench);
  const body = { name: `${book.runName}-key`, source: instanceId, role: 'NONE', parameters: {} };
  await bench.own.resourceController.send({ method: 'POST', path: '/v2/resource_keys', body }, NEVER);
  const left = await cleanUp(bench).catch((error: unknown) => messageOf(error));
  return { book, left };
}

const makesResourceKey = (request: Request) => request.method === 'POST' && request.url.endsWith('/resource_keys');

describe('removing what a run made', () => {
  it('takes none of the keys of others, though a list of keys passes over its filter', async () => {
    const site = await openSite();
    const { world, cloud } = site;
    const admin = new Admin(world.send, 'http://cloud.local', cloud.account.id, cloud.iam.adminApiKey);
    const { iamId } = await admin.createServiceId('of others', 'Of others.');
    await admin.request('POST', '/v1/apikeys', { name: 'of others', iam_id: iamId, account_id: cloud.account.id });
    const before = stateOf(site);
    const careless = behind(site, (send) => (request) => {
      const url = new URL(request.url);
      if (url.pathname !== '/v1/apikeys' || request.method !== 'GET') return send(request);
      url.searchParams.delete('iam_id');
      url.searchParams.set('scope', 'account');
      return send(new Request(url, request));
    });
    const bench = new Session(careless.world).bench(new Book('keyrota-conformance-x'), NEVER, MINUTE_MS);
    await makeGround(bench);
    expect(stateOf(site)).not.toEqual(before);
    expect(await cleanUp(bench)).toEqual([]);
    expect(stateOf(site)).toEqual(before);
  });

  it('finds a service ID whose creation was not answered, and which the list shows two minutes late', async () => {
    const site = await openSite();
    const before = stateOf(site);
    let shownFromMs = Infinity;
    const slow = behind(site, (send) => async (request) => {
      const { method, path } = partsOf(request);
      const response = await send(request);
      if (path !== '/v1/serviceids') return response;
      if (method === 'POST') {
        shownFromMs = site.world.clock.nowMs() + 2 * MINUTE_MS;
        throw new Error('the connection was lost');
      }
      return site.world.clock.nowMs() < shownFromMs ? Response.json({ serviceids: [] }) : response;
    });
    const result = await runAt(slow);
    expect(result.left).toEqual([]);
    expect(result.endedBy).not.toBeNull();
    expect(stateOf(site)).toEqual(before);
  });

  it('waits for a resource key that is too new to be found, neither by its id nor in the list', async () => {
    const site = await openSite({ freshResourceKeyReadDelayMs: 2 * MINUTE_MS });
    const before = stateOf(site);
    let foundFromMs = 0;
    const slow = answering(site, (request) => {
      const nowMs = site.world.clock.nowMs();
      if (makesResourceKey(request)) foundFromMs = nowMs + 2 * MINUTE_MS;
      const isHidden = nowMs < foundFromMs && request.method !== 'POST';
      if (!isHidden || !partsOf(request).path.startsWith('/v2/resource_keys')) return null;
      const isList = partsOf(request).path === '/v2/resource_keys';
      return isList ? Response.json({ rows_count: 0, resources: [] }) : Response.json({}, { status: 404 });
    });
    expect((await removedAfterResourceKey(slow)).left).toEqual([]);
    expect(stateOf(site)).toEqual(before);
  });

  it('goes on with the rest while one API does not answer, and then with that one', async () => {
    const site = await openSite();
    const before = stateOf(site);
    let brokenUntilMs = 0;
    const broken = answering(site, (request) => {
      const isBroken = site.world.clock.nowMs() < brokenUntilMs && partsOf(request).path.startsWith('/v2/');
      if (makesResourceKey(request)) brokenUntilMs = site.world.clock.nowMs() + 3 * MINUTE_MS;
      return isBroken ? Response.json({}, { status: 503 }) : null;
    });
    expect((await removedAfterResourceKey(broken)).left).toEqual([]);
    expect(stateOf(site)).toEqual(before);
  });

  it('names what it does not know to be gone, without what is inside of it, when one API never answers again', async () => {
    const site = await openSite();
    let isBroken = false;
    const broken = answering(site, (request) => {
      if (isBroken && partsOf(request).path.startsWith('/v2/')) return Response.json({}, { status: 503 });
      isBroken ||= makesResourceKey(request);
      return null;
    });
    const { book, left } = await removedAfterResourceKey(broken);
    expect(left).toMatch(/503/);
    expect(book.unremoved.map(({ kind }) => kind)).toEqual(['resource key']);
    const { secretsManager, iam } = stateOf(site) as {
      secretsManager: object;
      iam: { serviceIds: { name: string }[] };
    };
    expect(JSON.stringify([secretsManager, iam.serviceIds.map(({ name }) => name)])).not.toContain(`"${book.runName}"`);
  });

  it('does not say that nothing is left where it could not look', async () => {
    let isGone = false;
    const site = behind(await openSite(), (send) => async (request) => {
      if (isGone) throw new Error('no connection');
      isGone = request.method === 'POST' && partsOf(request).path.endsWith('/secret_groups');
      const response = await send(request);
      if (isGone) throw new Error('no connection');
      return response;
    });
    const result = await runAt(site);
    expect(result).toMatchObject({ left: [], notLooked: expect.stringMatching(/no answer/) as string });
    expect(exitCodeOf({ ...result, contracts: [], endedBy: null })).toBe(1);
    expect(sums(site.world, result).at(-1)).toMatch(/NOT REMOVED, or not known to be: whatever else there is/);
  });

  it.each([2, 3, 6, 40, 222])('leaves nothing after an end by request %d of a run', async (number) => {
    const site = await openSite();
    const before = stateOf(site);
    const interrupted = new AbortController();
    let count = 0;
    const watched = answering(site, () => {
      count += 1;
      if (count === number) interrupted.abort(new Error('interrupted'));
      return null;
    });
    const result = await runAt(watched, interrupted.signal);
    expect(result).toMatchObject({ endedBy: 'interrupted', left: [] });
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a former run', () => {
  it('is left alone for as long as it may be at work, and an hour more for clocks that differ', () => {
    expect(STALE_AFTER_MS).toBeGreaterThanOrEqual(RUN_LIMIT_MS + CLEAN_UP_LIMIT_MS + 60 * MINUTE_MS);
  });

  it('is removed without what another one has that is at work', async () => {
    const site = await openSite();
    const before = stateOf(site);
    const session = new Session(site.world);
    const names = ['keyrota-conformance-20260101000000-aaaaaa', 'keyrota-conformance-20260101000000-bbbbbb'];
    for (const name of names) await makeGround(session.bench(new Book(name), NEVER, MINUTE_MS));
    const find = () => findFormerRuns(session.bench(new Book('keyrota-conformance'), NEVER, MINUTE_MS));
    const remove = async (runs: Awaited<ReturnType<typeof find>>) =>
      removeFormer({ session, signal: NEVER, say: () => undefined }, runs);
    const [first, second] = await find();
    expect(await remove(first ? [first] : [])).toEqual([]);
    expect(await find()).toEqual([second]);
    expect(await remove(second ? [second] : [])).toEqual([]);
    expect(stateOf(site)).toEqual(before);
  });
});

describe('a platform that shows late what was done', () => {
  it('has its contracts and points found as they are all the same', async () => {
    const site = await openSite();
    const { clock } = site.world;
    const madeAtMs = new Map<string, number>();
    const slow = behind(site, (send) => async (request) => {
      const { method, path } = partsOf(request);
      const [, id = ''] = /^\/(?:v1\/apikeys|v2\/resource_keys)\/([^/]+)/.exec(path) ?? [];
      const isTooNew = clock.nowMs() - (madeAtMs.get(id) ?? -Infinity) < 1_900;
      if (isTooNew) return Response.json({}, { status: 404 });
      const response = await send(request);
      if (method === 'POST' && response.status === 201 && /\/(apikeys|resource_keys)$/.test(path)) {
        const made = (await response.clone().json()) as { id: string; guid?: string };
        madeAtMs.set(made.guid ?? made.id, clock.nowMs());
      }
      return response;
    });
    expect(wrongsOf(await runAt(slow))).toEqual([]);
  });
});
