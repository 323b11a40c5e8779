/** One family of metrics, as a strict reader understands it. */
export interface MetricFamily {
  type: string;
  help: string;
  unit: string;
  samples: { name: string; labels: Record<string, string>; value: number }[];
}

const NAME = '[a-zA-Z_:][a-zA-Z0-9_:]*';
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(?:,|$)/;
const NUMBER = /^-?(?:\d+(?:\.\d+)?(?:e[+-]?\d+)?)$/;

/**
 * Reads text as OpenMetrics 1.0 has it, as far as gauges and infos go, and refuses whatever is not allowed there.
 * https://prometheus.io/docs/specs/om/open_metrics_spec/
 */
export function readOpenMetrics(text: string): Map<string, MetricFamily> {
  if (!text.endsWith('# EOF\n')) throw new Error('it must end with # EOF and a line end');
  const families = new Map<string, MetricFamily>();
  let current: [string, MetricFamily] | null = null;
  for (const line of text.slice(0, -'# EOF\n'.length).split('\n').slice(0, -1)) {
    const [, kind, name = '', rest = ''] = new RegExp(`^# (TYPE|UNIT|HELP) (${NAME}) (.*)$`).exec(line) ?? [];
    if (kind === 'TYPE') {
      if (families.has(name)) throw new Error(`${name} comes twice`);
      if (!['gauge', 'info'].includes(rest)) throw new Error(`${name}: no such type: ${rest}`);
      current = [name, { type: rest, help: '', unit: '', samples: [] }];
      families.set(...current);
    } else if (kind !== undefined) {
      if (current?.[0] !== name) throw new Error(`${line}: does not stand with its family`);
      if (current[1].samples.length > 0) throw new Error(`${line}: must stand before the samples`);
      if (kind === 'UNIT' && !name.endsWith(`_${rest}`)) throw new Error(`${name} must end with its unit ${rest}`);
      if (/(?<!\\)(?:\\\\)*\\(?![\\n"])/.test(rest)) throw new Error(`${line}: a backslash is not escaped`);
      current[1][kind === 'UNIT' ? 'unit' : 'help'] = rest;
    } else {
      if (!current) throw new Error(`${line}: belongs to no family`);
      current[1].samples.push(readSample(line, ...current));
    }
  }
  return families;
}

function readSample(line: string, familyName: string, { type, samples }: MetricFamily) {
  const [, name = '', , inner = '', number = ''] = new RegExp(`^(${NAME})(\\{(.*)\\})? (\\S+)$`).exec(line) ?? [];
  if (name !== (type === 'info' ? `${familyName}_info` : familyName)) throw new Error(`${line}: not of ${familyName}`);
  if (!NUMBER.test(number)) throw new Error(`${line}: ${number} is no number`);
  const labels: Record<string, string> = {};
  for (let left = inner; left !== '';) {
    const match = LABEL.exec(left);
    if (!match) throw new Error(`${line}: ${left} is no label`);
    const [whole, label = '', value = ''] = match;
    if (label in labels) throw new Error(`${line}: ${label} comes twice`);
    labels[label] = value.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped));
    left = left.slice(whole.length);
  }
  const key = JSON.stringify(labels);
  if (samples.some((one) => JSON.stringify(one.labels) === key)) throw new Error(`${line}: comes twice`);
  return { name, labels, value: Number(number) };
}
