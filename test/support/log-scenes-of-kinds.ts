import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../shared/keys/duration.ts';
import { ClassicWorld } from './classic-user.ts';
import { FunctionalId } from './functional-id.ts';
import { Laboratory } from './laboratory.ts';
import { byValue, leakReport, respond } from './leaks.ts';
import { LoggingLaboratory } from './logging-laboratory.ts';
import { minted } from './rotated.ts';

type Trouble = Parameters<Laboratory['fault']>[0];

/** What befalls the calls of a mint. */
const TROUBLES: Trouble[][] = [
  [{ match: 'POST /api/v2/secrets/*/versions', drop: 'answer' }],
  [{ match: 'POST /api/v2/secrets/*/versions', status: 412 }],
  [
    { match: 'POST /api/v2/secrets/*/versions', status: 400 },
    { match: 'DELETE /v1/apikeys/*', status: 400 },
  ],
  [
    { match: 'POST /v1/apikeys', status: 400 },
    { match: 'PATCH /api/v2/secrets/*/metadata', status: 400, times: 9 },
  ],
];

/** A mint amid trouble, each on its own; and a first one whose keys are left over. */
async function mints(): Promise<string[]> {
  const lines: string[] = [];
  for (const troubles of TROUBLES) {
    const { lab, manifest } = await minted(30);
    for (const trouble of troubles) lab.fault(trouble);
    await lab.tick(manifest);
    lines.push(...lab.logLines);
  }
  const lab = await Laboratory.open();
  lab.fault({ match: 'POST /api/v2/secrets', status: 400 });
  await lab.tick(lab.manifest());
  await lab.passWithTicks(lab.manifest(), 5 * DAY_MS);
  return [...lines, ...lab.logLines];
}

/** A leaked key that is locked, one that may not be disabled from here, and marks that cannot be written by a run. */
async function leaks(): Promise<string[]> {
  const { lab, manifest } = await minted(5, { switches: { lockRefusesDisable: true } });
  await lab.admin.request('POST', `/v1/apikeys/${lab.currentKeyId()}/lock`);
  await respond(lab, manifest, leakReport(byValue(await lab.fetchValue())));
  const other = await minted(5);
  const report = leakReport(byValue(await other.lab.fetchValue()));
  other.lab.fault({ match: 'POST /v1/apikeys/*/disable', status: 403 });
  await respond(other.lab, other.manifest, report);
  other.lab.fault({ match: 'PATCH /api/v2/secrets/*/metadata', status: 400, times: 9 });
  await other.lab.tick(other.manifest, { only: ['ingest'] });
  return [...lab.logLines, ...other.lab.logLines];
}

/** A classic key: removed to make place for the next, which is not made at first. */
async function classicKeys(): Promise<string[]> {
  const world = await ClassicWorld.open();
  const { lab } = world;
  await world.tick();
  await lab.pass(31 * DAY_MS);
  const add = 'GET /rest/v3.1/SoftLayer_User_Customer/*/addApiAuthenticationKey*';
  lab.fault({ match: add, status: 500, times: 9 });
  await world.tick();
  lab.cloud.faults.clear();
  await lab.pass(HOUR_MS);
  await world.tick();
  return lab.logLines;
}

/** Keys of a user, of whom only the key for consumers logs in. */
async function userKeys(): Promise<string[]> {
  const user = await FunctionalId.withLogin();
  const { lab, manifest } = user;
  await lab.tick(manifest);
  await lab.fetchValue('pipeline');
  await lab.pass(DAY_MS);
  await lab.tick(manifest);
  await lab.markCompromised(lab.currentKeyId('login'));
  await lab.tick(manifest, { only: ['login'] });
  return lab.logLines;
}

/** Keys of Log Analysis, and a resource key of a run that cannot be removed. */
async function loggingKeys(): Promise<string[]> {
  const world = await LoggingLaboratory.open();
  const { lab } = world;
  await lab.tick(world.manifest('ingestion'), { only: ['ingest'] });
  await lab.pass(MINUTE_MS);
  lab.fault({ match: 'DELETE /v2/resource_keys/*', status: 400, times: 9 });
  await lab.tick(world.manifest('service'), { only: ['ingest'] });
  return lab.logLines;
}

export const KIND_SCENES: Record<string, () => Promise<string[]>> = {
  mints,
  'leaked keys that resist': leaks,
  'classic keys': classicKeys,
  'keys of users': userKeys,
  'keys of Log Analysis': loggingKeys,
};
