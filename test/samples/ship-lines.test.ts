import { spawn } from 'node:child_process';
import { rm, mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Admin } from '../../infra/demo/admin.ts';
import { projectCrn } from '../../infra/demo/functions.ts';
import { Fault } from '../../infra/local/faults.ts';
import { IamCloud, ROLE } from '../contract/support/iam-cloud.ts';

const SAMPLE = new URL('../../docs/samples/ship-lines.ts', import.meta.url).pathname;

interface Logs {
  logs: { lastLine: { text: string } | null };
}

/** Runs the sample as a team would, until its input ends. */
async function run(environment: Record<string, string>, input: string): Promise<{ code: number | null; text: string }> {
  const child = spawn(process.execPath, [SAMPLE], { env: environment, stdio: ['pipe', 'pipe', 'pipe'] });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const ended = new Promise<number | null>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', resolve);
  });
  child.stdin.end(input);
  return { code: await ended, text };
}

describe('the program', () => {
  it('is run by node as it is, and ships what it reads with the key of the secret', async () => {
    await using world = await IamCloud.start();
    const { cloud, url } = world;
    const admin = new Admin((request) => cloud.handle(request), url, world.accountId, cloud.iam.adminApiKey);
    const groupId = await admin.createSecretGroup('ingestion');
    const { key } = await world.serviceId({ roleId: ROLE.sender, attributes: { serviceName: 'logs' } });
    const secret = { name: 'ingest', secret_type: 'arbitrary', secret_group_id: groupId, payload: key.value };
    await admin.request('POST', '/api/v2/secrets', secret);
    const crn = projectCrn(world.accountId);
    const link = { crn, component_type: 'function', component_name: 'agent' };
    const profile = await admin.createProfile('readers', link);
    const group = { resourceType: 'secret-group', resource: groupId };
    const attributes = { serviceInstance: cloud.account.secretsManager.guid, ...group };
    await admin.grant(profile.iamId, ROLE.secretsReader, 'secrets-manager', attributes);
    const folder = await mkdtemp(join(tmpdir(), 'keyrota-samples-'));
    try {
      const file = join(folder, 'token');
      const resource = { crn, componentType: 'function' as const, componentName: 'agent' };
      await writeFile(file, `${cloud.iam.issueComputeResourceToken(resource)}\n`);
      const environment = {
        IAM_URL: url,
        SECRETS_MANAGER_URL: url,
        INGESTION_URL: url,
        SECRET_GROUP: 'ingestion',
        SECRET_NAME: 'ingest',
        PROFILE_ID: profile.id,
        TOKEN_FILE: file,
      };
      cloud.faults.add(Fault.parse({ match: 'POST /logs/v1/singles', status: 503 }));
      const { code, text } = await run(environment, 'one\ntwo\n');
      expect([code, text]).toEqual([0, 'Cloud Logs answered 503.\n']);
      expect((cloud.snapshot({ withValues: false }) as Logs).logs.lastLine).toMatchObject({ text: 'two' });
      expect(text).not.toContain(key.value);
      const { SECRET_NAME: _, ...incomplete } = environment;
      const failed = await run(incomplete, '');
      expect([failed.code, failed.text]).toEqual([1, expect.stringContaining('Error: Set SECRET_NAME.')]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
