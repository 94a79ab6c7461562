/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface ApiVersionsRequest {
  /** Versions 3+. */
  readonly clientSoftwareName: string
  /** Versions 3+. */
  readonly clientSoftwareVersion: string
}

export interface ApiVersion {
  apiKey: number
  minVersion: number
  maxVersion: number
}

export interface SupportedFeatureKey {
  name: string
  minVersion: number
  maxVersion: number
}

export interface FinalizedFeatureKey {
  name: string
  maxVersionLevel: number
  minVersionLevel: number
}

export interface ApiVersionsResponse {
  errorCode: number
  apiKeys: readonly ApiVersion[]
  /** Versions 1+. */
  throttleTimeMs?: number | undefined
  /** Versions 3+. */
  supportedFeatures?: readonly SupportedFeatureKey[] | undefined
  /** Versions 3+. */
  finalizedFeaturesEpoch?: number | undefined
  /** Versions 3+. */
  finalizedFeatures?: readonly FinalizedFeatureKey[] | undefined
  /** Versions 3+. */
  zkMigrationReady?: boolean | undefined
}

export const apiVersionsSchema: ApiSchema = {
  key: 18,
  name: 'ApiVersions',
  versionMin: 0,
  versionMax: 4,
  flexibleFrom: 3,
  request: `
clientSoftwareName string 3+ ignorable
clientSoftwareVersion string 3+ ignorable
`,
  response: `
errorCode int16
apiKeys []ApiVersion
  apiKey int16
  minVersion int16
  maxVersion int16
throttleTimeMs int32 1+ ignorable
supportedFeatures []SupportedFeatureKey 3+ #0 ignorable
  name string
  minVersion int16
  maxVersion int16
finalizedFeaturesEpoch int64 3+ #1 = -1 ignorable
finalizedFeatures []FinalizedFeatureKey 3+ #2 ignorable
  name string
  maxVersionLevel int16
  minVersionLevel int16
zkMigrationReady bool 3+ #3 ignorable
`,
}
