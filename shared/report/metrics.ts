import { SEVERITIES } from '../findings/finding.ts';
import { STATES } from './fleet-data.ts';
import type { Level, IncidentRecord } from './fleet-data.ts';
import type { FleetReport } from './fleet-report.ts';

/** https://prometheus.io/docs/specs/om/open_metrics_spec/ */
export const METRICS_TYPE = 'application/openmetrics-text; version=1.0.0; charset=utf-8';

/** So many keys have series of their own, the most urgent first; all are counted. */
export const MOST_KEYS = 500;

/** One family of metrics. */
interface Metric {
  name: string;
  type: 'gauge' | 'info';
  /** The last word of its name; empty where it counts things. */
  unit: 'seconds' | '';
  labels: readonly string[];
  help: string;
  samples: (report: FleetReport) => Iterable<Sample>;
}

interface Sample {
  /** In the order of the metric's labels. */
  labels?: readonly string[];
  value: number;
}

const LEVELS: readonly Level[] = ['critical', 'high', 'watch'];
const PHASES = ['reported', 'contained', 'replaced', 'over', 'dismissed'] as const;

/** Every metric, in the order in which they are told. `docs/report.md` lists them. */
export const METRICS: readonly Metric[] = [
  {
    name: 'keyrota_deployment',
    type: 'info',
    unit: '',
    labels: ['deployment'],
    help: 'The installation that this is about.',
    samples: ({ deployment }) => [{ labels: [deployment], value: 1 }],
  },
  {
    name: 'keyrota_report_time_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When this was seen, since the epoch.',
    samples: ({ generatedAt }) => [{ value: secondsOf(generatedAt) }],
  },
  {
    name: 'keyrota_report_duration_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'How long it took to see it.',
    samples: ({ tookMs }) => [{ value: tookMs / 1_000 }],
  },
  {
    name: 'keyrota_report_complete',
    type: 'gauge',
    unit: '',
    labels: [],
    help: '1 where all could be seen that it takes to say that all is well; else 0, and the others may be too low.',
    samples: ({ unseen }) => [{ value: unseen.some(({ isEssential }) => isEssential) ? 0 : 1 }],
  },
  {
    name: 'keyrota_attention',
    type: 'gauge',
    unit: '',
    labels: ['level'],
    help: 'What a person has to do (critical, high) or to keep an eye on (watch).',
    samples: ({ attention, attentionOmitted }) =>
      LEVELS.map((level, place) => ({
        labels: [level],
        // What there is no room for is the least urgent.
        value:
          attention.filter((one) => one.level === level).length + (place === LEVELS.length - 1 ? attentionOmitted : 0),
      })),
  },
  {
    name: 'keyrota_keys',
    type: 'gauge',
    unit: '',
    labels: ['state'],
    help: 'Entries of the manifest by how they stand.',
    samples: ({ counts }) => STATES.map((state) => ({ labels: [state], value: counts[state] })),
  },
  {
    name: 'keyrota_last_run_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When a run of rotate-keys was last noted, since the epoch; left out where that is not known.',
    samples: ({ lastRun }) => timeSample(lastRun.at),
  },
  {
    name: 'keyrota_last_check_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: [],
    help: 'When the account was last checked, since the epoch; left out where it never was, or that is not known.',
    samples: ({ lastCheck }) => timeSample(lastCheck.at),
  },
  {
    name: 'keyrota_findings',
    type: 'gauge',
    unit: '',
    labels: ['rule'],
    help: 'Findings of the last check by rule.',
    samples: ({ findings }) => Object.entries(findings.counts).map(([rule, value]) => ({ labels: [rule], value })),
  },
  {
    name: 'keyrota_findings_listed',
    type: 'gauge',
    unit: '',
    labels: ['severity'],
    help: 'Findings of the last check by severity, as far as there is room to remember them one by one: the worst.',
    samples: ({ findings: { listed } }) =>
      SEVERITIES.map((severity) => ({
        labels: [severity],
        value: listed.filter((found) => found.severity === severity).length,
      })),
  },
  {
    name: 'keyrota_incidents',
    type: 'gauge',
    unit: '',
    labels: ['phase'],
    help: 'Leaks that are remembered, by how far they have come.',
    samples: ({ incidents }) =>
      PHASES.map((phase) => ({ labels: [phase], value: incidents.filter((one) => phaseOf(one) === phase).length })),
  },
  {
    name: 'keyrota_key_needs_person',
    type: 'gauge',
    unit: '',
    labels: ['key', 'code'],
    help: '1 for an entry that asks for a person, or whose work fails.',
    samples: ({ rows }) =>
      rows
        .slice(0, MOST_KEYS)
        .flatMap(({ name, state, code }) =>
          state === 'ask' || state === 'failed' ? [{ labels: [name, code], value: 1 }] : [],
        ),
  },
  {
    name: 'keyrota_key_rotated_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: ['key'],
    help: 'When the current key was stored, since the epoch.',
    samples: ({ rows }) => ofKeys(rows, 'rotatedAt'),
  },
  {
    name: 'keyrota_key_next_due_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: ['key'],
    help: 'When the next rotation is due, since the epoch.',
    samples: ({ rows }) => ofKeys(rows, 'nextDue'),
  },
  {
    name: 'keyrota_key_dead_seconds',
    type: 'gauge',
    unit: 'seconds',
    labels: ['key'],
    help: 'Since when the current key does not work, since the epoch; left out while it works.',
    samples: ({ rows }) => ofKeys(rows, 'deadSince'),
  },
  {
    name: 'keyrota_keys_without_series',
    type: 'gauge',
    unit: '',
    labels: [],
    help: `Entries that have no series of their own: the most urgent ${MOST_KEYS} do.`,
    samples: ({ rows }) => [{ value: Math.max(rows.length - MOST_KEYS, 0) }],
  },
];

const secondsOf = (text: string): number => Date.parse(text) / 1_000;
const timeSample = (at: string | null): Sample[] => (at === null ? [] : [{ value: secondsOf(at) }]);

const ofKeys = (rows: FleetReport['rows'], field: 'rotatedAt' | 'nextDue' | 'deadSince'): Sample[] =>
  rows.slice(0, MOST_KEYS).flatMap(({ name, [field]: value }) => (value === null ? [] : [{ labels: [name], value }]));

/** How far a leak has come. */
export function phaseOf(incident: IncidentRecord): (typeof PHASES)[number] {
  if (incident.dismissed_at !== '') return 'dismissed';
  if (incident.deleted_at !== '') return 'over';
  if (incident.replaced_at !== '') return 'replaced';
  return incident.contained_at === '' ? 'reported' : 'contained';
}

/** All metrics as OpenMetrics has them. */
export function metricsText(report: FleetReport): string {
  return [...METRICS.flatMap((metric) => familyOf(metric, report)), '# EOF', ''].join('\n');
}

function familyOf({ name, type, unit, labels, help, samples }: Metric, report: FleetReport): string[] {
  const sampleName = type === 'info' ? `${name}_info` : name;
  const lines = [...samples(report)].map(({ labels: values = [], value }) => {
    const pairs = labels.map((label, place) => `${label}="${escaped(values[place] ?? '')}"`).join(',');
    return `${sampleName}${pairs === '' ? '' : `{${pairs}}`} ${value}`;
  });
  const unitLine = unit === '' ? [] : [`# UNIT ${name} ${unit}`];
  return [`# TYPE ${name} ${type}`, ...unitLine, `# HELP ${name} ${escaped(help)}`, ...lines];
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
