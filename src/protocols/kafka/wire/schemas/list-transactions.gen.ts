/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ListTransactionsRequest {
  readonly stateFilters: readonly string[]
  readonly producerIdFilters: readonly number[]
  /** Versions 1+. */
  readonly durationFilter: number
  /** Versions 2+. */
  readonly transactionalIdPattern: string | null
}

export interface TransactionState {
  transactionalId: string
  producerId: number
  transactionState: string
}

export interface ListTransactionsResponse {
  throttleTimeMs: number
  errorCode: number
  unknownStateFilters: readonly string[]
  transactionStates: readonly TransactionState[]
}

export const listTransactionsSchema: ApiSchema = {
  key: 66,
  name: 'ListTransactions',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 0,
  request: `
stateFilters []string
producerIdFilters []int64
durationFilter int64 1+ = -1
transactionalIdPattern string? 2+ = null
`,
  response: `
throttleTimeMs int32
errorCode int16
unknownStateFilters []string
transactionStates []TransactionState
  transactionalId string
  producerId int64
  transactionState string
`,
}
