/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ListConfigResourcesRequest {
  /** Versions 1+. */
  readonly resourceTypes: readonly number[]
}

export interface ConfigResource {
  resourceName: string
  /** Versions 1+. */
  resourceType?: number | undefined
}

export interface ListConfigResourcesResponse {
  throttleTimeMs: number
  errorCode: number
  configResources: readonly ConfigResource[]
}

export const listConfigResourcesSchema: ApiSchema = {
  key: 74,
  name: 'ListConfigResources',
  versionMin: 0,
  versionMax: 1,
  flexibleFrom: 0,
  request: `
resourceTypes []int8 1+
`,
  response: `
throttleTimeMs int32
errorCode int16
configResources []ConfigResource
  resourceName string
  resourceType int8 1+ = 16 ignorable
`,
}
