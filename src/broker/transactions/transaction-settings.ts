/** What an operator may decide about transactions. Defaults are those of Apache Kafka where it has them. */
export interface TransactionSettings {
  /** Longest time a producer may ask for. */
  readonly timeoutMsMax: number
  /** A transactional id that nobody has used for this long is forgotten. */
  readonly expirationMs: number
  /** How often overdue transactions are looked for, while any is open. */
  readonly sweepMs: number
  readonly expirationSweepMs: number
  /** How long a request waits for the one before it on the same transactional id. */
  readonly patienceMs: number
  readonly groupsPerTransactionMax: number
}

export const defaultTransactionSettings: TransactionSettings = {
  timeoutMsMax: 15 * 60 * 1000,
  expirationMs: 7 * 24 * 3600 * 1000,
  sweepMs: 1000,
  expirationSweepMs: 3600 * 1000,
  patienceMs: 2000,
  groupsPerTransactionMax: 1000,
}
