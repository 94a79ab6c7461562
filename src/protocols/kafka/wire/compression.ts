/**
 * The compressions that record batches may have. A broker passes batches on as they are; this is for readers that speak
 * another protocol, for looking inside (offsets by time, compaction) and for what is written anew.
 *
 * Zstd comes with newer versions of Node. Older ones read it with `fzstd`, and cannot make it.
 */
import * as zlib from 'node:zlib'
import { Decompress } from 'fzstd'
import { Refused } from '../../../base/errors.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import { packLz4, unpackLz4 } from './lz4.ts'
import { packSnappy, unpackSnappy } from './snappy.ts'
import { tooMuch, UnpackedBytes } from './unpacked.ts'

/** As in the attributes of a batch. */
export const COMPRESSION = { none: 0, gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const

/** By the number in a batch's attributes: as Kafka's compression.type says it. */
export const COMPRESSION_NAMES: readonly string[] = ['none', 'gzip', 'snappy', 'lz4', 'zstd']

/** What newer versions of `node:zlib` have besides. */
interface ZstdOfNode {
  zstdCompressSync?: (bytes: Uint8Array) => Buffer
  zstdDecompressSync?: (bytes: Uint8Array, options: { maxOutputLength: number }) => Buffer
}

/** The types are those of the oldest Node we run on. */
const native = zlib as unknown as ZstdOfNode

/** The memory that a decoder needs, by the zstd format; encoders stay below without being told otherwise. */
const ZSTD_WINDOW_BYTES_MAX = 128 * 1024 * 1024

/**
 * Unpacks the records of a batch; without compression the bytes themselves.
 * @throws {KafkaWireError} for bytes that break their format, that unpack to more than `bytesMax`, or an unknown compression
 */
export function decompress(compression: number, packed: Buffer, bytesMax: number): Buffer {
  switch (compression) {
    case COMPRESSION.none:
      return packed
    case COMPRESSION.gzip:
      return unpackWithNode('gzip', bytesMax, () => zlib.gunzipSync(packed, { maxOutputLength: bytesMax }))
    case COMPRESSION.snappy:
      return unpackSnappy(packed, bytesMax)
    case COMPRESSION.lz4:
      return unpackLz4(packed, bytesMax)
    case COMPRESSION.zstd:
      return unpackZstd(packed, bytesMax, native.zstdDecompressSync)
    default:
      throw new KafkaWireError(`compression ${compression} is not known`)
  }
}

/** @throws {Refused} 'not-implemented' for what this Node cannot make */
export function compress(compression: number, bytes: Buffer): Buffer {
  switch (compression) {
    case COMPRESSION.none:
      return bytes
    case COMPRESSION.gzip:
      return zlib.gzipSync(bytes)
    case COMPRESSION.snappy:
      return packSnappy(bytes)
    case COMPRESSION.lz4:
      return packLz4(bytes)
    case COMPRESSION.zstd:
      if (native.zstdCompressSync !== undefined) return native.zstdCompressSync(bytes)
  }
  const name = COMPRESSION_NAMES[compression] ?? String(compression)
  throw new Refused('not-implemented', `this version of Node cannot compress with ${name}; use gzip, snappy or lz4`)
}

/** The compression itself when it can be made here, else gzip. */
export function packable(compression: number): number {
  return compression === COMPRESSION.zstd && native.zstdCompressSync === undefined ? COMPRESSION.gzip : compression
}

function unpackWithNode(name: string, bytesMax: number, unpack: () => Buffer): Buffer {
  try {
    return unpack()
  } catch (error) {
    // Nothing else can be wrong but the bytes.
    if (error instanceof Error && 'code' in error && error.code === 'ERR_BUFFER_TOO_LARGE') throw tooMuch(bytesMax)
    throw new KafkaWireError(`${name}: ${String(error)}`)
  }
}

/** With `unpack` of a newer Node, or without. */
export function unpackZstd(packed: Buffer, bytesMax: number, unpack?: ZstdOfNode['zstdDecompressSync']): Buffer {
  const frames = zstdFrames(packed, bytesMax)
  if (unpack !== undefined) return unpackFrames(frames, bytesMax, unpack)
  const output = new UnpackedBytes(4 * packed.length, bytesMax)
  try {
    const stream = new Decompress((piece) => output.append(piece, 0, piece.length))
    stream.push(packed, true)
  } catch (error) {
    if (error instanceof KafkaWireError) throw error
    throw new KafkaWireError(`zstd: ${String(error)}`)
  }
  return output.take()
}

/** Node unpacks the first frame and is silent about the others, so each is handed over alone. */
function unpackFrames(
  frames: readonly Buffer[],
  bytesMax: number,
  unpack: NonNullable<ZstdOfNode['zstdDecompressSync']>,
): Buffer {
  const pieces: Buffer[] = []
  let leftBytes = bytesMax
  for (const frame of frames) {
    // Node takes no limit of 0; an empty frame is all that may still come then, and one byte more tells.
    const piece = unpackWithNode('zstd', bytesMax, () => unpack(frame, { maxOutputLength: Math.max(leftBytes, 1) }))
    if (piece.length > leftBytes) throw tooMuch(bytesMax)
    leftBytes -= piece.length
    pieces.push(piece)
  }
  return pieces.length === 1 ? (pieces[0] as Buffer) : Buffer.concat(pieces)
}

const ZSTD_MAGIC = 0xfd2fb528
const ZSTD_SKIPPABLE_MAGIC = 0x184d2a50
const ZSTD_RLE = 1
const ZSTD_RESERVED = 3

/**
 * The frames with content, found by walking over their blocks without unpacking: the decoder believes what a frame says
 * of the memory it needs, and reads beyond the end of what is cut short.
 *
 *     magic u32 | descriptor u8 | [window u8] | [dictionary id] | [content size] | blocks | [checksum u32]
 *     block: u24: last 1, type 2 (0 raw, 1 repeat one byte, 2 compressed), size 21 | bytes
 */
function zstdFrames(packed: Buffer, bytesMax: number): Buffer[] {
  const frames: Buffer[] = []
  let at = 0
  while (at < packed.length) {
    needZstd(packed, at, 8)
    const magic = packed.readUInt32LE(at)
    if ((magic & 0xfffffff0) >>> 0 === ZSTD_SKIPPABLE_MAGIC) {
      at += 8 + packed.readUInt32LE(at + 4)
      needZstd(packed, at, 0)
    } else if (magic === ZSTD_MAGIC) {
      const end = checkZstdFrame(packed, at + 4, bytesMax)
      frames.push(packed.subarray(at, end))
      at = end
    } else throw new KafkaWireError('zstd: no frame begins here')
  }
  return frames
}

function checkZstdFrame(packed: Buffer, start: number, bytesMax: number): number {
  const descriptor = packed[start]!
  const isSingleSegment = (descriptor & 0x20) !== 0
  const sizeFlag = descriptor >>> 6
  const sizeBytes = sizeFlag === 0 ? (isSingleSegment ? 1 : 0) : 1 << sizeFlag
  if ((descriptor & 3) !== 0) throw new KafkaWireError('zstd: a dictionary is needed')
  let at = start + (isSingleSegment ? 1 : 2)
  needZstd(packed, at, sizeBytes)
  // A frame of a single segment has its content size for a window.
  const windowBytes = isSingleSegment
    ? sizeBytes === 8
      ? Number(packed.readBigUInt64LE(at))
      : packed.readUIntLE(at, sizeBytes)
    : 2 ** (10 + (packed[start + 1]! >>> 3)) * (1 + (packed[start + 1]! & 7) / 8)
  if (isSingleSegment && windowBytes > bytesMax) throw tooMuch(bytesMax)
  if (windowBytes > ZSTD_WINDOW_BYTES_MAX) throw new KafkaWireError(`zstd: a window of ${windowBytes} bytes`)
  at += sizeBytes
  for (let isLast = false; !isLast; ) {
    needZstd(packed, at, 3)
    const block = packed.readUIntLE(at, 3)
    isLast = (block & 1) === 1
    const type = (block >>> 1) & 3
    if (type === ZSTD_RESERVED) throw new KafkaWireError('zstd: a block of no known type')
    at += 3 + (type === ZSTD_RLE ? 1 : block >>> 3)
    needZstd(packed, at, 0)
  }
  if ((descriptor & 4) === 0) return at
  needZstd(packed, at, 4)
  return at + 4
}

function needZstd(packed: Buffer, at: number, byteCount: number): void {
  if (byteCount > packed.length - at) throw new KafkaWireError('zstd: cut short')
}
