/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DeleteGroupsRequest {
  readonly groupsNames: readonly string[]
}

export interface DeletableGroupResult {
  groupId: string
  errorCode: number
}

export interface DeleteGroupsResponse {
  throttleTimeMs: number
  results: readonly DeletableGroupResult[]
}

export const deleteGroupsSchema: ApiSchema = {
  key: 42,
  name: 'DeleteGroups',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 2,
  request: `
groupsNames []string
`,
  response: `
throttleTimeMs int32
results []DeletableGroupResult
  groupId string
  errorCode int16
`,
}
