/** CreatePartitions: a topic gets more of them, never fewer. */
import type { Api, RequestContext } from '../api.ts'
import { clipped, type Refusal, refusalOf } from '../refusals.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type CreatePartitionsRequest,
  type CreatePartitionsResponse,
  type CreatePartitionsTopic,
  type CreatePartitionsTopicResult,
  createPartitionsSchema,
} from '../wire/schemas/create-partitions.gen.ts'

export const createPartitions: Api<CreatePartitionsRequest, CreatePartitionsResponse> = {
  key: createPartitionsSchema.key,
  versionMin: createPartitionsSchema.versionMin,
  versionMax: createPartitionsSchema.versionMax,
  handle,
}

async function handle(request: CreatePartitionsRequest, context: RequestContext): Promise<CreatePartitionsResponse> {
  const counts = new Map<string, number>()
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
  const results: CreatePartitionsTopicResult[] = []
  for (const topic of request.topics) {
    const count = counts.get(topic.name)
    if (count === undefined) continue
    counts.delete(topic.name)
    const refusal = await grown(topic, count > 1, request.validateOnly, context)
    const errorMessage = refusal === undefined ? null : clipped(refusal.message)
    results.push({ name: topic.name, errorCode: refusal?.code ?? 0, errorMessage })
  }
  return { throttleTimeMs: 0, results }
}

async function grown(
  topic: CreatePartitionsTopic,
  isTwice: boolean,
  validateOnly: boolean,
  context: RequestContext,
): Promise<Refusal | undefined> {
  const { streams } = context.session
  const { name, count, assignments } = topic
  if (isTwice) return { ...KAFKA_ERRORS.INVALID_REQUEST, message: 'the topic is named twice in one request' }
  const stream = streams.find(name)
  if (stream === undefined) return KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION
  const { nodeId, partitionCountMax } = context.settings
  if (count <= stream.partitionCount || count > partitionCountMax) {
    const message = `topic '${name}' has ${stream.partitionCount} partitions; it can get more, up to ${partitionCountMax}`
    return { ...KAFKA_ERRORS.INVALID_PARTITIONS, message }
  }
  if (assignments !== null && !fits(assignments, count - stream.partitionCount, nodeId)) {
    const message = `the assignment must name broker ${nodeId} for each new partition`
    return { ...KAFKA_ERRORS.INVALID_REPLICA_ASSIGNMENT, message }
  }
  if (validateOnly) return undefined
  try {
    await streams.addPartitions(name, count)
    return undefined
  } catch (error) {
    return refusalOf(error, KAFKA_ERRORS.INVALID_PARTITIONS.code)
  }
}

function fits(assignments: CreatePartitionsTopic['assignments'] & object, newCount: number, nodeId: number): boolean {
  return (
    assignments.length === newCount &&
    assignments.every(({ brokerIds }) => brokerIds.length === 1 && brokerIds[0] === nodeId)
  )
}
