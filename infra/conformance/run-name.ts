import { randomBytes } from 'node:crypto';

const FORM = /^keyrota-conformance-(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)-[0-9a-f]{6}(?=$|-)/;

/** The name of a run, from which all names that it gives begin. It tells when the run began, in UTC. */
export function runNameAt(nowMs: number): string {
  const moment = new Date(nowMs).toISOString().slice(0, 19).replaceAll(/\D/g, '');
  return `keyrota-conformance-${moment}-${randomBytes(3).toString('hex')}`;
}

/** The run that gave a name, and when it began in epoch milliseconds; null for a name that no run gives. */
export function runOf(name: string): { runName: string; beganAtMs: number } | null {
  const [runName, ...parts] = FORM.exec(name) ?? [];
  const [year, month, day, hour, minute, second] = parts;
  const beganAtMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return runName === undefined || Number.isNaN(beganAtMs) ? null : { runName, beganAtMs };
}
