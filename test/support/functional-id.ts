import { Admin, logInWithKey } from '../../infra/demo/admin.ts';
import type { Switches } from '../../infra/local/switches.ts';
import { parseManifest } from '../../shared/keys/manifest.ts';
import type { Manifest, UserApiKey } from '../../shared/keys/manifest.ts';
import type { KeyKind } from '../../shared/keys/kind.ts';
import { importKey } from '../../shared/rotation/import.ts';
import type { ImportReport } from '../../shared/rotation/import.ts';
import type { Ports } from '../../shared/rotation/ports.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { Laboratory } from './laboratory.ts';
import type { State } from './laboratory.ts';

const URL = 'http://cloud.local';
const ADMINISTRATOR = 'crn:v1:bluemix:public:iam::::role:Administrator';

export interface FunctionalIdOptions {
  switches?: Partial<Switches>;
  /** Fields of the entries, by name. */
  entries?: { login?: object; pipeline?: object };
  /** Keyrota's own identity may manage the keys of users. Default: it has no rights there. */
  isAdministrator?: boolean;
}

/** A functional ID with two entries: `login`, which only Keyrota reads, and `pipeline`, whose key consumers fetch. */
export class FunctionalId {
  readonly lab: Laboratory;
  readonly iamId: string;
  /** Value of the key that the user has made in the console. */
  readonly firstValue: string;
  readonly manifest: Manifest;

  private constructor(lab: Laboratory, { entries = {} }: FunctionalIdOptions) {
    const { iamId, apiKey } = lab.cloud.iam.addUser('pipeline');
    this.lab = lab;
    this.iamId = iamId;
    this.firstValue = apiKey;
    const common = { kind: 'user-api-key', iamId, secret: { group: lab.groupId } };
    const login = { ...common, name: 'login', ...entries.login };
    const pipeline = { ...common, name: 'pipeline', login: 'login', ...entries.pipeline };
    this.manifest = parseManifest({ deployment: 'lab', keys: [login, pipeline] }, 'test');
  }

  static async open(options: FunctionalIdOptions = {}): Promise<FunctionalId> {
    const lab = await Laboratory.open(options.switches);
    if (options.isAdministrator) await lab.admin.grant(lab.keyrota.iamId, ADMINISTRATOR, 'iam-identity');
    await lab.pass(3_600_000); // roles and keys are known everywhere by now
    return new FunctionalId(lab, options);
  }

  /** With the user's first key as the login. */
  static async withLogin(options: FunctionalIdOptions = {}): Promise<FunctionalId> {
    const user = await FunctionalId.open(options);
    await user.import('login', user.firstValue);
    return user;
  }

  entry(name: 'login' | 'pipeline'): UserApiKey {
    const found = this.manifest.keys.find((key) => key.name === name);
    if (found?.kind !== 'user-api-key') throw new Error(`there is no entry ${name}`);
    return found;
  }

  /** The kind as a run opens it, for one run. */
  run<T>(work: (kind: KeyKind, ports: Ports) => Promise<T>): Promise<T> {
    return this.lab.withPorts(this.manifest, (ports) => work(ports.kindOf(this.entry('login')), ports));
  }

  import(name: 'login' | 'pipeline', value: string): Promise<ImportReport> {
    return this.run((_, ports) => importKey(this.entry(name), new SecretValue(value), ports));
  }

  /** All keys of the user. */
  get keys(): State['iam']['apiKeys'] {
    return this.lab.state.iam.apiKeys.filter(({ iamId }) => iamId === this.iamId);
  }

  key(id: string): State['iam']['apiKeys'][number] | undefined {
    return this.keys.find((key) => key.id === id);
  }

  /** Who logs in with that value. @throws Error when it does not log in. */
  async as(value = this.firstValue): Promise<Admin> {
    return new Admin(this.lab.send, URL, this.lab.cloud.account.id, value);
  }

  /** Makes a key by hand, as the user in the console would, whoever may create keys otherwise. */
  async makeKey(fields: object = {}, value = this.firstValue): Promise<{ id: string; value: string }> {
    const body = { name: 'made-by-hand', iam_id: this.iamId, account_id: this.lab.cloud.account.id, ...fields };
    const created = await (await this.as(value)).request('POST', '/v1/apikeys', body);
    await this.lab.pass(10_000);
    return { id: String(created['id']), value: String(created['apikey']) };
  }

  /** Whether a value logs in. */
  async logsIn(value: string): Promise<boolean> {
    return logInWithKey(this.lab.send, URL, value).then(
      () => true,
      () => false,
    );
  }

  /** How often Keyrota itself has read the value of that secret, since call `from`. */
  readsOf(name: string, from = 1): number {
    const { cloud, keyrota } = this.lab;
    const secret = this.lab.state.secretsManager.secrets.find((one) => one.name === name);
    return cloud.calls
      .list(from)
      .filter(({ iamId, method }) => iamId === keyrota.iamId && method === 'GET')
      .filter(({ path }) => new RegExp(`/secrets/${secret?.id}(/versions/[0-9a-f-]+)?$`).test(path)).length;
  }
}
