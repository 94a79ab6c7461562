/** DeleteRecords: everything below an offset goes for good. */
import type { Api, RequestContext } from '../api.ts'
import { findPartition } from '../partitions.ts'
import { refusalOf } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DeleteRecordsPartition,
  type DeleteRecordsPartitionResult,
  type DeleteRecordsRequest,
  type DeleteRecordsResponse,
  type DeleteRecordsTopicResult,
  deleteRecordsSchema,
} from '../wire/schemas/delete-records.gen.ts'

const UP_TO_THE_END = -1

export const deleteRecords: Api<DeleteRecordsRequest, DeleteRecordsResponse> = {
  key: deleteRecordsSchema.key,
  versionMin: deleteRecordsSchema.versionMin,
  versionMax: deleteRecordsSchema.versionMax,
  handle,
}

async function handle(request: DeleteRecordsRequest, context: RequestContext): Promise<DeleteRecordsResponse> {
  const topics: DeleteRecordsTopicResult[] = []
  for (const { name, partitions } of request.topics) {
    const results: DeleteRecordsPartitionResult[] = []
    for (const asked of partitions) results.push(await deleted(name, asked, context))
    topics.push({ name, partitions: results })
  }
  return { throttleTimeMs: 0, topics }
}

async function deleted(
  topic: string,
  { partitionIndex, offset }: DeleteRecordsPartition,
  context: RequestContext,
): Promise<DeleteRecordsPartitionResult> {
  const { streams } = context.session
  const failed = (errorCode: number): DeleteRecordsPartitionResult => ({ partitionIndex, lowWatermark: -1, errorCode })
  const partition = findPartition(streams, topic, partitionIndex)
  if (typeof partition === 'number') return failed(partition)
  if (streams.find(topic)?.isInternal === true) return failed(KAFKA_ERRORS.INVALID_TOPIC_EXCEPTION.code)
  const upTo = offset === UP_TO_THE_END ? partition.highWatermark : offset
  if (upTo < 0 || upTo > partition.highWatermark) return failed(KAFKA_ERRORS.OFFSET_OUT_OF_RANGE.code)
  try {
    return { partitionIndex, lowWatermark: await partition.deleteBefore(upTo), errorCode: 0 }
  } catch (error) {
    return failed(refusalOf(error, KAFKA_ERRORS.OFFSET_OUT_OF_RANGE.code).code)
  }
}
