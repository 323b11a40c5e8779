import { keepsTheContract } from '../support/kind-suite.ts';
import { LoggingLaboratory } from '../support/logging-laboratory.ts';

keepsTheContract({
  name: 'logging-key',
  keysPerOwner: 'many',
  canDisable: false,
  open: async () => (await LoggingLaboratory.open()).setting('ingestion'),
});
