import { checkPolicyOf } from '../../shared/keys/check-policy.ts';
import { CheckShape } from '../../shared/keys/check-schema.ts';
import { IncidentsShape } from '../../shared/keys/incident-schema.ts';
import type { ManagedKey, Manifest } from '../../shared/keys/manifest.ts';

/** A manifest of these keys, with everything else as where nothing is said. */
export const manifestOf = (deployment: string, keys: ManagedKey[]): Manifest => ({
  deployment,
  keys,
  keyless: [],
  incidents: IncidentsShape.parse({}),
  ledger: { name: `keyrota-ledger-${deployment}`, groupId: 'default' },
  check: checkPolicyOf(CheckShape.parse({})),
});
