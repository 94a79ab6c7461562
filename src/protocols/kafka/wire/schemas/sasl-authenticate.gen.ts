/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface SaslAuthenticateRequest {
  readonly authBytes: Buffer
}

export interface SaslAuthenticateResponse {
  errorCode: number
  errorMessage: string | null
  authBytes: Buffer
  /** Versions 1+. */
  sessionLifetimeMs?: number | undefined
}

export const saslAuthenticateSchema: ApiSchema = {
  key: 36,
  name: 'SaslAuthenticate',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 2,
  request: `
authBytes bytes
`,
  response: `
errorCode int16
errorMessage string?
authBytes bytes
sessionLifetimeMs int64 1+ ignorable
`,
}
