/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface TopicRequest {
  readonly name: string
  readonly partitionIndexes: readonly number[]
}

export interface DescribeProducersRequest {
  readonly topics: readonly TopicRequest[]
}

export interface ProducerState {
  producerId: number
  producerEpoch: number
  lastSequence?: number | undefined
  lastTimestamp?: number | undefined
  coordinatorEpoch: number
  currentTxnStartOffset?: number | undefined
}

export interface PartitionResponse {
  partitionIndex: number
  errorCode: number
  errorMessage?: string | null | undefined
  activeProducers: readonly ProducerState[]
}

export interface TopicResponse {
  name: string
  partitions: readonly PartitionResponse[]
}

export interface DescribeProducersResponse {
  throttleTimeMs: number
  topics: readonly TopicResponse[]
}

export const describeProducersSchema: ApiSchema = {
  key: 61,
  name: 'DescribeProducers',
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: 0,
  request: `
topics []TopicRequest
  name string
  partitionIndexes []int32
`,
  response: `
throttleTimeMs int32
topics []TopicResponse
  name string
  partitions []PartitionResponse
    partitionIndex int32
    errorCode int16
    errorMessage string? = null
    activeProducers []ProducerState
      producerId int64
      producerEpoch int32
      lastSequence int32 = -1
      lastTimestamp int64 = -1
      coordinatorEpoch int32
      currentTxnStartOffset int64 = -1
`,
}
