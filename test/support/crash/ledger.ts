/**
 * What is known of every message of one publisher in one queue: a few bits, the broker's life it was last seen in, and
 * counts. Arrays by sequence number, so that a run of many hours keeps three bytes a message; only messages that were
 * rejected, which are few, have entries in maps.
 */

export const Mark = {
  /** Handed out at least once. */
  delivered: 1,
  /** The last delivery was acknowledged, or rejected for good; taken back when it comes again. */
  accepted: 2,
  rejected: 4,
  /** That settlement can not be forgotten any more. */
  durable: 8,
  /** That it was handed out can not be forgotten any more: it may come back only with `redelivered` set. */
  knownOut: 16,
  /** With a consumer now. */
  out: 32,
  /** The broker was alive when it got that settlement, and took it in. */
  processed: 64,
  /** Of the publisher's own ledger: the broker confirmed it. */
  confirmed: 128,
} as const

export class Ledger {
  #marks = new Uint8Array(1024)
  #lives = new Uint16Array(1024)
  /** How often it was rejected here: a dead-letter queue may get one copy for each. Made when first needed. */
  #rejections: Map<number, number> | undefined
  #durableCounts: Map<number, number> | undefined

  has(sequence: number, mark: number): boolean {
    return sequence < this.#marks.length && ((this.#marks[sequence] ?? 0) & mark) !== 0
  }

  set(sequence: number, mark: number): void {
    this.#reach(sequence)
    this.#marks[sequence] = (this.#marks[sequence] ?? 0) | mark
  }

  clear(sequence: number, mark: number): void {
    this.#reach(sequence)
    this.#marks[sequence] = (this.#marks[sequence] ?? 0) & ~mark
  }

  /** The broker's life in which it was last handed out; 0 for never. */
  lifeOf(sequence: number): number {
    return this.#lives[sequence] ?? 0
  }

  seenIn(sequence: number, life: number): void {
    this.#reach(sequence)
    this.#lives[sequence] = life
  }

  noteRejection(sequence: number): void {
    this.#rejections ??= new Map()
    this.#rejections.set(sequence, this.rejectionCount(sequence) + 1)
  }

  rejectionCount(sequence: number): number {
    return this.#rejections?.get(sequence) ?? 0
  }

  /** Only where a message may come in several copies. */
  noteDurable(sequence: number): void {
    this.#durableCounts ??= new Map()
    this.#durableCounts.set(sequence, this.durableCount(sequence) + 1)
  }

  durableCount(sequence: number): number {
    return this.#durableCounts?.get(sequence) ?? 0
  }

  #reach(sequence: number): void {
    if (sequence < this.#marks.length) return
    const length = Math.max(sequence + 1, this.#marks.length * 2)
    const marks = new Uint8Array(length)
    marks.set(this.#marks)
    this.#marks = marks
    const lives = new Uint16Array(length)
    lives.set(this.#lives)
    this.#lives = lives
  }
}
