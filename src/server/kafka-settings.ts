/** From the options of the broker to the settings of Kafka. */
import type { Config } from '../config/options.ts'
import { defaultKafkaSettings, type KafkaSettings } from '../protocols/kafka/settings.ts'
import type { SharedParts } from './parts.ts'

export function kafkaSettings(config: Config, { clusterId }: SharedParts): KafkaSettings {
  return {
    ...defaultKafkaSettings,
    clusterId,
    defaultUser: config.defaultUser,
    autoCreateTopics: config.autoCreateTopics === 'yes',
    partitionCountDefault: config.topicPartitions,
    groupInitialRebalanceDelayMs: config.groupInitialDelayMs,
    offsetsRetentionMs: config.offsetsRetentionMs,
    handshakeTimeoutMs: config.handshakeTimeoutMs,
  }
}
