import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { conflict, invalid, locked, notFound, parse, refused } from './errors.ts';
import { selected } from './listing.ts';
import { patchedMetadata } from './metadata.ts';
import type { Secret } from './model.ts';
import { firstCredentials, firstData, patchedCredentials } from './new-data.ts';
import { DeleteSecretQuery, ListSecretsQuery, paged } from './query.ts';
import { assertRotatesInTime } from './rotation.ts';
import { assertEmbedded, assertEmbeddedBody, metadataPatches, SECRET_TYPES, SecretPrototype } from './schemas.ts';
import type { MetadataPatch } from './schemas.ts';
import { assertAlive, currentOf, isLocked, newVersion } from './versions.ts';
import { secretMetadata, secretWithData } from './views.ts';

const API = '/api/v2/secrets';

function assertFuture(expiresAtMs: number | null, nowMs: number): void {
  if (expiresAtMs !== null && expiresAtMs <= nowMs) throw invalid('expiration_date', 'is not in the future');
}

function assertGroup({ store }: Desk, groupId: string): void {
  if (!store.groups.has(groupId)) throw notFound('secret group');
}

function assertFree({ store, parts }: Desk, secret: Secret, exceptId?: string): void {
  if (!store.isTaken(secret, exceptId)) return;
  throw conflict(`A secret with the same name already exists: ${secret.name}`, parts.switches.duplicateSecretStatus);
}

function assertInTime({ parts }: Desk, secret: Secret): void {
  if (parts.switches.rotationBeyondExpiration === 'refused') assertRotatesInTime(secret);
}

function newSecret(desk: Desk, body: SecretPrototype, createdBy: string): Secret {
  const { nowMs } = desk;
  const { random } = desk.parts;
  const id = random.uuid();
  const credentials = firstCredentials(body, nowMs);
  const version = newVersion({
    id: random.uuid(),
    createdBy,
    createdAtMs: nowMs,
    autoRotated: false,
    data: firstData(body, credentials, random),
    customMetadata: body.version_custom_metadata,
  });
  return {
    id,
    type: body.secret_type,
    name: body.name,
    description: body.description,
    groupId: body.secret_group_id,
    labels: body.labels,
    customMetadata: body.custom_metadata ?? {},
    createdBy,
    createdAtMs: nowMs,
    updatedAtMs: nowMs,
    retrievedAtMs: null,
    expiresAtMs: (body.secret_type === 'kv' ? undefined : body.expiration_date) ?? null,
    destroyedAtMs: null,
    credentials,
    versions: [version],
  };
}

function patchedSecret(desk: Desk, secret: Secret, patch: MetadataPatch): Secret {
  const { nowMs } = desk;
  const { customMetadataPatch: mode, rotationStartsAtOnce } = desk.parts.switches;
  const { name = secret.name, description = secret.description, labels = secret.labels } = patch;
  const { expiration_date: expiresAtMs = secret.expiresAtMs, custom_metadata: custom } = patch;
  if (patch.expiration_date !== undefined) assertFuture(expiresAtMs, nowMs);
  const customMetadata = custom
    ? patchedMetadata(mode, secret.customMetadata, custom, 'custom_metadata')
    : secret.customMetadata;
  const credentials = patchedCredentials(secret, patch, nowMs, rotationStartsAtOnce);
  const patched = { ...secret, name, description, labels, expiresAtMs, customMetadata, credentials };
  if (patch.rotation !== undefined || patch.expiration_date !== undefined) assertInTime(desk, patched);
  return { ...patched, updatedAtMs: nowMs };
}

function assertPatchable(desk: Desk, secret: Secret, patch: MetadataPatch): void {
  if (desk.parts.switches.lockRefusesSecretPatch && isLocked(secret)) throw locked('The secret version is locked.');
  const patched = patchedSecret(desk, secret, patch);
  if (patched.name !== secret.name) assertFree(desk, patched, secret.id);
}

function recordCreate({ parts }: Desk, secret: Secret): void {
  const about = { secretId: secret.id, name: secret.name };
  parts.audit.record({ action: 'secret.create', ...about });
  const versionId = currentOf(secret).id;
  parts.audit.record({ action: 'secret-version.create', ...about, versionId, supersededId: null });
}

/** The secret in the group of that name. Throws 404 when there is none, and 403. */
function secretByName(desk: Desk, context: Context<CloudEnv>, type: string, groupName: string, name: string): Secret {
  const secretType = parse(z.enum(SECRET_TYPES), type, 'parameter');
  assertEmbedded(secretType);
  const { store } = desk;
  const group = [...store.groups.values()].find((group) => group.name === groupName);
  if (!group) throw notFound('secret group');
  desk.demand(context, 'secret.read', group.id);
  const inGroup = store.byName(secretType, name).filter(({ groupId }) => groupId === group.id);
  const secret = inGroup.find(({ destroyedAtMs }) => destroyedAtMs === null) ?? inGroup[0];
  const shown = secret && store.getShown(secret.id);
  if (!shown) throw notFound('secret');
  return shown;
}

/** Secrets and their metadata: https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2. */
export function secretRoutes(routes: StrictRoutes, desk: Desk): void {
  const { store, parts } = desk;
  const { crn } = parts.account.secretsManager;

  const answerWithData = (context: Context<CloudEnv>, secret: Secret) =>
    context.json(secretWithData(desk.markRead(secret, currentOf(secret).id), crn));

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret
  routes.add('POST', API, async (context) => {
    const given = await bodyOf(context, 'application/json');
    assertEmbeddedBody(given);
    const body = parse(SecretPrototype, given);
    const { iamId } = desk.demand(context, 'secret.create', body.secret_group_id);
    assertGroup(desk, body.secret_group_id);
    const secret = newSecret(desk, body, iamId);
    assertFuture(secret.expiresAtMs, desk.nowMs);
    assertInTime(desk, secret);
    const create = () => {
      assertGroup(desk, body.secret_group_id);
      recordCreate(desk, secret);
      return store.put(secret);
    };
    const created = await desk.write(() => assertFree(desk, secret), create);
    desk.events.raise('secret_created', created, { by: iamId });
    return context.json(secretWithData(created, crn), 201);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secrets
  routes.addWithQuery('GET', API, ListSecretsQuery, (context, query) => {
    for (const type of query.secret_types ?? []) assertEmbedded(type);
    const visible = desk.groupsFor(context, 'secrets.list');
    const inSight = store.listed().filter(({ groupId }) => visible.has(groupId));
    const found = selected(inSight, query);
    return context.json(paged(context, found, query, 'secrets', (secret) => secretMetadata(secret, crn)));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret
  routes.add('GET', `${API}/:id`, (context) =>
    answerWithData(context, desk.shownSecret(context, 'secret.read', context.req.param('id'))),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-by-name-type
  routes.add('GET', '/api/v2/secret_groups/:group/secret_types/:type/secrets/:name', (context) => {
    const { group, type, name } = context.req.param();
    return answerWithData(context, secretByName(desk, context, type, group, name));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret
  routes.addWithQuery('DELETE', `${API}/:id`, DeleteSecretQuery, async (context, query) => {
    const secret = desk.secret(context, 'secret.delete', context.req.param('id'));
    if (query.force_delete === 'true') throw refused('force_delete is for secrets of type custom_credentials.');
    const by = callerOf(context).iamId;
    const check = () => {
      if (isLocked(secret)) throw desk.blocked('secret_deletion_blocked', secret, by, 'The secret version is locked.');
    };
    const remove = () => {
      if (!store.delete(secret)) return;
      parts.audit.record({ action: 'secret.delete', secretId: secret.id, name: secret.name });
      desk.events.raise('secret_deleted', secret, { by });
    };
    await desk.write(check, remove);
    return context.body(null, 204);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-metadata
  routes.add('GET', `${API}/:id/metadata`, (context) => {
    const secret = desk.shownSecret(context, 'secret-metadata.read', context.req.param('id'));
    return context.json(secretMetadata(desk.markMetadataRead(secret, currentOf(secret).id), crn));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#update-secret-metadata
  routes.add('PATCH', `${API}/:id/metadata`, async (context) => {
    const body = await bodyOf(context, 'application/merge-patch+json');
    const secret = desk.secret(context, 'secret-metadata.update', context.req.param('id'));
    assertAlive(secret);
    const patch = parse<MetadataPatch>(metadataPatches[secret.type], body);
    const check = () => assertPatchable(desk, secret, patch);
    const patched = await desk.write(check, () => store.put(patchedSecret(desk, desk.present(secret), patch)));
    return context.json(secretMetadata(patched, crn));
  });
}
