/** ListConfigResources: what DescribeConfigs can be asked about. Version 0 asks for client metrics only, and gets none. */
import type { Api, RequestContext } from '../api.ts'
import { RESOURCE_BROKER, RESOURCE_TOPIC } from '../configs.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type ConfigResource,
  type ListConfigResourcesRequest,
  type ListConfigResourcesResponse,
  listConfigResourcesSchema,
} from '../wire/schemas/list-config-resources.gen.ts'

/** Types that Kafka lists and that have nothing here: broker loggers, client metrics, groups. */
const EMPTY_TYPES: readonly number[] = [8, 16, 32]

export const listConfigResources: Api<ListConfigResourcesRequest, ListConfigResourcesResponse> = {
  key: listConfigResourcesSchema.key,
  versionMin: listConfigResourcesSchema.versionMin,
  versionMax: listConfigResourcesSchema.versionMax,
  handle,
}

function handle({ resourceTypes }: ListConfigResourcesRequest, context: RequestContext): ListConfigResourcesResponse {
  if (context.apiVersion === 0) return { throttleTimeMs: 0, errorCode: 0, configResources: [] }
  const known = [RESOURCE_TOPIC, RESOURCE_BROKER, ...EMPTY_TYPES]
  if (resourceTypes.some((type) => !known.includes(type))) {
    return { throttleTimeMs: 0, errorCode: KAFKA_ERRORS.UNSUPPORTED_VERSION.code, configResources: [] }
  }
  const isWanted = (type: number): boolean => resourceTypes.length === 0 || resourceTypes.includes(type)
  const configResources: ConfigResource[] = []
  if (isWanted(RESOURCE_TOPIC)) {
    for (const { name } of context.session.streams.list()) {
      configResources.push({ resourceName: name, resourceType: RESOURCE_TOPIC })
    }
  }
  if (isWanted(RESOURCE_BROKER)) {
    configResources.push({ resourceName: String(context.settings.nodeId), resourceType: RESOURCE_BROKER })
  }
  return { throttleTimeMs: 0, errorCode: 0, configResources }
}
