import { Writable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { LogsOptions } from '../../infra/operator/logs.ts';
import { MINTED, START_MS, chunksOf, held, line, told } from '../support/told-logs.ts';

describe('lines are taken', () => {
  const own = JSON.parse(MINTED) as object;
  const nested = { app: 'codeengine', level: 'info', message: own };

  it.each<[string, string]>([
    ['as they were written', MINTED],
    ['with fields of the platform beside them', JSON.stringify({ app: 'codeengine', codeengine: {}, ...own })],
    ['as an object in message', JSON.stringify(nested)],
    ['as JSON in message', JSON.stringify({ ...nested, message: MINTED })],
    ['as the user data of a record', JSON.stringify({ metadata: [], labels: [], user_data: JSON.stringify(nested) })],
    ['as the user data of an archive', JSON.stringify({ src_obj__user_data: JSON.stringify(nested) })],
    [
      'as the answer to a query',
      `data: ${JSON.stringify({ result: { results: [{ user_data: JSON.stringify(nested) }] } })}`,
    ],
    ['behind the name of an instance', `keyrota-job-1/keyrota: ${MINTED}`],
    ['with a line end of Windows', `${MINTED}\r`],
  ])('%s', async (_, given) => {
    const { code, rows, summary } = await told([given], 'ingest');
    expect(rows).toEqual(['2026-01-05 08:00:00  mint      ApiKey-1 is current: there is no key yet']);
    expect(summary).toContain('1 line read, 1 of ingest, 0 skipped');
    expect(code).toBe(0);
  });

  it('several from one, where an answer holds several', async () => {
    const results = [MINTED, line(1, 'key_held'), '{"event":"foreign"}'].map((one) => ({ user_data: one }));
    const { rows, summary } = await told(
      [`data: ${JSON.stringify({ result: { results } })}`, ': keep-alive'],
      'ingest',
    );
    expect(rows).toHaveLength(2);
    expect(summary).toContain('2 lines read, 2 of ingest, 1 skipped');
  });

  it('and what else comes is counted and skipped', async () => {
    const foreign = [
      'npm warn something',
      '{"level":"info","message":"not ours"}',
      '{"event":"key_minted"}',
      '{"level":1,"event":"x","message":"y"}',
      '{broken',
      '[1,2]',
      'null',
      '"text"',
      '{"message":null}',
      '{"message":{"message":{"message":{"message":{"message":{"message":{"message":{}}}}}}}}',
    ];
    const { summary } = await told([...foreign, MINTED, ''], 'ingest');
    expect(summary).toContain(`${foreign.length + 1} lines read, 1 of ingest, ${foreign.length} skipped`);
  });

  it('however they are cut into chunks, also within a letter', async () => {
    const lines = [MINTED, line(1, 'key_created', { message: 'naïve – 日本語 🗝' }), line(2, 'key_stored')];
    const whole = await told(lines, 'ingest');
    expect(whole.rows[1]).toContain('naïve – 日本語 🗝');
    const bytes = Buffer.from(`${lines.join('\n')}\n`);
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length), { maxLength: 40 }), async (cuts) => {
        const places = [0, ...cuts.toSorted((one, two) => one - two), bytes.length];
        const chunks = places.slice(1).map((end, index) => bytes.subarray(places[index], end));
        expect(await told(chunksOf(chunks), 'ingest')).toEqual(whole);
      }),
      { numRuns: 50 },
    );
  });
});

describe('what a line holds', () => {
  const ATTACK = '\u001b]0;title\u0007\u001b[2J\u009b31m\r\n\u2028\u202e\u200b\u0000\ud800';
  const KEY_SHAPED = 'aB3_'.repeat(11);
  /** Whatever has no shape of its own, but for the line ends between rows. */
  const STEERING = /(?!\n)\p{C}|[\u2028\u2029]/u;

  it('never steers the terminal', async () => {
    const fields = {
      level: ATTACK,
      message: ATTACK,
      key: ATTACK,
      keyId: ATTACK,
      code: ATTACK,
      since: ATTACK,
      at: ATTACK,
      next: ATTACK,
      error: { message: ATTACK, next: ATTACK },
      steps: [ATTACK],
      [ATTACK]: ATTACK,
    };
    const events = ['key_minted', 'key_held', 'person_asked', 'key_failed', ATTACK, '__proto__', 'constructor'];
    const lines = events.flatMap((event) => [line(0, event, fields), line(0, event, fields)]);
    for (const options of [{}, { json: true }, { key: ATTACK }, { run: ATTACK }, { key: 'nobody' }]) {
      const { rows, summary, errors } = await told(lines, undefined, options);
      const all = [...rows, summary, errors].join('\n');
      expect(all).toContain('\\u001b]0;title');
      expect(all).not.toMatch(STEERING);
    }
  });

  it('is JSON as it was logged with --json, one a line, unfolded, and the summary goes elsewhere', async () => {
    const lines = [held(0), held(1), JSON.stringify({ message: JSON.parse(held(2, { text: ATTACK })) as object })];
    const { rows, summary, errors, code } = await told(lines, 'ingest', { json: true });
    expect(rows.map((row) => JSON.parse(row) as object)).toEqual(
      [held(0), held(1), held(2, { text: ATTACK })].map((one) => JSON.parse(one) as object),
    );
    expect([summary, code]).toEqual(['', 0]);
    expect(errors).toBe('keyrota: 3 lines read, 3 of ingest, 0 skipped that Keyrota did not write, 0 failures\n');
  });

  it.each<[string, LogsOptions]>([
    ['as a story', {}],
    ['as JSON', { json: true }],
  ])('is masked where it looks like a secret, %s', async (_, options) => {
    const fields = { message: `got ${KEY_SHAPED}`, steps: [KEY_SHAPED], deep: { [KEY_SHAPED]: [KEY_SHAPED] } };
    const { rows } = await told([line(0, 'person_asked', fields), line(1, 'key_created', fields)], 'ingest', options);
    expect(rows.join('\n')).toContain('[redacted]');
    expect(rows.join('\n')).not.toContain(KEY_SHAPED);
  });

  it('may be as long, deep or odd as it likes', async () => {
    const deep = `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`;
    const lines = [
      line(0, 'key_created', { message: 'x'.repeat(100_000) }),
      `${MINTED.slice(0, -1)},"deep":${deep}}`,
      `${MINTED.slice(0, -1)},"__proto__":{"level":"x"}}`,
      `{"message":${deep}}`,
      line(0, 'key_created', { at: '-271821-04-20T00:00:00.000Z' }),
    ];
    const { code, rows } = await told(lines, 'ingest');
    expect(code).toBe(0);
    expect(rows).toHaveLength(4);
    expect(Math.max(...rows.map((row) => row.length))).toBeLessThan(1_200);
    expect((await told(lines, 'ingest', { json: true })).code).toBe(0);
  });

  it('is coloured on a terminal only', async () => {
    const plain = await told([MINTED], 'ingest');
    const coloured = await told([MINTED], 'ingest', {}, { isColoured: true });
    expect(plain.rows.join()).not.toContain('\u001b');
    expect(coloured.rows.join()).toContain('\u001b[32mmint    ');
  });
});

describe('however much comes,', () => {
  /** So many lines of ten keys, a second apart or at the same time; each has some hundred letters. */
  const FLOOD = `async function* flood(count, everyMs) {
    for (let index = 0; index < count; index += 1) {
      const at = new Date(${START_MS} + index * everyMs).toISOString();
      const line = { level: 'info', event: 'key_created', message: 'line ' + index, at, key: 'key-' + (index % 10), text: 'x'.repeat(300) };
      yield JSON.stringify(line) + '\\n';
    }
  }`;

  it.each([
    [1_000, 'key-3', 20_000],
    [0, undefined, 200_000],
  ])('200,000 lines, %s ms apart, of %s, take no more memory than a few', async (everyMs, name, expected) => {
    const code = `${FLOOD}
      const { Writable } = require('node:stream');
      const { parentPort } = require('node:worker_threads');
      let rows = 0;
      const output = new Writable({ write: (chunk, _, done) => { rows += 1; setImmediate(done); } });
      import(${JSON.stringify(new URL('../../infra/operator/logs.ts', import.meta.url).href)}).then(async ({ logsCommand }) => {
        const streams = { input: flood(200_000, ${everyMs}), output, errors: process.stderr, isColoured: false, nowMs: 0 };
        const code = await logsCommand(${JSON.stringify(name)}, {}, streams);
        output.end(() => parentPort.postMessage({ code, rows }));
      });`;
    // All of it is 90 MB, and more than twice that as objects.
    const worker = new Worker(code, { eval: true, resourceLimits: { maxOldGenerationSizeMb: 48 } });
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    worker.on('message', resolve).on('error', reject);
    await expect(promise).resolves.toEqual({ code: 0, rows: expected + 1 });
    await worker.terminate();
  });

  it('whoever reads is waited for', async () => {
    let waiting = 0;
    let most = 0;
    const output = new Writable({
      highWaterMark: 1_000,
      write: (_, __, done) => setImmediate(done),
    });
    const lines = Array.from({ length: 500 }, (_, index) => line(index, 'key_created'));
    const write = output.write.bind(output);
    output.write = ((chunk: string) => {
      waiting = output.writableLength;
      most = Math.max(most, waiting);
      return write(chunk);
    }) as typeof output.write;
    await told(lines, 'ingest', {}, { output });
    expect(most).toBeGreaterThan(0);
    expect(most).toBeLessThan(1_000);
  });

  it('a line without an end is passed over', async () => {
    const mebibyte = 'x'.repeat(1024 * 1024);
    const endless = function* () {
      yield `${MINTED}\n{"level":"`;
      for (let count = 0; count < 40; count += 1) yield mebibyte;
      yield `"}\n${line(1, 'key_created')}`;
    };
    const { rows, summary } = await told(chunksOf(endless()), 'ingest');
    expect(rows).toHaveLength(2);
    expect(summary).toContain('3 lines read, 2 of ingest, 1 skipped');
  });
});
