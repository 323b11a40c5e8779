import { markdownTable } from '../markdown-table.ts';
import { CHECKS, CHECK_IDS } from './catalogue.ts';

/** The checks, for docs/doctor.md. */
export const doctorTable = (): string =>
  markdownTable([
    ['check', 'what holds where it is well', 'what mends it'],
    ...CHECK_IDS.map((id) => [`\`${id}\``, CHECKS[id].holds, CHECKS[id].mends]),
  ]);
