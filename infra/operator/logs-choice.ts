import { incidentIdOf } from '../../shared/keys/compromise-mark.ts';
import { logEventOf } from '../../shared/runtime/log-events.ts';
import type { LogRecord } from './logs-input.ts';

/** Which records are told. All that is given must hold. */
export interface LogChoice {
  /** Name of the entry. */
  key?: string;
  keyId?: string;
  run?: string;
  incident?: string;
  failures?: boolean;
  sinceMs?: number;
}

export const isFailure = ({ level, event }: LogRecord): boolean =>
  level === 'error' || logEventOf(event)?.isFailure === true;

/** So many requests are remembered: what belongs to one comes within seconds. */
const MOST_REQUESTS = 10_000;

/**
 * Chooses records. A line that names no key, such as that a report came, belongs to what the request is about, which often only
 * a later line tells: so such a record is asked about again a little later.
 */
export class Chooser {
  readonly #choice: LogChoice;
  readonly #requests = new Set<unknown>();

  constructor(choice: LogChoice) {
    this.#choice = choice;
  }

  /** `perhaps`: what comes next may tell. */
  look(record: LogRecord): 'yes' | 'no' | 'perhaps' {
    const { request } = record.fields;
    if (this.#isNamed(record)) {
      if (typeof request === 'string') this.#remember(request);
      return 'yes';
    }
    return typeof request === 'string' && isAboutNoKey(record) ? 'perhaps' : 'no';
  }

  /** Of a record for which the answer was `perhaps`. */
  belongs({ fields }: LogRecord): boolean {
    return this.#requests.has(fields['request']);
  }

  /** Of a record that is named or belongs: whether it is told. */
  isTold(record: LogRecord): boolean {
    const { failures, sinceMs } = this.#choice;
    return (!failures || isFailure(record)) && (sinceMs === undefined || !(record.atMs < sinceMs));
  }

  #isNamed({ fields }: LogRecord): boolean {
    const { key, keyId, run, incident } = this.#choice;
    return (
      (key === undefined || fields['key'] === key) &&
      (run === undefined || fields['run'] === run) &&
      (keyId === undefined || idsIn(fields).includes(keyId)) &&
      (incident === undefined || fields['incident'] === incident || idsIn(fields).map(incidentIdOf).includes(incident))
    );
  }

  #remember(request: string): void {
    this.#requests.add(request);
    if (this.#requests.size <= MOST_REQUESTS) return;
    const [oldest] = this.#requests;
    this.#requests.delete(oldest);
  }
}

/** Ids of keys that a line is about. The id of an incident follows from that of the key. */
const idsIn = (fields: LogRecord['fields']): string[] =>
  [fields['keyId'], fields['leakedKeyId'], fields['removed']].filter((id) => typeof id === 'string');

const isAboutNoKey = ({ fields }: LogRecord): boolean =>
  [fields['key'], fields['keyId'], fields['incident']].every((name) => name === undefined || name === null);
