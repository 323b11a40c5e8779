import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const FOLDER = '.keyrota';
const DEMO_FILE = `${FOLDER}/demo.json`;

/** The demo's manifest, for the operator's commands. */
export const MANIFEST_FILE = `${FOLDER}/demo.manifest.json`;

/** How long another demo may take to answer, in real milliseconds. One that is suspended never does. */
const ANSWER_MS_MAX = 3_000;

/**
 * Looks for another demo of this folder. Gives the file that one left which does not answer any more, or null.
 * @throws Error when it answers.
 */
export async function demandNoDemo(): Promise<string | null> {
  const text = textOf(DEMO_FILE);
  if (text !== null && (await answers(text))) throw alreadyRunning();
  return text;
}

/**
 * Leaves word of how to reach the demo, readable by this user alone. Disposing takes it away again.
 * @throws Error when another demo of this folder has done so meanwhile.
 */
export async function leaveDemoFile(ready: object, manifest: object): Promise<Disposable> {
  const former = await demandNoDemo();
  mkdirSync(FOLDER, { recursive: true });
  // If it has changed meanwhile, it is another one's.
  if (former !== null) removeIf(DEMO_FILE, former);
  const own = { [DEMO_FILE]: jsonOf(ready), [MANIFEST_FILE]: jsonOf(manifest) };
  try {
    // Of several demos that begin at once, one creates it.
    writeFileSync(DEMO_FILE, own[DEMO_FILE] ?? '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw (error as NodeJS.ErrnoException).code === 'EEXIST' ? alreadyRunning() : error;
  }
  writeFileSync(MANIFEST_FILE, own[MANIFEST_FILE] ?? '', { mode: 0o600 });
  const remove = () => {
    for (const [file, text] of Object.entries(own)) removeIf(file, text);
  };
  process.once('exit', remove);
  return { [Symbol.dispose]: remove };
}

/** Whether the demo that wrote this answers. */
async function answers(text: string): Promise<boolean> {
  try {
    const { controlUrl } = JSON.parse(text) as { controlUrl: string };
    return (await fetch(`${controlUrl}/clock`, { signal: AbortSignal.timeout(ANSWER_MS_MAX) })).ok;
  } catch {
    return false; // what wrote it was killed or suspended
  }
}

const alreadyRunning = () => new Error('a demo runs in this folder already; stop it first (Ctrl-C where it runs)');

const jsonOf = (content: object): string => `${JSON.stringify(content, null, 2)}\n`;

/** The text of a file; null when there is none. */
function textOf(file: string): string | null {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return null;
  }
}

function removeIf(file: string, text: string): void {
  if (textOf(file) === text) rmSync(file, { force: true });
}
