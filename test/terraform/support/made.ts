import type { Value } from './functions.ts';
import type { Maker } from './plan.ts';
import { DATA_TYPES, RESOURCE_TYPES } from './resource-types.ts';

const ACCOUNT = '0123456789abcdef0123456789abcdef';
const ID = '11111111-2222-4333-8444-555555555555';

/** What a resource of the platform exports, with values of the right form. What the table does not name is not there. */
export const made: Maker = ({ type, address, key }, given) => {
  const forms: Record<string, Value> = {
    project_id: ID,
    crn: `crn:v1:bluemix:public:codeengine:eu-de:a/${ACCOUNT}:${ID}::`,
    id: idOf(type, key, given),
    iam_id: `iam-Profile-${key}`,
    endpoint: `https://${String(given['name'])}.sub.eu-de.codeengine.appdomain.cloud`,
    endpoint_internal: `http://${String(given['name'])}.sub.function.cluster.local`,
    sources: [
      { id: 'periodic', type: 'periodic-timer' },
      { id: 'other', type: 'api' },
    ],
  };
  const { exports } = (address.startsWith('data.') ? DATA_TYPES : RESOURCE_TYPES)[type] ?? { exports: [] };
  const own = exports.filter((name) => given[name] === undefined);
  return Object.fromEntries(own.map((name) => [name, forms[name] ?? `${name} of ${address}`]));
};

function idOf(type: string, key: string | null, given: Record<string, Value>): string {
  if (type === 'ibm_iam_trusted_profile') return `Profile-${key}`;
  if (type !== 'ibm_resource_instance') return ID;
  return `crn:v1:bluemix:public:${String(given['service'])}:${String(given['location'])}:a/${ACCOUNT}:${ID}::`;
}
