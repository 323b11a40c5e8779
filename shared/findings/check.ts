import type { ManagedKey, Manifest } from '../keys/manifest.ts';
import { MINUTE_MS } from '../keys/duration.ts';
import type { AccountSecret, Inventory, InventoryVisitor } from '../inventory/inventory.ts';
import type { KeyReport } from '../rotation/reconcile.ts';
import { timeOf } from '../rotation/record.ts';
import { creationRules, fullQuotas, iamIdOf, lockouts, missingPolicies, timerLate } from './account-rules.ts';
import type { FindingCollector } from './collector.ts';
import { entryGone, findingsOfOwnSecret, findingsOfReport, secretTooOld } from './entry-rules.ts';
import type { Finding } from './finding.ts';
import { KeyCensus } from './key-census.ts';
import { findingsOfKey } from './key-rules.ts';
import type { KeyRuleContext } from './key-rules.ts';
import { RULES } from './rules.ts';

/** Since when a key must be stored before its absence from a list says anything: IAM is eventually consistent. */
const VISIBLE_AFTER_MS = 15 * MINUTE_MS;

/** A list in which most of a fleet is missing shows only what we may see, and proves nothing. */
const FEW = 20;

/** The key of an entry, by the summary of its secret. */
interface Believed {
  keyId: string;
  secretId: string;
  storedAtMs: number;
}

export interface CheckContext {
  manifest: Manifest;
  accountId: string;
  timerMs: number;
  nowMs: number;
}

/** Holds what goes by against the rules. It is told of pages of the inventory, of looks at entries, and at last of the account. */
export class Check implements InventoryVisitor {
  readonly #context: CheckContext;
  readonly #collector: FindingCollector;
  readonly #byName: ReadonlyMap<string, ManagedKey>;
  readonly #names: ReadonlySet<string>;
  readonly #byOwner: ReadonlyMap<string, ManagedKey>;
  readonly #census: KeyCensus;
  readonly #rules: KeyRuleContext;
  readonly #believed = new Map<string, Believed>();

  constructor(context: CheckContext, collector: FindingCollector) {
    const { manifest, nowMs } = context;
    this.#context = context;
    this.#collector = collector;
    this.#byName = new Map(manifest.keys.map((key) => [key.name, key]));
    this.#names = new Set(manifest.keys.flatMap((key) => [key.name, ...key.formerly]));
    this.#byOwner = new Map(manifest.keys.filter((key) => iamIdOf(key) !== null).map((key) => [key.owner, key]));
    const adopted = new Set(manifest.keys.flatMap(({ adopt }) => adopt));
    const users = manifest.keys.filter(({ kind }) => kind === 'user-api-key').map(({ owner }) => owner);
    this.#census = new KeyCensus(new Set(users), nowMs);
    this.#rules = {
      policy: manifest.check,
      nowMs,
      entryOf: (name) => this.#byName.get(name),
      entryOfOwner: (owner) => this.#byOwner.get(owner),
      isAdopted: (keyId) => adopted.has(keyId),
    };
  }

  keys(page: Parameters<InventoryVisitor['keys']>[0]): void {
    for (const key of page) {
      this.#census.note(key);
      this.#collector.add(findingsOfKey(key, this.#rules));
    }
  }

  secrets(page: readonly AccountSecret[]): void {
    for (const secret of page) this.#collector.add(this.#ofSecret(secret));
  }

  #ofSecret(secret: AccountSecret): Finding[] {
    const { manifest, nowMs } = this.#context;
    const { summary } = secret;
    const entry = secret.entry === null ? undefined : this.#byName.get(secret.entry);
    if (entry) {
      const storedAtMs = timeOf(summary?.rotated_at ?? '');
      if (summary && storedAtMs !== null)
        this.#believed.set(entry.name, { keyId: summary.key_id, secretId: secret.id, storedAtMs });
      return findingsOfOwnSecret(entry, secret, nowMs);
    }
    const isOurs = summary?.deployment === manifest.deployment && secret.isLabelled;
    if (summary && isOurs && !this.#names.has(summary.name)) return [entryGone(summary.name, secret)];
    return [secretTooOld(secret, manifest.check.secretAgeMs, nowMs)].flatMap((found) => found ?? []);
  }

  /** How looks without changes left the entries. */
  reports(reports: readonly KeyReport[]): void {
    for (const report of reports) {
      const key = this.#byName.get(report.name);
      if (key) this.#collector.add(findingsOfReport(key, report, this.#context.nowMs));
    }
  }

  /** What only the whole tells. `lookedAt`: names of entries that were looked at in full; `lastRunMs`: see `timerLate`. */
  finish({ facts, complete }: Inventory, lookedAt: ReadonlySet<string>, lastRunMs: number | null): void {
    const { manifest, nowMs, timerMs, accountId } = this.#context;
    const { keys, check } = manifest;
    const hasSeenUsers = complete.has('user-api-key');
    this.#collector.add([
      ...(hasSeenUsers ? lockouts(keys, this.#census, check, nowMs) : []),
      ...this.#goneByList(complete, lookedAt),
      ...timerLate(lastRunMs, timerMs, nowMs),
      ...missingPolicies(keys, facts),
      ...creationRules(keys, facts, accountId),
      ...fullQuotas(this.#census, check, facts, (owner) => this.#byOwner.get(owner)),
    ]);
  }

  /** A look by id tells it surely; of entries that were not looked at the lists have to do. */
  #goneByList(complete: Inventory['complete'], lookedAt: ReadonlySet<string>): Finding[] {
    const { nowMs } = this.#context;
    const believed = [...this.#believed].flatMap(([name, one]) => {
      const key = this.#byName.get(name);
      return key && key.state === 'active' && complete.has(key.kind) ? [{ key, ...one }] : [];
    });
    const isOld = ({ storedAtMs }: Believed) => nowMs - storedAtMs >= VISIBLE_AFTER_MS;
    const missing = believed.filter((one) => isOld(one) && !this.#census.seenManaged.has(one.keyId));
    if (missing.length > FEW && missing.length * 2 > believed.length) return [];
    return missing
      .filter(({ key }) => !lookedAt.has(key.name))
      .map(({ key, keyId }) => ({
        rule: 'key-gone',
        severity: RULES['key-gone'].severity,
        entry: key.name,
        subject: key.name,
        name: key.name,
        owner: key.owner,
        why: `key ${keyId} of secret ${key.secret.name} is not among the keys of its issuer`,
        next: [
          `keyrota explain ${key.name}, which asks for it by its id`,
          `keyrota rotate ${key.name}, which replaces it`,
        ],
        sinceMs: null,
      }));
  }
}
