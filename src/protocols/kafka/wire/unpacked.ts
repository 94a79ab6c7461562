/** Memory that grows with what is unpacked, up to a limit: what a peer announces is never allocated at once. */
import { KafkaWireError } from './kafka-wire-error.ts'

export class UnpackedBytes {
  buffer: Buffer
  /** How many bytes are unpacked. */
  length = 0
  readonly #bytesMax: number

  constructor(bytesExpected: number, bytesMax: number) {
    this.#bytesMax = bytesMax
    this.buffer = Buffer.allocUnsafeSlow(Math.min(bytesExpected, bytesMax))
  }

  /** Makes room for `byteCount` more bytes; the caller sets all that he adds to `length`. @throws {KafkaWireError} */
  reserve(byteCount: number): void {
    const needed = this.length + byteCount
    if (needed <= this.buffer.length) return
    if (needed > this.#bytesMax) throw tooMuch(this.#bytesMax)
    const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(needed, 2 * this.buffer.length), this.#bytesMax))
    this.buffer.copy(larger, 0, 0, this.length)
    this.buffer = larger
  }

  append(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start)
    this.buffer.set(source.subarray(start, end), this.length)
    this.length += end - start
  }

  /** Repeats `byteCount` bytes from `distance` bytes back, which may overlap what it writes. */
  repeat(distance: number, byteCount: number): void {
    if (distance < 1 || distance > this.length) throw new KafkaWireError(`a copy from ${distance} bytes back`)
    this.reserve(byteCount)
    const { buffer } = this
    let at = this.length
    const end = at + byteCount
    if (distance >= byteCount && byteCount > 32) buffer.copyWithin(at, at - distance, at - distance + byteCount)
    else for (; at < end; at++) buffer[at] = buffer[at - distance]!
    this.length = end
  }

  /** All of it; only what was set. */
  take(): Buffer {
    return this.length === this.buffer.length ? this.buffer : this.buffer.subarray(0, this.length)
  }
}

export function tooMuch(bytesMax: number): KafkaWireError {
  return new KafkaWireError(`compressed records unpack to more than ${bytesMax} bytes`)
}
