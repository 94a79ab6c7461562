/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface OffsetCommitRequestPartition {
  readonly partitionIndex: number
  readonly committedOffset: number
  /** Versions 6+. */
  readonly committedLeaderEpoch: number
  readonly committedMetadata: string | null
}

export interface OffsetCommitRequestTopic {
  /** Versions 2-9. */
  readonly name: string
  /** Versions 10+. */
  readonly topicId: Buffer
  readonly partitions: readonly OffsetCommitRequestPartition[]
}

export interface OffsetCommitRequest {
  readonly groupId: string
  readonly generationIdOrMemberEpoch: number
  readonly memberId: string
  /** Versions 7+. */
  readonly groupInstanceId: string | null
  /** Versions 2-4. */
  readonly retentionTimeMs: number
  readonly topics: readonly OffsetCommitRequestTopic[]
}

export interface OffsetCommitResponsePartition {
  partitionIndex: number
  errorCode: number
}

export interface OffsetCommitResponseTopic {
  /** Versions 2-9. */
  name?: string | undefined
  /** Versions 10+. */
  topicId?: Buffer | undefined
  partitions: readonly OffsetCommitResponsePartition[]
}

export interface OffsetCommitResponse {
  /** Versions 3+. */
  throttleTimeMs?: number | undefined
  topics: readonly OffsetCommitResponseTopic[]
}

export const offsetCommitSchema: ApiSchema = {
  key: 8,
  name: 'OffsetCommit',
  versionMin: 2,
  versionMax: 10,
  flexibleFrom: 8,
  request: `
groupId string
generationIdOrMemberEpoch int32 = -1 ignorable
memberId string ignorable
groupInstanceId string? 7+ = null
retentionTimeMs int64 2-4 = -1 ignorable
topics []OffsetCommitRequestTopic
  name string 2-9 ignorable
  topicId uuid 10+ ignorable
  partitions []OffsetCommitRequestPartition
    partitionIndex int32
    committedOffset int64
    committedLeaderEpoch int32 6+ = -1 ignorable
    committedMetadata string?
`,
  response: `
throttleTimeMs int32 3+ ignorable
topics []OffsetCommitResponseTopic
  name string 2-9 ignorable
  topicId uuid 10+ ignorable
  partitions []OffsetCommitResponsePartition
    partitionIndex int32
    errorCode int16
`,
}
