/**
 * Where the records of one log stand in one journal segment: eight bytes a record, in the order of offsets. Bounded by
 * the journal's window, and given back as soon as all of it is discarded.
 */
import type { OpenFile } from './files.ts'

/** What a slice needs to know of the segment it is in. */
export interface SlicedFile {
  readonly number: number
  readonly file: OpenFile
  readonly committedEnd: number
  acquire(): void
  release(): void
}

const DELTA_MAX = 2 ** 32 - 1

export class Slice {
  readonly log: number
  readonly segment: SlicedFile
  readonly firstOffset: number
  /** One past the last offset. */
  endOffset: number
  /** Sum of the records' counts: less than the span where offsets are missing. */
  offsetCount = 0
  payloadBytes = 0
  count = 0
  /** Pairs: offset above `firstOffset`, place in the file. Small first, because most logs are. */
  #pairs = new Uint32Array(8)

  constructor(log: number, segment: SlicedFile, firstOffset: number) {
    this.log = log
    this.segment = segment
    this.firstOffset = firstOffset
    this.endOffset = firstOffset
  }

  /** Whether this slice can hold the record: places are kept in 32 bits. */
  takes(baseOffset: number): boolean {
    return baseOffset - this.firstOffset <= DELTA_MAX
  }

  add(baseOffset: number, count: number, fileOffset: number, payloadBytes: number): void {
    const at = this.count * 2
    if (at === this.#pairs.length) this.#grow()
    this.#pairs[at] = baseOffset - this.firstOffset
    this.#pairs[at + 1] = fileOffset
    this.count++
    this.endOffset = baseOffset + count
    this.offsetCount += count
    this.payloadBytes += payloadBytes
  }

  #grow(): void {
    const larger = new Uint32Array(this.#pairs.length * 2)
    larger.set(this.#pairs)
    this.#pairs = larger
  }

  offsetAt(index: number): number {
    return this.firstOffset + (this.#pairs[index * 2] as number)
  }

  fileOffsetAt(index: number): number {
    return this.#pairs[index * 2 + 1] as number
  }

  /** The last record that begins at or before `offset`, or the first one. */
  find(offset: number): number {
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.offsetAt(middle) <= offset) low = middle + 1
      else high = middle
    }
    return Math.max(low - 1, 0)
  }

  /** All discarded: the places are never asked for again. */
  forget(): void {
    this.count = 0
    this.#pairs = new Uint32Array(0)
  }
}
