import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import * as z from 'zod';
import type { Login } from '../../docs/samples/log-in.ts';
import { HOUR_MS, MINUTE_MS, parseDuration } from '../../shared/keys/duration.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { CLOUD_URL, GROUP, workloadLogin } from './consumer.ts';

const textOf = (file: string) => readFileSync(new URL(`../../${file}`, import.meta.url), 'utf8');

const Name = z.string().regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/);
const ApiVersion = z.literal('external-secrets.io/v1');
const Metadata = z.strictObject({ name: Name, namespace: Name });
const RemoteRef = z.strictObject({ key: z.string().min(1), property: z.string().min(1).optional() });

/**
 * Fields of External Secrets, as far as the samples use them, and which are required:
 * https://external-secrets.io/latest/api/spec, https://external-secrets.io/latest/provider/ibm-secrets-manager, and what the provider
 * itself demands of a store (an address, and exactly one way to log in).
 */
const Store = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('SecretStore'),
  metadata: Metadata,
  spec: z.strictObject({
    provider: z.strictObject({
      ibm: z.strictObject({
        serviceUrl: z.url({ protocol: /^https$/ }),
        auth: z.union([
          z.strictObject({
            containerAuth: z.strictObject({
              profile: z.string().min(1),
              tokenLocation: z.string().startsWith('/').optional(),
              iamEndpoint: z.url().optional(),
            }),
          }),
          z.strictObject({
            secretRef: z.strictObject({
              secretApiKeySecretRef: z.strictObject({ name: Name, key: z.string().min(1) }),
              iamEndpoint: z.url().optional(),
            }),
          }),
        ]),
      }),
    }),
  }),
});

const External = z.strictObject({
  apiVersion: ApiVersion,
  kind: z.literal('ExternalSecret'),
  metadata: Metadata,
  spec: z.strictObject({
    refreshPolicy: z.enum(['CreatedOnce', 'Periodic', 'OnChange']).optional(),
    refreshInterval: z.string().regex(/^\d+[smh]$/),
    secretStoreRef: z.strictObject({ kind: z.enum(['SecretStore', 'ClusterSecretStore']), name: Name }),
    target: z.strictObject({
      name: Name,
      creationPolicy: z.enum(['Owner', 'Orphan', 'Merge', 'None']),
      deletionPolicy: z.enum(['Delete', 'Merge', 'Retain']),
    }),
    data: z
      .array(z.strictObject({ secretKey: z.string().regex(/^[-._a-zA-Z0-9]+$/), remoteRef: RemoteRef }))
      .optional(),
    dataFrom: z.array(z.strictObject({ extract: RemoteRef })).optional(),
  }),
});
type External = z.infer<typeof External>;

const [storeText, ...externalTexts] = parseAllDocuments(textOf('docs/samples/external-secrets.yaml')).map(
  (document) => document.toJS() as unknown,
);
const store = Store.parse(storeText);
const externals = externalTexts.map((text) => External.parse(text));

const Token = z.strictObject({
  extraVolumes: z.tuple([
    z.strictObject({
      name: z.string(),
      projected: z.strictObject({
        sources: z.tuple([
          z.strictObject({
            serviceAccountToken: z.strictObject({
              path: z.string(),
              audience: z.literal('iam'),
              expirationSeconds: z.number().int().min(600),
            }),
          }),
        ]),
      }),
    }),
  ]),
  extraVolumeMounts: z.tuple([z.strictObject({ name: z.string(), mountPath: z.string() })]),
});

/** `group/type/name`, the only form in which the provider takes a name. */
function placeIn(key: string): { group: string; type: string; name: string } {
  const [group = '', type = '', name = '', ...more] = key.split('/');
  if (more.length > 0 || name === '') throw new Error(`no group, type and name: ${key}`);
  return { group, type, name };
}

const refsOf = ({ spec: { data = [], dataFrom = [] } }: External) => [
  ...data.map(({ remoteRef }) => remoteRef),
  ...dataFrom.map(({ extract }) => extract),
];

/** The entries of docs/kinds.md, by name. */
function documentedEntries(): Map<string, object> {
  const blocks = [...textOf('docs/kinds.md').matchAll(/^```yaml\n(.*?)^```$/gms)];
  const entries = blocks.flatMap(([, block = '']) => (parse(block) as { keys: { name: string }[] }).keys);
  return new Map(entries.map((entry) => [entry.name, entry]));
}

function documentedKey(name: string): ManagedKey {
  const entry = documentedEntries().get(name);
  const [key] = parseManifest({ deployment: 'docs', keys: [entry] }, 'docs/kinds.md').keys;
  if (!key) throw new Error(`no entry ${name}`);
  return key;
}

/** What the operator would write into the Kubernetes secret, read as its provider for IBM reads. */
async function synced(lab: Laboratory, login: Login, external: External): Promise<Record<string, string>> {
  const dataOf = async (key: string): Promise<unknown> => {
    const { group, type, name } = placeIn(key);
    const headers = { authorization: `Bearer ${await login.token()}` };
    const url = `${CLOUD_URL}/api/v2/secret_groups/${group}/secret_types/${type}/secrets/${name}`;
    const response = await lab.send(new Request(url, { headers }));
    const { payload, data } = (await response.json()) as { payload?: string; data?: Record<string, unknown> };
    return payload ?? data;
  };
  const { data = [], dataFrom = [] } = external.spec;
  const result: Record<string, string> = {};
  for (const { secretKey, remoteRef } of data) result[secretKey] = String(await dataOf(remoteRef.key));
  for (const { extract } of dataFrom) {
    const fields = (await dataOf(extract.key)) as Record<string, Record<string, string>>;
    Object.assign(result, fields[extract.property ?? '']);
  }
  return result;
}

describe('the samples for External Secrets', () => {
  it('belong together, in one namespace', () => {
    const { name, namespace } = store.metadata;
    for (const { metadata, spec } of externals) {
      expect([metadata.namespace, spec.secretStoreRef]).toEqual([namespace, { kind: 'SecretStore', name }]);
    }
    expect(externals).toHaveLength(2);
  });

  it('mount the token where the store looks for it, into the operator and its webhook', () => {
    const { webhook, ...operator } = parse(textOf('docs/samples/external-secrets-values.yaml')) as { webhook: object };
    for (const given of [operator, webhook]) {
      const { extraVolumes, extraVolumeMounts } = Token.parse(given);
      const [{ name, projected }] = extraVolumes;
      const [mount] = extraVolumeMounts;
      expect(mount.name).toBe(name);
      const { path } = projected.sources[0].serviceAccountToken;
      const { auth } = store.spec.provider.ibm;
      expect('containerAuth' in auth && auth.containerAuth.tokenLocation).toBe(`${mount.mountPath}/${path}`);
    }
  });

  it('ask for secrets that Keyrota makes for the entries in docs/kinds.md, by name, type and field', () => {
    const asked = externals.flatMap(refsOf).map(({ key, property }) => ({ ...placeIn(key), property }));
    expect(asked.map(({ group }) => group)).toEqual([GROUP, GROUP]);
    for (const { name, type } of asked) expect(documentedKey(name).secret).toMatchObject({ name, type });
    const [alone, pair] = asked;
    // `arbitrary` holds the value alone, and a `kv` of a credential all its fields, of which this is one.
    expect(alone?.property).toBeUndefined();
    expect(documentedKey(pair?.name ?? '')).toMatchObject({ secret: { field: null }, parameters: { HMAC: true } });
    expect(pair?.property).toBe('cos_hmac_keys');
  });

  it('look far more often than an entry expects by default', () => {
    for (const { spec } of externals) {
      const intervalMs = parseDuration(spec.refreshInterval) ?? Infinity;
      expect(intervalMs).toBeGreaterThanOrEqual(MINUTE_MS);
      expect(intervalMs).toBeLessThan(documentedKey('cloud-logs-ingest').policy.consumersRefreshWithinMs - HOUR_MS);
    }
  });

  it('bring what Keyrota stored into the cluster, and the two halves of a pair from one version', async () => {
    const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
    const { lab } = world;
    const secret = { group: lab.groupId };
    const entries = ['cloud-logs-ingest', 'archive-bucket'].map((name) => documentedEntries().get(name) ?? {});
    const [agent, bucket] = entries;
    const written = [
      {
        ...agent,
        serviceId: lab.serviceId.id,
        grants: [{ service: 'logs', role: 'Sender' }],
        probe: undefined,
        secret,
      },
      { ...bucket, instance: world.crn, secret },
    ];
    await lab.tick(parseManifest({ deployment: 'lab', keys: written }, 'test'));
    const login = await workloadLogin(lab);
    const contents: Record<string, string>[] = [];
    for (const external of externals) contents.push(await synced(lab, login, external));
    const [forAgent = {}, forBucket] = contents;
    expect(Object.keys(forAgent)).toEqual(['IAM_API_KEY']);
    expect(await lab.works(forAgent['IAM_API_KEY'] ?? '')).toBe(true);
    expect(forBucket).toEqual(world.keys[0]?.credentials['cos_hmac_keys']);
    expect(Object.keys(forBucket ?? {})).toEqual(['access_key_id', 'secret_access_key']);
  });
});
