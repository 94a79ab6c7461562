/**
 * Reads the arguments of a method, or a field table, from front to back, never past the end. For the cold paths: it
 * copies what it returns, so nothing read pins or follows the bytes it came from.
 */
import { readValidText } from '../../../base/text.ts'
import type { WireError } from './wire-error.ts'

const NO_BYTES = Buffer.alloc(0)

export class ByteReader {
  readonly buffer: Buffer
  at: number
  end: number
  /** The error when bytes are missing: it depends on what is being read. */
  readonly #truncated: () => WireError

  constructor(buffer: Buffer, start: number, end: number, truncated: () => WireError) {
    this.buffer = buffer
    this.at = start
    this.end = end
    this.#truncated = truncated
  }

  get remainingBytes(): number {
    return this.end - this.at
  }

  fail(): never {
    throw this.#truncated()
  }

  /** Steps over `count` bytes and returns where they begin. */
  take(count: number): number {
    const start = this.at
    if (count > this.end - start) this.fail()
    this.at = start + count
    return start
  }

  uint8(): number {
    return this.buffer.readUInt8(this.take(1))
  }

  uint16(): number {
    return this.buffer.readUInt16BE(this.take(2))
  }

  uint32(): number {
    return this.buffer.readUInt32BE(this.take(4))
  }

  /** A copy of `count` bytes. */
  bytes(count: number): Buffer {
    // Shared, because a table may hold very many empty values and a Buffer object is large.
    if (count === 0) return NO_BYTES
    const start = this.take(count)
    return Buffer.from(this.buffer.subarray(start, this.at))
  }

  /** Text of `count` bytes; undefined, and the bytes still to be read, where it is not valid UTF-8. */
  validText(count: number): string | undefined {
    const start = this.take(count)
    const text = readValidText(this.buffer, start, this.at)
    if (text === undefined) this.at = start
    return text
  }
}
