/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface TopicRequest {
  readonly name: string
}

export interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

export interface DescribeTopicPartitionsRequest {
  readonly topics: readonly TopicRequest[]
  readonly responsePartitionLimit: number
  readonly cursor: Cursor | null
}

export interface DescribeTopicPartitionsResponsePartition {
  errorCode: number
  partitionIndex: number
  leaderId: number
  leaderEpoch?: number | undefined
  replicaNodes: readonly number[]
  isrNodes: readonly number[]
  eligibleLeaderReplicas?: readonly number[] | null | undefined
  lastKnownElr?: readonly number[] | null | undefined
  offlineReplicas?: readonly number[] | undefined
}

export interface DescribeTopicPartitionsResponseTopic {
  errorCode: number
  name: string | null
  topicId?: Buffer | undefined
  isInternal?: boolean | undefined
  partitions: readonly DescribeTopicPartitionsResponsePartition[]
  topicAuthorizedOperations?: number | undefined
}

export interface CursorResponse {
  topicName: string
  partitionIndex: number
}

export interface DescribeTopicPartitionsResponse {
  throttleTimeMs?: number | undefined
  topics: readonly DescribeTopicPartitionsResponseTopic[]
  nextCursor?: CursorResponse | null | undefined
}

export const describeTopicPartitionsSchema: ApiSchema = {
  key: 75,
  name: 'DescribeTopicPartitions',
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: 0,
  request: `
topics []TopicRequest
  name string
responsePartitionLimit int32 = 2000
cursor Cursor? = null
  topicName string
  partitionIndex int32
`,
  response: `
throttleTimeMs int32 ignorable
topics []DescribeTopicPartitionsResponseTopic
  errorCode int16
  name string?
  topicId uuid ignorable
  isInternal bool ignorable
  partitions []DescribeTopicPartitionsResponsePartition
    errorCode int16
    partitionIndex int32
    leaderId int32
    leaderEpoch int32 = -1 ignorable
    replicaNodes []int32
    isrNodes []int32
    eligibleLeaderReplicas []int32? = null
    lastKnownElr []int32? = null
    offlineReplicas []int32 ignorable
  topicAuthorizedOperations int32 = -2147483648
nextCursor Cursor? = null
  topicName string
  partitionIndex int32
`,
}
