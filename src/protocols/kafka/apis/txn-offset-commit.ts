/**
 * TxnOffsetCommit: offsets of a group that count when the transaction commits. Up to version 4 the group must have been
 * added to the transaction; from 5 on this adds it.
 */
import type { PartitionOffset } from '../../../broker/groups/group-door.ts'
import type { TransactionRefusal } from '../../../broker/transactions/transaction-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { groupCode, hasPartition } from '../group-codes.ts'
import { transactionCode } from '../transaction-codes.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type TxnOffsetCommitRequest,
  type TxnOffsetCommitResponse,
  txnOffsetCommitSchema,
} from '../wire/schemas/txn-offset-commit.gen.ts'

const ABORTABLE_FROM_VERSION = 4
const ADDS_FROM_VERSION = 5

export const txnOffsetCommit: Api<TxnOffsetCommitRequest, TxnOffsetCommitResponse> = {
  key: txnOffsetCommitSchema.key,
  versionMin: txnOffsetCommitSchema.versionMin,
  versionMax: txnOffsetCommitSchema.versionMax,
  handle,
}

async function handle(request: TxnOffsetCommitRequest, context: RequestContext): Promise<TxnOffsetCommitResponse> {
  const offsets: PartitionOffset[] = []
  /** Of each partition asked for, in order: where it stands in `offsets`; -1: there is no such partition. */
  const places: number[] = []
  for (const { name, partitions } of request.topics) {
    for (const partition of partitions) {
      const isThere = hasPartition(context.session.streams, name, partition.partitionIndex)
      places.push(isThere ? offsets.length : -1)
      if (!isThere) continue
      offsets.push({
        stream: name,
        partition: partition.partitionIndex,
        offset: partition.committedOffset,
        leaderEpoch: partition.committedLeaderEpoch,
        metadata: partition.committedMetadata ?? '',
      })
    }
  }
  const codes = await staged(request, offsets, context)
  let asked = 0
  const codeOfNext = (): number => {
    const place = places[asked++] as number
    return place < 0 ? KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code : (codes[place] as number)
  }
  return {
    throttleTimeMs: 0,
    topics: request.topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map(({ partitionIndex }) => ({ partitionIndex, errorCode: codeOfNext() })),
    })),
  }
}

/** A code for each of the offsets. */
async function staged(
  request: TxnOffsetCommitRequest,
  offsets: readonly PartitionOffset[],
  { session, apiVersion }: RequestContext,
): Promise<readonly number[]> {
  const { transactionalId, producerId, producerEpoch, groupId: group, memberId, generationId: generation } = request
  if (offsets.length === 0) return []
  if (group === '') return offsets.map(() => KAFKA_ERRORS.INVALID_GROUP_ID.code)
  const answer = await session.transactions.stageOffsets({
    transactionalId,
    producerId,
    producerEpoch,
    addsGroup: apiVersion >= ADDS_FROM_VERSION,
    request: { group, memberId, instanceId: request.groupInstanceId ?? undefined, generation, offsets },
  })
  if (answer.kind === 'refused') return offsets.map(() => refusalCode(answer.why, apiVersion))
  // A generation of no group: it is the generation that is wrong.
  return answer.offsets.map((refusal) => groupCode(refusal === 'not-found' ? 'illegal-generation' : refusal))
}

function refusalCode(why: TransactionRefusal, apiVersion: number): number {
  if (why === 'invalid-state' && apiVersion >= ABORTABLE_FROM_VERSION) return KAFKA_ERRORS.TRANSACTION_ABORTABLE.code
  // Older clients take this one for "try again".
  if (why === 'concurrent' && apiVersion < ADDS_FROM_VERSION) return KAFKA_ERRORS.COORDINATOR_LOAD_IN_PROGRESS.code
  return transactionCode(why, false)
}
