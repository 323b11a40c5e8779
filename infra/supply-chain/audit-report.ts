import { z } from 'zod';
import { UnknownError } from './fault.ts';
import { jsonOf } from './json.ts';

export const SEVERITIES = ['critical', 'high', 'moderate', 'low', 'info'] as const;
const Severity = z.enum(SEVERITIES);

/** A text of the registry, which must not steer a terminal. */
const Plain = z.string().transform((text) => text.replaceAll(/\p{Cc}/gu, ' '));

const Advisory = z.object({ source: z.number(), title: Plain, url: Plain, severity: Severity, range: Plain });

const Fix = z.union([z.boolean(), z.object({ name: z.string(), version: z.string(), isSemVerMajor: z.boolean() })]);

/** What `npm audit --json` writes since npm 7: https://docs.npmjs.com/cli/commands/npm-audit */
const Report = z.object({
  auditReportVersion: z.literal(2),
  vulnerabilities: z.record(
    z.string(),
    z.object({
      name: z.string(),
      via: z.array(z.union([z.string(), Advisory])),
      nodes: z.array(z.string()),
      fixAvailable: Fix,
    }),
  ),
  metadata: z.object({ dependencies: z.object({ total: z.number() }) }),
});

/** And when nobody answers it. */
const Failure = z.object({
  message: z.string().optional(),
  error: z.object({ code: z.string().optional(), summary: z.string(), detail: z.string() }),
});

/** A known vulnerability of a package that is locked. */
export interface Vulnerability {
  /** Such as `GHSA-…`; where the registry has none of these, its own number. */
  advisory: string;
  title: string;
  url: string;
  severity: z.infer<typeof Severity>;
  package: string;
  /** The versions that have it. */
  range: string;
  /** Where the package is, by path in the lock file. */
  paths: readonly string[];
  fix: z.infer<typeof Fix>;
}

/**
 * The vulnerabilities that an audit found: of packages that have them, not of all that only bring these in.
 * @throws UnknownError where the audit was not answered, is not understood, or did not look at all packages.
 */
export function vulnerabilitiesIn(output: string, lockedCount: number): Vulnerability[] {
  const answer = jsonOf(output);
  const failure = Failure.safeParse(answer);
  if (failure.success) throw new UnknownError(whyFailed(failure.data));
  const report = Report.safeParse(answer);
  if (!report.success)
    throw new UnknownError(`npm audit wrote what is not understood:\n${z.prettifyError(report.error)}`);
  const { vulnerabilities, metadata } = report.data;
  const { total } = metadata.dependencies;
  if (total < lockedCount) throw new UnknownError(`npm audit asked about ${total} of ${lockedCount} locked packages`);
  return Object.values(vulnerabilities).flatMap(({ name, via, nodes, fixAvailable: fix }) =>
    via.flatMap((one) => {
      if (typeof one === 'string') return [];
      const { source, title, url, severity, range } = one;
      const advisory = /GHSA(-[2-9a-z]{4}){3}/.exec(url)?.[0] ?? String(source);
      return [{ advisory, title, url, severity, package: name, range, paths: nodes.toSorted(), fix }];
    }),
  );
}

function whyFailed({ message, error }: z.infer<typeof Failure>): string {
  const why = [message, error.code, error.summary, error.detail].filter(Boolean).join(' ');
  return (
    `the registry did not answer the audit: ${why || 'npm gives no reason'}\n` +
    'So nothing is known of vulnerabilities. Ask a registry that answers: npm run vulnerabilities --registry=URL'
  );
}
