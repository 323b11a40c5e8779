import type { Context } from 'hono';
import { z } from 'zod';
import type { CloudEnv } from '../parts.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { conflict, invalid, locked, notFound, parse, refused } from './errors.ts';
import { selected } from './listing.ts';
import { patchedMetadata } from './metadata.ts';
import type { Secret, SecretType } from './model.ts';
import { DeleteSecretQuery, ListSecretsQuery, paged } from './query.ts';
import {
  assertEmbedded,
  assertEmbeddedBody,
  dataOf,
  metadataPatches,
  SECRET_TYPES,
  SecretPrototype,
} from './schemas.ts';
import { afterRead, assertAlive, currentOf, isLocked, newVersion } from './versions.ts';
import { secretMetadata, secretWithData } from './views.ts';

const API = '/api/v2/secrets';

function assertFuture(expiresAtMs: number | null, nowMs: number): void {
  if (expiresAtMs !== null && expiresAtMs <= nowMs) throw invalid('expiration_date', 'is not in the future');
}

function assertFree(desk: Desk, type: SecretType, name: string, exceptId?: string): void {
  const taken = desk.store.byName(type, name);
  if (!taken || taken.id === exceptId) return;
  throw conflict(`A secret with the same name already exists: ${name}`, desk.parts.switches.duplicateSecretStatus);
}

function newSecret(desk: Desk, body: z.infer<typeof SecretPrototype>, createdBy: string): Secret {
  const { nowMs } = desk;
  const { random } = desk.parts;
  const id = random.uuid();
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
    expiresAtMs: (body.secret_type === 'arbitrary' ? body.expiration_date : undefined) ?? null,
    state: 'active',
    versions: [newVersion(random.uuid(), createdBy, nowMs, dataOf(body), body.version_custom_metadata)],
  };
}

function patchedSecret(desk: Desk, secret: Secret, body: unknown): Secret {
  const patch: z.infer<typeof metadataPatches.arbitrary> = parse(metadataPatches[secret.type], body);
  const { name = secret.name, description = secret.description, labels = secret.labels } = patch;
  const { expiration_date: expiresAtMs = secret.expiresAtMs, custom_metadata: custom } = patch;
  assertFree(desk, secret.type, name, secret.id);
  if (patch.expiration_date !== undefined) assertFuture(expiresAtMs, desk.nowMs);
  const mode = desk.parts.switches.customMetadataPatch;
  const customMetadata = custom
    ? patchedMetadata(mode, secret.customMetadata, custom, 'custom_metadata')
    : secret.customMetadata;
  return { ...secret, name, description, labels, expiresAtMs, customMetadata, updatedAtMs: desk.nowMs };
}

/** Secrets and their metadata: https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2. */
export function secretRoutes(routes: StrictRoutes, desk: Desk): void {
  const { store, parts } = desk;
  const { crn } = parts.account.secretsManager;

  const answerWithData = (context: Context<CloudEnv>, secret: Secret) => {
    const read = afterRead(secret, currentOf(secret), desk.nowMs);
    if (read !== secret) store.put(read);
    return context.json(secretWithData(read, crn));
  };

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret
  routes.add('POST', API, async (context) => {
    const given = await bodyOf(context, 'application/json');
    assertEmbeddedBody(given);
    const body = parse(SecretPrototype, given);
    const { iamId } = desk.demand(context, 'secret.create', body.secret_group_id);
    if (!store.groups.has(body.secret_group_id)) throw notFound('secret group');
    const secret = newSecret(desk, body, iamId);
    assertFuture(secret.expiresAtMs, desk.nowMs);
    assertFree(desk, secret.type, secret.name);
    store.put(secret);
    const about = { secretId: secret.id, name: secret.name };
    parts.audit.record({ action: 'secret.create', ...about });
    const versionId = currentOf(secret).id;
    parts.audit.record({ action: 'secret-version.create', ...about, versionId, supersededId: null });
    return context.json(secretWithData(secret, crn), 201);
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
    answerWithData(context, desk.secret(context, 'secret.read', context.req.param('id'))),
  );

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-by-name-type
  routes.add('GET', '/api/v2/secret_groups/:group/secret_types/:type/secrets/:name', (context) => {
    const { group: groupName, type, name } = context.req.param();
    const secretType = parse(z.enum(SECRET_TYPES), type, 'parameter');
    assertEmbedded(secretType);
    const group = [...store.groups.values()].find((group) => group.name === groupName);
    if (!group) throw notFound('secret group');
    desk.demand(context, 'secret.read', group.id);
    const secret = store.byName(secretType, name);
    if (secret?.groupId !== group.id) throw notFound('secret');
    return answerWithData(context, secret);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret
  routes.addWithQuery('DELETE', `${API}/:id`, DeleteSecretQuery, (context, query) => {
    const secret = desk.secret(context, 'secret.delete', context.req.param('id'));
    if (query.force_delete === 'true') throw refused('force_delete is for secrets of type custom_credentials.');
    if (isLocked(secret)) throw locked('The secret version is locked.');
    store.delete(secret);
    parts.audit.record({ action: 'secret.delete', secretId: secret.id, name: secret.name });
    return context.body(null, 204);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-metadata
  routes.add('GET', `${API}/:id/metadata`, (context) => {
    const secret = desk.secret(context, 'secret-metadata.read', context.req.param('id'));
    return context.json(secretMetadata(secret, crn));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#update-secret-metadata
  routes.add('PATCH', `${API}/:id/metadata`, async (context) => {
    const body = await bodyOf(context, 'application/merge-patch+json');
    const secret = desk.secret(context, 'secret-metadata.update', context.req.param('id'));
    assertAlive(secret);
    const patched = patchedSecret(desk, secret, body);
    store.put(patched);
    return context.json(secretMetadata(patched, crn));
  });
}
