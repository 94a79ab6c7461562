/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface JoinGroupRequestProtocol {
  readonly name: string
  readonly metadata: Buffer
}

export interface JoinGroupRequest {
  readonly groupId: string
  readonly sessionTimeoutMs: number
  /** Versions 1+. */
  readonly rebalanceTimeoutMs: number
  readonly memberId: string
  /** Versions 5+. */
  readonly groupInstanceId: string | null
  readonly protocolType: string
  readonly protocols: readonly JoinGroupRequestProtocol[]
  /** Versions 8+. */
  readonly reason: string | null
}

export interface JoinGroupResponseMember {
  memberId: string
  /** Versions 5+. */
  groupInstanceId?: string | null | undefined
  metadata: Buffer
}

export interface JoinGroupResponse {
  /** Versions 2+. */
  throttleTimeMs?: number | undefined
  errorCode: number
  generationId?: number | undefined
  /** Versions 7+. */
  protocolType?: string | null | undefined
  protocolName: string | null
  leader: string
  /** Versions 9+. */
  skipAssignment?: boolean | undefined
  memberId: string
  members: readonly JoinGroupResponseMember[]
}

export const joinGroupSchema: ApiSchema = {
  key: 11,
  name: 'JoinGroup',
  versionMin: 0,
  versionMax: 9,
  flexibleFrom: 6,
  request: `
groupId string
sessionTimeoutMs int32
rebalanceTimeoutMs int32 1+ = -1 ignorable
memberId string
groupInstanceId string? 5+ = null
protocolType string
protocols []JoinGroupRequestProtocol
  name string
  metadata bytes
reason string? 8+ = null ignorable
`,
  response: `
throttleTimeMs int32 2+ ignorable
errorCode int16
generationId int32 = -1
protocolType string? 7+ = null ignorable
protocolName string?7+
leader string
skipAssignment bool 9+
memberId string
members []JoinGroupResponseMember
  memberId string
  groupInstanceId string? 5+ = null ignorable
  metadata bytes
`,
}
