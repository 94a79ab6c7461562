/**
 * Transactions as one partition sees them: which are open and since which offset, and which were aborted. The decision
 * itself is the coordinator's; here it arrives as a marker in the log.
 *
 *     begun ──first batch──► open since that offset ──marker──► ending ──marker durable──► gone (or on the aborted list)
 *       └──────────────────────────marker────────────────────────────────────────────────► gone
 *
 * The last stable offset stays at the oldest open transaction until its marker is durable: a reader who sees records up
 * to there knows the fate of each.
 */

import type { NumberReader, NumberWriter } from './number-list.ts'
import type { AbortedTransaction } from './stream-door.ts'

const NOT_ENDED = -1
const NO_OFFSET = -1

interface OpenTransaction {
  readonly producerId: number
  readonly firstOffset: number
  /** One past its marker, once that is appended. */
  endOffset: number
}

/** With what a reader's question needs: where it ends, and below which offset everything was decided then. */
export interface AbortedRange extends AbortedTransaction {
  readonly markerOffset: number
  readonly stableOffset: number
}

export class Transactions {
  /** Producer id to the first offset of its transaction; NO_OFFSET while it has no batch here. */
  readonly #begun = new Map<number, number>()
  /** By first offset: transactions come in that order. */
  #open: OpenTransaction[] = []
  /** By marker. */
  #aborted: AbortedRange[] = []

  isBegun(producerId: number): boolean {
    return this.#begun.has(producerId)
  }

  /** -1: none, or without a batch. */
  startOf(producerId: number): number {
    return this.#begun.get(producerId) ?? NO_OFFSET
  }

  begin(producerId: number): void {
    if (!this.#begun.has(producerId)) this.#begun.set(producerId, NO_OFFSET)
  }

  /** A transactional batch of this producer got its place. At replay the batch alone says that one was begun. */
  took(producerId: number, baseOffset: number): void {
    const first = this.#begun.get(producerId)
    if (first !== undefined && first !== NO_OFFSET) return
    this.#begun.set(producerId, baseOffset)
    this.#open.push({ producerId, firstOffset: baseOffset, endOffset: NOT_ENDED })
  }

  /** The marker of this producer's transaction got its place. */
  ended(producerId: number, outcome: 'commit' | 'abort', markerOffset: number): void {
    const firstOffset = this.#begun.get(producerId) ?? NO_OFFSET
    this.#begun.delete(producerId)
    if (firstOffset === NO_OFFSET) return
    const open = this.#open.find((one) => one.producerId === producerId && one.endOffset === NOT_ENDED)
    if (open !== undefined) open.endOffset = markerOffset + 1
    if (outcome === 'commit') return
    const oldest = this.#open.find((one) => one.endOffset === NOT_ENDED)
    const stableOffset = oldest?.firstOffset ?? markerOffset + 1
    this.#aborted.push({ producerId, firstOffset, markerOffset, stableOffset })
  }

  /** Everything below is durable: markers among it count now. */
  durableUpTo(offset: number): void {
    const open = this.#open
    if (open.length === 0) return
    let gone = 0
    for (const one of open) if (one.endOffset !== NOT_ENDED && one.endOffset <= offset) gone++
    if (gone > 0) this.#open = open.filter((one) => one.endOffset === NOT_ENDED || one.endOffset > offset)
  }

  /** The last stable offset, given how far everything is durable. */
  stableBelow(durableEnd: number): number {
    const oldest = this.#open[0]
    return oldest === undefined ? durableEnd : Math.min(durableEnd, oldest.firstOffset)
  }

  /** Those with records in [from, to), by first offset. */
  aborted(from: number, to: number): AbortedRange[] {
    const found: AbortedRange[] = []
    for (let index = this.#firstMarkerFrom(from); index < this.#aborted.length; index++) {
      const range = this.#aborted[index] as AbortedRange
      if (range.firstOffset < to) found.push(range)
      // Whatever was aborted later began above this.
      if (range.stableOffset >= to) break
    }
    return found.sort((a, b) => a.firstOffset - b.firstOffset)
  }

  /** Whether the record of this producer at this offset was aborted. */
  isAborted(producerId: number, offset: number): boolean {
    for (let index = this.#firstMarkerFrom(offset); index < this.#aborted.length; index++) {
      const range = this.#aborted[index] as AbortedRange
      if (range.producerId === producerId && range.firstOffset <= offset) return true
      if (range.stableOffset > offset) return false
    }
    return false
  }

  #firstMarkerFrom(offset: number): number {
    let low = 0
    let high = this.#aborted.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#aborted[middle] as AbortedRange).markerOffset < offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Nothing below this offset is kept any more. */
  trim(startOffset: number): void {
    const gone = this.#firstMarkerFrom(startOffset)
    if (gone > 0) this.#aborted = this.#aborted.slice(gone)
  }

  /** Aborted transactions whose records and markers compaction took out. */
  forgetAborted(isGone: (range: AbortedRange) => boolean): void {
    this.#aborted = this.#aborted.filter((range) => !isGone(range))
  }

  encode(into: NumberWriter): void {
    into.put(this.#begun.size)
    for (const [producerId, firstOffset] of this.#begun) {
      into.put(producerId)
      into.put(firstOffset)
    }
    into.put(this.#aborted.length)
    for (const range of this.#aborted) {
      into.put(range.producerId)
      into.put(range.firstOffset)
      into.put(range.markerOffset)
      into.put(range.stableOffset)
    }
  }

  decode(from: NumberReader): void {
    this.#begun.clear()
    this.#open = []
    for (let left = from.take(); left > 0; left--) {
      const producerId = from.take()
      const firstOffset = from.take()
      this.#begun.set(producerId, firstOffset)
      if (firstOffset !== NO_OFFSET) this.#open.push({ producerId, firstOffset, endOffset: NOT_ENDED })
    }
    this.#open.sort((a, b) => a.firstOffset - b.firstOffset)
    this.#aborted = []
    for (let left = from.take(); left > 0; left--) {
      const producerId = from.take()
      const firstOffset = from.take()
      const markerOffset = from.take()
      this.#aborted.push({ producerId, firstOffset, markerOffset, stableOffset: from.take() })
    }
  }
}
