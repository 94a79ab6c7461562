/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface TxnOffsetCommitRequestPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  /** Versions 2+. */
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

export interface TxnOffsetCommitRequestTopic {
  readonly name: string
  readonly partitions: readonly TxnOffsetCommitRequestPartition[]
}

export interface TxnOffsetCommitRequest {
  readonly transactionalId: string
  readonly groupId: string
  readonly producerId: number
  readonly producerEpoch: number
  /** Versions 3+. */
  readonly generationId: number
  /** Versions 3+. */
  readonly memberId: string
  /** Versions 3+. */
  readonly groupInstanceId: string | null
  readonly topics: readonly TxnOffsetCommitRequestTopic[]
}

export interface TxnOffsetCommitResponsePartition {
  partitionIndex: number
  errorCode: number
}

export interface TxnOffsetCommitResponseTopic {
  name: string
  partitions: readonly TxnOffsetCommitResponsePartition[]
}

export interface TxnOffsetCommitResponse {
  throttleTimeMs: number
  topics: readonly TxnOffsetCommitResponseTopic[]
}

export const txnOffsetCommitSchema: ApiSchema = {
  key: 28,
  name: 'TxnOffsetCommit',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 3,
  request: `
transactionalId string
groupId string
producerId int64
producerEpoch int16
generationId int32 3+ = -1
memberId string 3+
groupInstanceId string? 3+ = null
topics []TxnOffsetCommitRequestTopic
  name string
  partitions []TxnOffsetCommitRequestPartition
    partitionIndex int32
    committedOffset int64
    committedLeaderEpoch int32 2+ = -1 ignorable
    committedMetadata string?
`,
  response: `
throttleTimeMs int32
topics []TxnOffsetCommitResponseTopic
  name string
  partitions []TxnOffsetCommitResponsePartition
    partitionIndex int32
    errorCode int16
`,
}
