import { describe } from 'vitest';
import { FunctionalId } from '../support/functional-id.ts';
import { keepsTheContract } from '../support/kind-suite.ts';
import type { KindSetting } from '../support/kind-world.ts';

/** The entry under test is the one whose key consumers fetch. */
async function open(pipeline: object = {}): Promise<KindSetting> {
  const user = await FunctionalId.withLogin({ entries: { pipeline } });
  const { lab, manifest } = user;
  return {
    lab,
    manifest: { ...manifest, keys: manifest.keys.toReversed() },
    keys: () => user.keys,
    works: (stored) => user.logsIn(stored),
    makeByHand: () => user.makeKey(),
    removeByHand: (keyId) => lab.admin.request('DELETE', `/v1/apikeys/${keyId}`),
    forbid: () => lab.changeSettings({ restrict_create_platform_apikey: 'RESTRICTED' }),
    fillQuota: async () => {
      for (let count = user.keys.length; count < 20; count += 1) await user.makeKey();
    },
  };
}

describe('for consumers, by a login of its own,', () => {
  keepsTheContract({ name: 'user-api-key', keysPerOwner: 'many', canDisable: true, open: () => open() });
});

describe('that logs in for itself', () => {
  keepsTheContract({
    name: 'user-api-key',
    keysPerOwner: 'many',
    canDisable: true,
    isFetchedByKeyrota: true,
    open: () => open({ login: undefined }),
  });
});
