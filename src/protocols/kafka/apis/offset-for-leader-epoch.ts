/**
 * OffsetForLeaderEpoch: where the records of an epoch end, for a client that wonders whether the log was cut behind it. A
 * partition here has had one owner all its life, so its only epoch ends where the log does.
 */
import type { Api, RequestContext } from '../api.ts'
import { findPartition } from '../partitions.ts'
import {
  type EpochEndOffset,
  type OffsetForLeaderEpochRequest,
  type OffsetForLeaderEpochResponse,
  type OffsetForLeaderPartition,
  offsetForLeaderEpochSchema,
} from '../wire/schemas/offset-for-leader-epoch.gen.ts'

export const offsetForLeaderEpoch: Api<OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse> = {
  key: offsetForLeaderEpochSchema.key,
  versionMin: offsetForLeaderEpochSchema.versionMin,
  versionMax: offsetForLeaderEpochSchema.versionMax,
  handle: (request, context) => ({
    topics: request.topics.map(({ topic, partitions }) => ({
      topic,
      partitions: partitions.map((asked) => epochEnd(topic, asked, context)),
    })),
  }),
}

function epochEnd(topic: string, asked: OffsetForLeaderPartition, context: RequestContext): EpochEndOffset {
  const { partition: index, currentLeaderEpoch, leaderEpoch } = asked
  const partition = findPartition(context.session.streams, topic, index, currentLeaderEpoch)
  if (typeof partition === 'number') return { errorCode: partition, partition: index, leaderEpoch: -1, endOffset: -1 }
  // An epoch nobody has had yet, or none at all: nothing is known of it.
  if (leaderEpoch < 0 || leaderEpoch > partition.leaderEpoch) {
    return { errorCode: 0, partition: index, leaderEpoch: -1, endOffset: -1 }
  }
  return { errorCode: 0, partition: index, leaderEpoch: partition.leaderEpoch, endOffset: partition.highWatermark }
}
