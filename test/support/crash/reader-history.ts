/** What one consumer saw and said on one connection: judges every delivery, and gathers settlements into batches. */
import type { PublisherHistory, QueueHistory, Report } from './history-parts.ts'
import { type Ledger, Mark } from './ledger.ts'
import { type Stamp, stampOf } from './letter.ts'

/** The clocks of two processes on one machine are the same; a millisecond is cut off on either side. */
const EARLY_MS = 2

/** What a reader needs of the history it belongs to. */
export interface Book {
  readonly life: number
  /** Somebody has told the broker to stop: it gives back what one client has while others still listen. */
  readonly isEnding: boolean
  readonly report: Report
  readonly publishers: readonly PublisherHistory[]
  violation(text: string): void
}

type Out = { ledger: Ledger; sequence: number; priority: number; order: number }

/** Settlements up to a moment, to be proved by an answer that the broker gave to something later. */
export class Batch {
  readonly #life: number
  readonly #inCopies: boolean
  readonly #settled: Out[]
  readonly #knownOut: Out[]
  #isKept = false

  constructor(life: number, inCopies: boolean, settled: Out[], knownOut: Out[]) {
    this.#life = life
    this.#inCopies = inCopies
    this.#settled = settled
    this.#knownOut = knownOut
  }

  /** The broker has taken them in. */
  process(): void {
    for (const out of this.#settled) if (this.#isLast(out)) out.ledger.set(out.sequence, Mark.processed)
  }

  /** They can not be forgotten any more. Returns how many settlements became so. */
  keep(): number {
    if (this.#isKept) return 0
    this.#isKept = true
    for (const out of this.#settled) {
      if (!this.#isLast(out)) continue
      out.ledger.set(out.sequence, Mark.durable)
      if (this.#inCopies) out.ledger.noteDurable(out.sequence)
    }
    // One copy may be known to have been out while the next one is new.
    if (!this.#inCopies) for (const { ledger, sequence } of this.#knownOut) ledger.set(sequence, Mark.knownOut)
    return this.#settled.length
  }

  /** It did not come again meanwhile: that was judged then, and this settlement is no longer the last. */
  #isLast({ ledger, sequence }: Out): boolean {
    return ledger.has(sequence, Mark.accepted | Mark.rejected) && ledger.lifeOf(sequence) === this.#life
  }
}

export class Reader {
  readonly #history: Book
  readonly #queue: QueueHistory
  readonly #life: number
  readonly #out = new Map<number, Out>()
  /** `publisher/priority` -> the last sequence seen for the first time in this life. */
  readonly #lastSequences = new Map<string, number>()
  #order = 0
  #settled: Out[] = []
  #returned: Out[] = []
  /** Priority -> the last delivery that came before the last settlement: the broker keeps how far it had delivered. */
  readonly #settledUpTo = new Map<number, number>()

  constructor(history: Book, queue: QueueHistory) {
    this.#history = history
    this.#queue = queue
    this.#life = history.life
  }

  get outCount(): number {
    return this.#out.size
  }

  delivered(tag: number, body: Buffer, redelivered: boolean, nowMs: number): Stamp | undefined {
    const report = this.#history.report
    report.delivered++
    if (redelivered) report.redelivered++
    const stamp = stampOf(body)
    const ledger = this.#ledgerOf(stamp)
    if (stamp === undefined || ledger === undefined) {
      const start = body.toString('latin1', 0, 40).split('\n')[0]
      this.#history.violation(`${this.#queue.name} gave what nobody sent there: ${start}, ${body.length} bytes`)
      return undefined
    }
    const { sequence, priority } = stamp
    if (nowMs + EARLY_MS < stamp.sentAtMs + stamp.delayMs) this.#tell(stamp, 'came before its time')
    if (!this.#judgeReturn(stamp, ledger)) {
      if (!redelivered) this.#judgeFlag(stamp, ledger)
      if (this.#queue.ordered && ledger.lifeOf(sequence) !== this.#life) this.#judgeOrder(stamp, redelivered)
    }
    ledger.clear(sequence, Mark.accepted | Mark.rejected | Mark.processed | Mark.durable)
    ledger.set(sequence, Mark.delivered | Mark.out)
    ledger.seenIn(sequence, this.#life)
    this.#out.set(tag, { ledger, sequence, priority, order: ++this.#order })
    return stamp
  }

  /** The acknowledgement of this delivery is being sent. */
  settled(tag: number, outcome: 'accept' | 'reject' | 'requeue'): void {
    const out = this.#out.get(tag)
    if (out === undefined) return
    const { ledger, sequence, priority } = out
    this.#out.delete(tag)
    ledger.clear(sequence, Mark.out)
    if (outcome === 'requeue') {
      this.#history.report.requeued++
      this.#returned.push(out)
      return
    }
    this.#history.report.settled++
    this.#settledUpTo.set(priority, this.#order)
    if (outcome === 'reject') ledger.noteRejection(sequence)
    ledger.set(sequence, outcome === 'accept' ? Mark.accepted : Mark.rejected)
    this.#settled.push(out)
  }

  /** What was settled since the last call. */
  takeBatch(): Batch {
    const knownOut = this.#returned
    for (const out of this.#out.values()) {
      if (out.order <= (this.#settledUpTo.get(out.priority) ?? 0)) knownOut.push(out)
    }
    const batch = new Batch(this.#life, this.#queue.source !== undefined, this.#settled, knownOut)
    this.#settled = []
    this.#returned = []
    this.#settledUpTo.clear()
    return batch
  }

  #ledgerOf(stamp: Stamp | undefined): Ledger | undefined {
    if (stamp === undefined) return undefined
    const publisher = this.#history.publishers[stamp.publisher]
    if (publisher === undefined || stamp.sequence < 1 || stamp.sequence > publisher.lastSequence) return undefined
    return this.#queue.ledgers.get(stamp.publisher)
  }

  /** True for one more copy of a dead letter: then it is as new, and its place in the order is its own. */
  #judgeReturn(stamp: Stamp, ledger: Ledger): boolean {
    const { publisher, sequence } = stamp
    const isSameLife = ledger.lifeOf(sequence) === this.#life
    if (isSameLife && ledger.has(sequence, Mark.out) && !this.#history.isEnding) {
      this.#tell(stamp, 'was handed out twice at once')
    }
    const copiesMax = this.#queue.copiesMax(publisher, sequence)
    if (copiesMax === 0) this.#tell(stamp, 'is a dead letter that nobody rejected')
    if (!ledger.has(sequence, Mark.accepted | Mark.rejected)) return false
    if (copiesMax > 1 && ledger.durableCount(sequence) < copiesMax) return true
    if (ledger.has(sequence, Mark.durable)) this.#tell(stamp, 'came back after its settlement was durable')
    // An acknowledgement sent to a broker that is closing the connection may be too late.
    else if (isSameLife && (ledger.has(sequence, Mark.processed) || !this.#history.isEnding)) {
      this.#tell(stamp, 'came back after it was settled')
    }
    return false
  }

  #judgeFlag(stamp: Stamp, ledger: Ledger): void {
    const { sequence } = stamp
    if (ledger.has(sequence, Mark.knownOut)) this.#tell(stamp, 'came again, which is on disk, not marked redelivered')
    else if (ledger.lifeOf(sequence) === this.#life && !this.#history.isEnding) {
      this.#tell(stamp, 'came again, not marked redelivered')
    }
  }

  #judgeOrder(stamp: Stamp, redelivered: boolean): void {
    // It was on its way to a client whose connection the broker has closed, and comes late from there.
    if (redelivered && this.#history.isEnding) return
    const line = `${stamp.publisher}/${stamp.priority}`
    const last = this.#lastSequences.get(line) ?? 0
    if (stamp.sequence < last) this.#tell(stamp, `came after ${last}`)
    else this.#lastSequences.set(line, stamp.sequence)
  }

  #tell({ publisher, sequence }: Stamp, what: string): void {
    const name = this.#history.publishers[publisher]?.name ?? publisher
    this.#history.violation(`${name} ${sequence} ${what} in ${this.#queue.name}`)
  }
}
