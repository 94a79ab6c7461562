/**
 * The records inside a batch, once unpacked, read one after the other without making objects.
 *
 *     ┌────────┬───────────────┬────────────────┬─────────────┬───────────┬─────┬─────────────┬───────┬─────────┐
 *     │ length │ attributes i8 │ timestampDelta │ offsetDelta │ keyLength │ key │ valueLength │ value │ headers │
 *     │ varint │ 0             │ varlong        │ varint      │ varint    │     │ varint      │       │         │
 *     └────────┴───────────────┴────────────────┴─────────────┴───────────┴─────┴─────────────┴───────┴─────────┘
 *     headers: count varint, each: keyLength varint | key | valueLength varint | value
 *
 * All varints are zigzag: 0, -1, 1, -2 ... are 0, 1, 2, 3 ... A length of -1 is null; a header's key is never null.
 */
import { readText } from '../../../base/text.ts'
import { KafkaWireError } from './kafka-wire-error.ts'

/** A record with all fields empty: length, attributes, two deltas, two lengths, header count. */
const RECORD_BYTES_MIN = 7
const HEADER_BYTES_MIN = 2

export interface RecordHeader {
  readonly key: string
  /** A view. */
  readonly value: Buffer | null
}

/**
 * Walks over records: `next()` puts the fields of the following one in here. All positions are in `buffer`, which is
 * borrowed. The count in the batch's header is not believed but compared with what is there.
 */
export class RecordReader {
  readonly buffer: Buffer
  /** Of the record: from its length to where the next one begins. */
  recordStart = 0
  recordEnd = 0
  timestampDelta = 0
  offsetDelta = 0
  /** -1: no key. */
  keyStart = -1
  keyEnd = -1
  /** -1: no value, a tombstone in a compacted topic. */
  valueStart = -1
  valueEnd = -1
  headerCount = 0
  #headersStart = 0
  readonly #end: number
  /** No read goes beyond: the end of the record at hand. */
  #limit: number
  #at: number
  #left: number

  /** @throws {KafkaWireError} when `count` records cannot be in so few bytes */
  constructor(buffer: Buffer, start: number, end: number, count: number) {
    this.buffer = buffer
    this.#at = start
    this.#end = end
    this.#limit = end
    this.#left = count
    if (count < 0 || count * RECORD_BYTES_MIN > end - start) {
      throw new KafkaWireError(`${count} records in ${end - start} bytes`)
    }
  }

  /**
   * False when all records were read and nothing is left behind them.
   * @throws {KafkaWireError} for a record that breaks the format, and for bytes behind the last one
   */
  next(): boolean {
    this.#limit = this.#end
    if (this.#left === 0) {
      if (this.#at !== this.#end) throw new KafkaWireError(`${this.#end - this.#at} bytes behind the last record`)
      return false
    }
    this.#left--
    this.recordStart = this.#at
    const length = this.#varint('record length')
    if (length < 0 || length > this.#end - this.#at) throw new KafkaWireError(`a record of ${length} bytes`)
    this.recordEnd = this.#at + length
    this.#limit = this.recordEnd
    this.#skip(1, 'attributes')
    this.timestampDelta = this.#varlong('timestamp delta')
    this.offsetDelta = this.#varint('offset delta')
    this.keyStart = this.#bytes('key')
    this.keyEnd = this.keyStart === -1 ? -1 : this.#at
    this.valueStart = this.#bytes('value')
    this.valueEnd = this.valueStart === -1 ? -1 : this.#at
    this.#readHeaders()
    return true
  }

  #readHeaders(): void {
    const count = this.#varint('header count')
    if (count < 0 || count * HEADER_BYTES_MIN > this.#limit - this.#at) {
      throw new KafkaWireError(`${count} headers in ${this.#limit - this.#at} bytes`)
    }
    this.headerCount = count
    this.#headersStart = this.#at
    for (let left = count; left > 0; left--) {
      if (this.#bytes('header key') === -1) throw new KafkaWireError('a header without a key')
      this.#bytes('header value')
    }
    if (this.#at !== this.recordEnd) throw new KafkaWireError(`${this.recordEnd - this.#at} bytes behind the headers`)
  }

  get key(): Buffer | null {
    return this.keyStart === -1 ? null : this.buffer.subarray(this.keyStart, this.keyEnd)
  }

  get value(): Buffer | null {
    return this.valueStart === -1 ? null : this.buffer.subarray(this.valueStart, this.valueEnd)
  }

  /** Of the record at hand, which was checked whole. */
  headers(): RecordHeader[] {
    const next = this.#at
    this.#at = this.#headersStart
    const headers: RecordHeader[] = []
    for (let left = this.headerCount; left > 0; left--) {
      const keyStart = this.#bytes('header key')
      const key = readText(this.buffer, keyStart, this.#at)
      const valueStart = this.#bytes('header value')
      headers.push({ key, value: valueStart === -1 ? null : this.buffer.subarray(valueStart, this.#at) })
    }
    this.#at = next
    return headers
  }

  /** Skips bytes with their length in front; where they start, or -1 for null. */
  #bytes(field: string): number {
    const length = this.#varint(field)
    if (length < 0) {
      if (length !== -1) throw new KafkaWireError(`${field} of ${length} bytes`)
      return -1
    }
    return this.#skip(length, field)
  }

  #skip(byteCount: number, field: string): number {
    const at = this.#at
    if (byteCount > this.#limit - at)
      throw new KafkaWireError(`${field} of ${byteCount} bytes, ${this.#limit - at} are left`)
    this.#at = at + byteCount
    return at
  }

  #varint(field: string): number {
    let value = 0
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.buffer[this.#skip(1, field)]!
      value |= (byte & 0x7f) << shift
      if (byte < 0x80) {
        if (shift === 28 && byte > 0x0f) break
        return (value >>> 1) ^ -(value & 1)
      }
    }
    throw new KafkaWireError(`${field}: a varint of more than 32 bits`)
  }

  /** Exact up to 2^53. */
  #varlong(field: string): number {
    let value = 0
    let factor = 1
    for (let count = 1; count <= 10; count++) {
      const byte = this.buffer[this.#skip(1, field)]!
      if (byte < 0x80) {
        if (count === 10 && byte > 1) break
        value += byte * factor
        // The parity of a number above 2^53 is lost, and the number with it: no time is that far away.
        return value % 2 === 0 ? value / 2 : -(value + 1) / 2
      }
      value += (byte & 0x7f) * factor
      factor *= 128
    }
    throw new KafkaWireError(`${field}: a varint of more than 64 bits`)
  }
}

/**
 * The places of the records without a key, which a compacted topic does not take.
 * @throws {KafkaWireError} for a record that breaks the format, and for offsets that are not 0, 1, 2 ...: a producer's are
 */
export function keylessRecords(reader: RecordReader): number[] {
  const places: number[] = []
  for (let index = 0; reader.next(); index++) {
    if (reader.offsetDelta !== index) throw new KafkaWireError(`record ${index} has offset delta ${reader.offsetDelta}`)
    if (reader.keyStart === -1) places.push(index)
  }
  return places
}

/** How many bytes `writeZigzag` takes. */
export function zigzagBytes(value: number): number {
  let count = 1
  for (let rest = value < 0 ? -2 * value - 1 : 2 * value; rest >= 128; rest = Math.floor(rest / 128)) count++
  return count
}

/** A whole number of at most 2^52 either way, as varint or varlong: they are the same bytes. Returns where it ends. */
export function writeZigzag(buffer: Buffer, at: number, value: number): number {
  let rest = value < 0 ? -2 * value - 1 : 2 * value
  let end = at
  while (rest >= 128) {
    buffer[end++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  buffer[end++] = rest
  return end
}
