import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { conflict, notFound, parse, refused } from './errors.ts';
import { DEFAULT_GROUP } from './model.ts';
import type { Group } from './model.ts';
import { GroupPatch, GroupPrototype } from './schemas.ts';
import { groupView } from './views.ts';

const GROUPS_MAX = 200;

const API = '/api/v2/secret_groups';

/** Secret groups: https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-groups. */
export function groupRoutes(routes: StrictRoutes, desk: Desk): void {
  const { groups } = desk.store;

  const find = (id: string): Group => {
    const group = groups.get(id);
    if (!group) throw notFound('secret group');
    return group;
  };
  const assertFree = (name: string, exceptId?: string) => {
    const taken = [...groups.values()].some((group) => group.name === name && group.id !== exceptId);
    if (taken) throw conflict(`A secret group with the same name already exists: ${name}`);
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-group
  routes.add('POST', API, async (context) => {
    const body = await bodyOf(context, 'application/json');
    const { iamId } = desk.demand(context, 'secret-group.create');
    const { name, description } = parse(GroupPrototype, body);
    assertFree(name);
    if (groups.size >= GROUPS_MAX) throw refused(`An instance has at most ${GROUPS_MAX} secret groups.`);
    const { nowMs } = desk;
    const id = desk.parts.random.uuid();
    const group = { id, name, description, createdBy: iamId, createdAtMs: nowMs, updatedAtMs: nowMs };
    groups.set(id, group);
    return context.json(groupView(group), 201);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-groups
  routes.add('GET', API, (context) => {
    const visible = desk.groupsFor(context, 'secret-groups.list');
    const views = [...groups.values()].filter(({ id }) => visible.has(id)).map((group) => groupView(group));
    return context.json({ secret_groups: views, total_count: views.length });
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-group
  routes.add('GET', `${API}/:id`, (context) => {
    const id = context.req.param('id');
    desk.demand(context, 'secret-group.read', id);
    return context.json(groupView(find(id)));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#update-secret-group
  routes.add('PATCH', `${API}/:id`, async (context) => {
    const body = await bodyOf(context, 'application/merge-patch+json');
    const id = context.req.param('id');
    desk.demand(context, 'secret-group.update', id);
    const group = find(id);
    const { name = group.name, description = group.description } = parse(GroupPatch, body);
    if (group.id === DEFAULT_GROUP) throw refused('The default secret group cannot be changed.');
    assertFree(name, group.id);
    const patched = { ...group, name, description, updatedAtMs: desk.nowMs };
    groups.set(group.id, patched);
    return context.json(groupView(patched));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-group
  routes.add('DELETE', `${API}/:id`, (context) => {
    const id = context.req.param('id');
    desk.demand(context, 'secret-group.delete', id);
    find(id);
    if (id === DEFAULT_GROUP) throw refused('The default secret group cannot be deleted.');
    if (desk.store.all().some(({ groupId }) => groupId === id)) throw conflict('The secret group is not empty.');
    groups.delete(id);
    return context.body(null, 204);
  });
}
