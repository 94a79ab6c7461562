/** ApiVersions: what is served, from the one table of it. The first thing nearly every client asks. */
import type { Api } from '../api.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type ApiVersionsRequest,
  type ApiVersionsResponse,
  apiVersionsSchema,
} from '../wire/schemas/api-versions.gen.ts'
import { API } from '../wire/schemas/apis.gen.ts'

export interface ServedVersions {
  readonly key: number
  readonly versionMin: number
  readonly versionMax: number
}

const TRANSACTION_VERSION = 2
const SOFTWARE = /^[a-zA-Z0-9](?:[a-zA-Z0-9\-.]*[a-zA-Z0-9])?$/

/** @param others all that is served besides this */
export function makeApiVersions(others: readonly ServedVersions[]): Api<ApiVersionsRequest, ApiVersionsResponse> {
  const { key, versionMin, versionMax } = apiVersionsSchema
  const rows = [...others, { key, versionMin, versionMax }].sort((a, b) => a.key - b.key).map(row)
  return {
    key,
    versionMin,
    versionMax,
    handle: (request, context) => {
      if (context.apiVersion >= 3 && !isSoftware(request))
        return { errorCode: KAFKA_ERRORS.INVALID_REQUEST.code, apiKeys: [] }
      return { errorCode: KAFKA_ERRORS.NONE.code, apiKeys: rows, ...features(context.apiVersion) }
    },
  }
}

/**
 * Transactions of the second kind, in which partitions are added by writing to them and every end brings a new epoch:
 * clients that know them look here. Before version 4 clients could not read of a feature that may be off (level 0).
 */
function features(apiVersion: number): Partial<ApiVersionsResponse> {
  if (apiVersion < 3) return {}
  const name = 'transaction.version'
  return {
    supportedFeatures: apiVersion < 4 ? [] : [{ name, minVersion: 0, maxVersion: TRANSACTION_VERSION }],
    finalizedFeaturesEpoch: 0,
    finalizedFeatures: [{ name, minVersionLevel: TRANSACTION_VERSION, maxVersionLevel: TRANSACTION_VERSION }],
  }
}

function isSoftware({ clientSoftwareName, clientSoftwareVersion }: ApiVersionsRequest): boolean {
  return SOFTWARE.test(clientSoftwareName) && SOFTWARE.test(clientSoftwareVersion)
}

function row({ key, versionMin, versionMax }: ServedVersions): ApiVersionsResponse['apiKeys'][number] {
  // As Apache Kafka: librdkafka before 2.3 looks for Produce 0 to find out whether modern records are understood.
  return { apiKey: key, minVersion: key === API.Produce ? 0 : versionMin, maxVersion: versionMax }
}

/** For a version above ours: to be sent in version 0, with the one row the client needs to ask again (KIP-511). */
export function unsupportedApiVersions(): ApiVersionsResponse {
  return { errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION.code, apiKeys: [row(apiVersionsSchema)] }
}
