/** What a history is made of: its queues, its publishers and its sums. The judging is in reader-history.ts and history.ts. */
import { Ledger, Mark } from './ledger.ts'

export type QueueRule = {
  /** False where messages overtake each other by design. */
  readonly ordered?: boolean
  /** Where rejected messages go. */
  readonly deadLetterTo?: string
}

export type Report = {
  published: number
  confirmed: number
  /** Answered with basic.nack: may be there or not. */
  refused: number
  delivered: number
  redelivered: number
  settled: number
  requeued: number
  /** Settlements that were proved durable: what the check of "never again" had to bite on. */
  durable: number
  lives: number
  violations: number
}

/** One queue, with a ledger for each publisher whose messages may come there. */
export class QueueHistory {
  readonly name: string
  readonly ordered: boolean
  readonly deadLetterTo: string | undefined
  /** The queue whose rejected messages come here. */
  source: QueueHistory | undefined
  readonly ledgers = new Map<number, Ledger>()

  constructor(name: string, rule: QueueRule) {
    this.name = name
    this.ordered = rule.ordered ?? true
    this.deadLetterTo = rule.deadLetterTo
  }

  /** How many copies of a message may come here. */
  copiesMax(publisher: number, sequence: number): number {
    return this.source === undefined ? 1 : (this.source.ledgers.get(publisher)?.rejectionCount(sequence) ?? 0)
  }
}

export class PublisherHistory {
  readonly id: number
  readonly name: string
  readonly queues: readonly QueueHistory[]
  readonly ledger = new Ledger()
  lastSequence = 0
  readonly #report: Report

  constructor(id: number, name: string, queues: readonly QueueHistory[], report: Report) {
    this.id = id
    this.name = name
    this.queues = queues
    this.#report = report
  }

  /** The sequence of a message that is about to be sent. */
  next(): number {
    this.#report.published++
    return ++this.lastSequence
  }

  confirmed(sequence: number): void {
    this.#report.confirmed++
    this.ledger.set(sequence, Mark.confirmed)
  }

  refused(): void {
    this.#report.refused++
  }
}
