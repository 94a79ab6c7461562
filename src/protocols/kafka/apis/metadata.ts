/** Metadata: which topics there are, and where this client finds them. Makes topics on first use, as Kafka does. */
import type { StreamInfo, Streams } from '../../../broker/streams/stream-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { refusalOf } from '../refusals.ts'
import {
  CLUSTER_OPERATIONS,
  collidingTopic,
  findTopic,
  NO_ID,
  nameProblem,
  OPERATIONS_NOT_ASKED,
  TOPIC_OPERATIONS,
} from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type MetadataRequest,
  type MetadataRequestTopic,
  type MetadataResponse,
  type MetadataResponsePartition,
  type MetadataResponseTopic,
  metadataSchema,
} from '../wire/schemas/metadata.gen.ts'

export const metadata: Api<MetadataRequest, MetadataResponse> = {
  key: metadataSchema.key,
  versionMin: metadataSchema.versionMin,
  versionMax: metadataSchema.versionMax,
  handle,
}

async function handle(request: MetadataRequest, context: RequestContext): Promise<MetadataResponse> {
  const { settings, advertised } = context
  const { nodeId, clusterId } = settings
  const topics: MetadataResponseTopic[] = []
  for (const topic of askedTopics(request, context)) {
    topics.push('id' in topic ? described(topic, request, context) : await named(topic, request, context))
  }
  return {
    brokers: [{ nodeId, host: advertised.host, port: advertised.port, rack: null }],
    clusterId,
    controllerId: nodeId,
    topics,
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? CLUSTER_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}

/** Null asks for all topics; so does an empty list in version 0, which had no null. */
function askedTopics(
  { topics }: MetadataRequest,
  { session, apiVersion }: RequestContext,
): readonly (MetadataRequestTopic | StreamInfo)[] {
  return topics === null || (apiVersion === 0 && topics.length === 0) ? session.streams.list() : topics
}

async function named(
  { name, topicId }: MetadataRequestTopic,
  request: MetadataRequest,
  context: RequestContext,
): Promise<MetadataResponseTopic> {
  const { streams } = context.session
  const found = findTopic(streams, name, topicId)
  if (found !== undefined) return described(found, request, context)
  // Before version 12 an answer has no way to say "no name".
  if (name === null) return missing(KAFKA_ERRORS.UNKNOWN_TOPIC_ID.code, context.apiVersion < 12 ? '' : null, topicId)
  if (nameProblem(name) !== undefined) return missing(KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION.code, name, NO_ID)
  const mayCreate = context.settings.autoCreateTopics && (context.apiVersion < 4 || request.allowAutoTopicCreation)
  if (!mayCreate) return missing(KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code, name, NO_ID)
  if (collidingTopic(streams, name) !== undefined) {
    return missing(KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION.code, name, NO_ID)
  }
  const made = await makeTopic(streams, name, context)
  return typeof made === 'number' ? missing(made, name, NO_ID) : described(made, request, context)
}

/** Or the error code. Kafka answers "unknown" and lets the client ask again; there is nothing to wait for here. */
async function makeTopic(streams: Streams, name: string, context: RequestContext): Promise<StreamInfo | number> {
  try {
    return await streams.create({ name, partitionCount: context.settings.partitionCountDefault, configs: new Map() })
  } catch (error) {
    // Another client was faster, or the name is taken by a queue.
    return streams.find(name) ?? refusalOf(error, KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION.code).code
  }
}

function missing(errorCode: number, name: string | null, topicId: Buffer): MetadataResponseTopic {
  return { errorCode, name, topicId, isInternal: false, partitions: [] }
}

function described(stream: StreamInfo, request: MetadataRequest, context: RequestContext): MetadataResponseTopic {
  const partitions: MetadataResponsePartition[] = []
  const { nodeId } = context.settings
  for (let index = 0; index < stream.partitionCount; index++) {
    partitions.push({
      errorCode: 0,
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch: context.session.streams.partition(stream.name, index)?.leaderEpoch ?? 0,
      replicaNodes: [nodeId],
      isrNodes: [nodeId],
      offlineReplicas: [],
    })
  }
  return {
    errorCode: 0,
    name: stream.name,
    topicId: stream.id,
    isInternal: stream.isInternal,
    partitions,
    topicAuthorizedOperations: request.includeTopicAuthorizedOperations ? TOPIC_OPERATIONS : OPERATIONS_NOT_ASKED,
  }
}
