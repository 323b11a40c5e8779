import { ApiError } from '../clients/api-error.ts';
import type { ClassicKey, ClassicUsers } from '../clients/classic-users.ts';
import { TimeIsUp, withTimeLimit } from '../runtime/clock.ts';
import type { Clock } from '../runtime/clock.ts';
import type { Log } from '../runtime/log.ts';
import type { SecretValue } from '../runtime/secret-value.ts';
import { MINUTE_MS } from './duration.ts';

/** A user of classic infrastructure, with the client that is logged in as that user. */
export interface ClassicOwner {
  iamId: string;
  users: ClassicUsers;
  userId: number;
  username: string;
}

/** What a new key is made with. */
export interface MakerPorts {
  clock: Clock;
  log: Log;
  /** When the run ends, in epoch milliseconds. */
  deadlineMs: number;
}

/** A key that was added, with its value. */
export interface AddedKey {
  id: string;
  createdAtMs: number;
  value: SecretValue;
}

/** Pauses before the next attempt; the last one repeats. */
const PAUSES_MS = [1_000, 2_000, 4_000, 8_000, 15_000];

/** How long the add is tried while the user has no key. */
const ADD_PATIENCE_MS = 90_000;

/** How long the list is asked for a key that was added. */
const FIND_PATIENCE_MS = 30_000;

/** One add gets so long: the next one may go well, and until then the user has no key. */
const ADD_LIMIT_MS = 20_000;

/** What is kept back of the run's time: a key that cannot be proven and stored any more helps nobody. */
const PROVE_AND_STORE_MS = 30_000;

/** The same when the key must be added and found first. */
const FIND_PROVE_AND_STORE_MS = PROVE_AND_STORE_MS + 5_000;

/** The issuer's clock and ours may differ by this much. */
const CLOCKS_DIFFER_MS = MINUTE_MS;

/** Another run, or a person, has added a key meanwhile: nothing of theirs is touched. */
class Overtaken extends Error {
  readonly failure: ApiError;

  constructor(failure: ApiError) {
    super(failure.message);
    this.failure = failure;
  }
}

/**
 * Makes the one key of a user: removes the old one, by its id and no other, then adds, and tries that hard. An add is refused
 * while there is any key, so repeating it makes no second one; what counts is not to remove somebody else's:
 * - Refused for a key although none of our adds was unclear: somebody was faster. Nothing is removed.
 * - Refused after an unclear add: that one took effect, and nobody has its value. It goes, if it was made while we tried.
 *   Only another run that claimed in the same moment, or a person in the same minute, could have made one then. Theirs is
 *   gone in that case. A run finds that when it proves its value, or after it has stored it; the next one makes another key.
 * - The id of the added key comes from the list. Its value is tried after that: if it works, no other key was there since
 *   it was added. So whatever is done by that id later is done to our own key.
 * - Cut off anywhere: the claim on the current version tells the next run that the key which it finds was ours.
 * @throws ApiError, with the effect `none` only where nothing was removed; `conflict` when somebody was faster;
 *   `unexpected_answer` when a key was added and cannot be told.
 */
export async function makeClassicKey(
  owner: ClassicOwner,
  removes: string | null,
  ports: MakerPorts,
  signal: AbortSignal,
): Promise<AddedKey> {
  const making = new Making(owner, ports, signal);
  await making.look();
  try {
    if (removes !== null) await making.remove(Number(removes));
    return await making.add();
  } catch (error) {
    if (error instanceof Overtaken) throw error.failure;
    if (!making.hasRemoved) throw error;
    alarm(owner, removes, ports.log, error);
    throw error instanceof ApiError && error.effect === 'none' ? error.afterChange() : error;
  }
}

function alarm({ iamId, username }: ClassicOwner, removed: string | null, log: Log, error: unknown): void {
  log.error(
    'user_without_key',
    `${username} (${iamId}) has no classic API key whose value is known: key ${removed ?? 'of an add without an answer'} was removed, and no other was added`,
    {
      iamId,
      username,
      removed,
      next: `The next ticks try again. By hand, logged in as that user: ibmcloud sl user apikey ${username} --add, and then keyrota import.`,
      error,
    },
  );
}

/** One attempt to make a key, and what is known of the keys that it met. */
class Making {
  hasRemoved = false;
  readonly #owner: ClassicOwner;
  readonly #ports: MakerPorts;
  readonly #signal: AbortSignal;
  /** Keys that are older than our adds: a late list may still show them. */
  readonly #former = new Set<number>();
  #unclearRemoval: ApiError | null = null;
  /** When the first add was sent whose answer did not tell what became of it. */
  #unclearSinceMs: number | null = null;

  constructor(owner: ClassicOwner, ports: MakerPorts, signal: AbortSignal) {
    this.#owner = owner;
    this.#ports = ports;
    this.#signal = signal;
  }

  /** Before anything is removed: if that cannot be told now, it is no time to go on. @throws ApiError */
  async look(): Promise<void> {
    const { users, userId } = this.#owner;
    for (const { id } of await users.keysOf(userId, this.#signal)) this.#former.add(id);
  }

  /** After an unclear answer the add tells whether the place is free. */
  async remove(keyId: number): Promise<void> {
    this.#former.add(keyId);
    this.hasRemoved = true;
    try {
      await this.#owner.users.removeKey(keyId, this.#signal);
      const why = `the one key of ${this.#owner.iamId} makes place for the next`;
      this.#ports.log.info('key_deleted', `delete: ${why}`, { step: 'mint', why, keyId: String(keyId) });
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.hasRemoved = error.effect !== 'none';
      if (!this.hasRemoved) throw error;
      this.#unclearRemoval = error;
    }
  }

  async add(): Promise<AddedKey> {
    const pauses = this.#pauses(ADD_PATIENCE_MS, FIND_PROVE_AND_STORE_MS);
    for (;;) {
      const sentAtMs = this.#ports.clock.nowMs();
      try {
        return await this.#find(await this.#send(), sentAtMs);
      } catch (error) {
        if (!(error instanceof ApiError) || error instanceof NotFound) throw error;
        if (await this.#frees(error, sentAtMs, pauses.untilMs)) continue;
        if (!(await pauses.next())) throw this.#unclearSinceMs === null ? error : error.afterUnclearAttempt();
      }
    }
  }

  /** One add. @throws ApiError */
  async #send(): Promise<SecretValue> {
    const { users, userId } = this.#owner;
    const { clock } = this.#ports;
    try {
      return await withTimeLimit(clock, ADD_LIMIT_MS, this.#signal, (limited) => users.addKey(userId, limited));
    } catch (error) {
      if (!(error instanceof TimeIsUp)) throw error;
      const noAnswer = { status: null, ibmCode: null, retryAfterMs: null };
      throw new ApiError('addApiAuthenticationKey', 'no_answer', noAnswer, error.message, 'unknown');
    }
  }

  /** What a failed add asks for before the next one. True when our own key of an unclear one was taken out of the way. */
  async #frees(error: ApiError, sentAtMs: number, untilMs: number): Promise<boolean> {
    if (error.code !== 'conflict') {
      if (error.effect !== 'none') this.#unclearSinceMs ??= sentAtMs;
      // Where nothing was taken away a clear refusal is an answer like any other.
      else if (!this.hasRemoved && error.code !== 'throttled') throw error;
      return false;
    }
    if (this.#unclearSinceMs === null) throw new Overtaken(this.#unclearRemoval ?? error);
    return this.#removeUnclear(this.#unclearSinceMs, error, untilMs);
  }

  async #removeUnclear(sinceMs: number, conflict: ApiError, untilMs: number): Promise<boolean> {
    const { clock } = this.#ports;
    const refusedAtMs = clock.nowMs();
    const found = (await this.#listed()).find(({ id }) => !this.#former.has(id));
    if (!found) return false;
    const isOurs = wasMadeBetween(found, sinceMs - CLOCKS_DIFFER_MS, refusedAtMs + CLOCKS_DIFFER_MS);
    if (!isOurs) throw new Overtaken(conflict);
    if (clock.nowMs() >= untilMs) return false; // whoever stood still for long may see what others made meanwhile
    try {
      await this.#owner.users.removeKey(found.id, this.#signal);
    } catch (error) {
      if (error instanceof ApiError) return false;
      throw error;
    }
    this.#former.add(found.id);
    this.hasRemoved = true;
    return true;
  }

  /** The added key as the list shows it, once its value works. */
  async #find(value: SecretValue, sentAtMs: number): Promise<AddedKey> {
    const { users, username } = this.#owner;
    const pauses = this.#pauses(FIND_PATIENCE_MS, PROVE_AND_STORE_MS);
    for (;;) {
      const added = (await this.#listed()).find(({ id }) => !this.#former.has(id));
      const works = added && (await this.#tell(() => users.checkKey(username, value, this.#signal).then(() => true)));
      if (added && works) return { id: String(added.id), createdAtMs: added.createdAtMs ?? sentAtMs, value };
      if (!(await pauses.next())) throw new NotFound(added ? 'its value is refused' : 'no list shows it');
    }
  }

  /** The keys of the user; none where that cannot be told now. */
  async #listed(): Promise<ClassicKey[]> {
    const { users, userId } = this.#owner;
    return (await this.#tell(() => users.keysOf(userId, this.#signal))) ?? [];
  }

  async #tell<T>(ask: () => Promise<T>): Promise<T | null> {
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#ports.log.debug('classic_key_not_seen', error.message);
      return null;
    }
  }

  /** Pauses that grow, until patience or the run's time is over. */
  #pauses(patienceMs: number, reserveMs: number): { untilMs: number; next: () => Promise<boolean> } {
    const { clock, deadlineMs } = this.#ports;
    const untilMs = Math.min(clock.nowMs() + patienceMs, deadlineMs - reserveMs);
    let count = 0;
    const next = async () => {
      const pauseMs = PAUSES_MS[Math.min(count, PAUSES_MS.length - 1)] ?? 0;
      count += 1;
      if (clock.nowMs() + pauseMs >= untilMs) return false;
      await clock.sleep(pauseMs, this.#signal);
      return true;
    };
    return { untilMs, next };
  }
}

const wasMadeBetween = ({ createdAtMs }: ClassicKey, fromMs: number, untilMs: number): boolean =>
  createdAtMs === null || (fromMs <= createdAtMs && createdAtMs <= untilMs);

/** A key was added, and which one it is cannot be told: it is left for the next run to replace. */
class NotFound extends ApiError {
  constructor(why: string) {
    const failure = { status: 200, ibmCode: null, retryAfterMs: null };
    super('getApiAuthenticationKeys', 'unexpected_answer', failure, `a key was added, but ${why}`, 'changed');
  }
}
