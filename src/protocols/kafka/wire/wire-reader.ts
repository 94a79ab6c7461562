/**
 * Reads the plain types of the Kafka protocol, one after the other, never beyond its end. Lengths and counts are judged
 * before anything is made of them. Numbers are big-endian; `compact` forms carry length + 1 as an unsigned varint, 0 for
 * null. 64-bit numbers become a `number`: exact up to 2^53, the nearest one beyond (no offset gets there).
 */
import { readText } from '../../../base/text.ts'
import { KafkaWireError } from './kafka-wire-error.ts'

/** All arrays of one message together: objects cost far more memory than the bytes that announce them. */
export const ELEMENTS_MAX = 1_000_000

/** As in Apache Kafka, also where the encoding could carry more. */
export const STRING_BYTES_MAX = 32_767

export class WireReader {
  buffer: Buffer
  at: number
  #end: number
  #elementsLeft = ELEMENTS_MAX

  /** Borrows buffer[start, end). */
  constructor(buffer: Buffer, start: number, end: number) {
    this.buffer = buffer
    this.at = start
    this.#end = end
  }

  get remaining(): number {
    return this.#end - this.at
  }

  #take(byteCount: number, field: string): number {
    const at = this.at
    if (byteCount > this.#end - at) throw this.#tooShort(byteCount, field)
    this.at = at + byteCount
    return at
  }

  #tooShort(byteCount: number, field: string): KafkaWireError {
    return new KafkaWireError(`${field}: needs ${byteCount} bytes, ${this.#end - this.at} are left`)
  }

  bool(field: string): boolean {
    return this.buffer[this.#take(1, field)] !== 0
  }

  int8(field: string): number {
    return (this.buffer[this.#take(1, field)]! << 24) >> 24
  }

  int16(field: string): number {
    return (this.uint16(field) << 16) >> 16
  }

  uint16(field: string): number {
    const at = this.#take(2, field)
    return (this.buffer[at]! << 8) | this.buffer[at + 1]!
  }

  int32(field: string): number {
    const at = this.#take(4, field)
    const { buffer } = this
    return (buffer[at]! << 24) | (buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!
  }

  uint32(field: string): number {
    return this.int32(field) >>> 0
  }

  int64(field: string): number {
    const high = this.int32(field)
    return high * 2 ** 32 + (this.int32(field) >>> 0)
  }

  float64(field: string): number {
    return this.buffer.readDoubleBE(this.#take(8, field))
  }

  /** A view. */
  uuid(field: string): Buffer {
    const at = this.#take(16, field)
    return this.buffer.subarray(at, at + 16)
  }

  /** At most 32 bits; five bytes. */
  uvarint(field: string): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#take(1, field)]!
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return (value | (byte << shift)) >>> 0
      }
      value |= (byte & 0x7f) << shift
    }
    throw new KafkaWireError(`${field}: a varint of more than 32 bits`)
  }

  string(field: string): string {
    return this.#text(this.#length(this.int16(field), field), field)
  }

  nullableString(field: string): string | null {
    const length = this.int16(field)
    return length < 0 ? null : this.#text(length, field)
  }

  compactString(field: string): string {
    return this.#text(this.#length(this.uvarint(field) - 1, field), field)
  }

  compactNullableString(field: string): string | null {
    const length = this.uvarint(field) - 1
    return length < 0 ? null : this.#text(length, field)
  }

  #text(length: number, field: string): string {
    if (length > STRING_BYTES_MAX) throw new KafkaWireError(`${field}: a string of ${length} bytes`)
    const at = this.#take(length, field)
    return readText(this.buffer, at, at + length)
  }

  /** A view, as are all bytes here. */
  bytes(field: string): Buffer {
    return this.#view(this.#length(this.int32(field), field), field)
  }

  nullableBytes(field: string): Buffer | null {
    const length = this.int32(field)
    return length < 0 ? null : this.#view(length, field)
  }

  compactBytes(field: string): Buffer {
    return this.#view(this.#length(this.uvarint(field) - 1, field), field)
  }

  compactNullableBytes(field: string): Buffer | null {
    const length = this.uvarint(field) - 1
    return length < 0 ? null : this.#view(length, field)
  }

  #view(length: number, field: string): Buffer {
    const at = this.#take(length, field)
    return this.buffer.subarray(at, at + length)
  }

  #length(length: number, field: string): number {
    if (length < 0) throw new KafkaWireError(`${field}: null is not allowed`)
    return length
  }

  /** How many elements follow, each of at least `elementBytesMin` bytes. */
  count(field: string, elementBytesMin: number): number {
    return this.#checkCount(this.#length(this.int32(field), field), field, elementBytesMin)
  }

  /** -1 for null. */
  nullableCount(field: string, elementBytesMin: number): number {
    return this.#checkCount(this.int32(field), field, elementBytesMin)
  }

  compactCount(field: string, elementBytesMin: number): number {
    return this.#checkCount(this.#length(this.uvarint(field) - 1, field), field, elementBytesMin)
  }

  /** -1 for null. */
  compactNullableCount(field: string, elementBytesMin: number): number {
    return this.#checkCount(this.uvarint(field) - 1, field, elementBytesMin)
  }

  #checkCount(count: number, field: string, elementBytesMin: number): number {
    if (count <= 0) return count < 0 ? -1 : 0
    if (count * elementBytesMin > this.#end - this.at) {
      throw new KafkaWireError(`${field}: ${count} elements, only ${this.#end - this.at} bytes are left`)
    }
    this.#elementsLeft -= count
    if (this.#elementsLeft < 0) throw new KafkaWireError(`${field}: more than ${ELEMENTS_MAX} elements in one message`)
    return count
  }

  /** The size of a tagged field's content: where it ends. */
  tagEnd(): number {
    const size = this.uvarint('tagged field')
    if (size > this.#end - this.at) throw this.#tooShort(size, 'tagged field')
    return this.at + size
  }

  expectTagEnd(end: number, field: string): void {
    if (this.at !== end) throw new KafkaWireError(`${field}: the tagged field's size is off by ${end - this.at}`)
  }

  /** Skips tagged fields of which none is known. */
  skipTags(): void {
    for (let left = this.uvarint('tagged fields'); left > 0; left--) {
      this.uvarint('tag')
      this.at = this.tagEnd()
    }
  }
}
