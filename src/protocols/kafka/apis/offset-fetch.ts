/**
 * OffsetFetch: one group up to version 7, then many; topics by id from 10 on. Asking for every topic (null) begins with
 * 2. What was never committed is offset -1, and no error. With `requireStable` (7 on) a partition that an open
 * transaction may still change is an error to be tried again.
 */
import type { FetchedOffset, WantedOffsets } from '../../../broker/groups/group-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { findTopic, NO_ID } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type OffsetFetchRequest,
  type OffsetFetchRequestTopics,
  type OffsetFetchResponse,
  type OffsetFetchResponsePartitions,
  type OffsetFetchResponseTopics,
  offsetFetchSchema,
} from '../wire/schemas/offset-fetch.gen.ts'

export const offsetFetch: Api<OffsetFetchRequest, OffsetFetchResponse> = {
  key: offsetFetchSchema.key,
  versionMin: offsetFetchSchema.versionMin,
  versionMax: offsetFetchSchema.versionMax,
  handle,
}

function handle(request: OffsetFetchRequest, context: RequestContext): OffsetFetchResponse {
  const { requireStable } = request
  if (context.apiVersion >= 8) {
    return {
      groups: request.groups.map(({ groupId, topics }) => ({
        groupId,
        topics: fetchTopics(groupId, topics, requireStable, context),
        errorCode: 0,
      })),
    }
  }
  const topics = request.topics?.map((topic) => ({ ...topic, topicId: NO_ID })) ?? null
  const fetched = fetchTopics(request.groupId, topics, requireStable, context)
  return { topics: fetched.map(({ name = '', partitions }) => ({ name, partitions })), errorCode: 0 }
}

function fetchTopics(
  groupId: string,
  topics: readonly OffsetFetchRequestTopics[] | null,
  requireStable: boolean,
  context: RequestContext,
): OffsetFetchResponseTopics[] {
  if (topics === null) return everyTopic(groupId, requireStable, context)
  return topics.map((topic) => fetchTopic(groupId, topic, requireStable, context))
}

function everyTopic(
  groupId: string,
  requireStable: boolean,
  { session, apiVersion }: RequestContext,
): OffsetFetchResponseTopics[] {
  const answer: OffsetFetchResponseTopics[] = []
  for (const { stream, partitions } of session.groups.fetchOffsets(groupId, undefined)) {
    const topicId = session.streams.find(stream)?.id
    // By id alone a topic that is gone cannot be named.
    if (topicId === undefined && apiVersion >= 10) continue
    const shown = partitions.map((partition) => shownPartition(partition, requireStable))
    answer.push({ name: stream, topicId: topicId ?? NO_ID, partitions: shown })
  }
  return answer
}

function fetchTopic(
  groupId: string,
  { name, topicId, partitionIndexes }: OffsetFetchRequestTopics,
  requireStable: boolean,
  { session, apiVersion }: RequestContext,
): OffsetFetchResponseTopics {
  const stream = apiVersion >= 10 ? findTopic(session.streams, null, topicId)?.name : name
  if (stream === undefined) {
    const { code } = KAFKA_ERRORS.UNKNOWN_TOPIC_ID
    return { name, topicId, partitions: partitionIndexes.map((index) => nothing(index, code)) }
  }
  const wanted: WantedOffsets = { stream, partitions: partitionIndexes }
  const [fetched] = session.groups.fetchOffsets(groupId, [wanted])
  const partitions = fetched?.partitions.map((partition) => shownPartition(partition, requireStable)) ?? []
  return { name, topicId, partitions }
}

function shownPartition(fetched: FetchedOffset, requireStable: boolean): OffsetFetchResponsePartitions {
  const { partition, offset, leaderEpoch, metadata, isUnstable } = fetched
  if (requireStable && isUnstable) return nothing(partition, KAFKA_ERRORS.UNSTABLE_OFFSET_COMMIT.code)
  return {
    partitionIndex: partition,
    committedOffset: offset,
    committedLeaderEpoch: leaderEpoch,
    metadata,
    errorCode: 0,
  }
}

function nothing(partitionIndex: number, errorCode: number): OffsetFetchResponsePartitions {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode }
}
