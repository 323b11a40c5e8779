import { describe } from 'vitest';
import { ROLE } from '../../infra/demo/admin.ts';
import { CredentialLaboratory, WRITER } from '../support/credentials.ts';
import { keepsTheContract } from '../support/kind-suite.ts';

const apiKeyIn = (stored: string): string => String((JSON.parse(stored) as { apikey?: unknown }).apikey);

describe('with an API key of IAM alone, which Keyrota may disable,', () => {
  keepsTheContract({
    name: 'service-credential',
    keysPerOwner: 'many',
    canDisable: true,
    open: async () => {
      const world = await CredentialLaboratory.open('logs', ROLE.cloudLogsSender);
      await world.letDisable();
      return {
        lab: world.lab,
        manifest: world.manifest({ role: 'Sender' }),
        keys: () => world.keys,
        works: (stored) => world.lab.works(apiKeyIn(stored)),
        makeByHand: () => world.makeByHand({ role: ROLE.cloudLogsSender }),
        removeByHand: (keyId) => world.removeByHand(keyId),
        forbid: () => world.forbid(),
      };
    },
  });
});

describe('with an HMAC pair beside it, which nobody can disable,', () => {
  keepsTheContract({
    name: 'service-credential',
    keysPerOwner: 'many',
    canDisable: false,
    open: async () => {
      const world = await CredentialLaboratory.open('cloud-object-storage', WRITER);
      await world.letDisable();
      const parameters = { HMAC: true };
      return {
        lab: world.lab,
        manifest: world.manifest({ role: 'Writer', parameters, evidence: { unused: false } }),
        keys: () => world.keys,
        works: (stored) => Promise.resolve(world.holds(JSON.parse(stored))),
        makeByHand: () => world.makeByHand({ parameters }),
        removeByHand: (keyId) => world.removeByHand(keyId),
        forbid: () => world.forbid(),
      };
    },
  });
});
