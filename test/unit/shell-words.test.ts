import { execFileSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { quoted } from '../../shared/runtime/shell-words.ts';

describe('a word of a command', () => {
  it.each(['Sender', 'crn:v1:bluemix:public:logs::::serviceRole:Sender', 'Operator,Manager', 'a-b_c.d'])(
    'that is plain stays as it is: %s',
    (word) => {
      expect(quoted(word)).toBe(word);
    },
  );

  it.each(['', 'two words', '$HOME', '`id`', '$(id)', "it's", '"', '*', '~', 'a\\b', 'a;b', '!1', 'line\nbreak'])(
    'reaches the program whole: %j',
    (word) => {
      expect(execFileSync('sh', ['-c', `printf %s ${quoted(word)}`], { encoding: 'utf8' })).toBe(word);
    },
  );
});
