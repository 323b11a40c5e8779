import type { z } from 'zod';
import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { parse, refused } from './errors.ts';
import { patchedMetadata } from './metadata.ts';
import type { Secret } from './model.ts';
import { dataOf, versionPrototypes, VersionMetadataPatch } from './schemas.ts';
import { afterRead, assertAlive, changeVersion, currentOf, newVersion, versionOf, withNewVersion } from './versions.ts';
import { versionMetadata, versionWithData } from './views.ts';

const API = '/api/v2/secrets/:secret_id/versions';

type VersionPrototype = z.infer<(typeof versionPrototypes)[keyof typeof versionPrototypes]>;

function rotated(desk: Desk, secret: Secret, body: VersionPrototype, createdBy: string): Secret {
  const { random, switches } = desk.parts;
  const { nowMs } = desk;
  const version = newVersion(random.uuid(), createdBy, nowMs, dataOf(body), body.version_custom_metadata);
  const { custom_metadata: custom } = body;
  const customMetadata = custom
    ? patchedMetadata(switches.customMetadataPatch, secret.customMetadata, custom, 'custom_metadata')
    : secret.customMetadata;
  return { ...withNewVersion(secret, version), customMetadata, updatedAtMs: nowMs };
}

/** Versions: https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-versions-manage. */
export function versionRoutes(routes: StrictRoutes, desk: Desk): void {
  const { store, parts } = desk;

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version
  routes.add('POST', API, async (context) => {
    const given = await bodyOf(context, 'application/json');
    const secret = desk.secret(context, 'secret-version.create', context.req.param('secret_id'));
    const body = parse<VersionPrototype>(versionPrototypes[secret.type], given);
    assertAlive(secret);
    const after = rotated(desk, secret, body, callerOf(context).iamId);
    store.put(after);
    const version = currentOf(after);
    parts.audit.record({
      action: 'secret-version.create',
      secretId: secret.id,
      name: secret.name,
      versionId: version.id,
      supersededId: currentOf(secret).id,
    });
    return context.json(versionWithData(after, version), 201);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-versions
  routes.add('GET', API, (context) => {
    const secret = desk.listedSecret(context, 'secret-versions.list', context.req.param('secret_id'));
    const versions = secret.versions.map((version) => versionMetadata(secret, version));
    return context.json({ versions, total_count: versions.length });
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-version
  routes.add('GET', `${API}/:id`, (context) => {
    const secret = desk.secret(context, 'secret-version.read', context.req.param('secret_id'));
    const { id } = versionOf(secret, context.req.param('id'));
    const read = afterRead(secret, versionOf(secret, id), desk.nowMs);
    if (read !== secret) store.put(read);
    return context.json(versionWithData(read, versionOf(read, id)));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-version-data
  routes.add('DELETE', `${API}/:id/secret_data`, (context) => {
    const secret = desk.secret(context, 'secret-version-data.delete', context.req.param('secret_id'));
    versionOf(secret, context.req.param('id'));
    throw refused(`The data of a version of type ${secret.type} cannot be deleted.`);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-version-metadata
  routes.add('GET', `${API}/:id/metadata`, (context) => {
    const secret = desk.secret(context, 'secret-version-metadata.read', context.req.param('secret_id'));
    return context.json(versionMetadata(secret, versionOf(secret, context.req.param('id'))));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#update-secret-version-metadata
  routes.add('PATCH', `${API}/:id/metadata`, async (context) => {
    const body = await bodyOf(context, 'application/merge-patch+json');
    const secret = desk.secret(context, 'secret-version-metadata.update', context.req.param('secret_id'));
    const version = versionOf(secret, context.req.param('id'));
    const { version_custom_metadata: patch } = parse(VersionMetadataPatch, body);
    assertAlive(secret);
    const { oldVersionMetadataWritable, customMetadataPatch: mode } = parts.switches;
    if (!version.data && !oldVersionMetadataWritable) throw refused('The data of the secret version is gone.');
    const customMetadata = patchedMetadata(mode, version.customMetadata, patch, 'version_custom_metadata');
    const after = changeVersion(secret, version.id, { customMetadata });
    store.put(after);
    return context.json(versionMetadata(after, versionOf(after, version.id)));
  });
}
