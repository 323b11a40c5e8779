/** Length of `op`, the id of one mint. It has no dash, so that a name is parsed from its end. */
export const OP_LENGTH = 12;

const OP = new RegExp(`^[a-z0-9]{${OP_LENGTH}}$`);
const OP_ALPHABET = 'abcdefghijklmnopqrstuvwxyz0123456789';

/** What the name of a key of ours tells. */
export interface KeyName {
  /** Which installation of Keyrota made it. */
  deployment: string;
  /** For which managed key. */
  name: string;
  /** In which mint. */
  op: string;
}

/** `keyrota-<deployment>-<managed name>-<op>`: a deployment has no dash, a managed name may have some. */
export function formatKeyName({ deployment, name, op }: KeyName): string {
  return `keyrota-${deployment}-${name}-${op}`;
}

/** Null when the key was not named by Keyrota. */
export function parseKeyName(text: string): KeyName | null {
  const [product, deployment, ...rest] = text.split('-');
  const op = rest.pop() ?? '';
  const name = rest.join('-');
  return product === 'keyrota' && deployment && name && OP.test(op) ? { deployment, name, op } : null;
}

/** A fresh id for a mint, from `byteCount` random bytes as given by `randomBytes`. */
export function newOp(randomBytes: (byteCount: number) => Uint8Array): string {
  return Array.from(randomBytes(OP_LENGTH), (byte) => OP_ALPHABET.charAt(byte % OP_ALPHABET.length)).join('');
}
