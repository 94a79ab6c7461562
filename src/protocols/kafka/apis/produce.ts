/**
 * Produce: appends one batch to each partition named. Everything is appended inside the call, in the order given; the
 * response waits until all of it is durable. acks=1 and acks=-1 are the same here: one copy, and a promise is a promise.
 * acks=0 gets no response at all; what goes wrong then ends the connection, so that the client notices.
 */
import { copyOf } from '../../../base/bytes.ts'
import type { ConfirmListener } from '../../../broker/session.ts'
import type { AppendRefusal, StreamInfo } from '../../../broker/streams/stream-door.ts'
import type { TransactionRefusal } from '../../../broker/transactions/transaction-door.ts'
import type { BatchFacts } from '../../../message/batch-format.ts'
import { type Api, HangUp, type RequestContext } from '../api.ts'
import { type BatchRefusal, batchRefusal } from '../batch-checks.ts'
import { rulesOf } from '../topic-rules.ts'
import { findTopic } from '../topics.ts'
import { additionProblem, addsToTransaction } from '../transaction-additions.ts'
import { KAFKA_ERRORS, type KafkaErrorName } from '../wire/errors.ts'
import { BatchHeader, setLogAppendTime, stampBatch } from '../wire/record-batch.ts'
import {
  type PartitionProduceData,
  type PartitionProduceResponse,
  type ProduceRequest,
  type ProduceResponse,
  produceSchema,
  type TopicProduceData,
  type TopicProduceResponse,
} from '../wire/schemas/produce.gen.ts'

const ACKS_NONE = 0
const NAMES_BY_ID_FROM = 13

/** From here on clients know the code that makes them abort the transaction and go on. */
const ABORTABLE_FROM_VERSION = 11

/** A batch that takes nearly all of its request may keep the request's memory; smaller ones get their own. */
const SHARED_BYTES_MAX = 4096

export const produce: Api<ProduceRequest, ProduceResponse> = {
  key: produceSchema.key,
  versionMin: produceSchema.versionMin,
  versionMax: produceSchema.versionMax,
  handle,
}

// Used within one call each: nothing here runs twice at once.
const header = new BatchHeader()

type Answer = Promise<ProduceResponse | undefined> | ProduceResponse | undefined

function handle(request: ProduceRequest, context: RequestContext): Answer {
  const adding = addsToTransaction(request, context)
  if (adding === undefined) return appendAll(request, context)
  return adding.then((why) => (why === undefined ? appendAll(request, context) : refuseAll(request, why)))
}

/** The partitions could not be added to the transaction. */
function refuseAll({ topicData, acks }: ProduceRequest, why: TransactionRefusal): ProduceResponse | undefined {
  const responses = topicData.map(({ name, topicId, partitionData }) => ({
    name,
    topicId,
    partitionResponses: partitionData.map(({ index }) => refused(index, additionProblem(why))),
  }))
  if (acks !== ACKS_NONE) return { responses }
  throwFailure(responses)
  return undefined
}

function appendAll(request: ProduceRequest, context: RequestContext): Answer {
  const pending = new PendingProduce()
  const responses = request.topicData.map((topic) => appendTopic(topic, request.acks, pending, context))
  context.session.checkFlow()
  if (request.acks !== ACKS_NONE) return pending.whenDurable({ responses })
  // Nobody is told, but who writes faster than the disk must be held up all the same.
  throwFailure(responses)
  return pending.whenDurable(undefined)
}

function throwFailure(topics: readonly TopicProduceResponse[]): void {
  const failed = topics.flatMap(({ partitionResponses }) => partitionResponses).find(({ errorCode }) => errorCode !== 0)
  if (failed === undefined) return
  throw new HangUp(`a produce request without acks failed with code ${failed.errorCode}: ${failed.errorMessage}`)
}

function appendTopic(
  topic: TopicProduceData,
  acks: number,
  pending: PendingProduce,
  context: RequestContext,
): TopicProduceResponse {
  const { streams } = context.session
  const { name, topicId } = topic
  const stream = findTopic(streams, context.apiVersion >= NAMES_BY_ID_FROM ? null : name, topicId)
  const problem = topicProblem(stream, acks, context.apiVersion)
  const partitionResponses = topic.partitionData.map((data) => {
    if (stream === undefined || problem !== undefined) return refused(data.index, KAFKA_ERRORS[problem!])
    return append(stream, data, pending, context)
  })
  return { name, topicId, partitionResponses }
}

function topicProblem(stream: StreamInfo | undefined, acks: number, apiVersion: number): KafkaErrorName | undefined {
  if (acks < -1 || acks > 1) return 'INVALID_REQUIRED_ACKS'
  if (stream === undefined) return apiVersion >= NAMES_BY_ID_FROM ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'
  return stream.isInternal ? 'INVALID_TOPIC_EXCEPTION' : undefined
}

function append(
  stream: StreamInfo,
  { index, records }: PartitionProduceData,
  pending: PendingProduce,
  { session, clock, apiVersion }: RequestContext,
): PartitionProduceResponse {
  const partition = session.streams.partition(stream.name, index)
  if (partition === undefined || partition.isGone) return refused(index, KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION)
  const rules = rulesOf(stream, session.streams)
  const nowMs = clock.nowMs()
  const refusal = batchRefusal(records, header, rules, apiVersion, nowMs)
  if (refusal !== undefined || records === null) return refused(index, refusal!)
  const bytes = ownedBatch(records)
  // What the client put there means nothing; the broker knows a batch by its first byte.
  stampBatch(bytes, 0, 0, partition.leaderEpoch)
  if (rules.isLogAppendTime) setLogAppendTime(bytes, header, nowMs)
  const logAppendTimeMs = rules.isLogAppendTime ? nowMs : -1
  const response: PartitionProduceResponse = { index, errorCode: 0, baseOffset: -1, logAppendTimeMs, logStartOffset: 0 }
  const result = partition.append(bytes, factsOf(header), pending, pending.add(response))
  if (result.kind === 'refused') return refused(index, appendProblem(result.why, apiVersion, header.isTransactional))
  response.baseOffset = result.baseOffset
  response.logStartOffset = partition.startOffset
  return response
}

/** What is kept by reference must not pin much more than itself: the rest of a large request, for as long as it lives. */
function ownedBatch(records: Buffer): Buffer {
  return records.buffer.byteLength - records.length <= SHARED_BYTES_MAX ? records : copyOf(records)
}

function factsOf(batch: BatchHeader): BatchFacts {
  return {
    count: batch.lastOffsetDelta + 1,
    maxTimestampMs: batch.maxTimestamp,
    producerId: batch.producerId,
    producerEpoch: batch.producerEpoch,
    baseSequence: batch.baseSequence,
    isTransactional: batch.isTransactional,
    marker: 'none',
  }
}

function refused(index: number, refusal: { code: number; message: string } | BatchRefusal): PartitionProduceResponse {
  const { code, message } = refusal
  const records = 'records' in refusal ? refusal.records : []
  return {
    index,
    errorCode: code,
    baseOffset: -1,
    logAppendTimeMs: -1,
    logStartOffset: -1,
    recordErrors: records.map((batchIndex) => ({ batchIndex, batchIndexErrorMessage: message })),
    errorMessage: message,
  }
}

function appendProblem(
  why: AppendRefusal,
  apiVersion: number,
  isTransactional: boolean,
): { code: number; message: string } {
  const isAbortable = isTransactional && apiVersion >= ABORTABLE_FROM_VERSION

  switch (why) {
    case 'out-of-order-sequence':
      return KAFKA_ERRORS.OUT_OF_ORDER_SEQUENCE_NUMBER
    case 'invalid-producer-epoch':
      return KAFKA_ERRORS.INVALID_PRODUCER_EPOCH
    case 'invalid-transaction-state':
      return KAFKA_ERRORS[isAbortable ? 'TRANSACTION_ABORTABLE' : 'INVALID_TXN_STATE']
    case 'storage-failed':
      return KAFKA_ERRORS.KAFKA_STORAGE_ERROR
  }
}

/** Gathers the confirms of one request: one promise for all its partitions. */
class PendingProduce implements ConfirmListener {
  readonly #responses: PartitionProduceResponse[] = []
  #owedCount = 0
  #resolve: (() => void) | undefined

  /** @returns the sequence under which this partition is confirmed */
  add(response: PartitionProduceResponse): number {
    return this.#responses.push(response) - 1
  }

  expect(_sequence: number): void {
    this.#owedCount++
  }

  confirmed(_sequence: number): void {
    this.#settled()
  }

  rejected(sequence: number): void {
    const { code, message } = KAFKA_ERRORS.KAFKA_STORAGE_ERROR
    const response = this.#responses[sequence]!
    response.errorCode = code
    response.errorMessage = message
    response.baseOffset = -1
    this.#settled()
  }

  #settled(): void {
    this.#owedCount--
    if (this.#owedCount === 0) this.#resolve?.()
  }

  whenDurable<Response>(response: Response): Response | Promise<Response> {
    if (this.#owedCount === 0) return response
    return new Promise((resolve) => {
      this.#resolve = () => resolve(response)
    })
  }
}
