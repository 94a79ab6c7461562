/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DescribeConfigsResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configurationKeys: readonly string[] | null
}

export interface DescribeConfigsRequest {
  readonly resources: readonly DescribeConfigsResource[]
  readonly includeSynonyms: boolean
  /** Versions 3+. */
  readonly includeDocumentation: boolean
}

export interface DescribeConfigsSynonym {
  name: string
  value: string | null
  source: number
}

export interface DescribeConfigsResourceResult {
  name: string
  value: string | null
  readOnly: boolean
  configSource?: number | undefined
  isSensitive: boolean
  synonyms?: readonly DescribeConfigsSynonym[] | undefined
  /** Versions 3+. */
  configType?: number | undefined
  /** Versions 3+. */
  documentation?: string | null | undefined
}

export interface DescribeConfigsResult {
  errorCode: number
  errorMessage: string | null
  resourceType: number
  resourceName: string
  configs: readonly DescribeConfigsResourceResult[]
}

export interface DescribeConfigsResponse {
  throttleTimeMs: number
  results: readonly DescribeConfigsResult[]
}

export const describeConfigsSchema: ApiSchema = {
  key: 32,
  name: 'DescribeConfigs',
  versionMin: 1,
  versionMax: 4,
  flexibleFrom: 4,
  request: `
resources []DescribeConfigsResource
  resourceType int8
  resourceName string
  configurationKeys []string?
includeSynonyms bool
includeDocumentation bool 3+
`,
  response: `
throttleTimeMs int32
results []DescribeConfigsResult
  errorCode int16
  errorMessage string?
  resourceType int8
  resourceName string
  configs []DescribeConfigsResourceResult
    name string
    value string?
    readOnly bool
    configSource int8 = -1 ignorable
    isSensitive bool
    synonyms []DescribeConfigsSynonym ignorable
      name string
      value string?
      source int8
    configType int8 3+ ignorable
    documentation string? 3+ ignorable
`,
}
