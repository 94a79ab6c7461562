/** What the transaction APIs share: Kafka's codes for what a transaction refuses, and its names for states. */
import type { TransactionRefusal, TransactionState } from '../../broker/transactions/transaction-door.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'

const CODES: Readonly<Record<TransactionRefusal, number>> = {
  'invalid-request': KAFKA_ERRORS.INVALID_REQUEST.code,
  'invalid-timeout': KAFKA_ERRORS.INVALID_TRANSACTION_TIMEOUT.code,
  'unknown-producer': KAFKA_ERRORS.INVALID_PRODUCER_ID_MAPPING.code,
  fenced: KAFKA_ERRORS.PRODUCER_FENCED.code,
  concurrent: KAFKA_ERRORS.CONCURRENT_TRANSACTIONS.code,
  'invalid-state': KAFKA_ERRORS.INVALID_TXN_STATE.code,
  unavailable: KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE.code,
}

/**
 * 0 for no refusal.
 * @param knowsFenced each API tells a fenced producer by a code of its own from some version on
 */
export function transactionCode(why: TransactionRefusal | undefined, knowsFenced: boolean): number {
  if (why === undefined) return 0
  return why === 'fenced' && !knowsFenced ? KAFKA_ERRORS.INVALID_PRODUCER_EPOCH.code : CODES[why]
}

export const TRANSACTION_STATES: Readonly<Record<TransactionState, string>> = {
  empty: 'Empty',
  ongoing: 'Ongoing',
  committing: 'PrepareCommit',
  aborting: 'PrepareAbort',
  committed: 'CompleteCommit',
  aborted: 'CompleteAbort',
}

/** Kafka has two more, which pass unseen here: a forgotten id is not listed, and fencing is one step with the abort. */
export const TRANSACTION_STATE_NAMES: ReadonlySet<string> = new Set([
  ...Object.values(TRANSACTION_STATES),
  'Dead',
  'PrepareEpochFence',
])
