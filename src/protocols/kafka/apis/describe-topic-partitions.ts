/** DescribeTopicPartitions: topics and partitions by name order, a page at a time. Makes no topics. */
import type { StreamInfo } from '../../../broker/streams/stream-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { NO_ID, nameProblem, TOPIC_OPERATIONS } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DescribeTopicPartitionsRequest,
  type DescribeTopicPartitionsResponse,
  type DescribeTopicPartitionsResponsePartition,
  type DescribeTopicPartitionsResponseTopic,
  describeTopicPartitionsSchema,
} from '../wire/schemas/describe-topic-partitions.gen.ts'

/** As Apache Kafka's max.request.partition.size.limit. */
const PAGE_MAX = 2000

export const describeTopicPartitions: Api<DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse> = {
  key: describeTopicPartitionsSchema.key,
  versionMin: describeTopicPartitionsSchema.versionMin,
  versionMax: describeTopicPartitionsSchema.versionMax,
  handle,
}

function handle(request: DescribeTopicPartitionsRequest, context: RequestContext): DescribeTopicPartitionsResponse {
  const { cursor } = request
  const topics: DescribeTopicPartitionsResponseTopic[] = []
  let left = Math.max(1, Math.min(request.responsePartitionLimit, PAGE_MAX))
  for (const name of namesFrom(request, context)) {
    const stream = context.session.streams.find(name)
    const first = cursor !== null && cursor.topicName === name ? Math.max(0, cursor.partitionIndex) : 0
    if (left === 0) return { topics, nextCursor: { topicName: name, partitionIndex: first } }
    if (stream === undefined) {
      topics.push(missing(name))
      continue
    }
    const end = Math.min(stream.partitionCount, first + left)
    topics.push(described(stream, first, end, context))
    left -= Math.max(0, end - first)
    if (end < stream.partitionCount) return { topics, nextCursor: { topicName: name, partitionIndex: end } }
  }
  return { topics, nextCursor: null }
}

/** In order, each once, from the cursor on. No topic named: all of them. */
function namesFrom({ topics, cursor }: DescribeTopicPartitionsRequest, { session }: RequestContext): string[] {
  const all = topics.length === 0 ? session.streams.list().map(({ name }) => name) : topics.map(({ name }) => name)
  const names = [...new Set(all)].sort()
  return cursor === null ? names : names.filter((name) => name >= cursor.topicName)
}

function missing(name: string): DescribeTopicPartitionsResponseTopic {
  const error = nameProblem(name) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : 'INVALID_TOPIC_EXCEPTION'
  return { errorCode: KAFKA_ERRORS[error].code, name, topicId: NO_ID, partitions: [] }
}

function described(
  stream: StreamInfo,
  first: number,
  end: number,
  { settings, session }: RequestContext,
): DescribeTopicPartitionsResponseTopic {
  const partitions: DescribeTopicPartitionsResponsePartition[] = []
  const nodes = [settings.nodeId]
  for (let index = first; index < end; index++) {
    partitions.push({
      errorCode: 0,
      partitionIndex: index,
      leaderId: settings.nodeId,
      leaderEpoch: session.streams.partition(stream.name, index)?.leaderEpoch ?? 0,
      replicaNodes: nodes,
      isrNodes: nodes,
      eligibleLeaderReplicas: [],
      lastKnownElr: [],
      offlineReplicas: [],
    })
  }
  const { name, id, isInternal } = stream
  return { errorCode: 0, name, topicId: id, isInternal, partitions, topicAuthorizedOperations: TOPIC_OPERATIONS }
}
