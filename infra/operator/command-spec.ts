import type { Command } from 'commander';

/** Carries out what a command line asks for; the work gives the exit code. */
export type Run = (work: () => Promise<number>) => Promise<void>;

interface Example {
  /** As somebody types it. */
  line: string;
  /** What it is for. */
  does: string;
}

/** A command of the operator, as the program, its help and docs/commands.md know it. */
export interface CommandSpec {
  name: string;
  /** One line. */
  description: string;
  /** What else must be known, a paragraph each. */
  details: readonly string[];
  examples: readonly Example[];
  /** Exit codes that mean something else or more than they do for all. */
  exits?: Readonly<Record<number, string>>;
  /** When it asks, because it takes a working key out of use or puts another in its place: then it has `--yes`. Null for never. */
  asks: string | null;
  /** It takes `--manifest` and works with the account, or the demo. */
  looks: boolean;
  /** Adds arguments, options and the action. */
  define: (command: Command, run: Run) => void;
}

/** Commands that belong together. */
export interface CommandGroup {
  title: string;
  commands: readonly CommandSpec[];
}
