import { markdownTable } from '../../../infra/operator/markdown-table.ts';
import { rightsOfKinds } from './rights.ts';
import type { Actor, Right, UsedRights } from './used-rights.ts';

interface Sort {
  /** What it is about. */
  on: string;
  why: string;
}

/** What is said of each sort of policy, by the middle of its name; by the name of the function as well where that differs. */
const SORTS: Readonly<Record<string, Sort>> = {
  secrets: {
    on: 'each secret group of the manifest',
    why: 'versions, marks and locks; the logins of users; the ledger',
  },
  'respond-to-compromise/secrets': { on: 'each secret group of an entry', why: 'finding the key, marking its version' },
  'check-expiry/secrets': { on: 'the whole instance', why: 'all secrets, without values' },
  'show-report/secrets': { on: 'each secret group of the manifest', why: 'what secrets tell of themselves' },
  ledger: { on: 'the secret group of the ledger', why: 'what was found' },
  logins: { on: 'the secret group of logins', why: 'logging in as users' },
  'service-id': { on: 'each service ID of an entry', why: 'making, disabling and deleting its keys' },
  'respond-to-compromise/service-id': { on: 'each service ID of an entry', why: 'disabling and marking its keys' },
  'key-lists': { on: 'the account', why: 'keys by name, id and state; never a value' },
  policies: { on: 'each service in `grants`', why: 'whether an identity has the roles that its consumers need' },
  instance: { on: 'each instance of an entry', why: 'making, seeing and deleting credentials and logging keys' },
  'show-report/instance': { on: 'each instance with a credential', why: 'the story of one key' },
  identities: { on: 'the account', why: 'service IDs, keys, policies, limits; when keys were used' },
  services: { on: 'all services', why: 'service credentials of the account, and policies' },
  users: { on: 'the account', why: 'names of users' },
  notices: { on: 'the instance that notices go to', why: 'telling people, where that goes to Event Notifications' },
  provision: { on: 'the service that the entry grants', why: 'the service ID, its policies and its first key' },
};

const ORDER = Object.keys(SORTS);

/** The module takes roles of credentials from the manifest. */
const OF_CREDENTIAL = 'that of the credential';

/** Which instances a role is for, where it is not for all of them. */
const INSTANCES: Readonly<Record<string, string>> = {
  Manager: 'each instance with a logging key',
  [OF_CREDENTIAL]: 'each instance with a credential',
};

const sortOf = ({ key }: Right): string => key.split('/')[1] ?? '';

/** @throws Error for a policy that nobody has said anything of. */
function wordsOf(right: Right): Sort {
  const { key } = right;
  const [name = '', sort = ''] = key.split('/');
  const found = SORTS[`${name}/${sort}`] ?? SORTS[sort];
  if (!found) throw new Error(`test/terraform/support/permission-tables.ts says nothing of policies such as ${key}`);
  return { ...found, on: (sort === 'instance' && INSTANCES[roleOf(right)]) || found.on };
}

function roleOf(right: Right): string {
  const isFixed = sortOf(right) !== 'instance' || ['Viewer', 'Operator', 'Manager'].includes(right.role);
  return isFixed ? right.role : OF_CREDENTIAL;
}

/** As people name the services. */
const SERVICES: Readonly<Record<string, string>> = {
  'secrets-manager': 'Secrets Manager',
  'iam-identity': 'IAM Identity',
  'event-notifications': 'Event Notifications',
  'user-management': 'User Management',
};

function serviceOf(right: Right): string {
  if (['instance', 'policies', 'provision'].includes(sortOf(right)) && !SERVICES[right.service ?? '']) return 'its own';
  if (right.service === null) return 'all';
  return SERVICES[right.service] ?? right.service;
}

/** The rights of a function, those that differ only in what they are about as one. */
function rowsOf({ name, rights }: Actor): string[][] {
  const groups = Map.groupBy(rights, (right) => [sortOf(right), roleOf(right)].join(' '));
  const firsts = [...groups.values()].flatMap(([first]) => first ?? []);
  return firsts
    .toSorted((one, other) => placeOf(one) - placeOf(other))
    .map((right) => {
      const { on, why } = wordsOf(right);
      const isLedger = name === 'show-report' && right.role === 'SecretsReader';
      const about = isLedger
        ? ['the secret group of the ledger', 'the ledger: the one value that it reads']
        : [on, why];
      return [`\`${name}\``, serviceOf(right), roleOf(right), ...about];
    });
}

const placeOf = (right: Right): number => ORDER.indexOf(sortOf(right));

/** What each function may do, and why. */
const functionTable = (functions: readonly Actor[]): string =>
  markdownTable([
    ['function', 'service', 'role', 'on', 'why'],
    ...functions.flatMap((one) =>
      one.rights.length > 0 ? rowsOf(one) : [[`\`${one.name}\``, 'none', '', '', 'it calls nothing of IBM Cloud']],
    ),
  ]);

const pathIn = (call: string): string => call.split(' ')[1] ?? '';

/** Which call took which role, by function. */
function callTable(functions: readonly Actor[], used: UsedRights): string {
  const callers = functions.filter(({ rights }) => rights.length > 0);
  const rolesOf = ({ name, rights }: Actor, call: string) => {
    const taken = rights.filter((right) => used.callsOf(name, right).includes(call));
    return [...new Set(taken.map(roleOf))].toSorted().join(', ');
  };
  const all = new Set(callers.flatMap(({ name, rights }) => rights.flatMap((right) => used.callsOf(name, right))));
  const sorted = [...all].toSorted(
    (one, other) => pathIn(one).localeCompare(pathIn(other)) || one.localeCompare(other),
  );
  return markdownTable([
    ['call', ...callers.map(({ name }) => `\`${name}\``)],
    ...sorted.map((call) => [`\`${call}\``, ...callers.map((one) => rolesOf(one, call))]),
  ]);
}

/** Functions whose rights follow from the kinds of the entries, and those rights. */
const BY_KIND = ['rotate-keys', 'respond-to-compromise', 'show-report'];
const SORTS_BY_KIND = ['service-id', 'key-lists', 'policies', 'instance'];

/** What an entry of each kind adds to what the functions have anyway. */
function kindTable(): string {
  const rows = [...rightsOfKinds()].map(([kind, rights]) => {
    const cells = BY_KIND.map((name) => {
      const own = rights.filter((one) => one.key.startsWith(`${name}/`) && SORTS_BY_KIND.includes(sortOf(one)));
      return [...new Set(own.map((one) => `${roleOf(one)} on ${wordsOf(one).on}`))].join('; ');
    });
    return [`\`${kind}\``, ...cells.map((cell) => (cell === '' ? 'nothing' : cell))];
  });
  return markdownTable([['kind', ...BY_KIND.map((name) => `\`${name}\``)], ...rows]);
}

/** Somebody at a command line, the commands that they gave, and what the groups of secrets are for, by their ids. */
export interface AtWork {
  actor: Actor;
  commands: readonly string[];
  groups: ReadonlyMap<string, string>;
}

/** Each has what those before it have. */
const LADDER = ['Reader', 'SecretsReader', 'Writer'];

const COLUMNS = ['Secrets Manager', 'IAM Identity'];

/** What each command took. */
function commandTable(people: readonly AtWork[], used: UsedRights): string {
  const rows = people.flatMap(({ actor, commands, groups }) => {
    const about = (right: Right) => groups.get(right.resource ?? '') ?? wordsOf(right).on;
    return commands.map((command) => {
      const taken = actor.rights.filter((right) => used.callsOf(command, right).length > 0);
      const isEnough = (right: Right) =>
        !taken.some((one) => about(one) === about(right) && LADDER.indexOf(one.role) > LADDER.indexOf(right.role));
      const cellOf = (rights: readonly Right[]) => {
        const byRole = Map.groupBy(rights, roleOf);
        const told = [...byRole].map(([role, own]) => `${role} on ${[...new Set(own.map(about))].join(' and ')}`);
        return told.length === 0 ? 'nothing' : told.join('; ');
      };
      const ofColumns = COLUMNS.map((service) => taken.filter((right) => serviceOf(right) === service));
      const [secrets = [], ...more] = ofColumns;
      const others = taken.filter((right) => !COLUMNS.includes(serviceOf(right)));
      return [`\`${command}\``, ...[secrets.filter(isEnough), ...more, others].map(cellOf)];
    });
  });
  return markdownTable([['command', ...COLUMNS, 'others'], ...rows]);
}

const BEGIN = '<!-- made by test/terraform/least-privilege.test.ts: begin -->';
const END = '<!-- end -->';

/** The page with its tables as they are now. @throws Error where it does not have both markers. */
export function pageWith(
  page: string,
  functions: readonly Actor[],
  people: readonly AtWork[],
  used: UsedRights,
): string {
  const [before, rest, ...more] = page.split(BEGIN);
  const end = rest?.indexOf(END) ?? -1;
  if (rest === undefined || end < 0 || more.length > 0)
    throw new Error(`the page needs ${BEGIN} once, and ${END} after it`);
  const made = [
    '## What each function may do',
    functionTable(functions),
    '## What each kind of entry adds',
    kindTable(),
    '## Which call takes which role',
    callTable(functions, used),
    '## What the commands need',
    commandTable(people, used),
  ];
  return `${before}${BEGIN}\n\n${made.join('\n\n')}\n\n${rest.slice(end)}`;
}
