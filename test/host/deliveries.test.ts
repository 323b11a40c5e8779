import { verify } from '@octokit/webhooks-methods';
import { expect, it } from 'vitest';
import { START_MS, startWorld } from './world.ts';
import type { World } from './world.ts';

const SOURCES = {
  /** Says what came, when, and what the cloud answers it meanwhile. */
  prompt: `exports.main = async (params) => {
    const body = Buffer.from(params.__ce_body, 'base64').toString();
    const headers = params.__ce_headers;
    console.log(JSON.stringify({ atMs: Date.now(), calls: await post(), body, headers }));
    return { statusCode: 204 };
  }`,
  /** Takes 12 virtual seconds. */
  slow: `exports.main = async () => {
    console.log(JSON.stringify({ atMs: Date.now() }));
    await new Promise((resolve) => setTimeout(resolve, 12_000));
    return { statusCode: 204 };
  }`,
};

interface Line {
  atMs: number;
  calls: number;
  body: string;
  headers: Record<string, string>;
}

const lines = ({ log }: World): Line[] => log.map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Line);
const event = { source: 'a source', type: 'an.event', data: {} };

it.each(['in the process', 'over the network'])(
  'a function gets an event and a webhook, and no time passes while it works: %s',
  async (way) => {
    await using world = await startWorld(SOURCES);
    const { cloud, clock, hostUrl, host } = world;
    if (way === 'in the process') cloud.deliver = host.handle.bind(host);
    cloud.eventNotifications.subscribe({ url: `${hostUrl}/prompt`, headers: { authorization: 'Bearer x' } });
    const { envelope } = cloud.eventNotifications.publish(event);
    await clock.advanceTo(START_MS + 60_000);
    cloud.github.addHook({ url: `${hostUrl}/prompt/github`, secret: 'shared' });
    await clock.advanceTo(START_MS + 120_000);
    const [first, second] = lines(world);
    expect(first).toMatchObject({ atMs: START_MS, calls: 401, headers: { Authorization: 'Bearer x' } });
    expect(JSON.parse(first?.body ?? '')).toMatchObject({ ...envelope });
    expect(second).toMatchObject({ atMs: START_MS + 60_000, headers: { 'X-Github-Event': 'ping' } });
    const signature = second?.headers['X-Hub-Signature-256'] ?? '';
    expect(await verify('shared', second?.body ?? '', signature)).toBe(true);
    expect([cloud.eventNotifications.deliveries, cloud.github.deliveries]).toMatchObject([
      [{ statuses: [204], state: 'delivered' }],
      [{ statuses: [204] }],
    ]);
  },
);

it('a function that takes longer than 10 seconds gets the event four times, and it is lost', async () => {
  await using world = await startWorld(SOURCES);
  const { cloud, clock, host } = world;
  cloud.deliver = host.handle.bind(host);
  cloud.eventNotifications.subscribe({ url: 'http://host.test/slow' });
  cloud.eventNotifications.publish(event);
  await clock.advanceTo(START_MS + 600_000);
  expect(lines(world).map(({ atMs }) => (atMs - START_MS) / 1_000)).toEqual([0, 11, 23, 37]);
  expect(cloud.eventNotifications.deliveries).toMatchObject([{ statuses: [null, null, null, null], state: 'lost' }]);
});
