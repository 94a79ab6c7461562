/**
 * AddPartitionsToTxn. Clients name one transaction, up to version 3; from 4 on brokers name many, and may only ask
 * whether the partitions are in.
 */
import type { Streams } from '../../../broker/streams/stream-door.ts'
import type { PartitionsOf, ProducerClaim } from '../../../broker/transactions/transaction-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { hasPartition } from '../group-codes.ts'
import { transactionCode } from '../transaction-codes.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type AddPartitionsToTxnRequest,
  type AddPartitionsToTxnResponse,
  type AddPartitionsToTxnTopic,
  type AddPartitionsToTxnTopicResult,
  type AddPartitionsToTxnTransaction,
  addPartitionsToTxnSchema,
} from '../wire/schemas/add-partitions-to-txn.gen.ts'

const FENCED_FROM_VERSION = 2
const BATCHED_FROM_VERSION = 4
const ABORTABLE_FROM_VERSION = 5

export const addPartitionsToTxn: Api<AddPartitionsToTxnRequest, AddPartitionsToTxnResponse> = {
  key: addPartitionsToTxnSchema.key,
  versionMin: addPartitionsToTxnSchema.versionMin,
  versionMax: addPartitionsToTxnSchema.versionMax,
  handle,
}

async function handle(
  request: AddPartitionsToTxnRequest,
  context: RequestContext,
): Promise<AddPartitionsToTxnResponse> {
  if (context.apiVersion < BATCHED_FROM_VERSION) {
    const claim = {
      transactionalId: request.v3AndBelowTransactionalId,
      producerId: request.v3AndBelowProducerId,
      producerEpoch: request.v3AndBelowProducerEpoch,
    }
    return { throttleTimeMs: 0, resultsByTopicV3AndBelow: await added(claim, request.v3AndBelowTopics, context) }
  }
  const resultsByTransaction = request.transactions.map(async (transaction) => ({
    transactionalId: transaction.transactionalId,
    topicResults: transaction.verifyOnly
      ? verified(transaction, context)
      : await added(transaction, transaction.topics, context),
  }))
  return { throttleTimeMs: 0, errorCode: 0, resultsByTransaction: await Promise.all(resultsByTransaction) }
}

/** All or none: one partition that cannot be added keeps the others out. */
async function added(
  claim: ProducerClaim,
  topics: readonly AddPartitionsToTxnTopic[],
  { session, apiVersion }: RequestContext,
): Promise<AddPartitionsToTxnTopicResult[]> {
  const { streams, transactions } = session
  const problems = results(topics, (topic, index) => problemOf(streams, topic, index))
  if (problems.some(hasError)) {
    const { code } = KAFKA_ERRORS.OPERATION_NOT_ATTEMPTED
    return results(topics, (topic, index) => problemOf(streams, topic, index) || code)
  }
  const { transactionalId, producerId, producerEpoch } = claim
  const why = await transactions.addPartitions({ transactionalId, producerId, producerEpoch }, topics.map(partitionsOf))
  return results(topics, () => transactionCode(why, apiVersion >= FENCED_FROM_VERSION))
}

function verified(
  transaction: AddPartitionsToTxnTransaction,
  { session, apiVersion }: RequestContext,
): AddPartitionsToTxnTopicResult[] {
  const { topics } = transaction
  const answer = session.transactions.check(transaction, topics.map(partitionsOf))
  if (typeof answer === 'string') return results(topics, () => transactionCode(answer, true))
  const missing =
    KAFKA_ERRORS[apiVersion >= ABORTABLE_FROM_VERSION ? 'TRANSACTION_ABORTABLE' : 'INVALID_TXN_STATE'].code
  return topics.map(({ name, partitions }, place) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex, index) => ({
      partitionIndex,
      partitionErrorCode: answer[place]?.[index] === true ? 0 : missing,
    })),
  }))
}

function partitionsOf({ name, partitions }: AddPartitionsToTxnTopic): PartitionsOf {
  return { stream: name, partitions }
}

function problemOf(streams: Streams, topic: string, index: number): number {
  if (!hasPartition(streams, topic, index)) return KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code
  return streams.find(topic)?.isInternal === true ? KAFKA_ERRORS.TOPIC_AUTHORIZATION_FAILED.code : 0
}

function results(
  topics: readonly AddPartitionsToTxnTopic[],
  code: (topic: string, partition: number) => number,
): AddPartitionsToTxnTopicResult[] {
  return topics.map(({ name, partitions }) => ({
    name,
    resultsByPartition: partitions.map((partitionIndex) => ({
      partitionIndex,
      partitionErrorCode: code(name, partitionIndex),
    })),
  }))
}

function hasError({ resultsByPartition }: AddPartitionsToTxnTopicResult): boolean {
  return resultsByPartition.some(({ partitionErrorCode }) => partitionErrorCode !== 0)
}
