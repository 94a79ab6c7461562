/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface OffsetForLeaderPartition {
  readonly partition: number
  readonly currentLeaderEpoch: number
  readonly leaderEpoch: number
}

export interface OffsetForLeaderTopic {
  readonly topic: string
  readonly partitions: readonly OffsetForLeaderPartition[]
}

export interface OffsetForLeaderEpochRequest {
  /** Versions 3+. */
  readonly replicaId: number
  readonly topics: readonly OffsetForLeaderTopic[]
}

export interface EpochEndOffset {
  errorCode: number
  partition: number
  leaderEpoch?: number | undefined
  endOffset?: number | undefined
}

export interface OffsetForLeaderTopicResult {
  topic: string
  partitions: readonly EpochEndOffset[]
}

export interface OffsetForLeaderEpochResponse {
  throttleTimeMs?: number | undefined
  topics: readonly OffsetForLeaderTopicResult[]
}

export const offsetForLeaderEpochSchema: ApiSchema = {
  key: 23,
  name: 'OffsetForLeaderEpoch',
  versionMin: 2,
  versionMax: 4,
  flexibleFrom: 4,
  request: `
replicaId int32 3+ = -2 ignorable
topics []OffsetForLeaderTopic
  topic string
  partitions []OffsetForLeaderPartition
    partition int32
    currentLeaderEpoch int32 = -1 ignorable
    leaderEpoch int32
`,
  response: `
throttleTimeMs int32 ignorable
topics []OffsetForLeaderTopicResult
  topic string
  partitions []EpochEndOffset
    errorCode int16
    partition int32
    leaderEpoch int32 = -1 ignorable
    endOffset int64 = -1
`,
}
