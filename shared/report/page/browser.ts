/** What the function answers: the data, or what went wrong and what to do. */
export type Answer<T> = { data: T } | { data: null; what: string; next: string };

interface Failure {
  message?: unknown;
  next?: unknown;
}

/** Asks the function that this page came from. Never throws. */
export async function ask<T>(path: string, signal: AbortSignal): Promise<Answer<T>> {
  try {
    // The one place where the page asks for anything: always its own function, by a path below its own.
    // oxlint-disable-next-line no-restricted-globals
    const response = await fetch(path, { signal, cache: 'no-store', headers: { accept: 'application/json' } });
    const body = (await response.json().catch(() => null)) as T | Failure | null;
    // 299 is what Code Engine says when it has cut a function off.
    if (response.status === 200 && body !== null) return { data: body as T };
    return { data: null, ...wordsFor(response.status, body as Failure | null) };
  } catch {
    const what = navigator.onLine ? 'The function does not answer.' : 'This device is offline.';
    return { data: null, what, next: 'See whether the function show-report is up, and refresh.' };
  }
}

function wordsFor(status: number, failure: Failure | null): { what: string; next: string } {
  const said = typeof failure?.message === 'string' ? failure.message : '';
  const next = typeof failure?.next === 'string' ? failure.next : '';
  if (status === 401) {
    return { what: 'The token is not accepted any more.', next: 'Load the page again, and log in with the new one.' };
  }
  if (status === 503) {
    return { what: 'The report is closed.', next: 'Set KEYROTA_REPORT_TOKEN for the function show-report.' };
  }
  if (status === 299) return { what: 'The function took too long.', next: 'Refresh. If it stays so, see its log.' };
  return { what: said || `The function answered ${status}.`, next: next || 'See the log of show-report, and refresh.' };
}

/** Calls `work` a period after it was last put off, as soon as the page can be seen. The answer puts it off. */
export function eachPeriod(periodMs: number, work: () => void): () => void {
  let dueMs = performance.now() + periodMs;
  const putOff = () => {
    dueMs = performance.now() + periodMs;
  };
  const look = () => {
    if (document.visibilityState === 'hidden' || performance.now() < dueMs) return;
    putOff();
    work();
  };
  // oxlint-disable-next-line no-restricted-globals
  setInterval(look, 1_000);
  document.addEventListener('visibilitychange', look);
  return putOff;
}

/** Puts a text into the clipboard; where that is not allowed, selects it in its element. Says whether it is in the clipboard. */
export async function copied(text: string, element: Node): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection()?.selectAllChildren(element);
    return false;
  }
}
