import { ClassicWorld } from '../support/classic-user.ts';
import { keepsTheContract } from '../support/kind-suite.ts';

keepsTheContract({
  name: 'classic-api-key',
  keysPerOwner: 'one',
  canDisable: false,
  open: async () => {
    const world = await ClassicWorld.open();
    const { lab, manifest } = world;
    return {
      lab,
      manifest,
      keys: () => world.keys.map(({ id }) => ({ id, disabled: false })),
      works: (stored) => world.works(stored),
      makeByHand: () => world.makeByHand(),
      removeByHand: (keyId) => world.removeByHand(keyId),
      forbid: async () => lab.cloud.classic.changeUser(world.userId, { managesApiKeys: false }),
    };
  },
});
