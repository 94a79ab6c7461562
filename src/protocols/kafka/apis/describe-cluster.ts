/** DescribeCluster: the one broker there is, at the address this client reaches it by. */
import type { Api, RequestContext } from '../api.ts'
import { CLUSTER_OPERATIONS, OPERATIONS_NOT_ASKED } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DescribeClusterRequest,
  type DescribeClusterResponse,
  describeClusterSchema,
} from '../wire/schemas/describe-cluster.gen.ts'

const BROKERS = 1

export const describeCluster: Api<DescribeClusterRequest, DescribeClusterResponse> = {
  key: describeClusterSchema.key,
  versionMin: describeClusterSchema.versionMin,
  versionMax: describeClusterSchema.versionMax,
  handle,
}

function handle(request: DescribeClusterRequest, context: RequestContext): DescribeClusterResponse {
  const { settings, advertised } = context
  const { nodeId, clusterId } = settings
  const shared = { throttleTimeMs: 0, endpointType: request.endpointType, clusterId }
  if (context.apiVersion >= 1 && request.endpointType !== BROKERS) {
    const { code, message } = KAFKA_ERRORS.MISMATCHED_ENDPOINT_TYPE
    return { ...shared, errorCode: code, errorMessage: message, brokers: [] }
  }
  return {
    ...shared,
    errorCode: 0,
    controllerId: nodeId,
    brokers: [{ brokerId: nodeId, host: advertised.host, port: advertised.port, rack: null }],
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}
