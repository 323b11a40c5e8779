import { KeyrotaError } from '../../shared/runtime/errors.ts';
import type { Book, MadeKind } from './book.ts';

/** One request, as the guard looks at it. */
interface Wish {
  method: string;
  path: string;
  body: Record<string, unknown>;
  book: Book;
}

interface Rule {
  methods: string;
  path: RegExp;
  /** Whether this one may be sent; the groups of the path are given. */
  allows: (wish: Wish, ...ids: string[]) => boolean;
  /** What an answer of 201 to it made. */
  makes?: MadeKind;
}

const anything = () => true;
const made =
  (kind: MadeKind) =>
  ({ book }: Wish, id = ''): boolean =>
    book.has(kind, id);
const textIn = (body: Record<string, unknown>, field: string): string => {
  const found = body[field];
  return typeof found === 'string' ? found : '';
};
const serviceIdIn = (iamId: string): string => iamId.replace(/^iam-/, '');

/** Attributes of a policy, `name=value`. */
function attributesIn(parts: unknown): string[] {
  const lists = Array.isArray(parts) ? (parts as { attributes?: unknown }[]) : [];
  return lists.flatMap(({ attributes }) =>
    (Array.isArray(attributes) ? (attributes as { name?: unknown; value?: unknown }[]) : []).map(
      ({ name, value }) => `${String(name)}=${String(value)}`,
    ),
  );
}

/** A policy of our own service ID, on our own secret group or on that service ID itself. */
function isOwnPolicy({ body, book }: Wish): boolean {
  const subjects = attributesIn(body['subjects']);
  const resources = attributesIn(body['resources']);
  const on = (service: string, type: string, kind: MadeKind) =>
    resources.includes(`serviceName=${service}`) &&
    resources.includes(`resourceType=${type}`) &&
    book.idsOf(kind).some((id) => resources.includes(`resource=${id}`));
  const isOfOne = Array.isArray(body['resources']) && body['resources'].length === 1;
  const isOfOurs =
    isOfOne && subjects.length === 1 && book.has('service ID', serviceIdIn(subjects[0]?.replace('iam_id=', '') ?? ''));
  return (
    isOfOurs && (on('secrets-manager', 'secret-group', 'secret group') || on('iam-identity', 'serviceid', 'service ID'))
  );
}

function isOwnResourceKey({ body, book }: Wish): boolean {
  const { serviceid_crn: crn } = (body['parameters'] ?? {}) as { serviceid_crn?: unknown };
  const isForOurs = crn === undefined || (typeof crn === 'string' && book.has('service ID', crn.split(':').at(-1)));
  // A key with a service ID of its own gets no role, so that it opens nothing.
  return book.isOwnName(body['name']) && isForOurs && (crn !== undefined || body['role'] === 'NONE');
}

/** All that may be called. What is not here is refused, and so is what names something that is not in the book. */
const RULES: readonly Rule[] = [
  { methods: 'POST', path: /^\/identity\/(?:token|introspect)$/, allows: anything },
  { methods: 'GET', path: /^\/v1\/apikeys(?:\/details)?$/, allows: anything },
  {
    methods: 'POST',
    path: /^\/v1\/apikeys$/,
    allows: ({ body, book }) =>
      book.isOwnName(body['name']) && book.has('service ID', serviceIdIn(textIn(body, 'iam_id'))),
    makes: 'API key',
  },
  { methods: 'GET PUT POST DELETE', path: /^\/v1\/apikeys\/([^/]+)(?:\/lock|\/disable)?$/, allows: made('API key') },
  { methods: 'GET', path: /^\/v1\/serviceids$/, allows: anything },
  {
    methods: 'POST',
    path: /^\/v1\/serviceids$/,
    allows: ({ body, book }) => book.isOwnName(body['name']),
    makes: 'service ID',
  },
  { methods: 'GET DELETE', path: /^\/v1\/serviceids\/([^/]+)$/, allows: made('service ID') },
  { methods: 'GET', path: /^\/v1\/accounts\/[^/]+\/limits\/identity$/, allows: anything },
  { methods: 'GET', path: /^\/v1\/policies$/, allows: anything },
  { methods: 'POST', path: /^\/v1\/policies$/, allows: isOwnPolicy, makes: 'policy' },
  { methods: 'GET DELETE', path: /^\/v1\/policies\/([^/]+)$/, allows: made('policy') },
  { methods: 'GET', path: /^\/api\/v2\/(?:secret_groups|secrets)$/, allows: anything },
  {
    methods: 'POST',
    path: /^\/api\/v2\/secret_groups$/,
    allows: ({ body, book }) => book.isOwnName(body['name']),
    makes: 'secret group',
  },
  { methods: 'GET DELETE', path: /^\/api\/v2\/secret_groups\/([^/]+)$/, allows: made('secret group') },
  {
    methods: 'POST',
    path: /^\/api\/v2\/secrets$/,
    allows: ({ body, book }) =>
      book.isOwnName(body['name']) && book.has('secret group', textIn(body, 'secret_group_id')),
    makes: 'secret',
  },
  { methods: 'GET POST PATCH DELETE', path: /^\/api\/v2\/secrets\/([^/]+)(?:\/.+)?$/, allows: made('secret') },
  { methods: 'GET', path: /^\/v2\/resource_keys$/, allows: anything },
  { methods: 'GET', path: /^\/v2\/resource_instances\/[^/]+(?:\/resource_keys)?$/, allows: anything },
  { methods: 'POST', path: /^\/v2\/resource_keys$/, allows: isOwnResourceKey, makes: 'resource key' },
  { methods: 'GET DELETE', path: /^\/v2\/resource_keys\/([^/]+)$/, allows: made('resource key') },
];

/** What may become of a request: `makes` for one that makes something. */
export interface Permit {
  makes: MadeKind | null;
}

/**
 * Lets a request pass, or not. Reads that name one thing are held to the book as well: they would mark the secret of
 * somebody else as fetched.
 * @throws KeyrotaError `not_ours` for what this run did not make, before anything is sent.
 */
export function permitOf(book: Book, method: string, url: URL, body: Record<string, unknown>): Permit {
  const path = decodeURIComponent(url.pathname);
  const wish: Wish = { method, path, body, book };
  const rule = RULES.find((one) => one.methods.split(' ').includes(method) && one.path.test(path));
  const ids = rule ? (rule.path.exec(path) ?? []).slice(1) : [];
  if (!path.includes('..') && rule?.allows(wish, ...ids)) return { makes: rule.makes ?? null };
  throw new KeyrotaError('not_ours', `${method} ${shortened(path)} is not for this run to call`, {
    next: 'It is about something that the run did not make: this is a fault of the run, and nothing was sent.',
  });
}

/** Without what may be a value in place of an id. */
const shortened = (path: string): string => path.split('/').slice(0, 4).join('/').slice(0, 60);
