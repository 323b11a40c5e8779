import type { SeededRandom } from '../random.ts';
import type { PasswordPolicy } from './model.ts';

const LOWERCASE = 'abcdefghijklmnopqrstuvwxyz';
const UPPERCASE = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const DIGITS = '0123456789';
const SYMBOLS = '!#$%&()*+-.:;<=>?@[]^_{|}~';

/** 32 characters of every class. */
export const DEFAULT_PASSWORD_POLICY: PasswordPolicy = {
  length: 32,
  include_digits: true,
  include_symbols: true,
  include_uppercase: true,
};

/** A password with at least one character of each class that the policy includes. */
export function generatePassword(random: SeededRandom, policy: PasswordPolicy): string {
  const { length, include_digits: digits, include_symbols: symbols, include_uppercase: uppercase } = policy;
  const classes = [LOWERCASE, uppercase ? UPPERCASE : '', digits ? DIGITS : '', symbols ? SYMBOLS : ''].filter(Boolean);
  const below = (limit: number) => Math.floor(random.fraction() * limit);
  const oneOf = (characters: string) => characters.charAt(below(characters.length));
  const rest = Array.from({ length: length - classes.length }, () => oneOf(classes.join('')));
  const password = classes.map((characters) => oneOf(characters));
  for (const character of rest) password.splice(below(password.length + 1), 0, character);
  return password.join('');
}
