import { inspect } from 'node:util';

const REDACTED = '[redacted]';

/**
 * A value that must never be seen: a key, a token, a password. However it is printed, it says `[redacted]`; only
 * `reveal` gives the value, so that every place that handles one is found by searching for it.
 */
export class SecretValue {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}

/** Where a value may begin: not inside of a word, but after an escaped `=` or line end. */
const BEGIN = String.raw`(?:(?<=%3[Dd]|\\n)|(?<![\w-]))`;
/** 44 characters with capital and small letters. Our own names have no capitals; profile ids are as long, and known by their form. */
const IAM_API_KEY = String.raw`(?!Profile-[0-9a-f]{8}-)(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[A-Za-z0-9_-]{44}`;
const CLASSIC_API_KEY = '[a-z0-9]{64}';
const JSON_WEB_TOKEN = String.raw`eyJ[\w-]+\.[\w-]+(?:\.[\w-]*)?`;

const KEY_SHAPED = new RegExp(
  String.raw`${BEGIN}(?:${IAM_API_KEY}|${CLASSIC_API_KEY}|${JSON_WEB_TOKEN})(?![\w-])`,
  'g',
);

/**
 * Masks whatever has the shape of an IAM API key, a classic key or a token. For text that comes from outside, such as
 * error messages: our own code never puts a value into a text.
 */
export function maskSecrets(text: string): string {
  return text.replace(KEY_SHAPED, REDACTED);
}
