/** ListOffsets: the ends of a partition, or the first record at or after a moment. */

import type { Partition } from '../../../broker/streams/stream-door.ts'
import type { TimedOffset } from '../../../message/batch-format.ts'
import type { Api, RequestContext } from '../api.ts'
import { findPartition } from '../partitions.ts'
import { refusalOf } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type ListOffsetsPartition,
  type ListOffsetsPartitionResponse,
  type ListOffsetsRequest,
  type ListOffsetsResponse,
  type ListOffsetsTopicResponse,
  listOffsetsSchema,
} from '../wire/schemas/list-offsets.gen.ts'

/** Timestamps that are none, and the version from which each is known. */
const LATEST = -1
const EARLIEST = -2
const NEWEST_RECORD = -3
const EARLIEST_LOCAL = -4
const LATEST_TIERED = -5
const EARLIEST_PENDING_UPLOAD = -6
const KNOWN_FROM: Readonly<Record<number, number>> = {
  [LATEST]: 1,
  [EARLIEST]: 1,
  [NEWEST_RECORD]: 7,
  [EARLIEST_LOCAL]: 8,
  [LATEST_TIERED]: 9,
  [EARLIEST_PENDING_UPLOAD]: 11,
}

const NOTHING: TimedOffset = { offset: -1, timestampMs: -1 }

export const listOffsets: Api<ListOffsetsRequest, ListOffsetsResponse> = {
  key: listOffsetsSchema.key,
  versionMin: listOffsetsSchema.versionMin,
  versionMax: listOffsetsSchema.versionMax,
  handle,
}

async function handle(request: ListOffsetsRequest, context: RequestContext): Promise<ListOffsetsResponse> {
  const isCommitted = request.isolationLevel === 1
  const seen = new Set<string>()
  const topics: ListOffsetsTopicResponse[] = []
  for (const { name, partitions } of request.topics) {
    const results: ListOffsetsPartitionResponse[] = []
    for (const asked of partitions) {
      const place = `${name}/${asked.partitionIndex}`
      if (seen.has(place)) results.push(failed(asked, KAFKA_ERRORS.INVALID_REQUEST.code))
      else results.push(await listed(name, asked, isCommitted, context))
      seen.add(place)
    }
    topics.push({ name, partitions: results })
  }
  return { topics }
}

function failed({ partitionIndex }: ListOffsetsPartition, errorCode: number): ListOffsetsPartitionResponse {
  return { partitionIndex, errorCode, timestamp: -1, offset: -1, leaderEpoch: -1 }
}

async function listed(
  topic: string,
  asked: ListOffsetsPartition,
  isCommitted: boolean,
  context: RequestContext,
): Promise<ListOffsetsPartitionResponse> {
  const { timestamp, partitionIndex } = asked
  const knownFrom = timestamp >= 0 ? 1 : KNOWN_FROM[timestamp]
  if (knownFrom === undefined || knownFrom > context.apiVersion) {
    return failed(asked, KAFKA_ERRORS.UNSUPPORTED_VERSION.code)
  }
  const partition = findPartition(context.session.streams, topic, partitionIndex, asked.currentLeaderEpoch)
  if (typeof partition === 'number') return failed(asked, partition)
  try {
    const { offset, timestampMs } = (await find(partition, timestamp, isCommitted)) ?? NOTHING
    const leaderEpoch = offset < 0 ? -1 : partition.leaderEpoch
    return { partitionIndex, errorCode: 0, timestamp: timestampMs, offset, leaderEpoch }
  } catch (error) {
    return failed(asked, refusalOf(error).code)
  }
}

async function find(partition: Partition, timestamp: number, isCommitted: boolean): Promise<TimedOffset | undefined> {
  const end = isCommitted ? partition.lastStableOffset : partition.highWatermark
  switch (timestamp) {
    case LATEST:
      return { offset: end, timestampMs: -1 }
    case EARLIEST:
    case EARLIEST_LOCAL:
      return { offset: partition.startOffset, timestampMs: -1 }
    case NEWEST_RECORD:
      return partition.newest()
    case LATEST_TIERED:
    case EARLIEST_PENDING_UPLOAD:
      // There is no second tier, so nothing is in it and nothing on its way.
      return undefined
    default: {
      const found = await partition.findByTime(timestamp)
      return found !== undefined && found.offset < end ? found : undefined
    }
  }
}
