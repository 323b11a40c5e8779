/** A word of a command that a person pastes into a shell: as it is where no shell changes it, or else in single quotes. */
export const quoted = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", String.raw`'\''`)}'`;
