/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface OffsetDeleteRequestPartition {
  readonly partitionIndex: number
}

export interface OffsetDeleteRequestTopic {
  readonly name: string
  readonly partitions: readonly OffsetDeleteRequestPartition[]
}

export interface OffsetDeleteRequest {
  readonly groupId: string
  readonly topics: readonly OffsetDeleteRequestTopic[]
}

export interface OffsetDeleteResponsePartition {
  partitionIndex: number
  errorCode: number
}

export interface OffsetDeleteResponseTopic {
  name: string
  partitions: readonly OffsetDeleteResponsePartition[]
}

export interface OffsetDeleteResponse {
  errorCode: number
  throttleTimeMs?: number | undefined
  topics: readonly OffsetDeleteResponseTopic[]
}

export const offsetDeleteSchema: ApiSchema = {
  key: 47,
  name: 'OffsetDelete',
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: undefined,
  request: `
groupId string
topics []OffsetDeleteRequestTopic
  name string
  partitions []OffsetDeleteRequestPartition
    partitionIndex int32
`,
  response: `
errorCode int16
throttleTimeMs int32 ignorable
topics []OffsetDeleteResponseTopic
  name string
  partitions []OffsetDeleteResponsePartition
    partitionIndex int32
    errorCode int16
`,
}
