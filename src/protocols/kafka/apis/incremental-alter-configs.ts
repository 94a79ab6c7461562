/** IncrementalAlterConfigs: sets, removes, or changes the elements of a list; everything else stays. */
import type { StreamSetting } from '../../../broker/streams/stream-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { answerFor, changeConfigs, type ResourceAnswer, repeated, resourceKey } from '../config-changes.ts'
import type { Refusal } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type AlterableConfig,
  type AlterConfigsResource,
  type IncrementalAlterConfigsRequest,
  type IncrementalAlterConfigsResponse,
  incrementalAlterConfigsSchema,
} from '../wire/schemas/incremental-alter-configs.gen.ts'

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

export const incrementalAlterConfigs: Api<IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse> = {
  key: incrementalAlterConfigsSchema.key,
  versionMin: incrementalAlterConfigsSchema.versionMin,
  versionMax: incrementalAlterConfigsSchema.versionMax,
  handle,
}

async function handle(
  request: IncrementalAlterConfigsRequest,
  context: RequestContext,
): Promise<IncrementalAlterConfigsResponse> {
  const { settings } = context.session.streams
  const twice = repeated(request.resources)
  const responses: ResourceAnswer[] = []
  for (const resource of request.resources) {
    const refusal = twice.has(resourceKey(resource))
      ? { ...KAFKA_ERRORS.INVALID_REQUEST, message: 'the resource is named twice in one request' }
      : await changeConfigs(resource, (configs) => altered(configs, resource, settings), request.validateOnly, context)
    responses.push(answerFor(resource, refusal))
  }
  return { throttleTimeMs: 0, responses }
}

function altered(
  configs: Map<string, string>,
  resource: AlterConfigsResource,
  settings: readonly StreamSetting[],
): Refusal | undefined {
  const seen = new Set<string>()
  for (const change of resource.configs) {
    const { name } = change
    if (seen.has(name)) return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `config '${name}' is named twice` }
    seen.add(name)
    const setting = settings.find((candidate) => candidate.name === name)
    if (setting === undefined) return { ...KAFKA_ERRORS.INVALID_CONFIG, message: `there is no topic config '${name}'` }
    const refusal = apply(configs, change, setting)
    if (refusal !== undefined) return refusal
  }
  return undefined
}

function apply(configs: Map<string, string>, change: AlterableConfig, setting: StreamSetting): Refusal | undefined {
  const { name, configOperation, value } = change
  if (configOperation === DELETE) {
    configs.delete(name)
    return undefined
  }
  if (value === null) return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `config '${name}' has no value` }
  if (configOperation === SET) {
    configs.set(name, value)
    return undefined
  }
  if (configOperation !== APPEND && configOperation !== SUBTRACT) {
    return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `there is no config operation ${configOperation}` }
  }
  if (setting.type !== 'list') {
    return {
      ...KAFKA_ERRORS.INVALID_CONFIG,
      message: `config '${name}' is not a list: nothing can be added or removed`,
    }
  }
  const items = listOf(configs.get(name) ?? setting.default)
  const given = listOf(value)
  const changed =
    configOperation === APPEND
      ? [...items, ...given.filter((item) => !items.includes(item))]
      : items.filter((item) => !given.includes(item))
  configs.set(name, changed.join(','))
  return undefined
}

function listOf(text: string): string[] {
  return text === '' ? [] : text.split(',').map((item) => item.trim())
}
