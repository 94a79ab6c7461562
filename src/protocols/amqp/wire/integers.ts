/**
 * Big-endian integers at any position, without bounds checks and without BigInt: for callers that have checked the range.
 * A 64-bit number is two 32-bit halves; above 2^53 it loses its lowest bits, so use it only where such a value can be
 * nothing but wrong anyway (delivery tags, body sizes). Field tables, which must lose nothing, do not use it.
 */

const HALF = 2 ** 32

export function readUint16(buffer: Buffer, at: number): number {
  return (buffer[at]! << 8) | buffer[at + 1]!
}

export function readUint32(buffer: Buffer, at: number): number {
  return buffer[at]! * 0x1000000 + ((buffer[at + 1]! << 16) | (buffer[at + 2]! << 8) | buffer[at + 3]!)
}

export function readUint64(buffer: Buffer, at: number): number {
  return readUint32(buffer, at) * HALF + readUint32(buffer, at + 4)
}

export function writeUint16(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 8
  target[at + 1] = value
  return at + 2
}

export function writeUint32(target: Buffer, at: number, value: number): number {
  target[at] = value >>> 24
  target[at + 1] = value >>> 16
  target[at + 2] = value >>> 8
  target[at + 3] = value
  return at + 4
}

export function writeUint64(target: Buffer, at: number, value: number): number {
  writeUint32(target, at, Math.floor(value / HALF))
  return writeUint32(target, at + 4, value % HALF)
}
