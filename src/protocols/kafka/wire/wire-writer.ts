/**
 * Writes the plain types of the Kafka protocol into one growing buffer. Records of some size are not copied: the buffer is
 * cut there, and they go out between the pieces as they are.
 *
 *     ┌──────────────┬──────────── not copied ───────────┬───────┬─────────────┬───────┐
 *     │ buffer[0, 57)│ records of partition 0            │ 57-80 │ records ... │ 80-84 │
 *     └──────────────┴───────────────────────────────────┴───────┴─────────────┴───────┘
 *
 * One writer is used again and again: small messages are copied to the sink and cost no memory of their own, large ones
 * are given away. What does not fit its type is our own fault and breaks an invariant.
 */
import { InvariantError, invariant } from '../../../base/errors.ts'
import { textSize, writeText } from '../../../base/text.ts'
import { STRING_BYTES_MAX } from './wire-reader.ts'

/** Where encoded bytes go; `SocketWriter` is one. */
export interface ByteSink {
  /** Copies `bytes` before it returns. */
  writeBorrowed(bytes: Uint8Array): void
  /** May keep `bytes`: they never change again. */
  writeOwned(bytes: Buffer): void
}

export type RecordBytes = Buffer | readonly Buffer[] | null

/** Below this a copy is cheaper than one more piece to send. */
const CUT_BYTES_MIN = 4096

const FIRST_BYTES = 16 * 1024
const WANTED_BYTES_MAX = 256 * 1024

const LENGTH_PREFIX_BYTES = 4

export class WireWriter {
  #buffer: Buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
  #at = 0
  /** Pairs: up to where in `#buffer` bytes come before the piece with the same index. */
  readonly #cutAt: number[] = []
  readonly #pieces: Buffer[] = []
  #pieceBytes = 0
  #bytesWanted = FIRST_BYTES

  /** Begins a message that has its length in front. */
  begin(): void {
    this.clear()
    this.#take(LENGTH_PREFIX_BYTES)
  }

  /** Drops what is written; after an error half a message stands here. */
  clear(): void {
    this.#at = 0
    this.#pieceBytes = 0
    this.#cutAt.length = 0
    this.#pieces.length = 0
  }

  get writtenBytes(): number {
    return this.#at + this.#pieceBytes
  }

  /** Sets the length in front and hands everything to the sink. Returns how many bytes that were, with the length. */
  finish(sink: ByteSink): number {
    const sizeBytes = this.writtenBytes
    this.#buffer.writeInt32BE(sizeBytes - LENGTH_PREFIX_BYTES, 0)
    this.#flush(sink)
    return sizeBytes
  }

  /** All that is written, in one piece. */
  toBuffer(): Buffer {
    const parts: Buffer[] = []
    this.#flush({ writeBorrowed: (bytes) => parts.push(Buffer.from(bytes)), writeOwned: (bytes) => parts.push(bytes) })
    return parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  }

  #flush(sink: ByteSink): void {
    const isGivenAway = this.#at > FIRST_BYTES
    const buffer = this.#buffer
    const give = (start: number, end: number): void => {
      if (start === end) return
      if (isGivenAway) sink.writeOwned(buffer.subarray(start, end))
      else sink.writeBorrowed(buffer.subarray(start, end))
    }
    let from = 0
    for (let index = 0; index < this.#pieces.length; index++) {
      give(from, this.#cutAt[index]!)
      sink.writeOwned(this.#pieces[index]!)
      from = this.#cutAt[index]!
    }
    give(from, this.#at)
    if (isGivenAway) {
      // The next one is likely as large and need not grow step by step; but what is given away pins all of its memory.
      this.#bytesWanted = Math.min(this.#at, WANTED_BYTES_MAX)
      this.#buffer = Buffer.allocUnsafeSlow(FIRST_BYTES)
    }
    this.clear()
  }

  /** Room for `byteCount` bytes; the caller sets every one of them. */
  #take(byteCount: number): number {
    const at = this.#at
    const end = at + byteCount
    if (end > this.#buffer.length) this.#grow(end)
    this.#at = end
    return at
  }

  #grow(neededBytes: number): void {
    const larger = Buffer.allocUnsafeSlow(Math.max(neededBytes, 2 * this.#buffer.length, this.#bytesWanted))
    this.#buffer.copy(larger, 0, 0, this.#at)
    this.#buffer = larger
  }

  bool(value: boolean): void {
    const at = this.#take(1)
    this.#buffer[at] = value ? 1 : 0
  }

  int8(value: number): void {
    if ((value << 24) >> 24 !== value) throw outOfRange('int8', value)
    const at = this.#take(1)
    this.#buffer[at] = value
  }

  int16(value: number): void {
    if ((value << 16) >> 16 !== value) throw outOfRange('int16', value)
    this.#uint16(value)
  }

  uint16(value: number): void {
    if ((value & 0xffff) !== value) throw outOfRange('uint16', value)
    this.#uint16(value)
  }

  #uint16(value: number): void {
    const at = this.#take(2)
    const buffer = this.#buffer
    buffer[at] = value >>> 8
    buffer[at + 1] = value
  }

  int32(value: number): void {
    if ((value | 0) !== value) throw outOfRange('int32', value)
    this.#uint32(value)
  }

  uint32(value: number): void {
    if (value >>> 0 !== value) throw outOfRange('uint32', value)
    this.#uint32(value)
  }

  #uint32(value: number): void {
    const at = this.#take(4)
    const buffer = this.#buffer
    buffer[at] = value >>> 24
    buffer[at + 1] = value >>> 16
    buffer[at + 2] = value >>> 8
    buffer[at + 3] = value
  }

  /** The largest and smallest 64-bit numbers have no `number` of their own: what lies beyond becomes them. */
  int64(value: number): void {
    if (!Number.isInteger(value)) throw outOfRange('int64', value)
    const high = value >= 2 ** 63 ? 0x7fffffff : Math.max(Math.floor(value / 2 ** 32), -(2 ** 31))
    this.#uint32(high)
    this.#uint32(value >= 2 ** 63 ? 0xffffffff : Math.max(0, value - high * 2 ** 32))
  }

  float64(value: number): void {
    const at = this.#take(8)
    this.#buffer.writeDoubleBE(value, at)
  }

  uuid(value: Buffer): void {
    invariant(value.length === 16, `uuid of ${value.length} bytes`)
    this.#copy(value)
  }

  uvarint(value: number): void {
    if (value >>> 0 !== value) throw outOfRange('uvarint', value)
    let rest = value
    while (rest > 0x7f) {
      const at = this.#take(1)
      this.#buffer[at] = (rest & 0x7f) | 0x80
      rest >>>= 7
    }
    const at = this.#take(1)
    this.#buffer[at] = rest
  }

  string(value: string): void {
    const length = sizeOf(value)
    this.#uint16(length)
    this.#writeText(value, length)
  }

  nullableString(value: string | null): void {
    if (value === null) this.#uint16(0xffff)
    else this.string(value)
  }

  compactString(value: string): void {
    const length = sizeOf(value)
    this.uvarint(length + 1)
    this.#writeText(value, length)
  }

  compactNullableString(value: string | null): void {
    if (value === null) this.uvarint(0)
    else this.compactString(value)
  }

  #writeText(value: string, length: number): void {
    const at = this.#take(length)
    const end = writeText(this.#buffer, at, value)
    invariant(end === at + length, 'a text of another size than told')
  }

  /** Copies, as all `bytes` here do; records do not. */
  bytes(value: Buffer): void {
    this.int32(value.length)
    this.#copy(value)
  }

  nullableBytes(value: Buffer | null): void {
    if (value === null) this.#uint32(0xffffffff)
    else this.bytes(value)
  }

  compactBytes(value: Buffer): void {
    this.uvarint(value.length + 1)
    this.#copy(value)
  }

  compactNullableBytes(value: Buffer | null): void {
    if (value === null) this.uvarint(0)
    else this.compactBytes(value)
  }

  records(value: RecordBytes): void {
    if (value === null) return this.#uint32(0xffffffff)
    this.int32(sizeOfRecords(value))
    this.#writeRecords(value)
  }

  compactRecords(value: RecordBytes): void {
    if (value === null) return this.uvarint(0)
    this.uvarint(sizeOfRecords(value) + 1)
    this.#writeRecords(value)
  }

  #writeRecords(value: Buffer | readonly Buffer[]): void {
    if (Buffer.isBuffer(value)) return this.#writeOwned(value)
    for (const piece of value) this.#writeOwned(piece)
  }

  #writeOwned(piece: Buffer): void {
    if (piece.length < CUT_BYTES_MIN) return this.#copy(piece)
    this.#cutAt.push(this.#at)
    this.#pieces.push(piece)
    this.#pieceBytes += piece.length
  }

  #copy(value: Buffer): void {
    const at = this.#take(value.length)
    value.copy(this.#buffer, at)
  }

  count(count: number): void {
    this.int32(count)
  }

  /** -1 for null. */
  compactCount(count: number): void {
    this.uvarint(count + 1)
  }

  /** Begins a tagged field; `endTag` is told the result. */
  beginTag(tag: number): number {
    this.uvarint(tag)
    return this.#take(1)
  }

  /** Puts the size in front of the field's content, moving it when the size takes more than the byte left for it. */
  endTag(sizeAt: number): void {
    const contentAt = sizeAt + 1
    const size = this.#at - contentAt
    let extra = 0
    for (let rest = size; rest > 0x7f; rest >>>= 7) extra++
    if (extra > 0) {
      this.#take(extra)
      this.#buffer.copyWithin(contentAt + extra, contentAt, contentAt + size)
    }
    const end = this.#at
    this.#at = sizeAt
    this.uvarint(size)
    this.#at = end
  }
}

function sizeOf(text: string): number {
  const length = textSize(text)
  invariant(length <= STRING_BYTES_MAX, `a string of ${length} bytes`)
  return length
}

function sizeOfRecords(value: Buffer | readonly Buffer[]): number {
  if (Buffer.isBuffer(value)) return value.length
  let sizeBytes = 0
  for (const piece of value) sizeBytes += piece.length
  return sizeBytes
}

function outOfRange(type: string, value: number): InvariantError {
  return new InvariantError(`${value} is no ${type}`)
}
