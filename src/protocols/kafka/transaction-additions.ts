/**
 * From version 12 of Produce on a transactional batch adds its partition to the transaction by itself; the client asks
 * for nothing before it. Only the first batch to a partition waits for that, and whatever its connection sends behind it:
 * batches of one producer must not overtake each other.
 */
import type { Session } from '../../broker/session.ts'
import type { PartitionsOf, ProducerClaim, TransactionRefusal } from '../../broker/transactions/transaction-door.ts'
import type { RequestContext } from './api.ts'
import { hasPartition } from './group-codes.ts'
import { findTopic } from './topics.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import { BatchHeader, crcFault, readBatchHeader } from './wire/record-batch.ts'
import type { ProduceRequest } from './wire/schemas/produce.gen.ts'

const ADDS_FROM_VERSION = 12
const NAMES_BY_ID_FROM = 13

type Added = Promise<TransactionRefusal | undefined>

/** Of a session: the newest request that waits. */
const waiting = new WeakMap<Session, Added>()

// Used within one call each: nothing here runs twice at once.
const header = new BatchHeader()

/** Undefined: nothing to wait for. Else resolves when the request may go on, or to why it may not. */
export function addsToTransaction(request: ProduceRequest, context: RequestContext): Added | undefined {
  const { session, apiVersion } = context
  if (apiVersion < ADDS_FROM_VERSION || request.transactionalId === null) return undefined
  const before = waiting.get(session)
  if (before === undefined && !needsAdding(request, context)) return undefined
  const added = addedAfter(before, request, context)
  waiting.set(session, added)
  const leave = (): void => {
    if (waiting.get(session) === added) waiting.delete(session)
  }
  // Before whoever waits for it goes on; its failure is his.
  added.then(leave, leave)
  return added
}

async function addedAfter(before: Added | undefined, request: ProduceRequest, context: RequestContext): Added {
  // Why an earlier request may not go on is its own affair.
  await before?.catch(() => undefined)
  const work = additionsOf(request, context, (records) => crcFault(records, header) === undefined)
  return work === undefined ? undefined : context.session.transactions.addPartitions(work.claim, work.added)
}

function needsAdding(request: ProduceRequest, context: RequestContext): boolean {
  const work = additionsOf(request, context, () => true)
  return work !== undefined && !context.session.transactions.hasPartitions(work.claim, work.added)
}

interface Additions {
  readonly claim: ProducerClaim
  readonly added: readonly PartitionsOf[]
}

/** What the transactional batches of the request ask for; damaged ones ask for nothing. */
function additionsOf(
  request: ProduceRequest,
  { session, apiVersion }: RequestContext,
  isWhole: (records: Buffer) => boolean,
): Additions | undefined {
  const { streams } = session
  const added: PartitionsOf[] = []
  let claim: ProducerClaim | undefined
  for (const { name, topicId, partitionData } of request.topicData) {
    const stream = findTopic(streams, apiVersion >= NAMES_BY_ID_FROM ? null : name, topicId)
    if (stream === undefined || stream.isInternal) continue
    for (const { index, records } of partitionData) {
      if (records === null || !hasPartition(streams, stream.name, index)) continue
      if (!isTransactional(records) || !isWhole(records)) continue
      const { producerId, producerEpoch } = header
      claim ??= { transactionalId: request.transactionalId as string, producerId, producerEpoch }
      added.push({ stream: stream.name, partitions: [index] })
    }
  }
  return claim === undefined ? undefined : { claim, added }
}

/** Leaves what it read in `header`. */
function isTransactional(records: Buffer): boolean {
  return readBatchHeader(records, 0, records.length, header) === undefined && header.isTransactional
}

/** What a producer is told of a partition that could not be added. */
export function additionProblem(why: TransactionRefusal): { code: number; message: string } {
  switch (why) {
    case 'fenced':
      return KAFKA_ERRORS.INVALID_PRODUCER_EPOCH
    case 'unknown-producer':
      return KAFKA_ERRORS.INVALID_PRODUCER_ID_MAPPING
    case 'concurrent':
      return KAFKA_ERRORS.CONCURRENT_TRANSACTIONS
    case 'invalid-state':
      return KAFKA_ERRORS.TRANSACTION_ABORTABLE
    case 'unavailable':
      return KAFKA_ERRORS.KAFKA_STORAGE_ERROR
    case 'invalid-request':
    case 'invalid-timeout':
      return KAFKA_ERRORS.INVALID_REQUEST
  }
}
