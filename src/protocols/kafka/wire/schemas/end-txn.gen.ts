/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface EndTxnRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly committed: boolean
}

export interface EndTxnResponse {
  throttleTimeMs: number
  errorCode: number
  /** Versions 5+. */
  producerId?: number | undefined
  /** Versions 5+. */
  producerEpoch?: number | undefined
}

export const endTxnSchema: ApiSchema = {
  key: 26,
  name: 'EndTxn',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 3,
  request: `
transactionalId string
producerId int64
producerEpoch int16
committed bool
`,
  response: `
throttleTimeMs int32
errorCode int16
producerId int64 5+ = -1 ignorable
producerEpoch int16 5+ = -1 ignorable
`,
}
