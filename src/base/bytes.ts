/**
 * Small helpers for buffers: owning copies, and whole numbers up to 2^53 - 1 in eight little-endian bytes (our file
 * formats; no BigInt). Network formats read their own big-endian numbers in `wire/`.
 */

/** Makes bytes one's own: a small payload must not pin the socket chunk it came in. */
export function copyOf(bytes: Uint8Array): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length)
  copy.set(bytes)
  return copy
}

/** `value` is a whole number in 0 .. 2^53 - 1. */
export function writeUint53(bytes: Buffer, at: number, value: number): void {
  bytes.writeUInt32LE(value % 2 ** 32, at)
  bytes.writeUInt32LE(Math.floor(value / 2 ** 32), at + 4)
}

/** Exact up to 2^53 - 1; above that (damaged bytes) the result is not a safe integer. */
export function readUint53(bytes: Buffer, at: number): number {
  return bytes.readUInt32LE(at) + bytes.readUInt32LE(at + 4) * 2 ** 32
}
