/** AlterConfigs: the configs given replace all that were set; what is left out returns to its default. */
import type { Api, RequestContext } from '../api.ts'
import { answerFor, changeConfigs, type ResourceAnswer, repeated, resourceKey } from '../config-changes.ts'
import type { Refusal } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type AlterConfigsRequest,
  type AlterConfigsResource,
  type AlterConfigsResponse,
  alterConfigsSchema,
} from '../wire/schemas/alter-configs.gen.ts'

export const alterConfigs: Api<AlterConfigsRequest, AlterConfigsResponse> = {
  key: alterConfigsSchema.key,
  versionMin: alterConfigsSchema.versionMin,
  versionMax: alterConfigsSchema.versionMax,
  handle,
}

async function handle(request: AlterConfigsRequest, context: RequestContext): Promise<AlterConfigsResponse> {
  const twice = repeated(request.resources)
  const responses: ResourceAnswer[] = []
  for (const resource of request.resources) {
    const refusal = twice.has(resourceKey(resource))
      ? { ...KAFKA_ERRORS.INVALID_REQUEST, message: 'the resource is named twice in one request' }
      : await changeConfigs(resource, (configs) => replaced(configs, resource), request.validateOnly, context)
    responses.push(answerFor(resource, refusal))
  }
  return { throttleTimeMs: 0, responses }
}

function replaced(configs: Map<string, string>, resource: AlterConfigsResource): Refusal | undefined {
  configs.clear()
  for (const { name, value } of resource.configs) {
    if (value === null) return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `config '${name}' has no value` }
    configs.set(name, value)
  }
  return undefined
}
