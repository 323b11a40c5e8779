import { SecretValue } from '../runtime/secret-value.ts';
import type { ServiceCredential } from './manifest.ts';

/** A text in credentials, by its path: names of fields, joined by dots. */
interface Leaf {
  path: string;
  text: string;
}

/** Texts in credentials that are no secrets, though they are told with them. */
const PUBLIC_FIELD = /^iam_|_id$|^(?:endpoints|host|hostname|port|region|url|username|user)$/i;
const SECRET_FIELD = /secret|password|passwd|token|key|credential/i;

/** The one secret by which a credential can log in at IAM. */
const API_KEY = 'apikey';

/** What is stored of credentials; or, without a value, the fields that there are in place of the one that was asked for. */
export type StoredForm =
  { value: SecretValue; secrets: readonly SecretValue[] } | { value: null; fieldNames: string[] };

/** What the entry's secret holds of these credentials: the JSON of all fields, or the text of one. */
export function storedFormOf({ secret: { field } }: ServiceCredential, credentials: SecretValue): StoredForm {
  const leaves = leavesOf(fieldsOf(credentials));
  if (field === null) return { value: credentials, secrets: orWhole(secretsOf(leaves), credentials) };
  const found = leaves.find(({ path }) => path === field);
  if (!found) return { value: null, fieldNames: leaves.map(({ path }) => path) };
  const value = new SecretValue(found.text);
  return { value, secrets: [value] };
}

/** The secrets in what is stored by whose hashes a leak is found, the most important one first. */
export const secretsIn = ({ secret: { field } }: ServiceCredential, value: SecretValue): readonly SecretValue[] =>
  orWhole(field === null ? secretsOf(leavesOf(fieldsOf(value))) : [], value);

const orWhole = (secrets: readonly SecretValue[], whole: SecretValue): readonly SecretValue[] =>
  secrets.length > 0 ? secrets : [whole];

/** The API key of IAM in what is stored; null where that holds none. A key of the service's own has no fields of IAM beside it. */
export function apiKeyIn({ secret: { field } }: ServiceCredential, value: SecretValue): SecretValue | null {
  if (field !== null) return field === API_KEY ? value : null;
  const fields = fieldsOf(value);
  const text = fields[API_KEY];
  const isOfIam =
    typeof text === 'string' && text !== '' && Object.keys(fields).some((name) => name.startsWith('iam_'));
  return isOfIam ? new SecretValue(text) : null;
}

/** The id of the API key in IAM that stored credentials tell of themselves; null where they do not. */
export function innerKeyIdIn({ secret: { field } }: ServiceCredential, value: SecretValue): string | null {
  const id = field === null ? fieldsOf(value)['iam_apikey_id'] : null;
  return typeof id === 'string' && id !== '' ? id : null;
}

/** Nothing for a text that is not the JSON of an object: a person may have typed it in. */
function fieldsOf(value: SecretValue): Readonly<Record<string, unknown>> {
  try {
    const parsed = JSON.parse(value.reveal()) as unknown;
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** A hash of a shorter text would help to guess it. */
const SHORTEST_OTHER = 16;
/** Their hashes are kept as metadata, which has not much room. */
const MOST_SECRETS = 6;

function secretsOf(leaves: readonly Leaf[]): SecretValue[] {
  const hidden = leaves.filter(({ path }) => !PUBLIC_FIELD.test(nameIn(path)));
  const named = hidden.filter(({ path }) => SECRET_FIELD.test(nameIn(path)));
  const main = hidden.find(({ path }) => path === API_KEY) ?? named[0] ?? hidden[0];
  const others = named.filter((leaf) => leaf !== main && leaf.text.length >= SHORTEST_OTHER);
  const texts = [...(main ? [main] : []), ...others].map(({ text }) => text);
  return [...new Set(texts)].slice(0, MOST_SECRETS).map((text) => new SecretValue(text));
}

const nameIn = (path: string): string => path.slice(path.lastIndexOf('.') + 1);

/** Every text that is not empty, in order. */
function leavesOf(value: unknown, path = ''): Leaf[] {
  if (typeof value === 'string') return value === '' ? [] : [{ path, text: value }];
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return [];
  return Object.entries(value).flatMap(([name, inner]) => leavesOf(inner, path === '' ? name : `${path}.${name}`));
}
