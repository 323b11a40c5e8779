import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KeyrotaError } from '../../shared/runtime/errors.ts';
import { LOG_LEVELS, createLog } from '../../shared/runtime/log.ts';
import type { LogOptions } from '../../shared/runtime/log.ts';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { untyped } from '../support/untyped-log.ts';
import type { UntypedLog } from '../support/untyped-log.ts';

const NOW_MS = Date.UTC(2026, 0, 5, 8);
const clock = { nowMs: () => NOW_MS, sleep: () => Promise.reject(new Error('a log never waits')) };

/** The lines that `use` writes. */
function linesOf(use: (log: UntypedLog) => void, options: Partial<LogOptions> = {}): string[] {
  const lines: string[] = [];
  use(untyped(createLog({ clock, write: (line) => lines.push(line), level: 'debug', ...options })));
  return lines;
}

/** The one line that `use` writes, as the object that a reader makes of it. */
function recordOf(use: (log: UntypedLog) => void): Record<string, unknown> {
  const [line = '', ...more] = linesOf(use);
  expect(more).toEqual([]);
  return JSON.parse(line) as Record<string, unknown>;
}

// oxlint-disable-next-line no-control-regex
const ANY_CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;
const KEY_SHAPED = 'aB3_'.repeat(11);

describe('a log line', () => {
  it('is one JSON object: level, event, message, time, then the fields', () => {
    const [line] = linesOf((log) => log.warn('key_held', 'waits for its grace', { key: 'ingest', tookMs: 12 }));
    expect(line).toBe(
      '{"level":"warn","event":"key_held","message":"waits for its grace","at":"2026-01-05T08:00:00.000Z","key":"ingest","tookMs":12}',
    );
  });

  it('says its own level, event, message and time, whatever fields are called', () => {
    const forged = { level: 'debug', event: 'another', message: 'another', at: 'another', kept: 1 };
    const record = recordOf((log) => log.with(forged).warn('an_event', 'its own', forged));
    const own = { level: 'warn', event: 'an_event', message: 'its own', at: '2026-01-05T08:00:00.000Z' };
    expect(record).toEqual({ ...own, kept: 1 });
    const many = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`field${index}`, 'x'.repeat(3_000)]));
    expect(recordOf((log) => log.warn('an_event', 'its own', { ...forged, ...many }))).toMatchObject(own);
  });

  it('stays one line, and one JSON object, whatever is logged', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withTypedArray: true,
      withSparseArray: true,
      withObjectString: true,
      key: fc.string({ unit: 'binary' }),
      values: [fc.string({ unit: 'binary' }), fc.double(), fc.boolean(), fc.constant(undefined)],
    });
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), anything, (message, field) => {
        const lines = linesOf((log) => log.info('an_event', message, { field, error: new Error(message) }));
        expect(lines).toHaveLength(1);
        expect(lines[0]).not.toMatch(ANY_CONTROL);
        expect(JSON.parse(lines[0] ?? '')).toMatchObject({ level: 'info', event: 'an_event' });
      }),
    );
  });

  it('cannot be forged by a line end in a message, a field, its name or an error', () => {
    const forged = 'ok\n{"level":"info","event":"key_deleted"}\r\n\u2028{"level":"error"}\u2029\u0085';
    const lines = linesOf((log) =>
      log.info('an_event', forged, { field: forged, [forged]: 1, error: new Error(forged), list: [forged] }),
    );
    expect(lines.join('\n').split(/[\r\n\u2028\u2029\u0085]/)).toHaveLength(1);
  });

  it('gives the text back as it was: controls are escaped, not lost', () => {
    const text = 'a\u0000b\u001b[31mc\u2028d\u007fe"f\\g';
    expect(recordOf((log) => log.info('an_event', text, { text }))).toMatchObject({ message: text, text });
  });

  it('cuts a text that is too long, and says so', () => {
    const text = 'x '.repeat(500_000);
    const { message, field, error, list } = recordOf((log) =>
      log.info('an_event', text, { field: text, error: new Error(text), list: [{ text }] }),
    );
    for (const shown of [message, field, (error as Error).message, (list as { text: string }[])[0]?.text]) {
      expect(String(shown)).toMatch(/ \[cut\]$/);
      expect(String(shown).length).toBeLessThan(4_100);
    }
  });

  it('masks a key before it cuts, so that no half of one is left', () => {
    const text = `${'x'.repeat(3_970)} ${KEY_SHAPED} end`;
    const lines = linesOf((log) => log.info('an_event', text, { text, error: new Error(text) }));
    expect(lines.join()).not.toContain('aB3_');
    expect(lines.join()).toContain('[redacted]');
  });

  it('comes to an end with fields that hold themselves', () => {
    const circular: Record<string, unknown> = { name: 'outer' };
    circular['self'] = circular;
    circular['list'] = [circular];
    const error = new Error('round and round');
    error.cause = error;
    const [line] = linesOf((log) => log.info('an_event', 'circular', { circular, error }));
    expect(line).toContain('[deeper]');
    expect(line).toContain('round and round');
  });

  it('says of a field that cannot be read that it is unreadable, and shows the others', () => {
    const thrower = {
      get field(): string {
        throw new Error('no reading');
      },
      beside: 1,
    };
    const trap = new Proxy(
      {},
      {
        ownKeys: () => {
          throw new Error('no listing');
        },
      },
    );
    const record = recordOf((log) => log.info('an_event', 'odd', { thrower, trap, list: [1, thrower], other: 2 }));
    expect(record).toMatchObject({
      thrower: { field: '[unreadable]', beside: 1 },
      trap: '[unreadable]',
      list: [1, { field: '[unreadable]' }],
      other: 2,
    });
  });

  it('shows of an object of a class its name alone, and of a function that it is one', () => {
    class Holder {
      readonly held = 'a-made-up-value';
      toJSON = () => this.held;
      toString = () => this.held;
    }
    const headers = new Headers({ authorization: 'a-made-up-value' });
    const fields = {
      holder: new Holder(),
      headers,
      map: new Map([['key', 'a-made-up-value']]),
      bytes: Buffer.from('a-made-up-value'),
      date: new Date(0),
      run: () => 'a-made-up-value',
      list: [new Holder()],
    };
    for (const format of ['json', 'text'] as const) {
      expect(linesOf((log) => log.info('an_event', 'objects', fields), { format }).join()).not.toContain('made-up');
    }
    expect(recordOf((log) => log.info('an_event', 'objects', fields))).toMatchObject({
      holder: '[Holder]',
      headers: '[Headers]',
      map: '[Map]',
      bytes: '[Buffer]',
      date: '[Date]',
      run: '[function]',
      list: ['[Holder]'],
    });
  });

  it('shows a field four levels deep, and says that there is more', () => {
    const { a } = recordOf((log) => log.info('an_event', 'deep', { a: { b: { c: { d: { e: { f: 1 } } } } } }));
    expect(a).toEqual({ b: { c: { d: { e: '[deeper]' } } } });
  });

  it('shows whole numbers of any size as text, and leaves out what has no value', () => {
    const record = recordOf((log) => log.info('an_event', 'kinds', { big: 2n ** 80n, nothing: undefined, none: null }));
    expect(record).toMatchObject({ big: '1208925819614629174706176', none: null });
    expect(record).not.toHaveProperty('nothing');
  });
});

describe('a log line that is too long for a record of IBM Cloud Logs', () => {
  const LONGEST_BYTES = 30_000;
  const lineOf = (fields: object, message = 'too much') =>
    linesOf((log) => log.with({ key: 'ingest' }).error('an_event', message, { ...fields })).join('\n');
  const texts = (count: number, text: string) => Array.from({ length: count }, () => text);

  it('is whole up to 30,000 bytes', () => {
    const room = LONGEST_BYTES - Buffer.byteLength(lineOf({ list: texts(9, 'x'.repeat(3_000)), rest: '' }));
    const longest = lineOf({ list: texts(9, 'x'.repeat(3_000)), rest: 'x'.repeat(room) });
    expect(Buffer.byteLength(longest)).toBe(LONGEST_BYTES);
    expect(JSON.parse(longest)).toMatchObject({ rest: 'x'.repeat(room) });
    expect(JSON.parse(longest)).not.toHaveProperty('cut');
    const tooLong = lineOf({ list: texts(9, 'x'.repeat(3_000)), rest: 'x'.repeat(room + 1) });
    expect(JSON.parse(tooLong)).toMatchObject({ cut: true });
  });

  it('keeps what tells it apart: who, what, when, and its short fields', () => {
    const line = lineOf({ list: texts(10, 'x'.repeat(3_000)), code: 'no_answer', error: new Error('y'.repeat(3_000)) });
    expect(JSON.parse(line)).toEqual({
      level: 'error',
      event: 'an_event',
      message: 'too much',
      at: '2026-01-05T08:00:00.000Z',
      key: 'ingest',
      code: 'no_answer',
      cut: true,
    });
  });

  it('is shortened by bytes, not by letters, and stays one JSON object', () => {
    const long = fc
      .constantFrom('x', 'ä', '€', '😀', '\u0000', '\u2028', '"', '\\')
      .map((letter) => letter.repeat(4_000));
    const short = fc.constantFrom('x', '€', '\u0007', '"').map((letter) => letter.repeat(100));
    fc.assert(
      fc.property(fc.array(long, { minLength: 1, maxLength: 12 }), long, short, (list, message, text) => {
        const fields = Object.fromEntries(texts(40, text).map((value, index) => [`field${index}`, value]));
        const line = lineOf({ ...fields, list }, message);
        expect(Buffer.byteLength(line)).toBeLessThanOrEqual(LONGEST_BYTES);
        expect(line).not.toMatch(ANY_CONTROL);
        expect(JSON.parse(line)).toMatchObject({ level: 'error', event: 'an_event', key: 'ingest' });
      }),
    );
  });
});

describe('an error in a log line', () => {
  it('shows its name and message, and of ours the code, the effect and the advice', () => {
    const cause = new TypeError('underneath');
    const error = new KeyrotaError('a_code', 'It failed.', { effect: 'changed', next: 'Look first.', cause });
    expect(recordOf((log) => log.error('failed', 'it failed', { error }))['error']).toEqual({
      name: 'KeyrotaError',
      message: 'It failed.',
      code: 'a_code',
      effect: 'changed',
      next: 'Look first.',
      cause: { name: 'TypeError', message: 'underneath' },
    });
  });

  it('never shows what libraries hang on it: requests, answers, headers, stacks', () => {
    const held = 'a-made-up-value';
    const error = Object.assign(new Error('Request failed with status code 400'), {
      config: { headers: { Authorization: `Bearer ${held}` }, data: `apikey=${held}` },
      request: { _header: held },
      response: { data: { apikey: held }, headers: { cookie: held } },
      body: held,
      headers: new Map([['authorization', held]]),
      toJSON: () => ({ held }),
      stack: `Error: ${held}`,
    });
    const wrapped = new KeyrotaError('no_answer', 'IAM did not answer.', { cause: error });
    for (const format of ['json', 'text'] as const) {
      const lines = linesOf((log) => log.error('failed', 'it failed', { error, wrapped, list: [{ error }] }), {
        format,
      });
      expect(lines.join()).toContain('status code 400');
      expect(lines.join()).not.toContain(held);
    }
  });

  it('is masked in its message, and in that of its cause', () => {
    const error = new Error(`refused ${KEY_SHAPED}`, { cause: new Error(`sent ${KEY_SHAPED}`) });
    const line = linesOf((log) => log.error('failed', `it failed: ${error.message}`, { error })).join();
    expect(line).toContain('refused [redacted]');
    expect(line).not.toContain(KEY_SHAPED);
  });

  it('may have any cause', () => {
    for (const cause of ['text', 42, null, { held: new SecretValue('a-made-up-value') }]) {
      const { error } = recordOf((log) => log.error('failed', 'it failed', { error: new Error('x', { cause }) }));
      expect(error).toHaveProperty('cause');
      expect(JSON.stringify(error)).not.toContain('a-made-up-value');
    }
  });
});

describe('secrets in a log line', () => {
  it('are redacted as values, and masked by their shape, at every place', () => {
    const fields = {
      value: new SecretValue('a-made-up-value'),
      text: `key=${KEY_SHAPED}`,
      list: [KEY_SHAPED, new SecretValue('a-made-up-value')],
      deep: { deeper: { text: `Bearer ${KEY_SHAPED}` } },
    };
    const line = linesOf((log) => log.with(fields).info('an_event', `said ${KEY_SHAPED}`, fields)).join();
    expect(line).not.toContain(KEY_SHAPED);
    expect(line).not.toContain('a-made-up-value');
    expect(line).toContain('"message":"said [redacted]"');
  });
});

describe('levels', () => {
  it.each(LOG_LEVELS)('from %s on are written', (level) => {
    const write = (log: UntypedLog) => {
      for (const each of LOG_LEVELS) log[each]('an_event', each);
    };
    const written = linesOf(write, { level }).map((line) => (JSON.parse(line) as { level: string }).level);
    expect(written).toEqual(LOG_LEVELS.slice(LOG_LEVELS.indexOf(level)));
  });

  it('begin with info by default', () => {
    const lines: string[] = [];
    const log = untyped(createLog({ clock, write: (line) => lines.push(line) }));
    log.debug('an_event', 'not written');
    log.info('an_event', 'written');
    expect(lines).toHaveLength(1);
  });
});

describe('a log with fields of its own', () => {
  it('adds them to each line; those of the line itself win', () => {
    const lines = linesOf((log) => {
      const child = log.with({ run: 'r1', key: 'ingest' }).with({ key: 'other' });
      child.info('an_event', 'one', { tookMs: 5 });
      child.info('an_event', 'two', { run: 'r2' });
    });
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { run: 'r1', key: 'other', tookMs: 5 },
      { run: 'r2', key: 'other' },
    ]);
  });

  it('leaves the log that it was made from as it was', () => {
    const record = recordOf((log) => {
      log.with({ run: 'r1' });
      log.info('an_event', 'alone');
    });
    expect(record).not.toHaveProperty('run');
  });
});

describe('lines for a terminal', () => {
  const textOf = (use: (log: UntypedLog) => void) => linesOf(use, { format: 'text' }).join('\n');

  it('begin with the time and the level, then the message, the event and the fields', () => {
    const line = textOf((log) => log.warn('key_held', 'waits', { key: 'ingest', list: [1, 2], nothing: undefined }));
    expect(line).toMatch(/^2026-01-05 08:00:00 \S*warn .*waits .*event=key_held.*key=ingest.*list=\[1,2\]/);
    expect(line).not.toContain('nothing');
  });

  it('escape what would steer the terminal, in the message, in fields and in their names', () => {
    const attack = '\u001b]0;title\u0007\u001b[2J\u009b2J\r\nforged';
    const line = textOf((log) =>
      log.warn('an_event', attack, { field: attack, [attack]: 1, deep: { list: [attack] }, error: new Error(attack) }),
    );
    for (const control of ['\u001b]', '\u001b[2J', '\u0007', '\u009b', '\r', '\n']) expect(line).not.toContain(control);
    expect(line).toContain('\\u001b]0;title');
  });
});
