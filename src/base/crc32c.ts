/**
 * CRC-32C (Castagnoli, reflected polynomial 0x82F63B78): the checksum of our files and of Kafka's record batches.
 * Short input is done here, eight bytes a step; a call into native code costs more than it saves there. Longer input
 * goes to `@node-rs/crc32` where it is installed; without it everything is done here, more slowly.
 */
import { createRequire } from 'node:module'

type NativeCrc = (bytes: Uint8Array, seed: number) => number

/** Measured break-even: a native call costs about 130 ns, this code 0.6 ns a byte. */
const NATIVE_BYTES_MIN = 320

const table = makeTable()

/** Eight tables of 256 in one array: table k holds the effect of a byte that k more bytes follow. */
function makeTable(): Int32Array {
  const made = new Int32Array(8 * 256)
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    made[byte] = crc
  }
  for (let at = 256; at < made.length; at++) {
    const previous = made[at - 256] as number
    made[at] = (made[previous & 255] as number) ^ (previous >>> 8)
  }
  return made
}

let native: NativeCrc | undefined | 'unknown' = 'unknown'

/** Loaded at the first long input, so that a start pays nothing for it. */
function nativeCrc(): NativeCrc | undefined {
  if (native !== 'unknown') return native
  try {
    const loaded: unknown = createRequire(import.meta.url)('@node-rs/crc32')
    native = (loaded as { crc32c: NativeCrc }).crc32c
    if (native(Buffer.from('123456789'), 0) !== 0xe3069283) native = undefined
  } catch {
    // An optional dependency: absent, or without a build for this platform.
    native = undefined
  }
  return native
}

/** Of bytes[start, end), continuing from the checksum `seed` of what came before. Unsigned. */
export function crc32c(bytes: Uint8Array, start = 0, end = bytes.length, seed = 0): number {
  if (end - start >= NATIVE_BYTES_MIN) {
    const fast = nativeCrc()
    if (fast !== undefined) return fast(bytes.subarray(start, end), seed)
  }
  return crc32cPlain(bytes, start, end, seed)
}

/** The same without native code. */
export function crc32cPlain(bytes: Uint8Array, start: number, end: number, seed: number): number {
  const t = table
  let crc = ~seed
  let at = start
  for (; at + 8 <= end; at += 8) {
    const low =
      crc ^
      ((bytes[at] as number) |
        ((bytes[at + 1] as number) << 8) |
        ((bytes[at + 2] as number) << 16) |
        ((bytes[at + 3] as number) << 24))
    crc =
      (t[1792 + (low & 255)] as number) ^
      (t[1536 + ((low >>> 8) & 255)] as number) ^
      (t[1280 + ((low >>> 16) & 255)] as number) ^
      (t[1024 + (low >>> 24)] as number) ^
      (t[768 + (bytes[at + 4] as number)] as number) ^
      (t[512 + (bytes[at + 5] as number)] as number) ^
      (t[256 + (bytes[at + 6] as number)] as number) ^
      (t[bytes[at + 7] as number] as number)
  }
  for (; at < end; at++) crc = (t[(crc ^ (bytes[at] as number)) & 255] as number) ^ (crc >>> 8)
  return ~crc >>> 0
}

/** Of the four bytes of `word`, lowest first, continuing from `seed`: for a checksum over checksums. */
export function crc32cOfWord(word: number, seed: number): number {
  const low = ~seed ^ word
  return (
    ~(
      (table[768 + (low & 255)] as number) ^
      (table[512 + ((low >>> 8) & 255)] as number) ^
      (table[256 + ((low >>> 16) & 255)] as number) ^
      (table[low >>> 24] as number)
    ) >>> 0
  )
}
