/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DeleteRecordsPartition {
  readonly partitionIndex: number
  readonly offset: number
}

export interface DeleteRecordsTopic {
  readonly name: string
  readonly partitions: readonly DeleteRecordsPartition[]
}

export interface DeleteRecordsRequest {
  readonly topics: readonly DeleteRecordsTopic[]
  readonly timeoutMs: number
}

export interface DeleteRecordsPartitionResult {
  partitionIndex: number
  lowWatermark: number
  errorCode: number
}

export interface DeleteRecordsTopicResult {
  name: string
  partitions: readonly DeleteRecordsPartitionResult[]
}

export interface DeleteRecordsResponse {
  throttleTimeMs: number
  topics: readonly DeleteRecordsTopicResult[]
}

export const deleteRecordsSchema: ApiSchema = {
  key: 21,
  name: 'DeleteRecords',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 2,
  request: `
topics []DeleteRecordsTopic
  name string
  partitions []DeleteRecordsPartition
    partitionIndex int32
    offset int64
timeoutMs int32
`,
  response: `
throttleTimeMs int32
topics []DeleteRecordsTopicResult
  name string
  partitions []DeleteRecordsPartitionResult
    partitionIndex int32
    lowWatermark int64
    errorCode int16
`,
}
