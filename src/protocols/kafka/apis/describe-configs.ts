/** DescribeConfigs: every setting of a topic with its source, and the few of the broker that tools look at. */
import type { Api, RequestContext } from '../api.ts'
import { brokerEntries, type ConfigEntry, RESOURCE_BROKER, RESOURCE_TOPIC, topicEntries } from '../configs.ts'
import { clipped, type Refusal } from '../refusals.ts'
import { nameProblem } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DescribeConfigsRequest,
  type DescribeConfigsResource,
  type DescribeConfigsResourceResult,
  type DescribeConfigsResponse,
  type DescribeConfigsResult,
  describeConfigsSchema,
} from '../wire/schemas/describe-configs.gen.ts'

export const describeConfigs: Api<DescribeConfigsRequest, DescribeConfigsResponse> = {
  key: describeConfigsSchema.key,
  versionMin: describeConfigsSchema.versionMin,
  versionMax: describeConfigsSchema.versionMax,
  handle: (request, context) => ({
    throttleTimeMs: 0,
    results: request.resources.map((resource) => described(resource, request, context)),
  }),
}

function described(
  resource: DescribeConfigsResource,
  request: DescribeConfigsRequest,
  context: RequestContext,
): DescribeConfigsResult {
  const { resourceType, resourceName, configurationKeys } = resource
  const entries = entriesOf(resource, context)
  if ('code' in entries) {
    return { errorCode: entries.code, errorMessage: clipped(entries.message), resourceType, resourceName, configs: [] }
  }
  const wanted = configurationKeys === null ? undefined : new Set(configurationKeys)
  const configs = entries.filter(({ name }) => wanted === undefined || wanted.has(name))
  return {
    errorCode: 0,
    errorMessage: null,
    resourceType,
    resourceName,
    configs: configs.map((entry) => shown(entry, request)),
  }
}

function entriesOf(
  { resourceType, resourceName }: DescribeConfigsResource,
  { session, settings }: RequestContext,
): ConfigEntry[] | Refusal {
  if (resourceType === RESOURCE_TOPIC) {
    const stream = session.streams.find(resourceName)
    if (stream !== undefined) return topicEntries(stream.configs, session.streams.settings)
    return KAFKA_ERRORS[
      nameProblem(resourceName) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
    ]
  }
  if (resourceType === RESOURCE_BROKER) {
    // The empty name stands for what all brokers share; nothing is set there.
    if (resourceName === '') return []
    if (resourceName === String(settings.nodeId)) return brokerEntries(settings)
    return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `there is no broker '${resourceName}', only ${settings.nodeId}` }
  }
  return { ...KAFKA_ERRORS.INVALID_REQUEST, message: `resources of type ${resourceType} have no configs here` }
}

function shown(
  { name, value, source, type, documentation, isReadOnly, synonyms }: ConfigEntry,
  { includeSynonyms, includeDocumentation }: DescribeConfigsRequest,
): DescribeConfigsResourceResult {
  return {
    name,
    value,
    readOnly: isReadOnly,
    configSource: source,
    isSensitive: false,
    synonyms: includeSynonyms ? synonyms : [],
    configType: type,
    documentation: includeDocumentation ? documentation : null,
  }
}
