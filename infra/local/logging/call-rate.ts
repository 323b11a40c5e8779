import type { CloudClock } from '../clock.ts';

const MINUTE_MS = 60_000;

/** How many calls came for each instance within the last minute. */
export class CallRate {
  readonly #clock: CloudClock;
  readonly #timesMs = new Map<string, number[]>();

  constructor(clock: CloudClock) {
    this.#clock = clock;
  }

  /** Whether one more call fits; then it is counted. Null for no limit. */
  admits(instanceId: string, callsPerMinute: number | null): boolean {
    const nowMs = this.#clock.nowMs();
    const recentMs = (this.#timesMs.get(instanceId) ?? []).filter((atMs) => atMs > nowMs - MINUTE_MS);
    const fits = callsPerMinute === null || recentMs.length < callsPerMinute;
    this.#timesMs.set(instanceId, fits ? [...recentMs, nowMs] : recentMs);
    return fits;
  }
}
