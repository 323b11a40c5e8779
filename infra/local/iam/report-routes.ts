import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { notFound } from './identity-errors.ts';
import { demandAccount, demandOnAll, identityRoutes } from './identity-requests.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const Query = z.strictObject({
  type: z.literal('inactive').optional(),
  /** In hours. docs/iam, "Identifying inactive identities": by default 30 days. */
  duration: z
    .string()
    .regex(/^[1-9]\d{0,5}$/, 'is not a whole number of hours')
    .default('720')
    .transform(Number),
});

/** `/v1/activity/accounts/{account_id}/report` of the IAM Identity API: what was not used for some time. */
export function reportRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  const reports = '/v1/activity/accounts/:account_id/report';
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#create-report
  routes.addWithQuery('POST', reports, Query, (context, { duration }) => {
    const caller = demandOnReports(world, context, 'create');
    const { reference } = world.reports.add(world, duration, caller.iamId);
    return context.json({ reference }, 202);
  });
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-report
  routes.add('GET', `${reports}/:reference`, (context) => {
    demandOnReports(world, context, 'get');
    const reference = context.req.param('reference') ?? '';
    const report = world.reports.get(reference);
    if (!report) throw notFound('Report', reference);
    if (world.parts.clock.nowMs() < report.readyAtMs) return context.body(null, 204);
    return context.json(report.body);
  });
  return routes.app;
}

/** Throws 403. */
function demandOnReports(world: IamWorld, context: Request, verb: 'create' | 'get'): Caller {
  const caller = callerOf(context);
  const action = `iam-identity.activity-report.${verb}`;
  demandAccount(caller, context.req.param('account_id'), action);
  demandOnAll(world, caller, action);
  return caller;
}
