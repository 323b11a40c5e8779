import { LABEL } from '../../shared/clients/secret-store.ts';
import { DAY_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import type { Manifest } from '../../shared/keys/manifest.ts';
import type { Laboratory } from '../support/laboratory.ts';
import { ALL_SIGHTS, allow } from '../support/sights.ts';
import { openFleet } from './fleet-world.ts';

/** How much there is in the account, what Keyrota needs for itself aside. */
export interface CrowdSize {
  /** Those of entries among them, and those behind half of the service credentials. */
  serviceIdKeys: number;
  userKeys: number;
  credentials: number;
  secrets: number;
  entries: number;
}

export interface Crowd {
  lab: Laboratory;
  manifest: Manifest;
  /** The manifest as its file says it. */
  written: object;
}

const KEYS_OF_SERVICE_ID = 20;
const KEYS_OF_USER = 10;

/** An account with many keys, few of which are managed, and a report on their use of the last minutes. */
export async function openCrowd(size: CrowdSize): Promise<Crowd> {
  const names = Array.from({ length: size.entries }, (_, place) => `key-${place}`);
  const fleet = await openFleet({ deployment: 'lab', names, keysPerIdentity: 5 });
  const { lab } = fleet;
  const { cloud } = lab;
  await allow(lab, ALL_SIGHTS);
  const behindCredentials = Math.floor(size.credentials / 2);
  const dates = datesOf(lab);
  let left = size.serviceIdKeys - size.entries - behindCredentials;
  for (let owner = 0; left > 0; owner += 1) {
    const { iamId } = cloud.iam.addServiceId(`service-${owner}`);
    for (let count = 0; count < KEYS_OF_SERVICE_ID && left > 0; count += 1) {
      cloud.iam.addApiKey({ name: `key ${count}`, iamId }, ...dates());
      left -= 1;
    }
  }
  for (let keys = 0, owner = 0; keys < size.userKeys; owner += 1) {
    const { iamId } = cloud.iam.addUser(`user ${owner}`); // has a first key
    keys += 1;
    for (let count = 1; count < KEYS_OF_USER && keys < size.userKeys; count += 1) {
      cloud.iam.addApiKey({ name: `key ${count}`, iamId }, ...dates());
      keys += 1;
    }
  }
  await addCredentials(lab, size.credentials, behindCredentials);
  await addSecrets(lab, size.secrets - size.entries);
  await lab.admin.request('POST', `/v1/activity/accounts/${cloud.account.id}/report?type=inactive&duration=24`);
  await lab.pass(5 * MINUTE_MS);
  return fleet;
}

/** When a key was made, and last used if ever: over more than a year, several to a minute now and then. */
function datesOf({ clock }: Laboratory): () => [createdAtMs: number, lastUsedAtMs: number | null] {
  const nowMs = clock.nowMs();
  let place = 0;
  return () => {
    place += 1;
    const ageMs = ((place * 7_919) % 400) * DAY_MS + ((place * 31) % 600) * MINUTE_MS;
    return [nowMs - ageMs, place % 10 === 0 ? null : nowMs - ageMs / 2];
  };
}

/** Half of them of a service with IAM, which makes an API key for each, half of one without. */
async function addCredentials(lab: Laboratory, count: number, withApiKey: number): Promise<void> {
  const instance = await lab.admin.request('POST', '/v2/resource_instances', {
    name: 'without IAM',
    target: 'us-south',
    resource_group: lab.cloud.account.resourceGroupId,
    resource_plan_id: 'generic-service-standard',
  });
  const { guid } = lab.cloud.account.cloudLogs;
  for (let place = 0; place < count; place += 1) {
    const of = place < withApiKey ? { source: guid, role: 'Writer' } : { source: String(instance['guid']) };
    await lab.admin.request('POST', '/v2/resource_keys', { name: `credential-${place}`, ...of });
  }
}

async function addSecrets(lab: Laboratory, count: number): Promise<void> {
  for (let place = 0; place < count; place += 1) {
    await lab.admin.request('POST', '/api/v2/secrets', {
      secret_type: 'arbitrary',
      name: `secret-${place}`,
      labels: place % 2 === 0 ? [LABEL] : ['team'],
      payload: 'a value',
      custom_metadata: { team: `team-${place % 50}`, note: 'x'.repeat(200) },
    });
  }
}
