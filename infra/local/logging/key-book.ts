import { EntityStore } from '../iam/entity-store.ts';
import type { CloudParts } from '../parts.ts';
import { SeededRandom } from '../random.ts';
import type { BrokerKeys, LoggingKey, LoggingKeyType, NewLoggingInstance } from './model.ts';

/** The service and ingestion keys of all instances, and what the broker hands out of them. */
export class LoggingKeys {
  readonly #parts: CloudParts;
  /** Of its own, so that ids and values elsewhere are the same with and without what is made here. */
  readonly #random: SeededRandom;
  readonly #keys: EntityStore<LoggingKey>;
  readonly #byValue = new Map<string, LoggingKey>();
  /** Those that are gone, by value: a refusal can then be told of them. */
  readonly #gone = new Map<string, LoggingKey>();

  constructor(parts: CloudParts) {
    this.#parts = parts;
    this.#random = new SeededRandom(`${parts.random.seed} logging`);
    this.#keys = new EntityStore(parts, (key) => key.instanceId);
  }

  /** Books the keys that the broker makes with an instance. */
  open({ id: instanceId, service, brokerKeys }: NewLoggingInstance): void {
    for (const type of ['ingestion', 'service'] as const) {
      const value = brokerKeys[type];
      this.#put({ ...this.#fresh(), instanceId, service, type, name: '', ofBroker: true, value });
    }
  }

  /** The instance is removed: all of its keys are dead. */
  close(instanceId: string): void {
    for (const key of this.#keys.group(instanceId)) this.#bury(key);
  }

  /** A new key of the instance of `by`. */
  create(type: LoggingKeyType, name: string, { instanceId, service }: LoggingKey): LoggingKey {
    const value = this.#random.hex(16);
    const key = { ...this.#fresh(), instanceId, service, type, name, ofBroker: false, value };
    this.#put(key);
    this.#record('logging-key.create', key);
    return key;
  }

  rename(key: LoggingKey, name: string): LoggingKey {
    const renamed = { ...key, name };
    this.#put(renamed);
    return renamed;
  }

  remove(key: LoggingKey): void {
    this.#bury(key);
    this.#record('logging-key.delete', key);
  }

  /** Undefined for a value that no key of that type has, or that is not known everywhere yet. */
  alive(type: LoggingKeyType, value: string): LoggingKey | undefined {
    const { clock, switches } = this.#parts;
    const key = this.#byValue.get(value);
    if (key?.type !== type) return undefined;
    // What the broker made is as old as its instance: nobody has it before that is told.
    const isKnown = key.ofBroker || clock.nowMs() >= key.createdAtMs + switches.freshLoggingKeyDelayMs;
    return isKnown ? key : undefined;
  }

  /** Also one that is dead, whose value is asked for. */
  ever(value: string): LoggingKey | undefined {
    return this.#byValue.get(value) ?? this.#gone.get(value);
  }

  get(instanceId: string, id: string): LoggingKey | undefined {
    const key = this.#keys.get(id);
    return key?.instanceId === instanceId ? key : undefined;
  }

  /** As they are now. */
  countOf(type: LoggingKeyType, instanceId: string): number {
    return this.#keys.group(instanceId).filter((key) => key.type === type).length;
  }

  /** As lists show them. */
  listed(type: LoggingKeyType, instanceId: string): LoggingKey[] {
    return this.#keys.listed(instanceId).filter((key) => key.type === type);
  }

  /** What a new resource key gets: the broker's own keys, whatever else there is while they live. */
  handedOut(instanceId: string, brokerKeys: BrokerKeys): Partial<BrokerKeys> {
    const valueOf = (type: LoggingKeyType) => {
      const own = brokerKeys[type];
      if (this.#byValue.has(own) || this.#parts.switches.deletedBrokerKey === 'dead value') return own;
      return this.#keys.group(instanceId).findLast((key) => key.type === type)?.value;
    };
    const [ingestion, service] = [valueOf('ingestion'), valueOf('service')];
    return { ...(ingestion !== undefined && { ingestion }), ...(service !== undefined && { service }) };
  }

  /** All that live, for `GET /state`. Values only where `withValues` is set. */
  snapshot({ withValues }: { withValues: boolean }): object[] {
    return this.#keys.all().map(({ id, instanceId, type, name, value, createdAtMs }) => ({
      id,
      instanceGuid: instanceId,
      type,
      name,
      createdAtMs,
      ...(withValues && { value }),
    }));
  }

  #fresh(): Pick<LoggingKey, 'id' | 'createdAtMs'> {
    return { id: this.#random.hex(12), createdAtMs: this.#parts.clock.nowMs() };
  }

  #put(key: LoggingKey): void {
    this.#keys.put(key);
    this.#byValue.set(key.value, key);
  }

  #bury(key: LoggingKey): void {
    this.#keys.delete(key.id);
    this.#byValue.delete(key.value);
    this.#gone.set(key.value, key);
  }

  #record(action: 'logging-key.create' | 'logging-key.delete', { id, name, type, instanceId }: LoggingKey): void {
    this.#parts.audit.record({ action, keyId: id, name, type, instanceId });
  }
}
