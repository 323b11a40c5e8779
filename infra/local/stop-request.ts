/** A further signal within this time is the same wish: a terminal sends Ctrl-C to npm and to us, and npm passes it on. */
const SAME_WISH_MS = 1_000;

/**
 * Calls `onStop` at the first SIGINT or SIGTERM. One that comes a second later or more ends the process at once, with exit
 * code 1. Disposing gives signals back their usual effect.
 */
export function onStopRequest(onStop: () => void): Disposable {
  let firstMs: number | null = null;
  const stop = () => {
    if (firstMs === null) {
      firstMs = performance.now();
      onStop();
    } else if (performance.now() - firstMs >= SAME_WISH_MS) {
      process.exit(1);
    }
  };
  process.on('SIGINT', stop).on('SIGTERM', stop);
  return { [Symbol.dispose]: () => process.off('SIGINT', stop).off('SIGTERM', stop) };
}
