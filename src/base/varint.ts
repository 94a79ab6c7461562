/**
 * Unsigned variable-length numbers (LEB128: seven bits a byte, lowest first, the top bit says "more follows"), up to
 * 2^53 - 1, so that every value is an exact `number`. Eight bytes at most.
 */
export const VARINT_BYTES_MAX = 8

export function varintBytes(value: number): number {
  let count = 1
  for (let rest = value; rest >= 128; rest = Math.floor(rest / 128)) count++
  return count
}

/** Writes `value` (a whole number in 0 .. 2^53 - 1) at `at`; returns where it ends. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let rest = value
  let end = at
  while (rest >= 128) {
    bytes[end++] = (rest % 128) | 128
    rest = Math.floor(rest / 128)
  }
  bytes[end++] = rest
  return end
}

/** Reads one number after the other; `undefined` where the bytes end inside one or it is above 2^53 - 1. */
export class VarintReader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = bytes
    this.#at = at
  }

  /** Where the next number begins. Unchanged by a read that gave `undefined`. */
  get position(): number {
    return this.#at
  }

  read(): number | undefined {
    let value = 0
    let factor = 1
    for (let at = this.#at; at < this.#at + VARINT_BYTES_MAX; at++) {
      const byte = this.#bytes[at]
      if (byte === undefined) return undefined
      value += (byte & 127) * factor
      if (byte < 128) {
        if (value > Number.MAX_SAFE_INTEGER) return undefined
        this.#at = at + 1
        return value
      }
      factor *= 128
    }
    return undefined
  }
}
