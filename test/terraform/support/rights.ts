import { readFileSync } from 'node:fs';
import { rolesIn } from './deployed.ts';
import { manifestFile, plan } from './inputs.ts';
import type { Instance, Plan } from './plan.ts';
import type { Right } from './used-rights.ts';

/** Every role that the policies of a plan grant. */
export const rightsIn = (planned: Plan): Right[] => planned.of('ibm_iam_trusted_profile_policy').flatMap(rightsOf);

function rightsOf(policy: Instance): Right[] {
  const [resources = {}] = policy.values['resources'] as Record<string, string | null>[];
  return rolesIn(policy).map((role) => ({
    key: policy.key ?? '',
    role,
    service: resources['service'] ?? null,
    serviceType: resources['service_type'] ?? null,
    instance: resources['resource_instance_id'] ?? null,
    resourceType: resources['resource_type'] ?? null,
    resource: resources['resource'] ?? null,
  }));
}

/** What the module grants for the sample of each kind on the page of the kinds. */
export function rightsOfKinds(): Map<string, Right[]> {
  const page = readFileSync('docs/kinds.md', 'utf8');
  const samples = [...page.matchAll(/^## ([a-z-]+)\n.*?^```yaml\n(.*?)^```$/gms)];
  return new Map(
    samples.map(([, kind = '', sample = '']) => {
      const guids = [...sample.matchAll(/^ +instance: ([0-9a-f-]{36})$/gm)].map(([, guid = '']) => guid);
      const services = Object.fromEntries(guids.map((guid) => [guid, 'some-service']));
      const file = manifestFile(`deployment: docs\n${sample}`);
      return [kind, rightsIn(plan({ manifest_file: file, instance_services: services }))];
    }),
  );
}
