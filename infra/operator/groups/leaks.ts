import { Option } from 'commander';
import type { CommandGroup, CommandSpec } from '../command-spec.ts';
import { EXIT } from '../commands.ts';
import type { ContainOptions } from '../contain/command.ts';
import type { ExportOptions } from '../export-incident.ts';
import { LOCATORS } from '../locators.ts';
import type { ReportLeakOptions } from '../report-leak.ts';

const contain: CommandSpec = {
  name: 'contain',
  description: 'put a key that leaked out of use at once, and store another one in its place',
  details: [
    'The same response as to a report that comes from outside, with your own login: the key is disabled, marked at its issuer and in Secrets Manager, people are told, and it is replaced by a run that begins at once. Without `--key-id` it means the key that is current now. Where it is cut off, the timer goes on. To go on by hand, name the key with `--key-id`: by then another one may be current.',
    'What the manifest says of reports holds here too: `incidents.dryRun`, `incidents.perHour`, and `incidents.senders.operator`. Where Keyrota itself runs on the key, have it started with the next one at once; the key that the command is logged in with works until then.',
    'It ends with 0 when the key is out of use and replaced, with 3 when a person must go on, and with 1 otherwise.',
  ],
  examples: [
    { line: 'npm run keyrota -- contain cloud-logs-ingest --dry-run', does: 'what would be done' },
    { line: 'npm run keyrota -- contain cloud-logs-ingest --yes', does: 'the current key, without a question' },
    {
      line: 'npm run keyrota -- contain cloud-logs-ingest --key-id ApiKey-22222222-3333-4444-8555-666666666666',
      does: 'a former key',
    },
  ],
  asks: 'It asks first.',
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the entry')
      .option('--key-id <id>', 'a former key of the entry, for example ApiKey-…; default: the current one')
      .option('--dry-run', 'only say what would be done')
      .action((name: string, options: ContainOptions) =>
        run(async () => (await import('../contain/command.ts')).containCommand(name, options)),
      ),
};

const reportLeak: CommandSpec = {
  name: 'report-leak',
  description: 'report the current key of an entry as leaked, and follow until it is replaced',
  details: [
    'The report goes to the function respond-to-compromise, signed by Standard Webhooks with KEYROTA_INCIDENT_SECRET or as the running demo says: it tries the whole way that reports take. The key stops working at once.',
  ],
  examples: [
    { line: 'npm run keyrota -- report-leak cloud-logs-ingest --yes', does: 'in the demo' },
    {
      line: 'npm run keyrota -- report-leak cloud-logs-ingest --by secret-crn --yes --json',
      does: 'the secret is what the report names',
    },
  ],
  asks: 'It asks first.',
  looks: true,
  define: (command, run) =>
    command
      .argument('<name>', 'the key')
      .addOption(new Option('--by <what>', 'what the report names the key by').choices(LOCATORS).default('id'))
      .option('--url <url>', "address of the function respond-to-compromise; default: the running demo's")
      .action((name: string, options: ReportLeakOptions) =>
        run(async () => (await import('../report-leak.ts')).reportLeakCommand(name, options)),
      ),
};

const exportOne: CommandSpec = {
  name: 'export',
  description: 'write all that is known of an incident into one JSON file',
  details: ['An export is evidence: no file is written over.'],
  examples: [
    { line: 'npm run keyrota -- export incident-0123456789abcdef', does: 'into incident-0123456789abcdef.json' },
    { line: 'npm run keyrota -- export incident-0123456789abcdef --out leak.json', does: 'into another file' },
  ],
  asks: null,
  looks: true,
  define: (command, run) =>
    command
      .argument('<incident>', 'its id, as the answer to the report, log lines and notices name it')
      .option('--out <file>', 'file to write, which must not exist; default: the id, with .json')
      .action((incident: string, options: ExportOptions) =>
        run(async () => {
          const { exportIncident } = await import('../export-incident.ts');
          await exportIncident(incident, options);
          return EXIT.done;
        }),
      ),
};

/** When a key leaked. */
export const LEAKS: CommandGroup = { title: 'When a key leaks', commands: [contain, reportLeak, exportOne] };
