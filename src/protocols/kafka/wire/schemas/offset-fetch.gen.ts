/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface OffsetFetchRequestTopic {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

export interface OffsetFetchRequestTopics {
  /** Versions 8-9. */
  readonly name: string
  /** Versions 10+. */
  readonly topicId: Buffer
  readonly partitionIndexes: readonly number[]
}

export interface OffsetFetchRequestGroup {
  readonly groupId: string
  /** Versions 9+. */
  readonly memberId: string | null
  /** Versions 9+. */
  readonly memberEpoch: number
  readonly topics: readonly OffsetFetchRequestTopics[] | null
}

export interface OffsetFetchRequest {
  /** Versions 1-7. */
  readonly groupId: string
  /** Versions 1-7. */
  readonly topics: readonly OffsetFetchRequestTopic[] | null
  /** Versions 8+. */
  readonly groups: readonly OffsetFetchRequestGroup[]
  /** Versions 7+. */
  readonly requireStable: boolean
}

export interface OffsetFetchResponsePartition {
  partitionIndex: number
  committedOffset: number
  /** Versions 5+. */
  committedLeaderEpoch?: number | undefined
  metadata: string | null
  errorCode: number
}

export interface OffsetFetchResponseTopic {
  name: string
  partitions: readonly OffsetFetchResponsePartition[]
}

export interface OffsetFetchResponsePartitions {
  partitionIndex: number
  committedOffset: number
  committedLeaderEpoch?: number | undefined
  metadata: string | null
  errorCode: number
}

export interface OffsetFetchResponseTopics {
  /** Versions 8-9. */
  name?: string | undefined
  /** Versions 10+. */
  topicId?: Buffer | undefined
  partitions: readonly OffsetFetchResponsePartitions[]
}

export interface OffsetFetchResponseGroup {
  groupId: string
  topics: readonly OffsetFetchResponseTopics[]
  errorCode?: number | undefined
}

export interface OffsetFetchResponse {
  /** Versions 3+. */
  throttleTimeMs?: number | undefined
  /** Versions 1-7. */
  topics?: readonly OffsetFetchResponseTopic[] | undefined
  /** Versions 2-7. */
  errorCode?: number | undefined
  /** Versions 8+. */
  groups?: readonly OffsetFetchResponseGroup[] | undefined
}

export const offsetFetchSchema: ApiSchema = {
  key: 9,
  name: 'OffsetFetch',
  versionMin: 1,
  versionMax: 10,
  flexibleFrom: 6,
  request: `
groupId string 1-7
topics []OffsetFetchRequestTopic?2+ 1-7
  name string
  partitionIndexes []int32
groups []OffsetFetchRequestGroup 8+
  groupId string
  memberId string? 9+ = null ignorable
  memberEpoch int32 9+ = -1 ignorable
  topics []OffsetFetchRequestTopics?
    name string 8-9 ignorable
    topicId uuid 10+ ignorable
    partitionIndexes []int32
requireStable bool 7+
`,
  response: `
throttleTimeMs int32 3+ ignorable
topics []OffsetFetchResponseTopic 1-7
  name string
  partitions []OffsetFetchResponsePartition
    partitionIndex int32
    committedOffset int64
    committedLeaderEpoch int32 5+ = -1 ignorable
    metadata string?
    errorCode int16
errorCode int16 2-7 ignorable
groups []OffsetFetchResponseGroup 8+
  groupId string
  topics []OffsetFetchResponseTopics
    name string 8-9 ignorable
    topicId uuid 10+ ignorable
    partitions []OffsetFetchResponsePartitions
      partitionIndex int32
      committedOffset int64
      committedLeaderEpoch int32 = -1 ignorable
      metadata string?
      errorCode int16
  errorCode int16
`,
}
