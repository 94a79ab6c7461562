/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { MessageSchema } from '../schema.ts'

export interface TopicPartition {
  topic: string
  partitions: readonly number[]
}

export interface ConsumerProtocolSubscription {
  topics: readonly string[]
  userData: Buffer | null
  /** Versions 1+. */
  ownedPartitions: readonly TopicPartition[]
  /** Versions 2+. */
  generationId: number
  /** Versions 3+. */
  rackId: string | null
}

export const consumerProtocolSubscriptionSchema: MessageSchema = {
  name: 'ConsumerProtocolSubscription',
  versionMin: 0,
  versionMax: 3,
  flexibleFrom: undefined,
  fields: `
topics []string
userData bytes? = null
ownedPartitions []TopicPartition 1+ ignorable
  topic string
  partitions []int32
generationId int32 2+ = -1 ignorable
rackId string? 3+ = null ignorable
`,
}

export interface TopicPartitionPayload {
  topic: string
  partitions: readonly number[]
}

export interface ConsumerProtocolAssignment {
  assignedPartitions: readonly TopicPartitionPayload[]
  userData: Buffer | null
}

export const consumerProtocolAssignmentSchema: MessageSchema = {
  name: 'ConsumerProtocolAssignment',
  versionMin: 0,
  versionMax: 3,
  flexibleFrom: undefined,
  fields: `
assignedPartitions []TopicPartition
  topic string
  partitions []int32
userData bytes? = null
`,
}
