/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface CreatableReplicaAssignment {
  readonly partitionIndex: number
  readonly brokerIds: readonly number[]
}

export interface CreatableTopicConfig {
  readonly name: string
  readonly value: string | null
}

export interface CreatableTopic {
  readonly name: string
  readonly numPartitions: number
  readonly replicationFactor: number
  readonly assignments: readonly CreatableReplicaAssignment[]
  readonly configs: readonly CreatableTopicConfig[]
}

export interface CreateTopicsRequest {
  readonly topics: readonly CreatableTopic[]
  readonly timeoutMs: number
  readonly validateOnly: boolean
}

export interface CreatableTopicConfigs {
  name: string
  value: string | null
  readOnly: boolean
  configSource?: number | undefined
  isSensitive: boolean
}

export interface CreatableTopicResult {
  name: string
  /** Versions 7+. */
  topicId?: Buffer | undefined
  errorCode: number
  errorMessage?: string | null | undefined
  /** Versions 5+. */
  topicConfigErrorCode?: number | undefined
  /** Versions 5+. */
  numPartitions?: number | undefined
  /** Versions 5+. */
  replicationFactor?: number | undefined
  /** Versions 5+. */
  configs?: readonly CreatableTopicConfigs[] | null | undefined
}

export interface CreateTopicsResponse {
  throttleTimeMs?: number | undefined
  topics: readonly CreatableTopicResult[]
}

export const createTopicsSchema: ApiSchema = {
  key: 19,
  name: 'CreateTopics',
  versionMin: 2,
  versionMax: 7,
  flexibleFrom: 5,
  request: `
topics []CreatableTopic
  name string
  numPartitions int32
  replicationFactor int16
  assignments []CreatableReplicaAssignment
    partitionIndex int32
    brokerIds []int32
  configs []CreatableTopicConfig
    name string
    value string?
timeoutMs int32 = 60000
validateOnly bool
`,
  response: `
throttleTimeMs int32 ignorable
topics []CreatableTopicResult
  name string
  topicId uuid 7+ ignorable
  errorCode int16
  errorMessage string? ignorable
  topicConfigErrorCode int16 5+ #0 ignorable
  numPartitions int32 5+ = -1 ignorable
  replicationFactor int16 5+ = -1 ignorable
  configs []CreatableTopicConfigs? 5+ ignorable
    name string
    value string?
    readOnly bool
    configSource int8 = -1 ignorable
    isSensitive bool
`,
}
