import { formatKeyName, newOp } from '../../shared/keys/key-name.ts';
import type { Laboratory } from './laboratory.ts';

/**
 * What stands beside a managed key and is none of Keyrota's business: keys of the same identity that a person, another
 * installation, or an entry of another manifest made, and a secret of the same group.
 */
export class Neighbours {
  readonly #lab: Laboratory;
  readonly #keyIds: ReadonlySet<string>;
  readonly #before: string;

  private constructor(lab: Laboratory, keyIds: ReadonlySet<string>) {
    this.#lab = lab;
    this.#keyIds = keyIds;
    this.#before = this.#picture();
  }

  static async settle(lab: Laboratory): Promise<Neighbours> {
    const op = () => newOp((byteCount) => lab.random.bytes(byteCount));
    const names = [
      'made-by-a-person',
      formatKeyName({ deployment: 'other', name: 'ingest', op: op() }),
      formatKeyName({ deployment: 'lab', name: 'elsewhere', op: op() }),
      `keyrota-lab-ingest-${op().slice(1)}`,
    ];
    const keyIds = new Set<string>();
    for (const name of names) {
      const body = { name, iam_id: lab.serviceId.iamId, account_id: lab.cloud.account.id };
      keyIds.add(String((await lab.admin.request('POST', '/v1/apikeys', body))['id']));
    }
    const summary = { deployment: 'other', name: 'ingest', key_id: [...keyIds][1] };
    await lab.admin.request('POST', '/api/v2/secrets', {
      name: 'neighbour',
      secret_type: 'arbitrary',
      secret_group_id: lab.groupId,
      payload: 'a value of another installation',
      labels: ['keyrota'],
      custom_metadata: { keyrota: summary },
    });
    return new Neighbours(lab, keyIds);
  }

  owns(keyId: string): boolean {
    return this.#keyIds.has(keyId);
  }

  /** Whether anything of theirs was changed. */
  get areTouched(): boolean {
    return this.#picture() !== this.#before;
  }

  #picture(): string {
    const { state } = this.#lab;
    const keys = state.iam.apiKeys
      .filter(({ id }) => this.#keyIds.has(id))
      .map(({ id, name, disabled, locked, expiresAtMs }) => ({ id, name, disabled, locked, expiresAtMs }));
    return JSON.stringify([keys, state.secretsManager.secrets.filter(({ name }) => name === 'neighbour')]);
  }
}
