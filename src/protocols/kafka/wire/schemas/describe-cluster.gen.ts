/** Made by scripts/kafka-schemas.mjs from the message definitions of Apache Kafka; not edited by hand. */
import type { ApiSchema } from '../schema.ts'

export interface DescribeClusterRequest {
  readonly includeClusterAuthorizedOperations: boolean
  /** Versions 1+. */
  readonly endpointType: number
  /** Versions 2+. */
  readonly includeFencedBrokers: boolean
}

export interface DescribeClusterBroker {
  brokerId: number
  host: string
  port: number
  rack?: string | null | undefined
  /** Versions 2+. */
  isFenced?: boolean | undefined
}

export interface DescribeClusterResponse {
  throttleTimeMs: number
  errorCode: number
  errorMessage?: string | null | undefined
  /** Versions 1+. */
  endpointType?: number | undefined
  clusterId: string
  controllerId?: number | undefined
  brokers: readonly DescribeClusterBroker[]
  clusterAuthorizedOperations?: number | undefined
}

export const describeClusterSchema: ApiSchema = {
  key: 60,
  name: 'DescribeCluster',
  versionMin: 0,
  versionMax: 2,
  flexibleFrom: 0,
  request: `
includeClusterAuthorizedOperations bool
endpointType int8 1+ = 1
includeFencedBrokers bool 2+
`,
  response: `
throttleTimeMs int32
errorCode int16
errorMessage string? = null
endpointType int8 1+ = 1
clusterId string
controllerId int32 = -1
brokers []DescribeClusterBroker
  brokerId int32
  host string
  port int32
  rack string? = null
  isFenced bool 2+
clusterAuthorizedOperations int32 = -2147483648
`,
}
