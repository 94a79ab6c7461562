/**
 * Where in a partition which times are found, without reading all of it: the log in stretches, each with the newest
 * timestamp in it. A search reads only stretches that can hold the answer. When there are too many stretches, pairs
 * become one and new ones grow twice as long: memory stays bounded, a stretch is a small part of the log always.
 */
import type { NumberReader, NumberWriter } from './number-list.ts'

const STRETCHES_MAX = 8192
const STRETCH_BYTES_MIN = 64 * 1024

/** The batches in [fromOffset, toOffset). */
export interface Stretch {
  readonly fromOffset: number
  readonly toOffset: number
  /** Nothing in it is newer; something may have been removed since. */
  readonly maxTimestampMs: number
}

export class TimeIndex {
  #offsets: number[] = []
  #maxima: number[] = []
  #stretchBytes = STRETCH_BYTES_MIN
  #lastBytes = 0

  get count(): number {
    return this.#offsets.length
  }

  add(baseOffset: number, sizeBytes: number, maxTimestampMs: number): void {
    const last = this.#maxima.length - 1
    if (last >= 0 && this.#lastBytes < this.#stretchBytes) {
      this.#lastBytes += sizeBytes
      if (maxTimestampMs > (this.#maxima[last] as number)) this.#maxima[last] = maxTimestampMs
      return
    }
    if (last + 1 === STRETCHES_MAX) this.#thinOut()
    this.#offsets.push(baseOffset)
    this.#maxima.push(maxTimestampMs)
    this.#lastBytes = sizeBytes
  }

  #thinOut(): void {
    const half = this.#offsets.length >> 1
    for (let index = 0; index < half; index++) {
      this.#offsets[index] = this.#offsets[index * 2] as number
      this.#maxima[index] = Math.max(this.#maxima[index * 2] as number, this.#maxima[index * 2 + 1] as number)
    }
    this.#offsets.length = this.#maxima.length = half
    this.#stretchBytes *= 2
  }

  /** Stretches that may hold a timestamp at or after this one, in the order of the log. */
  *since(timestampMs: number, endOffset: number): IterableIterator<Stretch> {
    for (let index = 0; index < this.#offsets.length; index++) {
      if ((this.#maxima[index] as number) >= timestampMs) yield this.#at(index, endOffset)
    }
  }

  /** The newest first; among equals the earlier one. */
  byAge(endOffset: number): Stretch[] {
    const all = this.#offsets.map((_, index) => this.#at(index, endOffset))
    return all.sort((a, b) => b.maxTimestampMs - a.maxTimestampMs || a.fromOffset - b.fromOffset)
  }

  #at(index: number, endOffset: number): Stretch {
    return {
      fromOffset: this.#offsets[index] as number,
      toOffset: this.#offsets[index + 1] ?? endOffset,
      maxTimestampMs: this.#maxima[index] as number,
    }
  }

  /** Drops stretches that lie wholly below `startOffset`. */
  trim(startOffset: number): void {
    let gone = 0
    while (gone + 1 < this.#offsets.length && (this.#offsets[gone + 1] as number) <= startOffset) gone++
    if (gone === 0) return
    this.#offsets.splice(0, gone)
    this.#maxima.splice(0, gone)
  }

  /** What lies below `offset` is replaced by another index's stretches; one that reaches over it stays for its rest. */
  replaceBelow(offset: number, fresh: TimeIndex): void {
    const offsets = [...fresh.#offsets]
    const maxima = [...fresh.#maxima]
    for (let index = 0; index < this.#offsets.length; index++) {
      const end = this.#offsets[index + 1] ?? Number.POSITIVE_INFINITY
      if (end <= offset) continue
      offsets.push(Math.max(offset, this.#offsets[index] as number))
      maxima.push(this.#maxima[index] as number)
    }
    this.#offsets = offsets
    this.#maxima = maxima
    while (this.#offsets.length > STRETCHES_MAX) this.#thinOut()
  }

  encode(into: NumberWriter): void {
    into.put(this.#stretchBytes)
    into.put(this.#lastBytes)
    into.put(this.#offsets.length)
    for (let index = 0; index < this.#offsets.length; index++) {
      into.put(this.#offsets[index] as number)
      into.put(this.#maxima[index] as number)
    }
  }

  decode(from: NumberReader): void {
    this.#stretchBytes = from.take()
    this.#lastBytes = from.take()
    this.#offsets = []
    this.#maxima = []
    for (let left = from.take(); left > 0; left--) {
      this.#offsets.push(from.take())
      this.#maxima.push(from.take())
    }
  }
}
