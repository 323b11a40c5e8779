import type { Context, Hono } from 'hono';
import { z } from 'zod';
import type { Caller, CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import { bodyOf, demandAccount, demandOnAll, demandTag, Flag, identityRoutes } from './identity-requests.ts';
import type { AccountSettings } from './settings-book.ts';
import { SettingsChange } from './settings-book.ts';
import { contextView, historyView } from './views.ts';
import type { IamWorld } from './world.ts';

type Request = Context<CloudEnv>;

const Query = z.strictObject({ include_history: Flag.optional(), resolve_user_mfa: Flag.optional() });
type Query = z.infer<typeof Query>;

/** `/v1/accounts/{account_id}/settings/identity` of the IAM Identity API. */
export function settingsRoutes(world: IamWorld): Hono<CloudEnv> {
  const routes = identityRoutes(world);
  const settings = '/v1/accounts/:account_id/settings/identity';
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-account-settings
  routes.addWithQuery('GET', settings, Query, (context, query) => {
    demandOnAccount(world, context, 'get');
    const view = { ...contextOf(world, context, query), ...settingsView(world, query) };
    return context.json(view, 200, { ETag: world.settings.entityTag });
  });
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#update-account-settings
  routes.add('PUT', settings, (context) => updateSettings(world, context));
  // https://cloud.ibm.com/apidocs/iam-identity-token-api#get-effective-account-settings
  const effective = '/v1/accounts/:account_id/effective_settings/identity';
  routes.addWithQuery('GET', effective, Query, (context, query) => {
    demandOnAccount(world, context, 'get');
    const inEffect = world.settings.effective();
    return context.json({
      ...contextOf(world, context, query),
      account_id: world.parts.account.id,
      effective: { ...inEffect, user_mfa: userMfaView(world, inEffect.user_mfa, query) },
      account: settingsView(world, query),
      assigned_templates: [],
    });
  });
  return routes.app;
}

async function updateSettings(world: IamWorld, context: Request): Promise<Response> {
  demandOnAccount(world, context, 'update');
  const change = await bodyOf(context, SettingsChange);
  // What was true before the body arrived may be no more.
  const caller = demandOnAccount(world, context, 'update');
  demandTag(world, context, world.settings);
  world.settings.revise(change, caller.iamId);
  return context.json(settingsView(world, {}), 200, { ETag: world.settings.entityTag });
}

/** Throws 403. */
function demandOnAccount(world: IamWorld, context: Request, verb: 'get' | 'update'): Caller {
  const caller = callerOf(context);
  const action = `iam-identity.account.${verb}`;
  demandAccount(caller, context.req.param('account_id'), action);
  demandOnAll(world, caller, action);
  return caller;
}

const contextOf = (world: IamWorld, context: Request, query: Query): object =>
  contextView(world.parts, context, { history: query.include_history });

/** The history is there without being asked for, and then empty: IBM's own test reads it so. */
function settingsView(world: IamWorld, query: Query): object {
  const { parts, settings } = world;
  return {
    account_id: parts.account.id,
    entity_tag: settings.entityTag,
    ...settings.present,
    user_mfa: userMfaView(world, settings.present.user_mfa, query),
    history: query.include_history ? settings.history.map((entry) => historyView(parts, entry)) : [],
  };
}

function userMfaView({ users }: IamWorld, userMfa: AccountSettings['user_mfa'], query: Query): object[] {
  if (!query.resolve_user_mfa) return userMfa;
  return userMfa.map((one) => {
    const name = users.get(one.iam_id)?.name;
    return { ...one, ...(name !== undefined && { name, userName: name }) };
  });
}
