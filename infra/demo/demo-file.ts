import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const FOLDER = '.keyrota';
const DEMO_FILE = `${FOLDER}/demo.json`;

/** The demo's manifest, for the operator's commands. */
export const MANIFEST_FILE = `${FOLDER}/demo.manifest.json`;

/** Whether another demo of this folder answers. */
export async function isDemoRunning(): Promise<boolean> {
  try {
    const { controlUrl } = JSON.parse(readFileSync(DEMO_FILE, 'utf8')) as { controlUrl: string };
    return (await fetch(`${controlUrl}/clock`)).ok;
  } catch {
    return false; // no file, or what wrote it was killed
  }
}

/** Leaves word of how to reach the demo, readable by this user alone. Disposing takes it away again. */
export function leaveDemoFile(ready: object, manifest: object): Disposable {
  mkdirSync(FOLDER, { recursive: true });
  writePrivately(MANIFEST_FILE, manifest);
  writePrivately(DEMO_FILE, ready);
  process.once('exit', removeFiles);
  return { [Symbol.dispose]: removeFiles };
}

function writePrivately(file: string, content: object): void {
  writeFileSync(file, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600 });
}

function removeFiles(): void {
  for (const file of [DEMO_FILE, MANIFEST_FILE]) rmSync(file, { force: true });
}
