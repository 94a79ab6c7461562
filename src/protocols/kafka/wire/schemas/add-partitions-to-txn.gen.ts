/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface AddPartitionsToTxnTopic {
  readonly name: string
  readonly partitions: readonly number[]
}

export interface AddPartitionsToTxnTransaction {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly verifyOnly: boolean
  readonly topics: readonly AddPartitionsToTxnTopic[]
}

export interface AddPartitionsToTxnRequest {
  /** Versions 4+. */
  readonly transactions: readonly AddPartitionsToTxnTransaction[]
  /** Versions 0-3. */
  readonly v3AndBelowTransactionalId: string
  /** Versions 0-3. */
  readonly v3AndBelowProducerId: number
  /** Versions 0-3. */
  readonly v3AndBelowProducerEpoch: number
  /** Versions 0-3. */
  readonly v3AndBelowTopics: readonly AddPartitionsToTxnTopic[]
}

export interface AddPartitionsToTxnPartitionResult {
  partitionIndex: number
  partitionErrorCode: number
}

export interface AddPartitionsToTxnTopicResult {
  name: string
  resultsByPartition: readonly AddPartitionsToTxnPartitionResult[]
}

export interface AddPartitionsToTxnResult {
  transactionalId: string
  topicResults: readonly AddPartitionsToTxnTopicResult[]
}

export interface AddPartitionsToTxnResponse {
  throttleTimeMs: number
  /** Versions 4+. */
  errorCode?: number | undefined
  /** Versions 4+. */
  resultsByTransaction?: readonly AddPartitionsToTxnResult[] | undefined
  /** Versions 0-3. */
  resultsByTopicV3AndBelow?: readonly AddPartitionsToTxnTopicResult[] | undefined
}

export const addPartitionsToTxnSchema: ApiSchema = {
  key: 24,
  name: 'AddPartitionsToTxn',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 3,
  request: `
transactions []AddPartitionsToTxnTransaction 4+
  transactionalId string
  producerId int64
  producerEpoch int16
  verifyOnly bool
  topics []AddPartitionsToTxnTopic
    name string
    partitions []int32
v3AndBelowTransactionalId string 0-3
v3AndBelowProducerId int64 0-3
v3AndBelowProducerEpoch int16 0-3
v3AndBelowTopics []AddPartitionsToTxnTopic 0-3
  name string
  partitions []int32
`,
  response: `
throttleTimeMs int32
errorCode int16 4+ ignorable
resultsByTransaction []AddPartitionsToTxnResult 4+
  transactionalId string
  topicResults []AddPartitionsToTxnTopicResult
    name string
    resultsByPartition []AddPartitionsToTxnPartitionResult
      partitionIndex int32
      partitionErrorCode int16
resultsByTopicV3AndBelow []AddPartitionsToTxnTopicResult 0-3
  name string
  resultsByPartition []AddPartitionsToTxnPartitionResult
    partitionIndex int32
    partitionErrorCode int16
`,
}
