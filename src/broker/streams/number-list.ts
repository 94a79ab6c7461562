/**
 * Numbers one after another, for snapshots: every field is a 64-bit float, big-endian, so that any offset, time or
 * producer id a client may think of keeps its exact value. Snapshots are rare and small; nothing is packed.
 */
import { StorageError } from '../../base/errors.ts'

const NUMBER_BYTES = 8

export class NumberWriter {
  readonly #numbers: number[] = []

  put(value: number): void {
    this.#numbers.push(value)
  }

  /** `head` is one byte before the numbers. */
  toBytes(head: number): Buffer {
    const bytes = Buffer.alloc(1 + this.#numbers.length * NUMBER_BYTES)
    bytes[0] = head
    let at = 1
    for (const value of this.#numbers) at = bytes.writeDoubleBE(value, at)
    return bytes
  }
}

export class NumberReader {
  readonly #bytes: Buffer
  #at = 1

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  /** @throws {StorageError} 'damaged' at the end of the list */
  take(): number {
    if (this.#at + NUMBER_BYTES > this.#bytes.length) throw new StorageError('damaged', 'a list of numbers is cut off')
    const value = this.#bytes.readDoubleBE(this.#at)
    this.#at += NUMBER_BYTES
    return value
  }
}
