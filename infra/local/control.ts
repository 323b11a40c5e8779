import { Hono } from 'hono';
import type { Context } from 'hono';
import { stream } from 'hono/streaming';
import { z } from 'zod';
import type { EmbeddedCloud } from './cloud.ts';
import { Fault } from './faults.ts';
import { Switches } from './switches.ts';

const ClockChange = z
  .strictObject({
    nowMs: z.number().int().optional(),
    advanceMs: z.number().int().min(0).optional(),
    /** Virtual milliseconds in a real one, at most; `"max"` jumps from event to event. */
    speed: z.union([z.number().min(0), z.literal('max')]).optional(),
  })
  .refine(
    (change) => Object.values(change).filter((value) => value !== undefined).length === 1,
    'takes one of nowMs, advanceMs and speed',
  );

const ClockLimit = z.strictObject({ speed: z.number().positive() });

const Resource = z.strictObject({
  crn: z.string().min(1),
  componentType: z.enum(['function', 'job', 'application']),
  componentName: z.string().min(1),
});

/**
 * The control port of the embedded cloud: faults, time, switches, and a look at everything. It is never part of the APIs
 * that are embedded.
 */
export function controlRoutes(cloud: EmbeddedCloud): Hono {
  const app = new Hono();

  app.get('/faults', (context) => context.json(cloud.faults.list()));
  app.post('/faults', async (context) => {
    const fault = await bodyOf(context, Fault);
    if (fault instanceof Response) return fault;
    cloud.faults.add(fault);
    return context.json(cloud.faults.list());
  });
  app.delete('/faults', (context) => {
    cloud.faults.clear();
    return context.json([]);
  });

  app.get('/clock', (context) => context.json(clockState(cloud)));
  app.post('/clock', async (context) => {
    const change = await bodyOf(context, ClockChange);
    if (change instanceof Response) return change;
    if (change.speed !== undefined) cloud.clock.speed = change.speed === 'max' ? Infinity : change.speed;
    const targetMs = change.nowMs ?? (change.advanceMs === undefined ? null : cloud.clock.nowMs() + change.advanceMs);
    if (targetMs !== null && targetMs < cloud.clock.nowMs())
      return badRequest(context, 'nowMs: is past; time only goes forward');
    if (targetMs !== null) await cloud.clock.advanceTo(targetMs);
    return context.json(clockState(cloud));
  });
  // For somebody who works in real time: the limit holds for as long as this request stays open.
  app.post('/clock/limit', async (context) => {
    const limit = await bodyOf(context, ClockLimit);
    if (limit instanceof Response) return limit;
    return stream(context, async (body) => {
      const lift = cloud.clock.limitSpeed(limit.speed);
      const closed = new Promise<void>((resolve) => body.onAbort(resolve));
      await body.write(`${JSON.stringify(clockState(cloud))}\n`);
      await closed;
      lift();
    });
  });

  app.get('/switches', (context) => context.json(cloud.switches));
  app.post('/switches', async (context) => {
    const given: unknown = await context.req.json().catch(() => null);
    const changed = Switches.safeParse({ ...cloud.switches, ...(given as object) });
    if (!changed.success) return badRequest(context, faultsOf(changed.error));
    Object.assign(cloud.switches, changed.data);
    return context.json(cloud.switches);
  });

  app.get('/state', (context) => context.json(cloud.snapshot({ withValues: context.req.query('values') === 'true' })));
  app.get('/calls', (context) => context.json(cloud.calls.list(Number(context.req.query('from') ?? 1))));
  app.post('/reset', (context) => {
    cloud.reset();
    return context.json({ adminApiKey: cloud.iam.adminApiKey });
  });
  app.post('/compute-resource-tokens', async (context) => {
    const resource = await bodyOf(context, Resource);
    return resource instanceof Response
      ? resource
      : context.json({ token: cloud.iam.issueComputeResourceToken(resource) });
  });
  app.notFound((context) =>
    context.json({ error: `The control port has no ${context.req.method} ${context.req.path}.` }, 404),
  );
  return app;
}

const clockState = ({ clock }: EmbeddedCloud) => ({
  nowMs: clock.nowMs(),
  now: new Date(clock.nowMs()).toISOString(),
  speed: clock.speed === Infinity ? 'max' : clock.speed,
});

const faultsOf = (error: z.ZodError): string =>
  error.issues.map((issue) => `${issue.path.join('.') || '(body)'}: ${issue.message}`).join('; ');

const badRequest = (context: Context, error: string): Response => context.json({ error }, 400);

async function bodyOf<T>(context: Context, schema: z.ZodType<T>): Promise<T | Response> {
  const body: unknown = await context.req.json().catch(() => undefined);
  const parsed = schema.safeParse(body);
  return parsed.success ? parsed.data : badRequest(context, faultsOf(parsed.error));
}
