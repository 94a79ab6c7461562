/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DescribeGroupsRequest {
  readonly groups: readonly string[]
  /** Versions 3+. */
  readonly includeAuthorizedOperations: boolean
}

export interface DescribedGroupMember {
  memberId: string
  /** Versions 4+. */
  groupInstanceId?: string | null | undefined
  clientId: string
  clientHost: string
  memberMetadata: Buffer
  memberAssignment: Buffer
}

export interface DescribedGroup {
  errorCode: number
  /** Versions 6+. */
  errorMessage?: string | null | undefined
  groupId: string
  groupState: string
  protocolType: string
  protocolData: string
  members: readonly DescribedGroupMember[]
  /** Versions 3+. */
  authorizedOperations?: number | undefined
}

export interface DescribeGroupsResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  groups: readonly DescribedGroup[]
}

export const describeGroupsSchema: ApiSchema = {
  key: 15,
  name: 'DescribeGroups',
  versionMin: 0,
  versionMax: 6,
  flexibleFrom: 5,
  request: `
groups []string
includeAuthorizedOperations bool 3+
`,
  response: `
throttleTimeMs int32 1+ ignorable
groups []DescribedGroup
  errorCode int16
  errorMessage string? 6+ = null
  groupId string
  groupState string
  protocolType string
  protocolData string
  members []DescribedGroupMember
    memberId string
    groupInstanceId string? 4+ = null ignorable
    clientId string
    clientHost string
    memberMetadata bytes
    memberAssignment bytes
  authorizedOperations int32 3+ = -2147483648
`,
}
