import { writeFile } from 'node:fs/promises';
import { knownIncidents } from '../../shared/ledger/incident-report.ts';
import type { IncidentRecord } from '../../shared/ledger/ledger-data.ts';
import { withPorts } from '../../shared/rotation/run.ts';
import { withContext } from './context.ts';
import type { OperatorOptions } from './context.ts';
import { InputError } from './input-error.ts';
import { print, printJson } from './output.ts';

export interface ExportOptions extends OperatorOptions {
  json?: boolean;
  /** File to write. Default: `<incident>.json` in the present folder. */
  out?: string;
}

/**
 * `export INCIDENT`: writes all that is known of an incident into one JSON file, which must not exist yet.
 * @throws InputError `unknown_incident`, `file_not_written`.
 */
export async function exportIncident(incident: string, options: ExportOptions): Promise<void> {
  const known = await withContext(options, async (context) =>
    withPorts({ ...context, readOnly: true }, async (ports) => {
      await ports.login();
      return { incidents: await knownIncidents(context.manifest, ports), deployment: context.manifest.deployment };
    }),
  );
  const found = known.incidents.find((one) => one.incident === incident);
  if (!found) throw unknownIncident(incident, known.incidents);
  const file = options.out ?? `${incident}.json`;
  await writeNew(file, `${JSON.stringify({ deployment: known.deployment, ...found }, null, 2)}\n`);
  if (options.json) printJson({ incident, file });
  else print(`${incident} is written to ${file}.`);
}

function unknownIncident(incident: string, known: readonly IncidentRecord[]): InputError {
  const rows = known.map((one) => `\n  ${one.incident}  ${one.reported_at}  ${one.name || one.key_id}`);
  const there = rows.length === 0 ? 'there is none' : `there are:${rows.join('')}`;
  return new InputError('unknown_incident', `No incident ${JSON.stringify(incident)} is known; ${there}`);
}

/** An export is evidence: none is written over. */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: 'wx' });
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EEXIST' ? 'it exists, and is not written over' : `it cannot be written (${code ?? 'unknown reason'})`;
    throw new InputError('file_not_written', `${file}: ${why}; name another one with --out.`, { cause });
  }
}
