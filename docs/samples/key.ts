const inside = (part: unknown, name: string): unknown => (part as Record<string, unknown> | undefined)?.[name];

/** What a secret holds. It shows no value in logs, messages and JSON. */
export class Key {
  /** Id of the secret that it was fetched from. */
  readonly secretId: string;
  readonly #data: string | object;

  /** `data` is the text of an `arbitrary` secret, or the fields of a `kv` one. */
  constructor(secretId: string, data: string | object) {
    this.secretId = secretId;
    this.#data = data;
  }

  /** The value; of a `kv` secret that of one field, such as `apikey` or `cos_hmac_keys.access_key_id`. */
  reveal(field = 'apikey'): string {
    if (typeof this.#data === 'string') return this.#data;
    const found = inside(this.#data, field) ?? field.split('.').reduce<unknown>(inside, this.#data);
    if (typeof found !== 'string') throw new Error(`The secret has no text ${field}.`);
    return found;
  }

  equals(other: Key): boolean {
    return this.secretId === other.secretId && JSON.stringify(this.#data) === JSON.stringify(other.#data);
  }
}
