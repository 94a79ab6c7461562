/**
 * OffsetCommit. Topics are named by id from version 10 on; a retention of its own comes in 2 to 4 only. A group that is
 * not there has another code from 9 on.
 */
import { copyOf } from '../../../base/bytes.ts'
import type { GroupRefusal, PartitionOffset } from '../../../broker/groups/group-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { groupCode, hasPartition } from '../group-codes.ts'
import { findTopic } from '../topics.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type OffsetCommitRequest,
  type OffsetCommitRequestTopic,
  type OffsetCommitResponse,
  type OffsetCommitResponseTopic,
  offsetCommitSchema,
} from '../wire/schemas/offset-commit.gen.ts'

export const offsetCommit: Api<OffsetCommitRequest, OffsetCommitResponse> = {
  key: offsetCommitSchema.key,
  versionMin: offsetCommitSchema.versionMin,
  versionMax: offsetCommitSchema.versionMax,
  handle,
}

async function handle(request: OffsetCommitRequest, context: RequestContext): Promise<OffsetCommitResponse> {
  const { apiVersion, session } = context
  const offsets: PartitionOffset[] = []
  const topics = request.topics.map((topic) => gathered(topic, context, offsets))
  const refusals = await session.groups.commitOffsets({
    group: request.groupId,
    memberId: request.memberId,
    instanceId: request.groupInstanceId ?? undefined,
    generation: request.generationIdOrMemberEpoch,
    offsets,
    retentionMs: request.retentionTimeMs < 0 ? undefined : request.retentionTimeMs,
  })
  const codes = refusals.map((refusal) => commitCode(refusal, apiVersion))
  return { topics: topics.map((topic) => answered(topic, codes)) }
}

/** A generation of no group: up to version 8 it is the generation that is wrong. */
function commitCode(refusal: GroupRefusal | undefined, apiVersion: number): number {
  return groupCode(refusal === 'not-found' && apiVersion < 9 ? 'illegal-generation' : refusal)
}

/** What is known of a partition before the group is asked: a code, or where its offset stands among all. */
interface GatheredPartition {
  readonly partitionIndex: number
  readonly errorCode: number
  readonly place: number
}

interface GatheredTopic {
  readonly name: string
  readonly topicId: Buffer
  readonly partitions: readonly GatheredPartition[]
}

function gathered(
  topic: OffsetCommitRequestTopic,
  { session, apiVersion }: RequestContext,
  offsets: PartitionOffset[],
): GatheredTopic {
  const stream = findTopic(session.streams, topic.name, topic.topicId)
  const missing = apiVersion >= 10 && stream === undefined ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  const partitions = topic.partitions.map((partition) => {
    const { partitionIndex } = partition
    if (stream === undefined || !hasPartition(session.streams, stream.name, partitionIndex)) {
      return { partitionIndex, errorCode: KAFKA_ERRORS[missing].code, place: -1 }
    }
    offsets.push({
      stream: stream.name,
      partition: partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
    })
    return { partitionIndex, errorCode: 0, place: offsets.length - 1 }
  })
  // The request's bytes are not ours when the answer is written.
  return { name: topic.name, topicId: stream?.id ?? copyOf(topic.topicId), partitions }
}

function answered({ name, topicId, partitions }: GatheredTopic, codes: readonly number[]): OffsetCommitResponseTopic {
  return {
    name,
    topicId,
    partitions: partitions.map(({ partitionIndex, errorCode, place }) => ({
      partitionIndex,
      errorCode: place < 0 ? errorCode : (codes[place] as number),
    })),
  }
}
