/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface MetadataRequestTopic {
  /** Versions 10+. */
  readonly topicId: Buffer
  readonly name: string | null
}

export interface MetadataRequest {
  readonly topics: readonly MetadataRequestTopic[] | null
  /** Versions 4+. */
  readonly allowAutoTopicCreation: boolean
  /** Versions 8-10. */
  readonly includeClusterAuthorizedOperations: boolean
  /** Versions 8+. */
  readonly includeTopicAuthorizedOperations: boolean
}

export interface MetadataResponseBroker {
  nodeId: number
  host: string
  port: number
  /** Versions 1+. */
  rack?: string | null | undefined
}

export interface MetadataResponsePartition {
  errorCode: number
  partitionIndex: number
  leaderId: number
  /** Versions 7+. */
  leaderEpoch?: number | undefined
  replicaNodes: readonly number[]
  isrNodes: readonly number[]
  /** Versions 5+. */
  offlineReplicas?: readonly number[] | undefined
}

export interface MetadataResponseTopic {
  errorCode: number
  name: string | null
  /** Versions 10+. */
  topicId?: Buffer | undefined
  /** Versions 1+. */
  isInternal?: boolean | undefined
  partitions: readonly MetadataResponsePartition[]
  /** Versions 8+. */
  topicAuthorizedOperations?: number | undefined
}

export interface MetadataResponse {
  /** Versions 3+. */
  throttleTimeMs?: number | undefined
  brokers: readonly MetadataResponseBroker[]
  /** Versions 2+. */
  clusterId?: string | null | undefined
  /** Versions 1+. */
  controllerId?: number | undefined
  topics: readonly MetadataResponseTopic[]
  /** Versions 8-10. */
  clusterAuthorizedOperations?: number | undefined
  /** Versions 13+. */
  errorCode?: number | undefined
}

export const metadataSchema: ApiSchema = {
  key: 3,
  name: 'Metadata',
  versionMin: 0,
  versionMax: 13,
  flexibleFrom: 9,
  request: `
topics []MetadataRequestTopic?1+
  topicId uuid 10+ ignorable
  name string?10+
allowAutoTopicCreation bool 4+ = true
includeClusterAuthorizedOperations bool 8-10
includeTopicAuthorizedOperations bool 8+
`,
  response: `
throttleTimeMs int32 3+ ignorable
brokers []MetadataResponseBroker
  nodeId int32
  host string
  port int32
  rack string? 1+ = null ignorable
clusterId string? 2+ = null ignorable
controllerId int32 1+ = -1 ignorable
topics []MetadataResponseTopic
  errorCode int16
  name string?12+
  topicId uuid 10+ ignorable
  isInternal bool 1+ ignorable
  partitions []MetadataResponsePartition
    errorCode int16
    partitionIndex int32
    leaderId int32
    leaderEpoch int32 7+ = -1 ignorable
    replicaNodes []int32
    isrNodes []int32
    offlineReplicas []int32 5+ ignorable
  topicAuthorizedOperations int32 8+ = -2147483648
clusterAuthorizedOperations int32 8-10 = -2147483648
errorCode int16 13+ ignorable
`,
}
