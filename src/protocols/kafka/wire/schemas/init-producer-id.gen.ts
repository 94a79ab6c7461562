/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface InitProducerIdRequest {
  readonly transactionalId: string | null
  readonly transactionTimeoutMs: number
  /** Versions 3+. */
  readonly producerId: number
  /** Versions 3+. */
  readonly producerEpoch: number
  /** Versions 6+. */
  readonly enable2Pc: boolean
  /** Versions 6+. */
  readonly keepPreparedTxn: boolean
}

export interface InitProducerIdResponse {
  throttleTimeMs?: number | undefined
  errorCode: number
  producerId?: number | undefined
  producerEpoch: number
  /** Versions 6+. */
  ongoingTxnProducerId?: number | undefined
  /** Versions 6+. */
  ongoingTxnProducerEpoch?: number | undefined
}

export const initProducerIdSchema: ApiSchema = {
  key: 22,
  name: 'InitProducerId',
  versionMin: 0,
  versionMax: 6,
  flexibleFrom: 2,
  request: `
transactionalId string?
transactionTimeoutMs int32
producerId int64 3+ = -1
producerEpoch int16 3+ = -1
enable2Pc bool 6+
keepPreparedTxn bool 6+
`,
  response: `
throttleTimeMs int32 ignorable
errorCode int16
producerId int64 = -1
producerEpoch int16
ongoingTxnProducerId int64 6+ = -1
ongoingTxnProducerEpoch int16 6+ = -1
`,
}
