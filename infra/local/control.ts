import type { Context, Hono } from 'hono';
import { stream } from 'hono/streaming';
import { z } from 'zod';
import { LAST_MS } from './clock.ts';
import type { EmbeddedCloud } from './cloud.ts';
import { addParties } from './control-parties.ts';
import { bodyOf, parse, Refusal } from './control-requests.ts';
import { Fault } from './faults.ts';
import type { CloudEnv } from './parts.ts';
import { StrictRoutes } from './strict-routes.ts';
import { Switches } from './switches.ts';
import type { Violation } from './validation.ts';

/** Virtual milliseconds in a real one. Whoever wants more wants `"max"`. */
const Speed = z.number().max(1e9);

const ClockChange = z
  .strictObject({
    nowMs: z.number().int().optional(),
    advanceMs: z.number().int().min(0).optional(),
    /** At most; `"max"` jumps from event to event. */
    speed: z.union([Speed.min(0), z.literal('max')]).optional(),
  })
  .refine(
    (change) => Object.values(change).filter((value) => value !== undefined).length === 1,
    'takes one of nowMs, advanceMs and speed',
  );
type ClockChange = z.infer<typeof ClockChange>;

const ClockLimit = z.strictObject({ speed: Speed.positive() });

/** Some switches; which there are, and what they take, is checked together with the others. */
const SwitchesChange = z.record(z.string(), z.unknown());

const Resource = z.strictObject({
  crn: z.string().min(1),
  projectName: z.string().min(1).optional(),
  componentType: z.enum(['function', 'job', 'application']),
  componentName: z.string().min(1),
});

const StateQuery = z.strictObject({ values: z.enum(['true', 'false']).optional() });
const CallsQuery = z.strictObject({
  from: z
    .string()
    .regex(/^[1-9]\d{0,14}$/, 'is not a whole number from 1 on')
    .transform(Number)
    .optional(),
});

const badQuery = ({ property, reason }: Violation) => new Refusal(`${property}: ${reason}`);

/**
 * The control port of the embedded cloud, which is never part of the APIs that are embedded. Whoever is refused gets
 * `{"error": …}`.
 *
 * - `GET`, `POST`, `DELETE /faults`: the trouble in store, one more, none.
 * - `GET`, `POST /clock`: the time; move it to `nowMs` or by `advanceMs`, or change its `speed`. 409 while another request
 *   moves it.
 * - `POST /clock/limit`: no more than that `speed` for as long as the connection stays open, for somebody who works in real
 *   time. The first line of the answer is the clock, and there is no second.
 * - `GET`, `POST /switches`: all of them; change some.
 * - `GET /state`, `GET /state?values=true`: all that exists, without and with the values of keys and secrets.
 * - `GET /calls`, `GET /calls?from=N`: the latest calls, from number N on.
 * - `POST /reset`: the account as it was at the start; tells its owner's API key.
 * - `POST /compute-resource-tokens`: a token for a component of Code Engine.
 * - `GET`, `POST`, `DELETE /event-notifications/subscriptions`: where events are delivered to, one more, none.
 * - `POST /event-notifications/events`: an event of any producer.
 * - `POST /github/hooks`, `POST /github/leaks`: a webhook of GitHub; a secret that somebody pushes there.
 * - `POST /github/redeliveries`: what a webhook got, once again.
 */
export function controlRoutes(cloud: EmbeddedCloud): Hono<CloudEnv> {
  const routes = new StrictRoutes({ badQuery, onError: answerError });
  addFaults(routes, cloud);
  addClock(routes, cloud);
  addSwitches(routes, cloud);

  routes.addWithQuery('GET', '/state', StateQuery, (context, { values }) =>
    context.json(cloud.snapshot({ withValues: values === 'true' })),
  );
  routes.addWithQuery('GET', '/calls', CallsQuery, (context, { from }) => context.json(cloud.calls.list(from)));
  routes.add('POST', '/reset', (context) => {
    cloud.reset();
    return context.json({ adminApiKey: cloud.iam.adminApiKey });
  });
  routes.add('POST', '/compute-resource-tokens', async (context) => {
    const resource = await bodyOf(context, Resource);
    return context.json({ token: cloud.iam.issueComputeResourceToken(resource) });
  });
  addParties(routes, cloud);
  routes.app.notFound((context) =>
    context.json({ error: `The control port has no ${context.req.method} ${context.req.path}.` }, 404),
  );
  return routes.app;
}

function addFaults(routes: StrictRoutes, { faults }: EmbeddedCloud): void {
  routes.add('GET', '/faults', (context) => context.json(faults.list()));
  routes.add('POST', '/faults', async (context) => {
    faults.add(await bodyOf(context, Fault));
    return context.json(faults.list());
  });
  routes.add('DELETE', '/faults', (context) => {
    faults.clear();
    return context.json([]);
  });
}

function addClock(routes: StrictRoutes, cloud: EmbeddedCloud): void {
  const { clock } = cloud;
  routes.add('GET', '/clock', (context) => context.json(clockState(cloud)));
  routes.add('POST', '/clock', async (context) => {
    const change = await bodyOf(context, ClockChange);
    if (change.speed !== undefined) clock.speed = change.speed === 'max' ? Infinity : change.speed;
    const targetMs = targetOf(change, clock.nowMs());
    if (targetMs !== null && clock.isAdvancing) throw new Refusal('another request moves the time: wait for it', 409);
    if (targetMs !== null) await clock.advanceTo(targetMs);
    return context.json(clockState(cloud));
  });
  routes.add('POST', '/clock/limit', async (context) => {
    const limit = await bodyOf(context, ClockLimit);
    return stream(context, async (body) => {
      const lift = clock.limitSpeed(limit.speed);
      const closed = new Promise<void>((resolve) => body.onAbort(resolve));
      await body.write(`${JSON.stringify(clockState(cloud))}\n`);
      await closed;
      lift();
    });
  });
}

/** Where a change moves the time to; null when it does not. */
function targetOf({ nowMs, advanceMs }: ClockChange, presentMs: number): number | null {
  if (nowMs !== undefined && nowMs < presentMs) throw new Refusal('nowMs: is past; time only goes forward');
  if (nowMs !== undefined && nowMs > LAST_MS) throw new Refusal('nowMs: is after the year 9999');
  if (advanceMs !== undefined && presentMs + advanceMs > LAST_MS)
    throw new Refusal('advanceMs: ends after the year 9999');
  return nowMs ?? (advanceMs === undefined ? null : presentMs + advanceMs);
}

function addSwitches(routes: StrictRoutes, cloud: EmbeddedCloud): void {
  routes.add('GET', '/switches', (context) => context.json(cloud.switches));
  routes.add('POST', '/switches', async (context) => {
    const given = await bodyOf(context, SwitchesChange);
    Object.assign(cloud.switches, parse(Switches, { ...cloud.switches, ...given }));
    return context.json(cloud.switches);
  });
}

const clockState = ({ clock }: EmbeddedCloud) => ({
  nowMs: clock.nowMs(),
  now: new Date(clock.nowMs()).toISOString(),
  speed: clock.speed === Infinity ? 'max' : clock.speed,
});

function answerError(error: Error, context: Context): Response {
  if (error instanceof Refusal) return context.json({ error: error.message }, error.status);
  process.stderr.write(`The control port failed: ${error.stack ?? error.message}\n`);
  return context.json({ error: 'The control port failed: its standard error says why.' }, 500);
}
