/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface CreatePartitionsAssignment {
  readonly brokerIds: readonly number[]
}

export interface CreatePartitionsTopic {
  readonly name: string
  readonly count: number
  readonly assignments: readonly CreatePartitionsAssignment[] | null
}

export interface CreatePartitionsRequest {
  readonly topics: readonly CreatePartitionsTopic[]
  readonly timeoutMs: number
  readonly validateOnly: boolean
}

export interface CreatePartitionsTopicResult {
  name: string
  errorCode: number
  errorMessage?: string | null | undefined
}

export interface CreatePartitionsResponse {
  throttleTimeMs: number
  results: readonly CreatePartitionsTopicResult[]
}

export const createPartitionsSchema: ApiSchema = {
  key: 37,
  name: 'CreatePartitions',
  versionMin: 0,
  versionMax: 3,
  flexibleFrom: 2,
  request: `
topics []CreatePartitionsTopic
  name string
  count int32
  assignments []CreatePartitionsAssignment?
    brokerIds []int32
timeoutMs int32
validateOnly bool
`,
  response: `
throttleTimeMs int32
results []CreatePartitionsTopicResult
  name string
  errorCode int16
  errorMessage string? = null
`,
}
