/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ListOffsetsPartition {
  readonly partitionIndex: number
  /** Versions 4+. */
  readonly currentLeaderEpoch: number
  readonly timestamp: number
}

export interface ListOffsetsTopic {
  readonly name: string
  readonly partitions: readonly ListOffsetsPartition[]
}

export interface ListOffsetsRequest {
  readonly replicaId: number
  /** Versions 2+. */
  readonly isolationLevel: number
  readonly topics: readonly ListOffsetsTopic[]
  /** Versions 10+. */
  readonly timeoutMs: number
}

export interface ListOffsetsPartitionResponse {
  partitionIndex: number
  errorCode: number
  timestamp?: number | undefined
  offset?: number | undefined
  /** Versions 4+. */
  leaderEpoch?: number | undefined
}

export interface ListOffsetsTopicResponse {
  name: string
  partitions: readonly ListOffsetsPartitionResponse[]
}

export interface ListOffsetsResponse {
  /** Versions 2+. */
  throttleTimeMs?: number | undefined
  topics: readonly ListOffsetsTopicResponse[]
}

export const listOffsetsSchema: ApiSchema = {
  key: 2,
  name: 'ListOffsets',
  versionMin: 1,
  versionMax: 11,
  flexibleFrom: 6,
  request: `
replicaId int32
isolationLevel int8 2+
topics []ListOffsetsTopic
  name string
  partitions []ListOffsetsPartition
    partitionIndex int32
    currentLeaderEpoch int32 4+ = -1 ignorable
    timestamp int64
timeoutMs int32 10+ ignorable
`,
  response: `
throttleTimeMs int32 2+ ignorable
topics []ListOffsetsTopicResponse
  name string
  partitions []ListOffsetsPartitionResponse
    partitionIndex int32
    errorCode int16
    timestamp int64 = -1
    offset int64 = -1
    leaderEpoch int32 4+ = -1
`,
}
