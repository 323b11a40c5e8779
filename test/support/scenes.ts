import { DAY_MS, HOUR_MS } from '../../shared/keys/duration.ts';
import { adopt } from '../../shared/rotation/adopt.ts';
import { undo } from '../../shared/rotation/undo.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { Laboratory } from './laboratory.ts';
import { lockByConsumer } from './whole-tick.ts';
import { onlyKey } from './rotated.ts';
import { Trial, tickDeed } from './trial.ts';
import type { Deed, TrialOptions } from './trial.ts';

/** What a scene may differ in. */
export interface SceneOptions {
  switches?: Partial<Switches>;
}

/** A trial at the moment in which something interesting is about to happen. */
export type Scene = (options?: SceneOptions) => Promise<Trial>;

export const undoDeed: Deed = ({ lab, manifest }, changes) =>
  lab.withPorts(manifest, (ports) => undo(onlyKey(manifest), ports), changes);

/** The command says so when it could not mint, and the operator gives it again. */
const adoptDeed =
  (keyId: string): Deed =>
  async ({ lab, manifest }, changes) => {
    const report = await lab.withPorts(manifest, (ports) => adopt(onlyKey(manifest), keyId, ports), changes);
    if (report.outcome === 'minted' && report.mint.outcome !== 'stored') throw new Error(report.mint.outcome);
  };

/** A laboratory whose keys and roles are known everywhere by now, on a platform that answers like this. */
export async function laboratory({ switches = {} }: SceneOptions): Promise<Laboratory> {
  const lab = await Laboratory.open();
  await lab.pass(HOUR_MS);
  Object.assign(lab.cloud.switches, switches);
  return lab;
}

const MANAGER = 'crn:v1:bluemix:public:iam::::serviceRole:Manager';

/** The role that the product asks for where writing metadata of versions, or a release, takes more than a Writer. */
export async function grantManager({ admin, keyrota, cloud }: Laboratory): Promise<void> {
  const instance = { serviceInstance: cloud.account.secretsManager.guid };
  await admin.grant(keyrota.iamId, MANAGER, 'secrets-manager', instance);
}

async function open(options: SceneOptions, trialOptions: Partial<TrialOptions> = {}): Promise<Trial> {
  const lab = await laboratory(options);
  return Trial.open(lab, { manifest: lab.manifest(), deed: tickDeed, ...trialOptions });
}

/** The trial begins here: what was done before is not counted. */
function begin(trial: Trial): Trial {
  trial.effects.length = 0;
  return trial;
}

async function mintFirst(trial: Trial): Promise<void> {
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(30 * DAY_MS);
  await trial.sendLines();
}

/** K2 supersedes K1; consumers have it after a day. */
async function rotate(trial: Trial): Promise<void> {
  await mintFirst(trial);
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(DAY_MS + HOUR_MS);
  await trial.sendLines();
}

/** No key was ever made. */
export const firstMint: Scene = async (options = {}) => begin(await open(options));

/** The first rotation is due. */
export const rotation: Scene = async (options = {}) => {
  const trial = await open(options);
  await mintFirst(trial);
  return begin(trial);
};

/** K2 superseded K1, and the grace of K1 is over. */
export const disabling: Scene = async (options = {}) => {
  const trial = await open(options);
  await rotate(trial);
  await trial.lab.pass(6 * DAY_MS);
  // Counted here is what the whole rotation stored.
  trial.effects.splice(0, trial.effects.length, 'store');
  return trial;
};

/** The quarantine of K1 is over too. */
export const deletion: Scene = async (options = {}) => {
  const trial = await disabling(options);
  await trial.lab.tick(trial.manifest, { only: ['ingest'] });
  await trial.lab.pass(3 * DAY_MS);
  await trial.sendLines();
  return trial;
};

/** K1 is in grace, a consumer still holds it, and somebody has disabled K2. */
export const deadInGrace: Scene = async (options = {}) => {
  const trial = await open(options);
  await mintFirst(trial);
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(HOUR_MS);
  await trial.loseTheCurrentKey((keyId) => trial.lab.admin.request('POST', `/v1/apikeys/${keyId}/disable`));
  return begin(trial);
};

/** K1 is in grace, and K2 is reported as compromised. */
export const leakInGrace: Scene = async (options = {}) => {
  const trial = await open(options);
  await mintFirst(trial);
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(HOUR_MS);
  await trial.loseTheCurrentKey((keyId) => trial.lab.markCompromised(keyId));
  return begin(trial);
};

/** The same, and consumers lock both versions, as they do with what they use. */
export const leakUnderLocks: Scene = async (options = {}) => {
  const trial = await leakInGrace(options);
  await lockByConsumer(trial.lab, 'previous', 'agent-that-has-not-looked-yet');
  await lockByConsumer(trial.lab, 'current', 'agent');
  return begin(trial);
};

/** K1 is in quarantine, and the operator wants it back. */
export const undoing: Scene = async (options = {}) => {
  const trial = await open(options, { deed: undoDeed, stores: [0, 1] });
  await rotate(trial);
  await trial.lab.pass(6 * DAY_MS);
  await trial.lab.tick(trial.manifest);
  await trial.lab.pass(DAY_MS);
  await trial.sendLines();
  return begin(trial);
};

/** A person stored a key that a person had made; consumers use it, and the operator has it adopted. */
export const adoptingVersion: Scene = async (options = {}) => {
  const lab = await laboratory(options);
  const { id, value } = await lab.makeKeyByHand();
  await lab.pass(HOUR_MS);
  const trial = await Trial.open(lab, { manifest: lab.manifest(), deed: adoptDeed(id), isRepeatedByHand: true });
  await lab.admin.request('POST', '/api/v2/secrets', {
    name: 'ingest',
    secret_type: 'arbitrary',
    secret_group_id: lab.groupId,
    payload: value,
  });
  await lab.pass(HOUR_MS);
  await trial.sendLines();
  return begin(trial);
};

/** A key that a person made is adopted before Keyrota stored any. */
export const adoptingFirst: Scene = async (options = {}) => {
  const lab = await laboratory(options);
  const { id } = await lab.makeKeyByHand();
  const trial = await Trial.open(lab, { manifest: lab.manifest(), deed: adoptDeed(id), isRepeatedByHand: true });
  return begin(trial);
};

/** A key that a person made is adopted beside a current one of ours. */
export const adoptingBeside: Scene = async (options = {}) => {
  const lab = await laboratory(options);
  const { id } = await lab.makeKeyByHand();
  const deed = adoptDeed(id);
  const trial = await Trial.open(lab, { manifest: lab.manifest(), deed, stores: [0], isRepeatedByHand: true });
  await lab.tick(trial.manifest);
  await trial.sendLines();
  return begin(trial);
};
