/** What an operator may decide about the Kafka door. */
export interface KafkaSettings {
  /** Of this broker; stable over restarts. */
  readonly nodeId: number
  /** Shown to clients; never null. */
  readonly clusterId: string
  /** Fixed advertised address; undefined answers each client with the address it dialled. */
  readonly advertise: { readonly host: string; readonly port: number } | undefined
  readonly autoCreateTopics: boolean
  /** Partitions of a topic that does not say. */
  readonly partitionCountDefault: number
  /** Largest request, in bytes. */
  readonly requestBytesMax: number
  /** How long the first join of an empty group waits for others. */
  readonly groupInitialRebalanceDelayMs: number
  /** Committed offsets of an empty group are kept this long. */
  readonly offsetsRetentionMs: number
  readonly transactionTimeoutMsMax: number
  readonly producerIdExpirationMs: number
}

export const defaultKafkaSettings: KafkaSettings = {
  nodeId: 1,
  clusterId: 'busbar',
  advertise: undefined,
  autoCreateTopics: true,
  partitionCountDefault: 1,
  requestBytesMax: 100 * 1024 * 1024,
  groupInitialRebalanceDelayMs: 300,
  offsetsRetentionMs: 7 * 24 * 3600 * 1000,
  transactionTimeoutMsMax: 15 * 60 * 1000,
  producerIdExpirationMs: 24 * 3600 * 1000,
}
