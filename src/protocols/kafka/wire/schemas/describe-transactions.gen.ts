/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DescribeTransactionsRequest {
  readonly transactionalIds: readonly string[]
}

export interface TopicData {
  topic: string
  partitions: readonly number[]
}

export interface TransactionState {
  errorCode: number
  transactionalId: string
  transactionState: string
  transactionTimeoutMs: number
  transactionStartTimeMs: number
  producerId: number
  producerEpoch: number
  topics: readonly TopicData[]
}

export interface DescribeTransactionsResponse {
  throttleTimeMs: number
  transactionStates: readonly TransactionState[]
}

export const describeTransactionsSchema: ApiSchema = {
  key: 65,
  name: 'DescribeTransactions',
  versionMin: 0,
  versionMax: 0,
  flexibleFrom: 0,
  request: `
transactionalIds []string
`,
  response: `
throttleTimeMs int32
transactionStates []TransactionState
  errorCode int16
  transactionalId string
  transactionState string
  transactionTimeoutMs int32
  transactionStartTimeMs int64
  producerId int64
  producerEpoch int16
  topics []TopicData
    topic string
    partitions []int32
`,
}
