// One request to the bundled function in a process of its own: what it takes is the function's alone.
import { createRequire } from 'node:module';

/** What this process is told, as its one argument. */
export interface AnswerWish {
  /** The bundle. */
  file: string;
  path: string;
  token: string;
  /** When it is, in epoch milliseconds; time goes on from there. */
  atMs: number;
}

/** What it tells its parent. */
export interface AnswerReport {
  seconds: number;
  /** The most memory that the process ever held, in bytes. */
  peakBytes: number;
  statusCode: number;
  /** The body as it travels. */
  text: string;
}

type Main = (params: unknown) => Promise<{ statusCode: number; body: unknown }>;

if (process.send) {
  const { file, path, token, atMs } = JSON.parse(process.argv[2] ?? '') as AnswerWish;
  const aheadMs = atMs - Date.now();
  const realNow = Date.now;
  Date.now = () => realNow() + aheadMs;
  const started = performance.now();
  const { main } = createRequire(import.meta.url)(file) as { main: Main };
  const headers = { Authorization: `Bearer ${token}` };
  const { statusCode, body } = await main({ __ce_method: 'GET', __ce_path: path, __ce_headers: headers });
  const report: AnswerReport = {
    seconds: (performance.now() - started) / 1_000,
    peakBytes: process.resourceUsage().maxRSS * 1_024,
    statusCode,
    text: JSON.stringify(body),
  };
  process.send(report, () => process.disconnect());
}
