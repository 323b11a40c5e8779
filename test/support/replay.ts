import { ROLES } from '../../infra/local/iam/roles.ts';
import type { Laboratory } from './laboratory.ts';

/** A command as a person types it, in words. Quotes are those of `quoted`. */
const wordsOf = (command: string): string[] =>
  [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, inQuotes, plain]) => inQuotes ?? plain ?? '');

/** Value of an option. */
const optionIn = (words: readonly string[], name: string): string | undefined => {
  const place = words.indexOf(name);
  return place < 0 ? undefined : words[place + 1];
};

/** Of the role that the console and the CLI show so; that of the service itself before one of all services. */
export const roleIdOf = (role: string, service: string | undefined): string => {
  const ids = [...ROLES].filter(([, { displayName }]) => displayName === role).map(([id]) => id);
  const id = ids.find((one) => one.split(':')[4] === service) ?? ids.find((one) => one.split(':')[4] === 'iam');
  if (id === undefined) throw new Error(`there is no role ${role} on ${service}`);
  return id;
};

/** Gives what `ibmcloud iam …-policy-create` or `trusted-profile-link-create` gives. @throws Error for any other command. */
export async function replay({ admin, cloud }: Laboratory, command: string): Promise<void> {
  const words = wordsOf(command);
  const [program, group, verb = '', id = ''] = words;
  const option = (name: string) => optionIn(words, name);
  if (program !== 'ibmcloud' || group !== 'iam') throw new Error(`nobody knows how to do: ${command}`);
  if (verb === 'trusted-profile-link-create') {
    const link = {
      crn: option('--link-crn'),
      component_type: option('--link-component-type'),
      component_name: option('--link-component-name'),
    };
    await admin.request('POST', `/v1/profiles/${id}/links`, {
      name: option('--name'),
      cr_type: option('--cr-type'),
      link,
    });
    return;
  }
  if (!/^(trusted-profile|service|user)-policy-create$/.test(verb))
    throw new Error(`nobody knows how to do: ${command}`);
  const service = option('--service-name');
  const attributes = {
    accountId: cloud.account.id,
    ...(service === undefined ? { serviceType: 'service' } : { serviceName: service }),
    serviceInstance: option('--service-instance'),
    resourceType: option('--resource-type'),
    resource: option('--resource'),
  };
  await admin.request('POST', '/v1/policies', {
    type: 'access',
    subjects: [{ attributes: [{ name: 'iam_id', value: `iam-${id}` }] }],
    roles: (option('--roles') ?? '').split(',').map((role) => ({ role_id: roleIdOf(role, service) })),
    resources: [
      {
        attributes: Object.entries(attributes).flatMap(([name, value]) =>
          value === undefined ? [] : [{ name, value }],
        ),
      },
    ],
  });
}
