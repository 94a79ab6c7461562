/**
 * Bytes of the entries that state machines write to their logs: numbers, texts, byte strings. What they mean stands with
 * each of them (`groups/group-entries.ts`, `transactions/transaction-entries.ts`).
 */
import { copyOf } from '../base/bytes.ts'
import { StorageError } from '../base/errors.ts'
import { readText, textSize, writeText } from '../base/text.ts'
import { VARINT_BYTES_MAX, VarintReader, writeVarint } from '../base/varint.ts'

export class EntryWriter {
  #bytes = Buffer.alloc(256)
  #end = 0

  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#end++] = value
  }

  varint(value: number): void {
    this.#reserve(VARINT_BYTES_MAX)
    this.#end = writeVarint(this.#bytes, this.#end, value)
  }

  text(text: string): void {
    const sizeBytes = textSize(text)
    this.varint(sizeBytes)
    this.#reserve(sizeBytes)
    this.#end = writeText(this.#bytes, this.#end, text)
  }

  optionalText(text: string | undefined): void {
    this.byte(text === undefined ? 0 : 1)
    if (text !== undefined) this.text(text)
  }

  bytes(bytes: Buffer): void {
    this.varint(bytes.length)
    this.#reserve(bytes.length)
    this.#end += bytes.copy(this.#bytes, this.#end)
  }

  /** What was written; the writer is used once. */
  take(): Buffer {
    return this.#bytes.subarray(0, this.#end)
  }

  #reserve(sizeBytes: number): void {
    const needed = this.#end + sizeBytes
    if (needed <= this.#bytes.length) return
    const grown = Buffer.alloc(Math.max(needed, this.#bytes.length * 2))
    this.#bytes.copy(grown, 0, 0, this.#end)
    this.#bytes = grown
  }
}

/** Storage has checked its sums already: what does not fit here was written by a bug or by a stranger. */
export class EntryReader {
  readonly #bytes: Buffer
  #at = 0

  constructor(bytes: Buffer) {
    this.#bytes = bytes
  }

  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length
  }

  byte(): number {
    const value = this.#bytes[this.#at++]
    if (value === undefined) throw damaged()
    return value
  }

  varint(): number {
    const reader = new VarintReader(this.#bytes, this.#at)
    const value = reader.read()
    if (value === undefined) throw damaged()
    this.#at = reader.position
    return value
  }

  /** How many things of at least one byte follow. */
  count(): number {
    const count = this.varint()
    if (count > this.#bytes.length - this.#at) throw damaged()
    return count
  }

  text(): string {
    const start = this.#skip(this.count())
    return readText(this.#bytes, start, this.#at)
  }

  optionalText(): string | undefined {
    return this.byte() === 0 ? undefined : this.text()
  }

  /** Owned by the caller. */
  bytes(): Buffer {
    const start = this.#skip(this.count())
    return copyOf(this.#bytes.subarray(start, this.#at))
  }

  #skip(sizeBytes: number): number {
    const start = this.#at
    this.#at += sizeBytes
    return start
  }
}

function damaged(): StorageError {
  return new StorageError('damaged', 'a stored entry ends too soon')
}
