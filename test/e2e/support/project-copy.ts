import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));

const NOT_COPIED = new Set(['node_modules', '.git', '.keyrota', 'dist']);

/** The project in a folder of its own, so that its commands neither meet nor leave anything in the repository. */
export class ProjectCopy implements Disposable {
  readonly path = mkdtempSync(join(tmpdir(), 'keyrota-project-'));

  constructor({ installed }: { installed: boolean }) {
    cpSync(ROOT, this.path, {
      recursive: true,
      filter: (source) => !NOT_COPIED.has(source.slice(ROOT.length)),
    });
    if (installed) symlinkSync(join(ROOT, 'node_modules'), join(this.path, 'node_modules'));
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
