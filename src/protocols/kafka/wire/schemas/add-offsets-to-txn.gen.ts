/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface AddOffsetsToTxnRequest {
  readonly transactionalId: string
  readonly producerId: number
  readonly producerEpoch: number
  readonly groupId: string
}

export interface AddOffsetsToTxnResponse {
  throttleTimeMs: number
  errorCode: number
}

export const addOffsetsToTxnSchema: ApiSchema = {
  key: 25,
  name: 'AddOffsetsToTxn',
  versionMin: 0,
  versionMax: 4,
  flexibleFrom: 3,
  request: `
transactionalId string
producerId int64
producerEpoch int16
groupId string
`,
  response: `
throttleTimeMs int32
errorCode int16
`,
}
