/**
 * LZ4 in its frame format.
 *
 *     magic u32 0x184D2204 | FLG u8 | BD u8 | [content size u64] | [dictionary id u32] | HC u8
 *     blocks: size u32 (top bit: not compressed) | bytes | [checksum u32]
 *     end mark u32 0 | [content checksum u32]
 *
 *     FLG: version (01) bits 7-6, blocks independent 5, block checksums 4, content size 3, content checksum 2, dictionary 0
 *     a compressed block: token u8 (literals in the upper half, match - 4 in the lower; 15: more bytes follow, 255 goes on)
 *       | literals | distance u16 | ..., the last sequence has literals only
 *
 * All little-endian. Frames may follow each other; blocks may refer to earlier blocks of their frame.
 */
import { KafkaWireError } from './kafka-wire-error.ts'
import { UnpackedBytes } from './unpacked.ts'
import { xxhash32 } from './xxhash32.ts'

const MAGIC = 0x184d2204
const NOT_COMPRESSED = 0x80000000
const BLOCK_CHECKSUMS = 0x10
const CONTENT_SIZE = 0x08
const CONTENT_CHECKSUM = 0x04
const DICTIONARY = 0x01

export function unpackLz4(packed: Buffer, bytesMax: number): Buffer {
  const output = new UnpackedBytes(4 * packed.length, bytesMax)
  let at = 0
  while (at < packed.length) at = unpackFrame(packed, at, output)
  return output.take()
}

function need(packed: Buffer, at: number, byteCount: number): void {
  if (byteCount > packed.length - at) throw new KafkaWireError('lz4: cut short')
}

function unpackFrame(packed: Buffer, start: number, output: UnpackedBytes): number {
  need(packed, start, 7)
  if (packed.readUInt32LE(start) !== MAGIC) throw new KafkaWireError('lz4: no frame begins here')
  const flags = packed[start + 4]!
  if (flags >>> 6 !== 1) throw new KafkaWireError(`lz4: frame version ${flags >>> 6}`)
  if ((flags & DICTIONARY) !== 0) throw new KafkaWireError('lz4: a dictionary is needed')
  let at = start + 6 + ((flags & CONTENT_SIZE) === 0 ? 0 : 8)
  need(packed, at, 1)
  if (((xxhash32(packed, start + 4, at) >>> 8) & 0xff) !== packed[at])
    throw new KafkaWireError('lz4: bad header checksum')
  at += 1
  const frameStart = output.length
  for (;;) {
    need(packed, at, 4)
    const word = packed.readUInt32LE(at)
    at += 4
    if (word === 0) break
    const size = word % NOT_COMPRESSED
    need(packed, at, size)
    if (word >= NOT_COMPRESSED) output.append(packed, at, at + size)
    else unpackBlock(packed, at, at + size, output, frameStart)
    at += size
    if ((flags & BLOCK_CHECKSUMS) !== 0) {
      need(packed, at, 4)
      if (packed.readUInt32LE(at) !== xxhash32(packed, at - size, at))
        throw new KafkaWireError('lz4: bad block checksum')
      at += 4
    }
  }
  if ((flags & CONTENT_CHECKSUM) !== 0) {
    need(packed, at, 4)
    const hash = xxhash32(output.buffer, frameStart, output.length)
    if (packed.readUInt32LE(at) !== hash) throw new KafkaWireError('lz4: bad content checksum')
    at += 4
  }
  return at
}

function unpackBlock(packed: Buffer, start: number, end: number, output: UnpackedBytes, frameStart: number): void {
  let at = start
  while (at < end) {
    const token = packed[at++]!
    let literals = token >>> 4
    if (literals === 15) {
      for (let more = 255; more === 255; literals += more) {
        if (at >= end) throw new KafkaWireError('lz4: cut short in a length')
        more = packed[at++]!
      }
    }
    if (literals > end - at) throw new KafkaWireError('lz4: literals beyond the block')
    output.append(packed, at, at + literals)
    at += literals
    if (at === end) return
    if (end - at < 2) throw new KafkaWireError('lz4: cut short in a distance')
    const distance = packed.readUInt16LE(at)
    at += 2
    let length = token & 15
    if (length === 15) {
      for (let more = 255; more === 255; length += more) {
        if (at >= end) throw new KafkaWireError('lz4: cut short in a length')
        more = packed[at++]!
      }
    }
    if (distance > output.length - frameStart) throw new KafkaWireError('lz4: a copy from before the frame')
    output.repeat(distance, length + 4)
  }
}

const BLOCK_BYTES = 64 * 1024
const HASH_BITS = 13
/** A block ends with five literals at least, and no match begins in its last twelve bytes: decoders count on it. */
const LAST_LITERALS = 5
const MATCH_START_FROM_END = 12

/** One frame of independent blocks of 64 KiB, with a content checksum as most writers have it. */
export function packLz4(bytes: Buffer): Buffer {
  const header = Buffer.alloc(7)
  header.writeUInt32LE(MAGIC, 0)
  header[4] = 0x64
  header[5] = 0x40
  header[6] = (xxhash32(header, 4, 6) >>> 8) & 0xff
  const parts: Buffer[] = [header]
  const table = new Int32Array(1 << HASH_BITS)
  for (let start = 0; start < bytes.length; start += BLOCK_BYTES) {
    const block = bytes.subarray(start, start + BLOCK_BYTES)
    const packed = packBlock(block, table)
    const size = Buffer.alloc(4)
    size.writeUInt32LE(packed.length < block.length ? packed.length : NOT_COMPRESSED + block.length, 0)
    parts.push(size, packed.length < block.length ? packed : block)
  }
  const end = Buffer.alloc(8)
  end.writeUInt32LE(xxhash32(bytes), 4)
  parts.push(end)
  return Buffer.concat(parts)
}

/** Greedy: the last place where the same four bytes stood, by hash. */
function packBlock(bytes: Buffer, table: Int32Array): Buffer {
  table.fill(-1)
  const packed = Buffer.alloc(bytes.length + Math.ceil(bytes.length / 255) + 16)
  let out = 0
  let literalStart = 0
  for (let at = 0; at + MATCH_START_FROM_END <= bytes.length; ) {
    const word = bytes.readUInt32LE(at)
    const slot = Math.imul(word, 0x9e3779b1) >>> (32 - HASH_BITS)
    const match = table[slot]!
    table[slot] = at
    if (match < 0 || bytes.readUInt32LE(match) !== word) {
      at++
      continue
    }
    let length = 4
    const lengthMax = bytes.length - LAST_LITERALS - at
    while (length < lengthMax && bytes[match + length] === bytes[at + length]) length++
    out = writeSequence(packed, out, bytes, literalStart, at, length)
    packed.writeUInt16LE(at - match, out)
    out = writeLength(packed, out + 2, length - 4)
    at += length
    literalStart = at
  }
  return packed.subarray(0, writeSequence(packed, out, bytes, literalStart, bytes.length, 4))
}

/** Token and literals; the distance and the rest of the match's length follow. */
function writeSequence(packed: Buffer, out: number, bytes: Buffer, start: number, end: number, match: number): number {
  const literals = end - start
  packed[out] = (Math.min(literals, 15) << 4) | Math.min(match - 4, 15)
  const next = writeLength(packed, out + 1, literals)
  return next + bytes.copy(packed, next, start, end)
}

function writeLength(packed: Buffer, out: number, length: number): number {
  if (length < 15) return out
  let next = out
  let rest = length - 15
  for (; rest >= 255; rest -= 255) packed[next++] = 255
  packed[next++] = rest
  return next
}
