import { callerOf } from '../strict-routes.ts';
import type { StrictRoutes } from '../strict-routes.ts';
import type { Desk } from './desk.ts';
import { bodyOf } from './desk.ts';
import { notFound, parse, refused } from './errors.ts';
import { patchedMetadata } from './metadata.ts';
import type { Secret } from './model.ts';
import { nextData, restartedCredentials } from './new-data.ts';
import { versionPrototypes, VersionMetadataPatch } from './schemas.ts';
import type { VersionPrototype } from './schemas.ts';
import {
  assertAlive,
  changeVersion,
  currentOf,
  isRotatable,
  newVersion,
  rotationRecord,
  VERSIONS_MAX,
  withNewVersion,
} from './versions.ts';
import { versionMetadata, versionWithData } from './views.ts';

const API = '/api/v2/secrets/:secret_id/versions';

/** Throws 412 where a lock stands against a rotation, and 400 where the number of versions does. */
function assertRotatable(desk: Desk, secret: Secret, by: string): void {
  assertAlive(secret);
  const reason = 'The previous secret version is locked.';
  if (!isRotatable(secret)) throw desk.blocked('secret_rotation_blocked', secret, by, reason);
  const isFull = secret.versions.length >= VERSIONS_MAX;
  if (isFull && desk.parts.switches.versionsBeyondLimit === 'refused') {
    throw refused(`A secret has at most ${VERSIONS_MAX} versions.`);
  }
}

function rotated(desk: Desk, secret: Secret, body: VersionPrototype, createdBy: string): Secret {
  const { random, switches } = desk.parts;
  const { nowMs } = desk;
  const version = newVersion({
    id: random.uuid(),
    createdBy,
    createdAtMs: nowMs,
    autoRotated: false,
    data: nextData(secret, body, random),
    customMetadata: body.version_custom_metadata,
  });
  const { custom_metadata: custom } = body;
  const customMetadata = custom
    ? patchedMetadata(switches.rotationCustomMetadata, secret.customMetadata, custom, 'custom_metadata')
    : secret.customMetadata;
  const credentials = switches.rotationByHandRestartsInterval
    ? restartedCredentials(secret.credentials, nowMs)
    : secret.credentials;
  return { ...withNewVersion(secret, version), customMetadata, credentials, updatedAtMs: nowMs };
}

/** Versions: https://cloud.ibm.com/docs/secrets-manager?topic=secrets-manager-secret-versions-manage. */
export function versionRoutes(routes: StrictRoutes, desk: Desk): void {
  const { store, parts } = desk;

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#create-secret-version
  routes.add('POST', API, async (context) => {
    const given = await bodyOf(context, 'application/json');
    const secret = desk.secret(context, 'secret-version.create', context.req.param('secret_id'));
    const body = parse<VersionPrototype>(versionPrototypes[secret.type], given);
    const by = callerOf(context).iamId;
    const rotate = () => {
      const before = desk.present(secret);
      const rotation = store.put(rotated(desk, before, body, by));
      parts.audit.record(rotationRecord(before, rotation));
      return rotation;
    };
    const after = await desk.write(() => assertRotatable(desk, secret, by), rotate);
    desk.events.raise('secret_rotated', after, { by });
    return context.json(versionWithData(after, currentOf(after)), 201);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#list-secret-versions
  routes.add('GET', API, (context) => {
    const secret = desk.listedSecret(context, 'secret-versions.list', context.req.param('secret_id'));
    const versions = secret.versions.map((version) => versionMetadata(secret, version));
    return context.json({ versions, total_count: versions.length });
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-version
  routes.add('GET', `${API}/:id`, (context) => {
    const secret = desk.shownSecret(context, 'secret-version.read', context.req.param('secret_id'));
    const { id, data } = desk.version(secret, context.req.param('id'));
    if (!data && parts.switches.goneVersionReadStatus === 404) throw notFound('data of the secret version');
    const read = desk.markRead(secret, id);
    return context.json(versionWithData(read, desk.version(read, id)));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#delete-secret-version-data
  routes.add('DELETE', `${API}/:id/secret_data`, (context) => {
    const secret = desk.secret(context, 'secret-version-data.delete', context.req.param('secret_id'));
    desk.version(secret, context.req.param('id'));
    throw refused(`The data of a version of type ${secret.type} cannot be deleted.`);
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#get-secret-version-metadata
  routes.add('GET', `${API}/:id/metadata`, (context) => {
    const secret = desk.shownSecret(context, 'secret-version-metadata.read', context.req.param('secret_id'));
    const { id } = desk.version(secret, context.req.param('id'));
    const shown = desk.markMetadataRead(secret, id);
    return context.json(versionMetadata(shown, desk.version(shown, id)));
  });

  // https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2#update-secret-version-metadata
  routes.add('PATCH', `${API}/:id/metadata`, async (context) => {
    const body = await bodyOf(context, 'application/merge-patch+json');
    const secret = desk.secret(context, 'secret-version-metadata.update', context.req.param('secret_id'));
    const { oldVersionMetadataWritable, customMetadataPatch: mode, versionMetadataNeedsManager } = parts.switches;
    // Of the actions on versions, only Managers have this one.
    if (versionMetadataNeedsManager) desk.demand(context, 'secret-version-data.delete', secret.groupId);
    const version = desk.version(secret, context.req.param('id'));
    const { version_custom_metadata: patch } = parse(VersionMetadataPatch, body);
    assertAlive(secret);
    if (!version.data && !oldVersionMetadataWritable) throw refused('The data of the secret version is gone.');
    const customMetadata = patchedMetadata(mode, version.customMetadata, patch, 'version_custom_metadata');
    const after = store.put(changeVersion(secret, version.id, { customMetadata }));
    return context.json(versionMetadata(after, desk.version(after, version.id)));
  });
}
