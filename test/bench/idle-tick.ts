// One tick of the bundled function in a process of its own: what it holds in memory is the function's alone.
import { createRequire } from 'node:module';

/** What this process is told, as its one argument. */
export interface TickWish {
  /** The bundle. */
  file: string;
  /** When it is, in epoch milliseconds; time goes on from there. */
  atMs: number;
}

/** What it tells its parent. */
export interface TickReport {
  seconds: number;
  /** The most memory that the process ever held, in bytes. */
  peakBytes: number;
  statusCode: number;
  restingCount: number;
  lookedAt: number;
}

type Main = (params: unknown) => Promise<{ statusCode: number; body: { keys?: unknown[]; restingCount?: number } }>;

if (process.send) {
  const { file, atMs } = JSON.parse(process.argv[2] ?? '') as TickWish;
  const aheadMs = atMs - Date.now();
  const realNow = Date.now;
  Date.now = () => realNow() + aheadMs;
  const started = performance.now();
  const { main } = createRequire(import.meta.url)(file) as { main: Main };
  const { statusCode, body } = await main({ __ce_method: 'POST', __ce_path: '/' });
  const report: TickReport = {
    seconds: (performance.now() - started) / 1_000,
    peakBytes: process.resourceUsage().maxRSS * 1_024,
    statusCode,
    restingCount: body.restingCount ?? 0,
    lookedAt: body.keys?.length ?? 0,
  };
  process.send(report, () => process.disconnect());
}
