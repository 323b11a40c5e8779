const MS_PER_UNIT = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

export const MINUTE_MS = MS_PER_UNIT.m;
export const HOUR_MS = MS_PER_UNIT.h;
export const DAY_MS = MS_PER_UNIT.d;

/** A whole number with a unit: minutes, hours or days. */
export const DURATION_TEXT = /^([1-9]\d{0,5})([mhd])$/;

/** Milliseconds of a duration such as `90m`, `36h` or `30d`; null when the text is none. */
export function parseDuration(text: string): number | null {
  const [, count, unit] = DURATION_TEXT.exec(text) ?? [];
  return count && unit ? Number(count) * MS_PER_UNIT[unit as keyof typeof MS_PER_UNIT] : null;
}

/** A duration of at least a minute in its largest whole unit, as `parseDuration` reads it. Rounded up to whole minutes. */
export function formatDuration(durationMs: number): string {
  const minutes = Math.ceil(durationMs / MINUTE_MS);
  if (minutes > 0 && minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}
