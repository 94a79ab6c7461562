/** What an operator may decide about the Kafka door. */
export interface KafkaSettings {
  /** Of this broker; stable over restarts. */
  readonly nodeId: number
  /** Shown to clients; never null. */
  readonly clusterId: string
  /** Fixed advertised address; undefined answers each client with the address it dialled. A listener's own comes first. */
  readonly advertise: { readonly host: string; readonly port: number } | undefined
  /** Who a client is that does not log in, and where everybody is: Kafka knows no virtual hosts. */
  readonly defaultUser: string
  readonly vhost: string
  readonly autoCreateTopics: boolean
  /** Partitions of a topic that does not say. */
  readonly partitionCountDefault: number
  /** Partitions a topic may have: each costs memory. */
  readonly partitionCountMax: number
  /** Largest request, in bytes. */
  readonly requestBytesMax: number
  /** Records in one answer to a fetch, beyond the first batch: what a client that does not read can make us hold. */
  readonly fetchBytesMax: number
  /** What all clients together may leave unread before the answers to fetches become smaller. */
  readonly unreadBytesMax: number
  /** How long a fetch may ask to wait. */
  readonly fetchWaitMsMax: number
  /** Produce requests of one connection that may wait for the disk at once, and their bytes, if more than one. */
  readonly pipelinedCountMax: number
  readonly pipelinedBytesMax: number
  /** A connection without a whole request in this time is dropped. */
  readonly handshakeTimeoutMs: number
  /** A client that has not read its answers for this long is dropped. */
  readonly stallTimeoutMs: number
  /** How long requests at work may take when the server stops. */
  readonly closeTimeoutMs: number
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
  defaultUser: 'guest',
  vhost: '/',
  autoCreateTopics: true,
  partitionCountDefault: 1,
  partitionCountMax: 10_000,
  requestBytesMax: 100 * 1024 * 1024,
  fetchBytesMax: 16 * 1024 * 1024,
  unreadBytesMax: 256 * 1024 * 1024,
  fetchWaitMsMax: 5 * 60 * 1000,
  pipelinedCountMax: 64,
  pipelinedBytesMax: 8 * 1024 * 1024,
  handshakeTimeoutMs: 10_000,
  stallTimeoutMs: 10 * 60 * 1000,
  closeTimeoutMs: 2000,
  groupInitialRebalanceDelayMs: 300,
  offsetsRetentionMs: 7 * 24 * 3600 * 1000,
  transactionTimeoutMsMax: 15 * 60 * 1000,
  producerIdExpirationMs: 24 * 3600 * 1000,
}
