import type { LogFieldName } from './fields.ts';

/** What the catalogue says of an event. */
export interface LogEvent {
  levels: readonly ('debug' | 'info' | 'warn' | 'error')[];
  /** When it is written, as a sentence. */
  when: string;
  /** Fields that each of its lines has, besides those that all have. */
  always?: readonly LogFieldName[];
  /** Fields that some of its lines have. */
  sometimes?: readonly LogFieldName[];
  /** What a person does about it; empty only where nothing is to be done. */
  toDo: string;
  /** Something that was tried did not succeed. */
  isFailure?: true;
}

export type LogEvents = Readonly<Record<string, LogEvent>>;
