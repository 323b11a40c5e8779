import { createInterface } from 'node:readline';
import { Writable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SecretValue } from '../../shared/runtime/secret-value.ts';
import { InputError } from './input-error.ts';

/**
 * The value that a person pipes in, or types in at a terminal, where it is not shown.
 * @throws InputError when there is none, or more than one line.
 */
export async function readValue(name: string): Promise<SecretValue> {
  const given = process.stdin.isTTY
    ? await typedLine(`Value of the key for ${name} (it is not shown): `)
    : await piped();
  const value = given.trim();
  if (value === '') {
    throw new InputError('value_missing', 'There is no value on standard input.', {
      next: `For example: jq -r .apikey key.json | keyrota import ${name}`,
    });
  }
  if (/[\r\n]/.test(value))
    throw new InputError('value_of_several_lines', 'There are several lines on standard input.');
  return new SecretValue(value);
}

const piped = (): Promise<string> => text(process.stdin);

/** One line of a terminal that does not echo it. */
function typedLine(prompt: string): Promise<string> {
  // The reader puts the terminal into raw mode and echoes itself: to nobody. Before that the terminal would show what is typed.
  const nobody = new Writable({ write: (_chunk, _encoding, done) => done() });
  const reader = createInterface({ input: process.stdin, output: nobody, terminal: true });
  process.stderr.write(prompt);
  return new Promise<string>((resolve, reject) => {
    reader.once('line', resolve);
    reader.once('SIGINT', () => reject(new InputError('interrupted', 'Nothing was typed in.')));
    reader.once('close', () => resolve(''));
  }).finally(() => {
    reader.close();
    process.stderr.write('\n');
  });
}
