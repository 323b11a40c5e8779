import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FUNCTIONS = fileURLToPath(new URL('../../functions', import.meta.url));
const BUILD = fileURLToPath(new URL('../../esbuild.config.mjs', import.meta.url));

/** The functions as they are bundled, and bundled with whole libraries by the same options, until they are disposed of. */
export class Bundles implements Disposable {
  /** For other files of a measurement, too. */
  readonly folder = mkdtempSync(join(tmpdir(), 'keyrota-bench-'));
  readonly functionNames: string[];

  constructor() {
    for (const [name, args] of [['lean', []] as const, ['whole', ['--whole-libraries']] as const]) {
      execFileSync(process.execPath, [BUILD, '--out', join(this.folder, name), ...args], { stdio: 'pipe' });
    }
    this.functionNames = readdirSync(FUNCTIONS);
  }

  /** The folder that holds the functions' bundles, each in a folder of its name. */
  get leanFolder(): string {
    return join(this.folder, 'lean');
  }

  /** The folder of a function's bundle. */
  pathOf(functionName: string, libraries: 'lean' | 'whole'): string {
    return join(this.folder, libraries, functionName);
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
