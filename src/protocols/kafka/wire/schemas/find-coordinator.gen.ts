/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface FindCoordinatorRequest {
  /** Versions 0-3. */
  readonly key: string
  /** Versions 1+. */
  readonly keyType: number
  /** Versions 4+. */
  readonly coordinatorKeys: readonly string[]
}

export interface Coordinator {
  key: string
  nodeId: number
  host: string
  port: number
  errorCode: number
  errorMessage?: string | null | undefined
}

export interface FindCoordinatorResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  /** Versions 0-3. */
  errorCode?: number | undefined
  /** Versions 1-3. */
  errorMessage?: string | null | undefined
  /** Versions 0-3. */
  nodeId?: number | undefined
  /** Versions 0-3. */
  host?: string | undefined
  /** Versions 0-3. */
  port?: number | undefined
  /** Versions 4+. */
  coordinators?: readonly Coordinator[] | undefined
}

export const findCoordinatorSchema: ApiSchema = {
  key: 10,
  name: 'FindCoordinator',
  versionMin: 0,
  versionMax: 6,
  flexibleFrom: 3,
  request: `
key string 0-3
keyType int8 1+
coordinatorKeys []string 4+
`,
  response: `
throttleTimeMs int32 1+ ignorable
errorCode int16 0-3
errorMessage string? 1-3 ignorable
nodeId int32 0-3
host string 0-3
port int32 0-3
coordinators []Coordinator 4+
  key string
  nodeId int32
  host string
  port int32
  errorCode int16
  errorMessage string? ignorable
`,
}
