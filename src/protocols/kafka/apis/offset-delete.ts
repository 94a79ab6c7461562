/** OffsetDelete: forgets how far a group has read topics that none of its members reads. */
import type { Api, RequestContext } from '../api.ts'
import { groupCode, hasPartition } from '../group-codes.ts'
import { refusalOf } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type OffsetDeleteRequest,
  type OffsetDeleteResponse,
  offsetDeleteSchema,
} from '../wire/schemas/offset-delete.gen.ts'

export const offsetDelete: Api<OffsetDeleteRequest, OffsetDeleteResponse> = {
  key: offsetDeleteSchema.key,
  versionMin: offsetDeleteSchema.versionMin,
  versionMax: offsetDeleteSchema.versionMax,
  handle,
}

async function handle(request: OffsetDeleteRequest, context: RequestContext): Promise<OffsetDeleteResponse> {
  try {
    return await forget(request, context)
  } catch (error) {
    return { errorCode: refusalOf(error).code, topics: [] }
  }
}

async function forget(
  { groupId, topics }: OffsetDeleteRequest,
  context: RequestContext,
): Promise<OffsetDeleteResponse> {
  const { groups, streams } = context.session
  const wanted = topics.map(({ name, partitions }) => ({
    stream: name,
    partitions: partitions.map(({ partitionIndex }) => partitionIndex).filter((at) => hasPartition(streams, name, at)),
  }))
  const answer = await groups.deleteOffsets(groupId, wanted)
  if (typeof answer === 'string') return { errorCode: groupCode(answer), topics: [] }
  return {
    errorCode: 0,
    topics: topics.map(({ name, partitions }, index) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({
        partitionIndex,
        errorCode: hasPartition(streams, name, partitionIndex)
          ? groupCode(answer[index])
          : KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code,
      })),
    })),
  }
}
