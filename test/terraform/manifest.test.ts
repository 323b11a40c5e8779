import { describe, expect, it } from 'vitest';
import type { Value } from './support/functions.ts';
import { crn, manifestFile, plan, settingsOf } from './support/inputs.ts';
import type { Instance } from './support/plan.ts';

describe('the manifest', () => {
  const policiesFor = (text: string, inputs: Record<string, Value> = {}): Map<string | null, Instance['values']> => {
    const planned = plan({ manifest_file: manifestFile(`deployment: lab\nkeys:\n${text}`), ...inputs });
    return new Map(planned.of('ibm_iam_trusted_profile_policy').map(({ key, values }) => [key, values]));
  };
  const rotating = (keys: Iterable<string | null>) => [...keys].filter((key) => key?.startsWith('rotate-keys/'));

  it('gives the functions access by its entries alone: a new one needs nothing but an apply', () => {
    const one = '  - {name: a-key, kind: service-id-api-key, serviceId: ServiceId-1}\n';
    const other =
      '  - {name: b-key, kind: service-id-api-key, serviceId: ServiceId-2, grants: [{service: logs, role: Sender}]}\n';
    expect(rotating(policiesFor(one).keys())).toEqual([
      'rotate-keys/key-lists',
      'rotate-keys/secrets/default',
      'rotate-keys/service-id/ServiceId-1',
    ]);
    expect(rotating(policiesFor(one + other).keys())).toEqual([
      'rotate-keys/key-lists',
      'rotate-keys/policies/logs',
      'rotate-keys/secrets/default',
      'rotate-keys/service-id/ServiceId-1',
      'rotate-keys/service-id/ServiceId-2',
    ]);
  });

  it('gives one policy for a service ID, a service or an instance that several entries name', () => {
    const twice = ['a-key', 'b-key'].map(
      (name) => `  - {name: ${name}, kind: service-credential, instance: '${crn('logs')}', role: Sender}\n`,
    );
    const { roles, resources } =
      policiesFor(twice.join('')).get('rotate-keys/instance/22222222-2222-4333-8444-555555555555') ?? {};
    expect(roles).toEqual(['Operator', 'Sender']);
    expect(resources).toEqual([expect.objectContaining({ service: 'logs' })]);
  });

  it('gives no role for a credential without one, and that of the service ID where it names one', () => {
    const text = `  - name: a-key
    kind: service-credential
    instance: '${crn('logs')}'
    role: NONE
    parameters:
      serviceid_crn: 'crn:v1:bluemix:public:iam-identity::a/0123::serviceid:ServiceId-9'\n`;
    const policies = policiesFor(text);
    expect(policies.get('rotate-keys/instance/22222222-2222-4333-8444-555555555555')?.['roles']).toEqual(['Operator']);
    expect([...policies.keys()]).toContain('rotate-keys/service-id/ServiceId-9');
  });

  it('needs the service of an instance that it names by its GUID', () => {
    const text = '  - {name: a-key, kind: service-credential, instance: 33333333-2222-4333-8444-555555555555}\n';
    expect(() => policiesFor(text)).toThrow(/instance_services/);
    const policies = policiesFor(text, { instance_services: { '33333333-2222-4333-8444-555555555555': 'logs' } });
    expect([...policies.keys()]).toContain('rotate-keys/instance/33333333-2222-4333-8444-555555555555');
  });

  it('gives handle-secret-event no access, and nobody access to groups that are not in it', () => {
    const text = `  - {name: a-key, kind: service-id-api-key, serviceId: ServiceId-1, secret: {group: group-1}}\nledger: {group: group-2}\n`;
    const policies = policiesFor(text);
    expect([...policies.keys()].filter((key) => key?.startsWith('handle-secret-event'))).toEqual([]);
    const groups = [...policies.values()].flatMap(({ resources }) =>
      (resources as { resource_type: string | null; resource: string }[])
        .filter((one) => one.resource_type === 'secret-group')
        .map(({ resource }) => resource),
    );
    expect([...new Set(groups)].toSorted()).toEqual(['group-1', 'group-2']);
  });

  it('is refused where it is too long for the environment, unless it is packed', () => {
    const entry = (at: number) => `  - {name: key-${at}, kind: service-id-api-key, description: ${'x'.repeat(400)}}\n`;
    const file = manifestFile(`deployment: lab\nkeys:\n${Array.from({ length: 300 }, (_, at) => entry(at)).join('')}`);
    expect(() => plan({ manifest_file: file }).instances).toThrow(/131,054 bytes/);
    expect(plan({ manifest_file: file, manifest_is_packed: true }).instances.length).toBeGreaterThan(0);
  });

  it('is refused at the very byte at which Keyrota refuses it', () => {
    const sized = (bytes: number) => {
      const text = (fill: string) =>
        `{"deployment":"lab","keys":[{"description":"${fill}","kind":"service-id-api-key","name":"a-key"}]}`;
      return manifestFile(text('x'.repeat(bytes - text('').length)));
    };
    const most = sized(131_054);
    expect(settingsOf(plan({ manifest_file: most })).get('rotate-keys')?.manifestText).toHaveLength(131_054);
    // Base64 counts by three bytes: the last two are left to Keyrota.
    expect(() => plan({ manifest_file: sized(131_057) }).instances).toThrow(/131,054 bytes/);
  });

  it('is refused where Terraform reads a word otherwise than Keyrota', () => {
    const planned = (word: string) => {
      const entry = '{name: a-key, kind: service-id-api-key}';
      const text = `deployment: lab\nkeys: [${entry}]\ncheck: {rules: {key-too-old: ${word}}}\n`;
      return plan({ manifest_file: manifestFile(text) });
    };
    expect(() => planned('off').instances).toThrow(/in quotes/);
    for (const word of ["'off'", 'low']) {
      expect(settingsOf(planned(word)).get('rotate-keys')?.manifestText).toContain(
        `"key-too-old":"${word.replaceAll("'", '')}"`,
      );
    }
  });
});
