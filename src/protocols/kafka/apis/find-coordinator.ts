/**
 * FindCoordinator: where groups (type 0) and transactions (type 1) are kept, which is here. Up to version 3 for one key,
 * then for many.
 */
import type { Api, RequestContext } from '../api.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type Coordinator,
  type FindCoordinatorRequest,
  type FindCoordinatorResponse,
  findCoordinatorSchema,
} from '../wire/schemas/find-coordinator.gen.ts'

const KeyType = { group: 0, transaction: 1 } as const

export const findCoordinator: Api<FindCoordinatorRequest, FindCoordinatorResponse> = {
  key: findCoordinatorSchema.key,
  versionMin: findCoordinatorSchema.versionMin,
  versionMax: findCoordinatorSchema.versionMax,
  handle,
}

function handle(request: FindCoordinatorRequest, context: RequestContext): FindCoordinatorResponse {
  if (context.apiVersion >= 4) {
    return { coordinators: request.coordinatorKeys.map((key) => coordinatorOf(key, request.keyType, context)) }
  }
  const { errorCode, errorMessage, nodeId, host, port } = coordinatorOf(request.key, request.keyType, context)
  return { errorCode, errorMessage: errorCode === 0 ? 'NONE' : errorMessage, nodeId, host, port }
}

function coordinatorOf(key: string, keyType: number, { settings, advertised }: RequestContext): Coordinator {
  if (keyType === KeyType.group || keyType === KeyType.transaction) {
    const { host, port } = advertised
    return { key, nodeId: settings.nodeId, host, port, errorCode: 0, errorMessage: '' }
  }
  const errorMessage = `there is no coordinator of type ${keyType} here`
  return { key, nodeId: -1, host: '', port: -1, errorCode: KAFKA_ERRORS.INVALID_REQUEST.code, errorMessage }
}
