import { readFileSync, readdirSync } from 'node:fs';
import { build } from 'esbuild';
import { describe, expect, expectTypeOf, it } from 'vitest';
import { LOG_EVENTS, LOG_TOPICS, logEventOf } from '../../shared/runtime/log-events.ts';
import type { LogEvent } from '../../shared/runtime/log-events/event.ts';
import { FIELDS_OF_CONTEXT, FIELDS_OF_EVERY_LINE, LOG_FIELDS } from '../../shared/runtime/log-events/fields.ts';
import type { LogField } from '../../shared/runtime/log-events/fields.ts';
import { createLog } from '../../shared/runtime/log.ts';
import { logCalls, productSources } from '../support/log-calls.ts';
import type { LogCall } from '../support/log-calls.ts';

const EVENTS: [string, LogEvent][] = Object.entries(LOG_EVENTS);
const FIELDS: [string, LogField][] = Object.entries(LOG_FIELDS);
const textOf = (file: string) => readFileSync(file, 'utf8');

/** Names of events in what a file assigns to that constant. */
const namesIn = (file: string, constant: string): string[] => {
  const [, block = ''] = new RegExp(`const ${constant}\\b[^=]*= \\{(.*?)\\n\\}`, 's').exec(textOf(file)) ?? [];
  return (block.match(/\b[a-z]+(_[a-z]+)+\b/g) ?? []).filter((word) => logEventOf(word));
};

/** Where an expression says the event: the events that it can be. A new one is added here. */
const COMPUTED: Record<string, string[]> = {
  'DONE_EVENTS[step.step]': namesIn('shared/rotation/step-log.ts', 'DONE_EVENTS'),
  finding: namesIn('functions/handle-secret-event/handle.ts', 'MESSAGES'),
};

const eventsOf = ({ event, expression }: LogCall): string[] =>
  event === null ? (COMPUTED[expression] ?? []) : [event];

/** The levels of a call; of a computed one those that its expression, or what that was assigned, can give. */
function levelsOf({ file, level }: LogCall): string[] {
  if (!level.startsWith('[')) return [level];
  const name = /^\[(\w+)\]$/.exec(level)?.[1];
  const expression = name ? (new RegExp(`const ${name} = ([^;]+);`).exec(textOf(file))?.[1] ?? '') : level;
  return [...expression.matchAll(/[?:] '(\w+)'/g)].map(([, found = '']) => found);
}

describe('the catalogue of log events', () => {
  const calls = logCalls();

  it('has each event that is logged, at that level', () => {
    const wrong = calls.flatMap((call) => {
      const events = eventsOf(call);
      const levels = levelsOf(call);
      if (events.length === 0 || levels.length === 0) return [`${call.file}: ${call.level} ${call.expression}`];
      return events
        .filter((name) => !levels.every((level) => (logEventOf(name)?.levels as string[] | undefined)?.includes(level)))
        .map((name) => `${call.file}: ${levels.join(', ')} ${name}`);
    });
    expect(wrong).toEqual([]);
  });

  it('has no event that is not logged, and no level at which it is not', () => {
    const used = new Set(
      calls.flatMap((call) => eventsOf(call).flatMap((name) => levelsOf(call).map((level) => `${level} ${name}`))),
    );
    const dead = EVENTS.flatMap(([name, { levels }]) => levels.map((level) => `${level} ${name}`));
    expect(dead.filter((one) => !used.has(one))).toEqual([]);
  });

  it('was held against every call of a log in the sources', () => {
    const simple = /\blog(\.(debug|info|warn|error)|\[[^\]]+\])\(|\}\)\.(debug|info|warn|error)\('/g;
    const count = productSources().reduce((sum, file) => sum + (textOf(file).match(simple) ?? []).length, 0);
    expect(calls).toHaveLength(count);
    expect(count).toBeGreaterThan(90);
  });

  it('has each event in one topic', () => {
    const names = LOG_TOPICS.flatMap(({ events }) => Object.keys(events));
    expect(names.toSorted()).toEqual(Object.keys(LOG_EVENTS).toSorted());
    expect(names.filter((name) => !/^[a-z]+(_[a-z]+)+$/.test(name))).toEqual([]);
  });

  it('says of each event when it is written and, unless all is well, what to do', () => {
    const isSentence = (text: string) => /^[A-Z`].*\.$/s.test(text);
    const untold = EVENTS.filter(([, { levels, when, toDo }]) => {
      const isQuiet = levels.every((level) => level === 'debug' || level === 'info');
      return !isSentence(when) || !(isSentence(toDo) || (isQuiet && toDo === ''));
    });
    expect(untold.map(([name]) => name)).toEqual([]);
    expect(FIELDS.filter(([, { meaning }]) => !isSentence(meaning)).map(([name]) => name)).toEqual([]);
  });

  it('counts as a failure whatever is an error', () => {
    const errors = EVENTS.filter(([, { levels }]) => levels.includes('error'));
    expect(errors.filter(([, { isFailure }]) => !isFailure).map(([name]) => name)).toEqual([]);
  });

  it('has no field that no event has, none twice for one event, and a unit where a name tells of one', () => {
    const common: string[] = [...FIELDS_OF_EVERY_LINE, ...FIELDS_OF_CONTEXT];
    const used = EVENTS.map(([, { always = [], sometimes = [] }]) => [...always, ...sometimes] as string[]);
    const known = new Set([...common, ...used.flat()]);
    expect(FIELDS.filter(([name]) => !known.has(name)).map(([name]) => name)).toEqual([]);
    expect(used.filter((names) => new Set(names).size < names.length)).toEqual([]);
    expect(FIELDS.filter(([name, { unit }]) => name.endsWith('Ms') !== (unit === 'ms')).map(([name]) => name)).toEqual(
      [],
    );
  });

  it('is in no bundle of a function', async () => {
    const names = readdirSync('functions');
    const { metafile, outputFiles } = await build({
      entryPoints: names.map((name) => `functions/${name}/handler.ts`),
      outdir: 'nowhere',
      bundle: true,
      packages: 'external',
      platform: 'node',
      format: 'cjs',
      metafile: true,
      write: false,
      logLevel: 'silent',
    });
    const inputs = Object.keys(metafile.inputs);
    expect(outputFiles).toHaveLength(names.length);
    expect(inputs).toContain('shared/runtime/log.ts');
    expect(inputs.filter((file) => file.includes('log-events'))).toEqual([]);
    const text = outputFiles.map((file) => file.text).join('\n');
    expect(EVENTS.filter(([, { when }]) => text.includes(when)).map(([name]) => name)).toEqual([]);
  });
});

describe('what is given to a log', () => {
  const lines: string[] = [];
  const clock = { nowMs: () => 0, sleep: () => Promise.reject(new Error('a log never waits')) };
  const log = createLog({ clock, write: (line) => lines.push(line) });

  it('is checked by the compiler: the name of the event, its fields, their types, and those of a log', () => {
    // @ts-expect-error no such event
    log.info('key_mintd', '');
    // @ts-expect-error `keyId` is missing
    log.info('key_stored', '', { op: 'k7q2m4x9c1ab' });
    // @ts-expect-error a field of another event
    log.info('key_imported', '', { keyId: 'ApiKey-1', tookMs: 1 });
    // @ts-expect-error of another type
    log.info('key_imported', '', { keyId: 1 });
    // @ts-expect-error it may not be null
    log.info('leak_dry_run', '', { keyId: null, incident: '', elapsedMs: 1, decision: '' });
    // @ts-expect-error no field that lines have by where they are written
    log.with({ keyId: 'ApiKey-1' });
    log.with({ key: null }).info('key_held', '', { step: 'hold', code: 'grace', since: null, until: null });
    log.warn('former_secret_used', '');
    expectTypeOf(log.with).parameter(0).not.toBeAny();
    expect(lines).toHaveLength(7);
  });
});
