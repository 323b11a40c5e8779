import type { LogEventName } from '../../shared/runtime/log-events.ts';

/** How an event is told. */
export interface Told {
  verb: string;
  colour: 'green' | 'yellow' | 'red' | 'cyan' | 'magenta' | 'gray';
  /** It belongs to a step that has a line of its own: whoever tells little leaves it out. */
  isMinor?: true;
}

/** How the events of a key's life are told, by the demo and by `keyrota logs`. */
const TOLD: Partial<Record<LogEventName, Told>> = {
  key_minted: { verb: 'mint', colour: 'green' },
  key_disabled: { verb: 'disable', colour: 'yellow' },
  key_deleted: { verb: 'delete', colour: 'red' },
  key_discarded: { verb: 'discard', colour: 'red' },
  key_contained: { verb: 'contain', colour: 'magenta' },
  key_extended: { verb: 'extend', colour: 'cyan' },
  version_released: { verb: 'release', colour: 'cyan' },
  key_held: { verb: 'hold', colour: 'cyan' },
  person_asked: { verb: 'ask', colour: 'magenta' },
  rotation_undone: { verb: 'undo', colour: 'magenta' },
  mint_failed: { verb: 'failed', colour: 'red' },
  key_failed: { verb: 'failed', colour: 'red' },
  run_failed: { verb: 'failed', colour: 'red' },
  leak_reported: { verb: 'report', colour: 'magenta' },
  report_refused: { verb: 'refuse', colour: 'magenta' },
  reports_braked: { verb: 'brake', colour: 'red' },
  key_handed_over: { verb: 'contain', colour: 'magenta' },
  own_key_leaked: { verb: 'contain', colour: 'magenta' },
  unmanaged_key_leaked: { verb: 'ask', colour: 'red' },
  containment_failed: { verb: 'failed', colour: 'red' },
  response_failed: { verb: 'failed', colour: 'red' },
  alert_not_fetched: { verb: 'failed', colour: 'red' },
  secret_deleted: { verb: 'event', colour: 'magenta' },
  version_made_by_somebody_else: { verb: 'event', colour: 'magenta' },
  rotation_blocked: { verb: 'event', colour: 'magenta' },
  secret_data_deleted: { verb: 'event', colour: 'magenta' },
  secret_expires: { verb: 'event', colour: 'magenta' },
  key_rested: { verb: 'rest', colour: 'green', isMinor: true },
  key_created: { verb: 'create', colour: 'green', isMinor: true },
  key_stored: { verb: 'store', colour: 'green', isMinor: true },
  key_imported: { verb: 'import', colour: 'green', isMinor: true },
  containment_undone: { verb: 'undo', colour: 'magenta', isMinor: true },
  notice_sent: { verb: 'notice', colour: 'cyan', isMinor: true },
  notice_failed: { verb: 'notice', colour: 'yellow', isMinor: true },
  sibling_found: { verb: 'sibling', colour: 'yellow', isMinor: true },
};

/** How an event is told; null for one that is no part of a key's life. */
export const toldOf = (event: string): Told | null =>
  Object.hasOwn(TOLD, event) ? (TOLD[event as LogEventName] ?? null) : null;

/** What is said beside the verb, and does not repeat it. */
export function tellingOf({ event, message, keyId }: { event: string; message: string; keyId?: unknown }): string {
  const start = `${toldOf(event)?.verb}: `;
  const text = message.startsWith(start) ? message.slice(start.length) : message;
  return event === 'key_minted' && typeof keyId === 'string' ? `${keyId} is current: ${text}` : text;
}
