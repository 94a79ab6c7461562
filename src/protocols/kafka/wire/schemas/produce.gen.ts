/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface PartitionProduceData {
  readonly index: number
  readonly records: Buffer | null
}

export interface TopicProduceData {
  /** Versions 3-12. */
  readonly name: string
  /** Versions 13+. */
  readonly topicId: Buffer
  readonly partitionData: readonly PartitionProduceData[]
}

export interface ProduceRequest {
  readonly transactionalId: string | null
  readonly acks: number
  readonly timeoutMs: number
  readonly topicData: readonly TopicProduceData[]
}

export interface BatchIndexAndErrorMessage {
  batchIndex: number
  batchIndexErrorMessage?: string | null | undefined
}

export interface LeaderIdAndEpoch {
  leaderId?: number | undefined
  leaderEpoch?: number | undefined
}

export interface PartitionProduceResponse {
  index: number
  errorCode: number
  baseOffset: number
  logAppendTimeMs?: number | undefined
  /** Versions 5+. */
  logStartOffset?: number | undefined
  /** Versions 8+. */
  recordErrors?: readonly BatchIndexAndErrorMessage[] | undefined
  /** Versions 8+. */
  errorMessage?: string | null | undefined
  /** Versions 10+. */
  currentLeader?: LeaderIdAndEpoch | undefined
}

export interface TopicProduceResponse {
  /** Versions 3-12. */
  name?: string | undefined
  /** Versions 13+. */
  topicId?: Buffer | undefined
  partitionResponses: readonly PartitionProduceResponse[]
}

export interface NodeEndpoint {
  nodeId: number
  host: string
  port: number
  rack?: string | null | undefined
}

export interface ProduceResponse {
  responses: readonly TopicProduceResponse[]
  throttleTimeMs?: number | undefined
  /** Versions 10+. */
  nodeEndpoints?: readonly NodeEndpoint[] | undefined
}

export const produceSchema: ApiSchema = {
  key: 0,
  name: 'Produce',
  versionMin: 3,
  versionMax: 13,
  flexibleFrom: 9,
  request: `
transactionalId string? = null
acks int16
timeoutMs int32
topicData []TopicProduceData
  name string 3-12 ignorable
  topicId uuid 13+ ignorable
  partitionData []PartitionProduceData
    index int32
    records records?
`,
  response: `
responses []TopicProduceResponse
  name string 3-12 ignorable
  topicId uuid 13+ ignorable
  partitionResponses []PartitionProduceResponse
    index int32
    errorCode int16
    baseOffset int64
    logAppendTimeMs int64 = -1 ignorable
    logStartOffset int64 5+ = -1 ignorable
    recordErrors []BatchIndexAndErrorMessage 8+ ignorable
      batchIndex int32
      batchIndexErrorMessage string? = null
    errorMessage string? 8+ = null ignorable
    currentLeader LeaderIdAndEpoch 10+ #0
      leaderId int32 = -1
      leaderEpoch int32 = -1
throttleTimeMs int32 ignorable
nodeEndpoints []NodeEndpoint 10+ #0
  nodeId int32
  host string
  port int32
  rack string? = null
`,
}
