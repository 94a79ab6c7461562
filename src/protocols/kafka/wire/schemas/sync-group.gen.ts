/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface SyncGroupRequestAssignment {
  readonly memberId: string
  readonly assignment: Buffer
}

export interface SyncGroupRequest {
  readonly groupId: string
  readonly generationId: number
  readonly memberId: string
  /** Versions 3+. */
  readonly groupInstanceId: string | null
  /** Versions 5+. */
  readonly protocolType: string | null
  /** Versions 5+. */
  readonly protocolName: string | null
  readonly assignments: readonly SyncGroupRequestAssignment[]
}

export interface SyncGroupResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  errorCode: number
  /** Versions 5+. */
  protocolType?: string | null | undefined
  /** Versions 5+. */
  protocolName?: string | null | undefined
  assignment: Buffer
}

export const syncGroupSchema: ApiSchema = {
  key: 14,
  name: 'SyncGroup',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 4,
  request: `
groupId string
generationId int32
memberId string
groupInstanceId string? 3+ = null
protocolType string? 5+ = null ignorable
protocolName string? 5+ = null ignorable
assignments []SyncGroupRequestAssignment
  memberId string
  assignment bytes
`,
  response: `
throttleTimeMs int32 1+ ignorable
errorCode int16
protocolType string? 5+ = null ignorable
protocolName string? 5+ = null ignorable
assignment bytes
`,
}
