import { describe, expect, it } from 'vitest';
import { jsonLineOf } from '../../infra/demo/json-line.ts';

describe('a line of a function, as JSON', () => {
  it.each(['{}', '{"level":"warn","event":"key_held","message":"waits"}', ' {"a": 1} '])(
    'is left as it is: %s',
    (line) => {
      expect(jsonLineOf(line)).toBe(line);
    },
  );

  it.each(['hello', '', '{"level":', 'null', '7', '"text"', '[{"level":"info"}]'])(
    'becomes the message of one where it is none: %j',
    (line) => {
      expect(JSON.parse(jsonLineOf(line))).toEqual({ level: 'info', event: 'output', message: line });
    },
  );
});
