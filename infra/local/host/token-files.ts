import { chmodSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { HostedFunction } from './hosted-function.ts';

/**
 * The compute-resource token files of all functions, in a folder that only its owner may read. It goes with the process too,
 * in whatever way that ends, but for a signal that cannot be caught.
 */
export class TokenFiles implements Disposable {
  readonly #written = new Map<string, string>();
  #folder: string | undefined;

  /** Brings the token file of a function up to date. Returns its path, or null when the function has no token. */
  refresh({ name, computeResourceToken }: HostedFunction): string | null {
    if (!computeResourceToken) return null;
    const path = join(this.#makeFolder(), name);
    const token = computeResourceToken();
    if (this.#written.get(path) !== token) this.#replace(path, token);
    return path;
  }

  /** Removes the files. */
  [Symbol.dispose](): void {
    this.#remove();
    process.off('exit', this.#remove);
  }

  readonly #remove = (): void => {
    if (this.#folder) rmSync(this.#folder, { recursive: true, force: true });
    this.#folder = undefined;
    this.#written.clear();
  };

  #makeFolder(): string {
    if (this.#folder) return this.#folder;
    this.#folder = mkdtempSync(join(tmpdir(), 'keyrota-host-'));
    process.once('exit', this.#remove);
    return this.#folder;
  }

  /** In one step: an instance may be reading the file. */
  #replace(path: string, token: string): void {
    writeFileSync(`${path}.new`, token, { mode: 0o600 });
    chmodSync(`${path}.new`, 0o600);
    renameSync(`${path}.new`, path);
    this.#written.set(path, token);
  }
}
