/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface SaslHandshakeRequest {
  readonly mechanism: string
}

export interface SaslHandshakeResponse {
  errorCode: number
  mechanisms: readonly string[]
}

export const saslHandshakeSchema: ApiSchema = {
  key: 17,
  name: 'SaslHandshake',
  versionMin: 0,
  versionMax: 1,
  flexibleFrom: undefined,
  request: `
mechanism string
`,
  response: `
errorCode int16
mechanisms []string
`,
}
