/** What some work takes: calls of IBM Cloud, seconds of an instance but for its start, and bytes of log lines. */
export interface Work {
  calls: number;
  seconds: number;
  logBytes: number;
}

/** What is measured once, and of which a month is made. */
export interface Measured {
  /** A tick of the timer that finds nothing to do. */
  tick: Work;
  /** What one entry adds to that in a month in which it is rotated once: looks, the new key, and the end of the old one. */
  entry: Work;
  /** What the hourly lists and the notes on the ledger add in a month, whatever there is to rotate. */
  upkeep: Work;
  /** A daily check. */
  check: Work;
}

/** How an installation is set up. */
export interface Setup {
  entryCount: number;
  timerMinutes: number;
  /** From the call until the code runs, which is paid for. Not measured here: it is the platform's. */
  startSeconds: number;
}

/** Code Engine keeps an instance for so long after its last call, as the module says, and that is paid for. */
const SCALE_DOWN_SECONDS = 1;

/** The instances that the module makes. */
const VCPU = 0.25;
const GIGABYTES = 1;

const DAYS = 30;
const DAY_MINUTES = 24 * 60;

/** What a month of 30 days takes, in the units that are paid for. */
export interface Month {
  invocations: number;
  instanceSeconds: number;
  vcpuSeconds: number;
  gigabyteSeconds: number;
  calls: number;
  logMegabytes: number;
}

/** Pure. Reports of leaks and readers of the report come on top: each is a call of a few seconds. */
export function monthOf(
  { tick, entry, upkeep, check }: Measured,
  { entryCount, timerMinutes, startSeconds }: Setup,
): Month {
  const ticks = (DAYS * DAY_MINUTES) / timerMinutes;
  const invocations = ticks + DAYS;
  const sum = (part: keyof Work) => ticks * tick[part] + entryCount * entry[part] + upkeep[part] + DAYS * check[part];
  const instanceSeconds = sum('seconds') + invocations * (startSeconds + SCALE_DOWN_SECONDS);
  return {
    invocations,
    instanceSeconds,
    vcpuSeconds: VCPU * instanceSeconds,
    gigabyteSeconds: GIGABYTES * instanceSeconds,
    calls: sum('calls'),
    logMegabytes: sum('logBytes') / 1e6,
  };
}
