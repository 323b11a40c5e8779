import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostedFunction } from './hosted-function.ts';

/** The compute-resource token files of all functions, in a folder that only its owner may read. */
export class TokenFiles implements Disposable {
  readonly #written = new Map<string, string>();
  #folder: string | undefined;

  /** Brings the token file of a function up to date. Returns its path, or null when the function has no token. */
  refresh({ name, computeResourceToken }: HostedFunction): string | null {
    if (!computeResourceToken) return null;
    this.#folder ??= mkdtempSync(join(tmpdir(), 'keyrota-host-'));
    const path = join(this.#folder, name);
    const token = computeResourceToken();
    if (this.#written.get(path) !== token) this.#replace(path, token);
    return path;
  }

  /** Removes the files. */
  [Symbol.dispose](): void {
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
    this.#written.clear();
  }

  /** In one step: an instance may be reading the file. */
  #replace(path: string, token: string): void {
    writeFileSync(`${path}.new`, token, { mode: 0o600 });
    chmodSync(`${path}.new`, 0o600);
    renameSync(`${path}.new`, path);
    this.#written.set(path, token);
  }
}
