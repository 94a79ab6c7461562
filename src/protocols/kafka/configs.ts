/** Topic and broker configs as Kafka describes them: types, sources, what a value would be without it. */
import type { StreamInfo, StreamSetting } from '../../broker/streams/stream-door.ts'
import type { KafkaSettings } from './settings.ts'

export const RESOURCE_TOPIC = 2
export const RESOURCE_BROKER = 4

/** Where a value comes from. */
export const SOURCE_TOPIC = 1
const SOURCE_STATIC_BROKER = 4
export const SOURCE_DEFAULT = 5

const TYPES: Readonly<Record<StreamSetting['type'], number>> = {
  boolean: 1,
  string: 2,
  int: 3,
  long: 5,
  double: 6,
  list: 7,
}

export interface ConfigEntry {
  readonly name: string
  readonly value: string
  readonly source: number
  readonly type: number
  readonly documentation: string
  readonly isReadOnly: boolean
  /** The values this one hides, the one in force first. */
  readonly synonyms: readonly { readonly name: string; readonly value: string; readonly source: number }[]
}

export function topicEntries(configs: StreamInfo['configs'], settings: readonly StreamSetting[]): ConfigEntry[] {
  return settings.map(({ name, type, default: byDefault, meaning }) => {
    const own = configs.get(name)
    const fallback = { name, value: byDefault, source: SOURCE_DEFAULT }
    return {
      name,
      value: own ?? byDefault,
      source: own === undefined ? SOURCE_DEFAULT : SOURCE_TOPIC,
      type: TYPES[type],
      documentation: meaning,
      isReadOnly: false,
      synonyms: own === undefined ? [fallback] : [{ name, value: own, source: SOURCE_TOPIC }, fallback],
    }
  })
}

/** The few that clients and tools look at. They are options of the broker, and cannot be changed through Kafka. */
export function brokerEntries(settings: KafkaSettings): ConfigEntry[] {
  const { nodeId, autoCreateTopics, partitionCountDefault, requestBytesMax, fetchBytesMax } = settings
  const { groupInitialRebalanceDelayMs, offsetsRetentionMs, transactionTimeoutMsMax, producerIdExpirationMs } = settings
  const rows: readonly (readonly [string, StreamSetting['type'], string | number | boolean, string])[] = [
    ['auto.create.topics.enable', 'boolean', autoCreateTopics, 'whether a topic is made when first used'],
    ['broker.id', 'int', nodeId, 'the id of this broker'],
    ['default.replication.factor', 'int', 1, 'one copy: this broker is a single node'],
    ['delete.topic.enable', 'boolean', true, 'topics can be deleted'],
    ['fetch.max.bytes', 'int', fetchBytesMax, 'records in one answer to a fetch'],
    ['group.initial.rebalance.delay.ms', 'int', groupInitialRebalanceDelayMs, 'how long a new group waits for members'],
    ['log.message.timestamp.type', 'string', 'CreateTime', 'whose clock stamps a record'],
    ['message.max.bytes', 'int', 1_048_588, 'the largest batch, where the topic does not say'],
    ['min.insync.replicas', 'int', 1, 'one copy: this broker is a single node'],
    ['node.id', 'int', nodeId, 'the id of this broker'],
    ['num.partitions', 'int', partitionCountDefault, 'partitions of a topic that does not say'],
    ['offsets.retention.minutes', 'int', Math.floor(offsetsRetentionMs / 60_000), 'of groups without members'],
    ['producer.id.expiration.ms', 'int', producerIdExpirationMs, 'how long an idle producer is remembered'],
    ['socket.request.max.bytes', 'int', requestBytesMax, 'the largest request'],
    ['transaction.max.timeout.ms', 'int', transactionTimeoutMsMax, 'the longest timeout a transaction may have'],
  ]
  return rows.map(([name, type, value, documentation]) => ({
    name,
    value: String(value),
    source: SOURCE_STATIC_BROKER,
    type: TYPES[type],
    documentation,
    isReadOnly: true,
    synonyms: [{ name, value: String(value), source: SOURCE_STATIC_BROKER }],
  }))
}
