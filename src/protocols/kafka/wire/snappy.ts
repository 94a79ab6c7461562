/**
 * Snappy, bare and in the framing that Java's snappy streams put around it (which is what Kafka's Java client writes, and
 * most others with it). A bare block:
 *
 *     unpacked size (uvarint) | elements: tag u8, low two bits:
 *       0 literal: length - 1 in the upper six bits, 60 to 63: in the next 1 to 4 bytes; then the bytes
 *       1 copy: length - 4 in bits 2-4, distance in bits 5-7 and the next byte
 *       2 copy: length - 1 in the upper six bits, distance in the next 2 bytes       3: in the next 4 bytes
 *
 * Framed: 82 53 4e 41 50 50 59 00 | version i32 | compatible version i32 | blocks, each with its size i32 in front.
 */
import { KafkaWireError } from './kafka-wire-error.ts'
import { UnpackedBytes } from './unpacked.ts'

const FRAME_MAGIC: Buffer = Buffer.from('82534e4150505900', 'hex')
const FRAME_HEADER_BYTES = 16
/** As Java's streams cut it. Fits the 16-bit hash table entries and distances. */
const BLOCK_BYTES = 32 * 1024

/** Three bytes can stand for 64 at most. */
const RATIO_MAX = 32

export function unpackSnappy(packed: Buffer, bytesMax: number): Buffer {
  if (packed.length < FRAME_HEADER_BYTES || packed.compare(FRAME_MAGIC, 0, 8, 0, 8) !== 0) {
    const output = new UnpackedBytes(Math.min(announced(packed, 0, packed.length).size, bytesMax), bytesMax)
    unpackBlock(packed, 0, packed.length, output)
    return output.take()
  }
  const output = new UnpackedBytes(4 * packed.length, bytesMax)
  for (let at = FRAME_HEADER_BYTES; at < packed.length; ) {
    if (packed.length - at < 4) throw new KafkaWireError('snappy: cut short in a block size')
    const size = packed.readInt32BE(at)
    at += 4
    if (size < 0 || size > packed.length - at) throw new KafkaWireError(`snappy: a block of ${size} bytes`)
    unpackBlock(packed, at, at + size, output)
    at += size
  }
  return output.take()
}

/** The unpacked size that a block announces, and where its elements begin. */
function announced(packed: Buffer, start: number, end: number): { size: number; next: number } {
  let size = 0
  for (let at = start, factor = 1; at < end && at < start + 5; at++, factor *= 128) {
    size += (packed[at]! & 0x7f) * factor
    if (packed[at]! < 0x80) {
      if (size > RATIO_MAX * (end - start)) throw new KafkaWireError(`snappy: ${size} bytes out of ${end - start}`)
      return { size, next: at + 1 }
    }
  }
  throw new KafkaWireError('snappy: no size')
}

function unpackBlock(packed: Buffer, start: number, end: number, output: UnpackedBytes): void {
  const { size, next } = announced(packed, start, end)
  output.reserve(size)
  const blockStart = output.length
  const blockEnd = blockStart + size
  let at = next
  while (at < end) {
    const tag = packed[at++]!
    const kind = tag & 3
    if (kind === 0) {
      let length = (tag >>> 2) + 1
      if (length > 60) {
        const extra = length - 60
        if (extra > end - at) throw new KafkaWireError('snappy: cut short in a literal')
        length = packed.readUIntLE(at, extra) + 1
        at += extra
      }
      if (length > end - at || length > blockEnd - output.length) throw new KafkaWireError('snappy: a literal too long')
      output.append(packed, at, at + length)
      at += length
      continue
    }
    const distanceBytes = kind === 3 ? 4 : kind
    if (distanceBytes > end - at) throw new KafkaWireError('snappy: cut short in a copy')
    const low = packed.readUIntLE(at, distanceBytes)
    const distance = kind === 1 ? ((tag >>> 5) << 8) | low : low
    const length = kind === 1 ? ((tag >>> 2) & 7) + 4 : (tag >>> 2) + 1
    if (length > blockEnd - output.length || distance > output.length - blockStart) {
      throw new KafkaWireError('snappy: a copy beyond its block')
    }
    output.repeat(distance, length)
    at += distanceBytes
  }
  if (output.length !== blockEnd) throw new KafkaWireError('snappy: unpacks to another size than announced')
}

const HASH_BITS = 13

/** In the Java framing: every client reads it, the bare form not every one. */
export function packSnappy(bytes: Buffer): Buffer {
  const header = Buffer.alloc(FRAME_HEADER_BYTES)
  FRAME_MAGIC.copy(header)
  header.writeInt32BE(1, 8)
  header.writeInt32BE(1, 12)
  const parts: Buffer[] = [header]
  const table = new Uint16Array(1 << HASH_BITS)
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const block = packBlock(bytes.subarray(start, start + BLOCK_BYTES), table)
    const size = Buffer.alloc(4)
    size.writeInt32BE(block.length, 0)
    parts.push(size, block)
  }
  return Buffer.concat(parts)
}

/** Greedy: the last place where the same four bytes stood, by hash. A block is at most 32 KiB. */
function packBlock(bytes: Buffer, table: Uint16Array): Buffer {
  table.fill(0)
  // Every literal run costs at most a byte in sixty more, and the size three.
  const packed = Buffer.alloc(bytes.length + Math.ceil(bytes.length / 60) + 8)
  let out = 0
  for (let rest = bytes.length; ; rest >>>= 7) {
    packed[out++] = rest > 0x7f ? (rest & 0x7f) | 0x80 : rest
    if (rest <= 0x7f) break
  }
  let literalStart = 0
  for (let at = 1; at + 4 <= bytes.length; ) {
    const word = bytes.readUInt32LE(at)
    const slot = Math.imul(word, 0x1e35a7bd) >>> (32 - HASH_BITS)
    const match = table[slot]!
    table[slot] = at
    if (match >= at || bytes.readUInt32LE(match) !== word) {
      at++
      continue
    }
    out = writeLiteral(packed, out, bytes, literalStart, at)
    let length = 4
    while (at + length < bytes.length && length < 64 && bytes[match + length] === bytes[at + length]) length++
    packed[out++] = ((length - 1) << 2) | 2
    packed.writeUInt16LE(at - match, out)
    out += 2
    at += length
    literalStart = at
  }
  return packed.subarray(0, writeLiteral(packed, out, bytes, literalStart, bytes.length))
}

function writeLiteral(packed: Buffer, out: number, bytes: Buffer, start: number, end: number): number {
  const length = end - start
  if (length === 0) return out
  let next = out
  if (length <= 60) packed[next++] = (length - 1) << 2
  else {
    packed[next++] = 61 << 2
    packed.writeUInt16LE(length - 1, next)
    next += 2
  }
  return next + bytes.copy(packed, next, start, end)
}
