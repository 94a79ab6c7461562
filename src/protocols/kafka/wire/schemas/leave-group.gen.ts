/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface MemberIdentity {
  readonly memberId: string
  readonly groupInstanceId: string | null
  /** Versions 5+. */
  readonly reason: string | null
}

export interface LeaveGroupRequest {
  readonly groupId: string
  /** Versions 0-2. */
  readonly memberId: string
  /** Versions 3+. */
  readonly members: readonly MemberIdentity[]
}

export interface MemberResponse {
  memberId: string
  groupInstanceId: string | null
  errorCode: number
}

export interface LeaveGroupResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  errorCode: number
  /** Versions 3+. */
  members?: readonly MemberResponse[] | undefined
}

export const leaveGroupSchema: ApiSchema = {
  key: 13,
  name: 'LeaveGroup',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 4,
  request: `
groupId string
memberId string 0-2
members []MemberIdentity 3+
  memberId string
  groupInstanceId string? = null
  reason string? 5+ = null ignorable
`,
  response: `
throttleTimeMs int32 1+ ignorable
errorCode int16
members []MemberResponse 3+
  memberId string
  groupInstanceId string?
  errorCode int16
`,
}
