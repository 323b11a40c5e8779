import type { Context } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { badRequest, foreignIamId, notFound } from './identity-errors.ts';
import { bodyOf, demandFuture, demandGranted, demandOnKeys, flagHeader, IamDate } from './identity-requests.ts';
import { isServiceIamId, serviceIdOf } from './service-id-book.ts';
import { apiKeyView } from './views.ts';
import type { IamWorld } from './world.ts';

/** The key that can be made together with a service ID. */
export const NestedKey = z.strictObject({
  name: z.string().min(1),
  description: z.string().optional(),
  apikey: z.string().min(32).optional(),
  store_value: z.boolean().optional(),
  action_when_leaked: z.enum(['none', 'disable', 'delete']).optional(),
  expires_at: IamDate.optional(),
});

const NewKey = NestedKey.extend({
  iam_id: z.string().min(1),
  account_id: z.string().optional(),
  support_sessions: z.boolean().optional(),
});

/** What the body of a new key says, in the terms of the key book. */
export function keyOf(body: z.infer<typeof NestedKey>) {
  return {
    name: body.name,
    description: body.description,
    value: body.apikey,
    storeValue: body.store_value,
    actionWhenLeaked: body.action_when_leaked,
    expiresAtMs: body.expires_at,
  };
}

/** `POST /v1/apikeys`: the only answer that shows the value of a key. */
export async function createApiKey(world: IamWorld, context: Context<CloudEnv>): Promise<Response> {
  const caller = callerOf(context);
  const locked = flagHeader(context, 'Entity-Lock');
  const disabled = flagHeader(context, 'Entity-Disable');
  const body = await bodyOf(context, NewKey);
  if (body.account_id !== undefined && body.account_id !== caller.accountId) {
    throw badRequest({ property: 'account_id', missing: false, reason: 'is not the account of the access token' });
  }
  if (body.expires_at !== undefined) demandFuture(world, body.expires_at);
  demandOwner(world, caller, body.iam_id);
  if (!isServiceIamId(body.iam_id)) demandUserKey(body);
  else if (body.support_sessions) {
    throw badRequest({ property: 'support_sessions', missing: false, reason: 'is for keys of users only' });
  }
  const key = world.keys.add(
    { ...keyOf(body), iamId: body.iam_id, supportSessions: body.support_sessions, locked, disabled },
    caller.iamId,
  );
  return context.json(apiKeyView(world.parts, key, { withValue: true }), 201, { ETag: key.entityTag });
}

function demandOwner(world: IamWorld, caller: Caller, iamId: string): void {
  if (isServiceIamId(iamId)) {
    if (!world.serviceIds.withIamId(iamId)) throw notFound('ServiceId', serviceIdOf(iamId));
    demandOnKeys(world, caller, iamId, 'create');
    return;
  }
  // No role lets anybody make a key for a user but the user.
  if (iamId !== caller.iamId || !world.users.get(iamId)) throw foreignIamId();
  // docs/iam, "Restricting users from creating API keys": the account owner needs the role too.
  if (world.settings.restricts('restrict_create_platform_apikey')) {
    demandGranted(world, caller, 'iam-identity.user-apikey.create');
  }
}

function demandUserKey(body: z.infer<typeof NewKey>): void {
  if (body.store_value) {
    throw badRequest({ property: 'store_value', missing: false, reason: 'is for keys of service IDs only' });
  }
}
