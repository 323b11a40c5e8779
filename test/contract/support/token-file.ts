import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';

/** A folder that is there until the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'keyrota-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

/** Where a token file is or, for null, would be. It is gone when the test ends. */
export function tokenFile(text: string | null): string {
  const path = join(temporaryFolder(), 'token');
  if (text !== null) writeFileSync(path, text);
  return path;
}
