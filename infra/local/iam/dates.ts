const IAM_DATE = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2})?\+0000$/;

/** `yyyy-MM-ddTHH:mm+0000`, the only form in which IAM Identity shows dates. Seconds are cut off. */
export function iamDate(atMs: number): string {
  return `${new Date(atMs).toISOString().slice(0, 16)}+0000`;
}

/** Epoch milliseconds of a date as IAM Identity takes it, with or without seconds; null for any other text. */
export function parseIamDate(text: string): number | null {
  if (!IAM_DATE.test(text)) return null;
  const atMs = Date.parse(text.replace('+0000', 'Z'));
  // Date.parse turns 30 February into 1 March.
  const exists = !Number.isNaN(atMs) && iamDate(atMs).slice(0, 16) === text.slice(0, 16);
  return exists ? atMs : null;
}

/** `DD.MM.YYYY HH:mm:ss:SSS UTC`, the form of dates in `context` objects. */
export function contextDate(atMs: number): string {
  const iso = new Date(atMs).toISOString();
  const [year, month, day] = iso.slice(0, 10).split('-');
  return `${day}.${month}.${year} ${iso.slice(11, 19)}:${iso.slice(20, 23)} UTC`;
}
