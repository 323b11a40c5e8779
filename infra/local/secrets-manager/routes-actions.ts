import type { Context } from 'hono';
import type { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { parse, refused } from './errors.ts';
import { SecretAction, VersionAction } from './schemas.ts';

/** Actions are for certificates: all that is asked for is refused, once it is sure that it is asked right. */
export function actionRoutes(routes: StrictRoutes, desk: Desk): void {
  const secretOf = async (context: Context<CloudEnv>, action: string, id: string, schema: z.ZodType) => {
    const body = await bodyOf(context, 'application/json');
    const secret = desk.secret(context, action, id);
    parse(schema, body);
    return secret;
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-action
  routes.add('POST', '/api/v2/secrets/:id/actions', async (context) => {
    const { id } = context.req.param();
    const { type } = await secretOf(context, 'secret-action.create', id, SecretAction);
    throw refused(`Secrets of type ${type} have no such action.`);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version-action
  routes.add('POST', '/api/v2/secrets/:secret_id/versions/:id/actions', async (context) => {
    const { secret_id: secretId, id } = context.req.param();
    const secret = await secretOf(context, 'secret-version-action.create', secretId, VersionAction);
    desk.version(secret, id);
    throw refused(`Versions of secrets of type ${secret.type} have no such action.`);
  });
}
