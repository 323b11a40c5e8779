import { keepsTheContract } from '../support/kind-suite.ts';
import { Laboratory } from '../support/laboratory.ts';

keepsTheContract({
  name: 'service-id-api-key',
  keysPerOwner: 'many',
  canDisable: true,
  open: async () => {
    const lab = await Laboratory.open();
    return {
      lab,
      manifest: lab.manifest(),
      keys: () => lab.keys,
      works: (stored) => lab.works(stored),
      makeByHand: () => lab.makeKeyByHand(),
      removeByHand: (keyId) => lab.admin.request('DELETE', `/v1/apikeys/${keyId}`),
      forbid: () => lab.revoke(lab.keyrota.iamId, 'iam-identity'),
      fillQuota: async () => {
        for (let count = 0; count < 20; count += 1) await lab.makeKeyByHand();
      },
    };
  },
});
