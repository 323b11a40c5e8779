/** The two services of IBM Cloud that LogDNA ran. */
export type LoggingServiceName = 'logdna' | 'logdnaat';

/** Service keys open the configuration API, ingestion keys let lines in. */
export type LoggingKeyType = 'service' | 'ingestion';

export interface LoggingKey {
  /** 24 hexadecimal digits. */
  readonly id: string;
  readonly instanceId: string;
  readonly service: LoggingServiceName;
  readonly type: LoggingKeyType;
  /** Empty for what the broker made: nobody named it. */
  readonly name: string;
  /** Whether it was made with the instance. */
  readonly ofBroker: boolean;
  readonly value: string;
  readonly createdAtMs: number;
}

/** What an instance begins with. */
export interface NewLoggingInstance {
  id: string;
  service: LoggingServiceName;
  brokerKeys: BrokerKeys;
}

/** One value of each type. */
export type BrokerKeys = Readonly<Record<LoggingKeyType, string>>;
