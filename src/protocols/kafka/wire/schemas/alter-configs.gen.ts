/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface AlterableConfig {
  readonly name: string
  readonly value: string | null
}

export interface AlterConfigsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly AlterableConfig[]
}

export interface AlterConfigsRequest {
  readonly resources: readonly AlterConfigsResource[]
  readonly validateOnly: boolean
}

export interface AlterConfigsResourceResponse {
  errorCode: number
  errorMessage: string | null
  resourceType: number
  resourceName: string
}

export interface AlterConfigsResponse {
  throttleTimeMs: number
  responses: readonly AlterConfigsResourceResponse[]
}

export const alterConfigsSchema: ApiSchema = {
  key: 33,
  name: 'AlterConfigs',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 2,
  request: `
resources []AlterConfigsResource
  resourceType int8
  resourceName string
  configs []AlterableConfig
    name string
    value string?
validateOnly bool
`,
  response: `
throttleTimeMs int32
responses []AlterConfigsResourceResponse
  errorCode int16
  errorMessage string?
  resourceType int8
  resourceName string
`,
}
