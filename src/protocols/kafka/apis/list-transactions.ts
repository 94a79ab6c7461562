/** ListTransactions: the transactional ids there are, by state, producer id, age and pattern. */
import { LinearPattern } from '../../../base/linear-pattern.ts'
import type { TransactionListing } from '../../../broker/transactions/transaction-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { TRANSACTION_STATE_NAMES, TRANSACTION_STATES } from '../transaction-codes.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import {
  type ListTransactionsRequest,
  type ListTransactionsResponse,
  listTransactionsSchema,
} from '../wire/schemas/list-transactions.gen.ts'

export const listTransactions: Api<ListTransactionsRequest, ListTransactionsResponse> = {
  key: listTransactionsSchema.key,
  versionMin: listTransactionsSchema.versionMin,
  versionMax: listTransactionsSchema.versionMax,
  handle,
}

function handle(request: ListTransactionsRequest, { session, clock }: RequestContext): ListTransactionsResponse {
  const pattern = patternOf(request.transactionalIdPattern)
  if (pattern === 'invalid') {
    const { code } = KAFKA_ERRORS.INVALID_REGULAR_EXPRESSION
    return { throttleTimeMs: 0, errorCode: code, unknownStateFilters: [], transactionStates: [] }
  }
  const nowMs = clock.nowMs()
  const listed = session.transactions
    .list()
    .filter((one) => isAsked(one, request, nowMs) && pattern?.matchesWhole(one.transactionalId) !== false)
  return {
    throttleTimeMs: 0,
    errorCode: 0,
    unknownStateFilters: request.stateFilters.filter((name) => !TRANSACTION_STATE_NAMES.has(name)),
    transactionStates: listed.map(({ transactionalId, producerId, state }) => ({
      transactionalId,
      producerId,
      transactionState: TRANSACTION_STATES[state],
    })),
  }
}

/** Undefined where every id will do. */
function patternOf(pattern: string | null): LinearPattern | 'invalid' | undefined {
  if (pattern === null || pattern === '') return undefined
  try {
    return new LinearPattern(pattern)
  } catch (error) {
    if (error instanceof SyntaxError) return 'invalid'
    throw error
  }
}

function isAsked(one: TransactionListing, request: ListTransactionsRequest, nowMs: number): boolean {
  const { stateFilters, producerIdFilters, durationFilter } = request
  if (producerIdFilters.length > 0 && !producerIdFilters.includes(one.producerId)) return false
  if (stateFilters.length > 0 && !stateFilters.includes(TRANSACTION_STATES[one.state])) return false
  return durationFilter < 0 || (one.startedMs >= 0 && nowMs - one.startedMs > durationFilter)
}
