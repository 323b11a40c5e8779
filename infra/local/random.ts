import { hash } from 'node:crypto';

const CLASSIC_KEY_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';
const KEY_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-';

/**
 * Everything in the embedded cloud that looks random. The same seed gives the same ids, values and trouble, so that a
 * run can be repeated. Not for cryptography.
 */
export class SeededRandom {
  readonly seed: string;
  #counter = 0;

  constructor(seed: string) {
    this.seed = seed;
  }

  /** The next `byteCount` bytes, at most 32. */
  bytes(byteCount: number): Buffer {
    this.#counter += 1;
    return hash('sha256', `${this.seed}:${this.#counter}`, 'buffer').subarray(0, byteCount);
  }

  /** Lower-case hexadecimal digits, two a byte. */
  hex(byteCount: number): string {
    return this.bytes(byteCount).toString('hex');
  }

  /** A number from 0 up to, and without, 1. */
  fraction(): number {
    return this.bytes(6).readUIntBE(0, 6) / 2 ** 48;
  }

  /** A version 4 UUID. */
  uuid(): string {
    const bytes = this.bytes(16);
    bytes.writeUInt8((bytes.readUInt8(6) & 0x0f) | 0x40, 6);
    bytes.writeUInt8((bytes.readUInt8(8) & 0x3f) | 0x80, 8);
    return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
  }

  /** A value shaped like an IAM API key: 44 characters of the URL-safe base64 alphabet. */
  apiKeyValue(): string {
    const characters = [...this.bytes(32), ...this.bytes(12)].map((byte) => KEY_ALPHABET.charAt(byte % 64));
    return characters.join('');
  }

  /** A value shaped like a classic API key: 64 small letters and digits. */
  classicKeyValue(): string {
    const bytes = [...this.bytes(32), ...this.bytes(32)];
    return bytes.map((byte) => CLASSIC_KEY_ALPHABET.charAt(byte % CLASSIC_KEY_ALPHABET.length)).join('');
  }
}
