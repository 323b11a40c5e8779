import { Switches } from '../local/switches.ts';
import { markdownTable } from '../operator/markdown-table.ts';
import { shown } from './answer.ts';
import { FAMILIES } from './catalogue.ts';
import { NOT_PROBED } from './not-probed.ts';
import { ROLES } from './roles.ts';

const ASSUMED = Switches.parse({});

/** What a run needs, what it tries and what it does not, as docs/conformance.md shows it. */
export function conformanceTables(): string {
  const contracts = FAMILIES.flatMap((family) => family.contracts.map(({ sentence }) => [family.title, sentence]));
  const points = FAMILIES.flatMap((family) =>
    family.points.map((one) => [`\`${one.switch}\``, one.question, `\`${shown(ASSUMED[one.switch])}\``]),
  );
  const notProbed = NOT_PROBED.map((one) => [`\`${one.switch}\``, one.why]);
  return [
    '### Roles',
    markdownTable([['service', 'roles', 'why'], ...ROLES]),
    '### Contracts',
    markdownTable([['about', 'what must hold'], ...contracts]),
    '### Open points that are probed',
    markdownTable([['switch', 'question', 'assumed'], ...points]),
    '### Open points that are not probed',
    markdownTable([['switch', 'why not: it'], ...notProbed]),
  ].join('\n\n');
}
