import type { z } from 'zod';
import { notEmbeddedMessage } from '../not-embedded.ts';
import type { Violation } from '../validation.ts';

type Status = 400 | 401 | 403 | 404 | 409 | 412 | 501;

interface Target {
  type: 'field' | 'header' | 'parameter';
  name: string;
}

const MORE_INFO = 'https://cloud.ibm.com/apidocs/secrets-manager/secrets-manager-v2';

/** What a handler throws to refuse a request. Its message may name fields and secrets, and never holds secret data. */
export class SecretsManagerError extends Error {
  override readonly name = 'SecretsManagerError';
  readonly status: Status;
  readonly code: string;
  readonly target: Target | undefined;

  constructor(status: Status, code: string, message: string, target?: Target) {
    super(message);
    this.status = status;
    this.code = code;
    this.target = target;
  }

  /** The error model of https://cloud.ibm.com/docs/api-handbook?topic=api-handbook-errors. */
  toBody(trace: string): object {
    const { code, message, target, status } = this;
    return { errors: [{ code, message, more_info: MORE_INFO, target }], trace, status_code: status };
  }
}

export const invalid = (name: string, reason: string, type: Target['type'] = 'field'): SecretsManagerError =>
  new SecretsManagerError(400, 'validation_error', `Request validation error: Invalid parameter '${name}': ${reason}`, {
    type,
    name,
  });

export const badQuery = ({ property, reason }: Violation): SecretsManagerError =>
  invalid(property, reason, 'parameter');

export const refused = (message: string): SecretsManagerError => refusedAs(400, message);

const CODES = { 400: 'bad_request', 404: 'not_found', 409: 'conflict', 412: 'locked' } as const;

/** A refusal whose status a switch decides. */
export const refusedAs = (status: keyof typeof CODES, message: string): SecretsManagerError =>
  new SecretsManagerError(status, CODES[status], message);

/** The one code of its own that IBM documents. */
export const rotationTooLong = (): SecretsManagerError =>
  new SecretsManagerError(
    400,
    'secrets-manager.Error02009',
    'The rotation interval is longer than the life that is left in the current version.',
  );

export const unauthorized = (): SecretsManagerError =>
  new SecretsManagerError(401, 'unauthorized', 'The IAM token is missing, expired or not valid.');

export const forbidden = (action: string): SecretsManagerError =>
  new SecretsManagerError(403, 'forbidden', `The identity has no role with the action ${action}.`);

export const notFound = (what: string): SecretsManagerError =>
  new SecretsManagerError(404, 'not_found', `The ${what} does not exist.`);

export const conflict = (message: string, status: 400 | 409 = 409): SecretsManagerError =>
  new SecretsManagerError(status, 'conflict', message);

export const locked = (message: string): SecretsManagerError => new SecretsManagerError(412, 'locked', message);

/** For what IBM Cloud has and the embedded cloud has not. */
export const notEmbedded = (what: string): SecretsManagerError =>
  new SecretsManagerError(501, 'not_in_embedded_cloud', notEmbeddedMessage(what));

/** What `schema` makes of `value`. Throws 400 for the first thing that it finds wrong. */
export function parse<T>(schema: z.ZodType<T>, value: unknown, type: Target['type'] = 'field'): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  if (issue === undefined) throw refused('The request is not valid.');
  if (issue.code !== 'unrecognized_keys') throw invalid(issue.path.join('.') || 'body', issue.message, type);
  throw invalid([...issue.path, issue.keys[0]].join('.'), 'is not known', type);
}
