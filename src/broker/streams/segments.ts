/**
 * The logical segments of a partition: stretches of it that retention and compaction treat as one. Storage knows
 * nothing of them. Where one ends follows from the batches alone (sizes, timestamps) and the settings, so that replay
 * finds them again; changed settings move borders, which harms nothing.
 */
import type { NumberReader, NumberWriter } from './number-list.ts'

/** Beyond this many, neighbours are merged: memory stays bounded whatever `segment.bytes` says. */
const SEGMENTS_MAX = 4096

export interface Segment {
  readonly baseOffset: number
  sizeBytes: number
  readonly firstTimestampMs: number
  maxTimestampMs: number
}

export interface SegmentLimits {
  readonly segmentBytes: number
  readonly segmentMs: number
}

export class Segments {
  /** The last one is active: it still grows. */
  #all: Segment[] = []
  #sizeBytes = 0

  get all(): readonly Segment[] {
    return this.#all
  }

  get sizeBytes(): number {
    return this.#sizeBytes
  }

  get active(): Segment | undefined {
    return this.#all.at(-1)
  }

  /** True when a segment was closed by this batch. */
  add(baseOffset: number, sizeBytes: number, timestampMs: number, limits: SegmentLimits): boolean {
    const active = this.#all.at(-1)
    this.#sizeBytes += sizeBytes
    const fits =
      active !== undefined &&
      active.sizeBytes + sizeBytes <= limits.segmentBytes &&
      timestampMs - active.firstTimestampMs <= limits.segmentMs
    if (fits) {
      active.sizeBytes += sizeBytes
      if (timestampMs > active.maxTimestampMs) active.maxTimestampMs = timestampMs
      return false
    }
    this.#all.push({ baseOffset, sizeBytes, firstTimestampMs: timestampMs, maxTimestampMs: timestampMs })
    if (this.#all.length > SEGMENTS_MAX) this.#mergePairs()
    return active !== undefined
  }

  #mergePairs(): void {
    const merged: Segment[] = []
    const last = this.#all.length - 1
    for (let index = 0; index < last; index += 2) {
      const one = this.#all[index] as Segment
      if (index + 1 < last) mergeInto(one, this.#all[index + 1] as Segment)
      merged.push(one)
    }
    merged.push(this.#all[last] as Segment)
    this.#all = merged
  }

  /** Drops segments that lie wholly below `startOffset`; the first that stays loses its share, as far as can be told. */
  trim(startOffset: number, endOffset: number): void {
    let gone = 0
    while (gone < this.#all.length && (this.#all[gone + 1]?.baseOffset ?? endOffset) <= startOffset) {
      this.#sizeBytes -= (this.#all[gone] as Segment).sizeBytes
      gone++
    }
    if (gone > 0) this.#all.splice(0, gone)
    const first = this.#all[0]
    if (first === undefined || first.baseOffset >= startOffset) return
    const segmentEnd = this.#all[1]?.baseOffset ?? endOffset
    const kept = Math.round((first.sizeBytes * (segmentEnd - startOffset)) / (segmentEnd - first.baseOffset))
    this.#sizeBytes -= first.sizeBytes - kept
    this.#all[0] = { ...first, baseOffset: startOffset, sizeBytes: kept }
  }

  /** What lies below `offset` is replaced; a segment that reaches over it keeps its share. */
  replaceBelow(offset: number, fresh: readonly Segment[], endOffset: number): void {
    this.trim(offset, endOffset)
    this.#all = [...fresh, ...this.#all]
    this.#sizeBytes = this.#all.reduce((sum, segment) => sum + segment.sizeBytes, 0)
  }

  encode(into: NumberWriter): void {
    into.put(this.#all.length)
    for (const { baseOffset, sizeBytes, firstTimestampMs, maxTimestampMs } of this.#all) {
      into.put(baseOffset)
      into.put(sizeBytes)
      into.put(firstTimestampMs)
      into.put(maxTimestampMs)
    }
  }

  decode(from: NumberReader): void {
    this.#all = []
    this.#sizeBytes = 0
    for (let left = from.take(); left > 0; left--) {
      const baseOffset = from.take()
      const sizeBytes = from.take()
      const firstTimestampMs = from.take()
      this.#all.push({ baseOffset, sizeBytes, firstTimestampMs, maxTimestampMs: from.take() })
      this.#sizeBytes += sizeBytes
    }
  }
}

function mergeInto(one: Segment, next: Segment): void {
  one.sizeBytes += next.sizeBytes
  one.maxTimestampMs = Math.max(one.maxTimestampMs, next.maxTimestampMs)
}
