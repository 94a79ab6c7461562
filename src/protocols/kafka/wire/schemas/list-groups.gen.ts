/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ListGroupsRequest {
  /** Versions 4+. */
  readonly statesFilter: readonly string[]
  /** Versions 5+. */
  readonly typesFilter: readonly string[]
}

export interface ListedGroup {
  groupId: string
  protocolType: string
  /** Versions 4+. */
  groupState?: string | undefined
  /** Versions 5+. */
  groupType?: string | undefined
}

export interface ListGroupsResponse {
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  errorCode: number
  groups: readonly ListedGroup[]
}

export const listGroupsSchema: ApiSchema = {
  key: 16,
  name: 'ListGroups',
  versionMin: 0,
  versionMax: 5,
  flexibleFrom: 3,
  request: `
statesFilter []string 4+
typesFilter []string 5+
`,
  response: `
throttleTimeMs int32 1+ ignorable
errorCode int16
groups []ListedGroup
  groupId string
  protocolType string
  groupState string 4+ ignorable
  groupType string 5+ ignorable
`,
}
