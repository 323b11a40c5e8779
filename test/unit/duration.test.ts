import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY_MS, HOUR_MS, MINUTE_MS, formatDuration, parseDuration } from '../../shared/keys/duration.ts';

const written = fc
  .tuple(fc.integer({ min: 1, max: 999_999 }), fc.constantFrom('m', 'h', 'd'))
  .map(([count, unit]) => `${count}${unit}`);

describe('reading a duration', () => {
  it.each([
    ['90m', 90 * MINUTE_MS],
    ['36h', 36 * HOUR_MS],
    ['30d', 30 * DAY_MS],
    ['1m', 60_000],
    ['999999d', 999_999 * 86_400_000],
  ])('reads %s', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
  });

  it.each([
    '',
    '0d',
    '-1d',
    '01d',
    '1.5h',
    '1 d',
    ' 1d',
    '1d ',
    '1d\n',
    '1D',
    '30',
    'd',
    '1w',
    '1s',
    '1d12h',
    '1000000d',
  ])('does not read %j', (text) => {
    expect(parseDuration(text)).toBeNull();
  });

  it('reads nothing but a whole number with a unit', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 8 }), (text) => {
        expect(parseDuration(text) === null).toBe(!/^[1-9]\d{0,5}[mhd]$/.test(text));
      }),
    );
  });
});

describe('writing a duration', () => {
  it.each([
    [30 * DAY_MS, '30d'],
    [48 * HOUR_MS, '2d'],
    [36 * HOUR_MS, '36h'],
    [60 * MINUTE_MS, '1h'],
    [90 * MINUTE_MS, '90m'],
  ])('takes the largest whole unit: %d ms', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });

  it('rounds up to whole minutes', () => {
    expect([1, MINUTE_MS - 1, MINUTE_MS, MINUTE_MS + 1].map(formatDuration)).toEqual(['1m', '1m', '1m', '2m']);
  });

  it('says nothing at all as no minutes', () => {
    expect(formatDuration(0)).toBe('0m');
  });

  it('gives what reads as the same duration', () => {
    fc.assert(
      fc.property(written, (text) => {
        const ms = parseDuration(text) ?? 0;
        expect(parseDuration(formatDuration(ms))).toBe(ms);
      }),
    );
  });
});
