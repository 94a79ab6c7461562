/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface HeartbeatRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  /** Versions 3+. */
  readonly groupInstanceId: string | null
}

export interface HeartbeatResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  errorCode: number
}

export const heartbeatSchema: ApiSchema = {
  key: 12,
  name: 'Heartbeat',
  versionMin: 0,
  versionMax: 4,
  flexibleFrom: 4,
  request: `
groupId string
generationId int32
memberId string
groupInstanceId string? 3+ = null
`,
  response: `
throttleTimeMs int32 1+ ignorable
errorCode int16
`,
}
