/** DescribeProducers: who writes to a partition with a producer id, and since where a transaction is open. */
import type { Api, RequestContext } from '../api.ts'
import { findPartition } from '../partitions.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DescribeProducersRequest,
  type DescribeProducersResponse,
  describeProducersSchema,
  type PartitionResponse,
} from '../wire/schemas/describe-producers.gen.ts'

/** There is one coordinator, and it is never replaced by another while the partitions go on. */
const COORDINATOR_EPOCH = 0

export const describeProducers: Api<DescribeProducersRequest, DescribeProducersResponse> = {
  key: describeProducersSchema.key,
  versionMin: describeProducersSchema.versionMin,
  versionMax: describeProducersSchema.versionMax,
  handle,
}

function handle(request: DescribeProducersRequest, context: RequestContext): DescribeProducersResponse {
  const topics = request.topics.map(({ name, partitionIndexes }) => ({
    name,
    partitions: partitionIndexes.map((index) => described(name, index, context)),
  }))
  return { throttleTimeMs: 0, topics }
}

function described(topic: string, partitionIndex: number, { session }: RequestContext): PartitionResponse {
  const partition = findPartition(session.streams, topic, partitionIndex)
  if (typeof partition === 'number') {
    const { message } = KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION
    return { partitionIndex, errorCode: partition, errorMessage: message, activeProducers: [] }
  }
  const activeProducers = partition.producers().map((producer) => ({
    producerId: producer.producerId,
    producerEpoch: producer.producerEpoch,
    lastSequence: producer.lastSequence,
    lastTimestamp: producer.lastTimestampMs,
    coordinatorEpoch: COORDINATOR_EPOCH,
    currentTxnStartOffset: producer.transactionStartOffset,
  }))
  return { partitionIndex, errorCode: 0, errorMessage: null, activeProducers }
}
