/**
 * Turns the bytes of names that come again and again (exchanges, routing keys, consumer tags) into strings without a call
 * into native code or an allocation: a publisher names the same few targets a million times. As the same string object
 * comes back, its hash is already computed when it is looked up in a map. Holds at most 512 names of at most 64 bytes,
 * each replaced by the next one that falls on its place; so clients cannot make it grow.
 */
import { readText } from '../../../base/text.ts'

const SLOT_COUNT = 512
const NAME_BYTES_MAX = 64

export class NameCache {
  readonly #names: string[] = new Array<string>(SLOT_COUNT).fill('')
  readonly #lengths = new Uint8Array(SLOT_COUNT)
  readonly #bytes = Buffer.alloc(SLOT_COUNT * NAME_BYTES_MAX)

  /** The same text as `readText`. */
  read(buffer: Buffer, start: number, end: number): string {
    const length = end - start
    if (length > NAME_BYTES_MAX) return readText(buffer, start, end)
    let hash = length
    for (let at = start; at < end; at++) hash = (Math.imul(hash, 31) + buffer[at]!) | 0
    const slot = (hash ^ (hash >>> 9) ^ (hash >>> 18)) & (SLOT_COUNT - 1)
    if (this.#lengths[slot] === length && this.#equals(slot * NAME_BYTES_MAX, buffer, start, end)) {
      return this.#names[slot]!
    }
    const name = readText(buffer, start, end)
    buffer.copy(this.#bytes, slot * NAME_BYTES_MAX, start, end)
    this.#lengths[slot] = length
    this.#names[slot] = name
    return name
  }

  #equals(from: number, buffer: Buffer, start: number, end: number): boolean {
    const bytes = this.#bytes
    for (let at = start, cached = from; at < end; at++, cached++) {
      if (bytes[cached] !== buffer[at]) return false
    }
    return true
  }
}
