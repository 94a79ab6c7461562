/**
 * What the engine knows of one log: where its replay begins, where its records are (extents in runs, then slices of the
 * journal, in the order of offsets), and which offsets were discarded. Memory follows the number of extents and the
 * journal's window, never the length of a backlog.
 */
import { invariant } from '../../../base/errors.ts'
import { RangeSet } from '../../../base/range-set.ts'
import type { Extent } from './run.ts'
import type { Segment } from './segment.ts'
import { Slice } from './slice.ts'

export class LogState {
  readonly id: number
  /** Older than every slice; sorted, disjoint. */
  extents: Extent[] = []
  slices: Slice[] = []
  /** Nothing lives below this offset, so discards are not kept below it. Never goes back: a reader may be on its way. */
  #floor = 0
  readonly #discarded = new RangeSet()
  /** Offsets of records grow: the next one is here or above. */
  nextOffset = 0
  /** The newest snapshot, or the first entry while there is none. */
  startSegment: Segment | undefined
  startFileOffset = 0
  /** An `endLog` was appended, and perhaps not committed yet. */
  ending = false
  /** Where a sequential reader will go on: the record with `cursorOffset` or the next one stands at `cursorPosition`. */
  cursorExtent: Extent | undefined
  cursorOffset = 0
  cursorPosition = 0
  #tail: Slice | undefined

  constructor(id: number) {
    this.id = id
  }

  /** Before anything is written: a record that breaks the order must leave no trace. */
  checkOffsets(baseOffset: number, count: number): void {
    // The texts are built only where they are needed: this runs for every append.
    if (count < 1) invariant(false, `a record covers at least one offset, not ${count}`)
    if (baseOffset < this.nextOffset) {
      invariant(false, `offset ${baseOffset} of log ${this.id} is below ${this.nextOffset}: offsets grow`)
    }
  }

  addRecord(segment: Segment, baseOffset: number, count: number, fileOffset: number, payloadBytes: number): void {
    let tail = this.#tail
    if (tail === undefined || tail.segment !== segment || !tail.takes(baseOffset)) {
      tail = new Slice(this.id, segment, baseOffset)
      this.#tail = tail
      this.slices.push(tail)
      segment.slices.push(tail)
    }
    tail.add(baseOffset, count, fileOffset, payloadBytes)
    this.nextOffset = baseOffset + count
  }

  /** A replay of this log would begin here. Returns the segment that was left and is not needed by this log any more. */
  moveStart(segment: Segment, fileOffset: number): Segment | undefined {
    const left = this.startSegment
    this.startFileOffset = fileOffset
    if (left === segment) return undefined
    this.startSegment = segment
    segment.startCount++
    if (left !== undefined) left.startCount--
    return left
  }

  clearStart(): Segment | undefined {
    const left = this.startSegment
    this.startSegment = undefined
    if (left !== undefined) left.startCount--
    return left
  }

  discard(fromOffset: number, toOffset: number): void {
    this.#discarded.add(fromOffset, toOffset)
    if (this.extents.length > 0) this.#discardExtents(fromOffset, toOffset)
    const first = this.slices[0]
    if (first !== undefined && first !== this.#tail) this.#dropDeadSlices()
  }

  #discardExtents(fromOffset: number, toOffset: number): void {
    let someDied = false
    for (let index = this.findExtent(fromOffset); index < this.extents.length; index++) {
      const extent = this.extents[index] as Extent
      if (extent.firstOffset >= toOffset) break
      const overlap = Math.min(toOffset, extent.endOffset) - Math.max(fromOffset, extent.firstOffset)
      extent.settle(overlap)
      // The number of settled offsets is a hint where offsets are missing; the ranges are the proof.
      if (extent.liveOffsets > 0 || !this.#discarded.covers(extent.firstOffset, extent.endOffset)) continue
      extent.die()
      someDied = true
    }
    if (!someDied) return
    this.extents = this.extents.filter((extent) => !extent.dead)
    this.#trim()
  }

  #dropDeadSlices(): void {
    let dead = 0
    for (const slice of this.slices) {
      if (slice === this.#tail || !this.#discarded.covers(slice.firstOffset, slice.endOffset)) break
      slice.forget()
      dead++
    }
    if (dead === 0) return
    this.slices.splice(0, dead)
    this.#trim()
  }

  /** Forgets discards below everything that is stored. */
  #trim(): void {
    const lowest = this.extents[0]?.firstOffset ?? this.slices[0]?.firstOffset ?? this.nextOffset
    this.#floor = Math.max(this.#floor, lowest)
    const first = this.#discarded.first
    if (first !== undefined && first < lowest) this.#discarded.removeBelow(lowest)
  }

  /** Whether every offset of [from, to) was discarded. */
  isDiscarded(from: number, to: number): boolean {
    return to <= this.#floor || this.#discarded.covers(Math.max(from, this.#floor), to)
  }

  /** The first offset at or after this one that was not discarded. */
  nextKept(offset: number): number {
    return this.#discarded.nextMissing(Math.max(offset, this.#floor))
  }

  /** The slice's live records are elsewhere now, or there were none. */
  removeSlice(slice: Slice): void {
    const index = this.slices.indexOf(slice)
    if (index >= 0) this.slices.splice(index, 1)
    if (slice === this.#tail) this.#tail = undefined
  }

  /** Index of the first extent that ends behind `offset`. */
  findExtent(offset: number): number {
    const extents = this.extents
    const first = extents[0]
    if (first === undefined || first.endOffset > offset) return 0
    let low = 1
    let high = extents.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((extents[middle] as Extent).endOffset <= offset) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Takes in extents that came into being by copying, and lets go of those they replace. */
  replaceExtents(gone: ReadonlySet<Extent>, fresh: readonly Extent[]): void {
    this.extents = [...this.extents.filter((extent) => !gone.has(extent)), ...fresh]
    this.extents.sort((a, b) => a.firstOffset - b.firstOffset)
    if (this.cursorExtent !== undefined && gone.has(this.cursorExtent)) this.cursorExtent = undefined
    for (const extent of fresh) this.#settleFresh(extent)
    this.extents = this.extents.filter((extent) => !extent.dead)
    this.#trim()
  }

  /** What was discarded while the extent was being written, or before this process began. */
  #settleFresh(extent: Extent): void {
    const settled = this.#discarded.countWithin(extent.firstOffset, extent.endOffset)
    const span = extent.endOffset - extent.firstOffset
    // Missing offsets may or may not have been discarded; counting them as discarded keeps the estimate on the safe side.
    extent.settle(Math.max(0, settled - (span - extent.offsetCount)))
    if (settled === span) extent.die()
  }

  storedBytes(): number {
    let bytes = 0
    for (const extent of this.extents) bytes += extent.liveBytes
    for (const slice of this.slices) {
      if (slice.offsetCount === 0) continue
      const settled = this.#discarded.countWithin(slice.firstOffset, slice.endOffset)
      const live = Math.max(0, Math.min(slice.offsetCount, slice.endOffset - slice.firstOffset - settled))
      bytes += (slice.payloadBytes * live) / slice.offsetCount
    }
    return Math.round(bytes)
  }

  /** The log is over: nothing of it is needed. */
  end(): void {
    for (const slice of this.slices) slice.forget()
    for (const extent of this.extents) extent.die()
    this.slices = []
    this.extents = []
    this.#tail = undefined
    this.#discarded.clear()
  }
}
