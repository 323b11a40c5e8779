import { adoptedNow } from '../../shared/rotation/mint-record.ts';
import type { ManagedKey } from '../../shared/keys/manifest.ts';
import { guardName } from '../../shared/rotation/observation.ts';
import type { Observation, SeenKey, SeenVersion } from '../../shared/rotation/observation.ts';
import { plan } from '../../shared/rotation/plan.ts';
import type { Step } from '../../shared/rotation/step.ts';
import { keyThat, secretWith, version } from './observations.ts';

/**
 * A world of plain values in which plan's steps are carried out as the services would: enough to see where a sequence of
 * steps leads, without any service.
 */
export class ModelWorld {
  readonly steps: Step['step'][] = [];
  readonly #key: ManagedKey;
  #seen: Observation;
  #nowMs: number;
  #minted = 0;

  constructor(key: ManagedKey, seen: Observation, nowMs: number) {
    this.#key = key;
    this.#seen = seen;
    this.#nowMs = nowMs;
  }

  get observation(): Observation {
    return this.#seen;
  }

  get nowMs(): number {
    return this.#nowMs;
  }

  /** Whoever uses the current key fetches it and logs in; nobody uses another one. */
  consume(): void {
    const { secret } = this.#seen;
    if (!secret) return;
    const versions = secret.versions.map((one) => (one.alias === 'current' ? { ...one, fetched: true } : one));
    this.#seen = { ...this.#seen, secret: { ...secret, versions } };
  }

  wait(durationMs: number): void {
    this.#nowMs += durationMs;
  }

  /** Plans and carries out one step. */
  step(): Step {
    const step = plan(this.#key, this.#seen, this.#nowMs);
    this.steps.push(step.step);
    this.#apply(step);
    return step;
  }

  #apply(step: Step): void {
    switch (step.step) {
      case 'mint':
        this.#mint();
        break;
      case 'contain':
      case 'disable':
        this.#change(step.keyId, { disabled: true, disabledAtMs: this.#nowMs, locked: false });
        break;
      case 'discard':
        if (step.phase === 'disable') this.#change(step.keyId, { disabled: true, disabledAtMs: this.#nowMs });
        else this.#remove(step.keyId);
        break;
      case 'delete':
        this.#remove(step.keyId);
        break;
      case 'extend':
        this.#change(step.keyId, { expiresAtMs: step.expiresAtMs });
        break;
      case 'release':
        this.#release(step.versionId);
        break;
      default:
    }
  }

  #change(keyId: string, facts: Parameters<typeof keyThat>[1]): void {
    const keys = this.#seen.keys.map((one): SeenKey => (one.exists && one.id === keyId ? { ...one, ...facts } : one));
    this.#seen = { ...this.#seen, keys };
  }

  #remove(keyId: string): void {
    const keys = this.#seen.keys.map((one): SeenKey => (one.id === keyId ? { exists: false, id: keyId } : one));
    this.#seen = { ...this.#seen, keys };
  }

  #mint(): void {
    this.#minted += 1;
    const id = `M${this.#minted}`;
    const former = this.#seen.secret?.versions ?? [];
    if (former.at(-2)?.locks.length) throw new Error('a store with a locked previous version is refused');
    const guarded = former.map((one, index): SeenVersion =>
      index === former.length - 1 ? { ...one, locks: [this.#guard()] } : one,
    );
    const secret = secretWith([
      ...guarded,
      version(id, this.#nowMs, {
        fetched: false,
        record: { predecessors: former.length ? [] : adoptedNow(this.#key.adopt, this.#nowMs) },
      }),
    ]);
    const expiresAtMs = this.#nowMs + this.#key.policy.expiresAfterMs;
    const fresh = keyThat(id, { createdAtMs: this.#nowMs, expiresAtMs });
    this.#seen = { ...this.#seen, rotationAsked: false, secret, keys: [...this.#seen.keys, fresh] };
  }

  #release(versionId: string): void {
    const { secret } = this.#seen;
    if (!secret) return;
    const versions = secret.versions.map((one): SeenVersion => {
      if (one.id === versionId) return { ...one, locks: [this.#guard()] };
      return one.alias === 'previous'
        ? { ...one, locks: one.locks.filter((lock) => lock.name !== this.#guard().name) }
        : one;
    });
    this.#seen = { ...this.#seen, secret: { ...secret, versions, summary: null } };
  }

  #guard() {
    return { name: guardName(this.#key.deployment), attributes: {}, updatedAtMs: this.#nowMs };
  }
}
