/** DescribeTransactions: all there is to tell of some transactional ids. */
import type { Api, RequestContext } from '../api.ts'
import { TRANSACTION_STATES } from '../transaction-codes.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type DescribeTransactionsRequest,
  type DescribeTransactionsResponse,
  describeTransactionsSchema,
  type TransactionState,
} from '../wire/schemas/describe-transactions.gen.ts'

export const describeTransactions: Api<DescribeTransactionsRequest, DescribeTransactionsResponse> = {
  key: describeTransactionsSchema.key,
  versionMin: describeTransactionsSchema.versionMin,
  versionMax: describeTransactionsSchema.versionMax,
  handle: (request, context) => ({
    throttleTimeMs: 0,
    transactionStates: request.transactionalIds.map((transactionalId) => described(transactionalId, context)),
  }),
}

function described(transactionalId: string, { session }: RequestContext): TransactionState {
  const found = transactionalId === '' ? undefined : session.transactions.describe(transactionalId)
  if (found === undefined) {
    const { code } = KAFKA_ERRORS[transactionalId === '' ? 'INVALID_REQUEST' : 'TRANSACTIONAL_ID_NOT_FOUND']
    return { ...NOTHING, errorCode: code, transactionalId }
  }
  return {
    errorCode: 0,
    transactionalId,
    transactionState: TRANSACTION_STATES[found.state],
    transactionTimeoutMs: found.timeoutMs,
    transactionStartTimeMs: found.startedMs,
    producerId: found.producerId,
    producerEpoch: found.producerEpoch,
    topics: found.partitions.map(({ stream, partitions }) => ({ topic: stream, partitions })),
  }
}

const NOTHING = {
  transactionState: '',
  transactionTimeoutMs: 0,
  transactionStartTimeMs: 0,
  producerId: 0,
  producerEpoch: 0,
  topics: [],
}
