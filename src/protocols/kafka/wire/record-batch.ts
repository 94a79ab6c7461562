/**
 * A record batch (magic 2) as it lies in a produce request, in the log and in a fetch response. It is read, judged and
 * stamped in place; the records inside are `records.ts`'s affair. All numbers are big-endian.
 *
 *      0            8              12                      16      17      21           23
 *     ┌────────────┬──────────────┬───────────────────────┬───────┬───────┬────────────┬─────────────────────┐
 *     │ baseOffset │ batchLength  │ partitionLeaderEpoch  │ magic │ crc   │ attributes │ lastOffsetDelta i32 │
 *     │ i64        │ i32          │ i32                   │ i8: 2 │ u32   │ i16        │                     │
 *     └────────────┴──────────────┴───────────────────────┴───────┴───────┴────────────┴─────────────────────┘
 *      27              35             43           51              53             57             61
 *     ┌───────────────┬──────────────┬────────────┬───────────────┬──────────────┬──────────────┬─────────┐
 *     │ baseTimestamp │ maxTimestamp │ producerId │ producerEpoch │ baseSequence │ recordsCount │ records │
 *     │ i64           │ i64          │ i64        │ i16           │ i32          │ i32          │         │
 *     └───────────────┴──────────────┴────────────┴───────────────┴──────────────┴──────────────┴─────────┘
 *     batchLength counts what follows it. The CRC-32C covers attributes to the end: base offset and leader epoch may be
 *     set without touching it.
 *     attributes: bits 0-2 compression, 3 log append time, 4 transactional, 5 control, 6 delete horizon
 */
import { crc32c } from '../../../base/crc32c.ts'
import type { KafkaErrorName } from './errors.ts'

export const BATCH_HEADER_BYTES = 61
/** What `batchLength` does not count. */
export const BATCH_PREFIX_BYTES = 12
export const BATCH_MAGIC = 2

const MAGIC_AT = 16
const CRC_AT = 17
const ATTRIBUTES_AT = 21
const MAX_TIMESTAMP_AT = 35

const COMPRESSION_BITS = 0x07
const LOG_APPEND_TIME_BIT = 0x08
const TRANSACTIONAL_BIT = 0x10
const CONTROL_BIT = 0x20
const DELETE_HORIZON_BIT = 0x40

export const NO_TIMESTAMP = -1

/** What can be wrong with a batch; `BATCH_FAULTS` says what a producer is told. */
export type BatchFault =
  | 'cut-short'
  | 'bad-size'
  | 'bad-magic'
  | 'bad-crc'
  | 'more-than-one'
  | 'bad-count'
  | 'control-batch'
  | 'bad-producer'
  | 'bad-compression'
  | 'compression-too-new'
  | 'too-large'
  | 'bad-timestamp'

export const BATCH_FAULTS: Readonly<Record<BatchFault, { readonly error: KafkaErrorName; readonly message: string }>> =
  {
    'cut-short': { error: 'CORRUPT_MESSAGE', message: 'the record batch ends before its announced size' },
    'bad-size': { error: 'CORRUPT_MESSAGE', message: 'the record batch announces a size below that of its header' },
    'bad-magic': { error: 'INVALID_RECORD', message: 'only record batches with magic 2 are taken' },
    'bad-crc': { error: 'CORRUPT_MESSAGE', message: 'the checksum of the record batch does not fit its bytes' },
    'more-than-one': { error: 'INVALID_RECORD', message: 'exactly one record batch is taken for each partition' },
    'bad-count': { error: 'INVALID_RECORD', message: 'the record count does not fit the last offset delta' },
    'control-batch': { error: 'INVALID_RECORD', message: 'clients may not write control batches' },
    'bad-producer': {
      error: 'INVALID_RECORD',
      message: 'producer id, sequence and transaction flag do not fit together',
    },
    'bad-compression': { error: 'UNSUPPORTED_COMPRESSION_TYPE', message: 'there is no such compression' },
    'compression-too-new': { error: 'UNSUPPORTED_COMPRESSION_TYPE', message: 'zstd needs Produce version 7 or newer' },
    'too-large': { error: 'MESSAGE_TOO_LARGE', message: 'the record batch is larger than the topic takes' },
    'bad-timestamp': { error: 'INVALID_TIMESTAMP', message: 'a timestamp is outside what the topic allows' },
  }

/** The header of one batch, read into the same object again and again. */
export class BatchHeader {
  /** Where the batch begins in its buffer. */
  at = 0
  /** Of the whole batch, with all in front. */
  sizeBytes = 0
  baseOffset = 0
  partitionLeaderEpoch = 0
  crc = 0
  attributes = 0
  lastOffsetDelta = 0
  baseTimestamp = 0
  maxTimestamp = 0
  producerId = 0
  producerEpoch = 0
  baseSequence = 0
  recordsCount = 0

  get end(): number {
    return this.at + this.sizeBytes
  }

  get recordsStart(): number {
    return this.at + BATCH_HEADER_BYTES
  }

  get lastOffset(): number {
    return this.baseOffset + this.lastOffsetDelta
  }

  /** See `compression.ts`; up to 7, of which only 0 to 4 have a meaning. */
  get compression(): number {
    return this.attributes & COMPRESSION_BITS
  }

  get isLogAppendTime(): boolean {
    return (this.attributes & LOG_APPEND_TIME_BIT) !== 0
  }

  get isTransactional(): boolean {
    return (this.attributes & TRANSACTIONAL_BIT) !== 0
  }

  get isControl(): boolean {
    return (this.attributes & CONTROL_BIT) !== 0
  }

  /** The base timestamp is then the time from which tombstones may go. */
  get hasDeleteHorizon(): boolean {
    return (this.attributes & DELETE_HORIZON_BIT) !== 0
  }

  get hasProducer(): boolean {
    return this.producerId >= 0
  }
}

/**
 * Reads the header of the batch at `at`, whose bytes end at `end` at the latest, into `header`. Returns what is wrong
 * ('cut-short', 'bad-magic', 'bad-size'); then `header` holds nothing to rely on.
 */
export function readBatchHeader(buffer: Buffer, at: number, end: number, header: BatchHeader): BatchFault | undefined {
  if (end - at <= MAGIC_AT) return 'cut-short'
  // First, because what stands elsewhere means other things in older formats.
  if (buffer[at + MAGIC_AT] !== BATCH_MAGIC) return 'bad-magic'
  if (end - at < BATCH_HEADER_BYTES) return 'cut-short'
  const sizeBytes = BATCH_PREFIX_BYTES + buffer.readInt32BE(at + 8)
  if (sizeBytes < BATCH_HEADER_BYTES) return 'bad-size'
  if (sizeBytes > end - at) return 'cut-short'
  header.at = at
  header.sizeBytes = sizeBytes
  header.baseOffset = readInt64(buffer, at)
  header.partitionLeaderEpoch = buffer.readInt32BE(at + 12)
  header.crc = buffer.readUInt32BE(at + CRC_AT)
  header.attributes = buffer.readInt16BE(at + ATTRIBUTES_AT)
  header.lastOffsetDelta = buffer.readInt32BE(at + 23)
  header.baseTimestamp = readInt64(buffer, at + 27)
  header.maxTimestamp = readInt64(buffer, at + MAX_TIMESTAMP_AT)
  header.producerId = readInt64(buffer, at + 43)
  header.producerEpoch = buffer.readInt16BE(at + 51)
  header.baseSequence = buffer.readInt32BE(at + 53)
  header.recordsCount = buffer.readInt32BE(at + 57)
  return undefined
}

export function crcFault(buffer: Buffer, header: BatchHeader): BatchFault | undefined {
  return crc32c(buffer, header.at + ATTRIBUTES_AT, header.end) === header.crc ? undefined : 'bad-crc'
}

/** `end` is where the partition's records end in the request. */
export function singleBatchFault(header: BatchHeader, end: number): BatchFault | undefined {
  return header.end === end ? undefined : 'more-than-one'
}

/** Of a batch that nobody has compacted yet: every offset has its record. */
export function countFault(header: BatchHeader): BatchFault | undefined {
  return header.recordsCount > 0 && header.recordsCount === header.lastOffsetDelta + 1 ? undefined : 'bad-count'
}

export function controlFault(header: BatchHeader): BatchFault | undefined {
  return header.isControl ? 'control-batch' : undefined
}

export function producerFault(header: BatchHeader): BatchFault | undefined {
  if (header.hasProducer) return header.baseSequence < 0 || header.producerEpoch < 0 ? 'bad-producer' : undefined
  return header.isTransactional ? 'bad-producer' : undefined
}

/** Produce below version 7 knows no zstd: its consumers may not either. */
export function compressionFault(header: BatchHeader, isZstdAllowed: boolean): BatchFault | undefined {
  if (header.compression > 4) return 'bad-compression'
  return header.compression === 4 && !isZstdAllowed ? 'compression-too-new' : undefined
}

/** Kafka's max.message.bytes counts the batch as it will be stored, compressed. */
export function sizeFault(header: BatchHeader, batchBytesMax: number): BatchFault | undefined {
  return header.sizeBytes > batchBytesMax ? 'too-large' : undefined
}

/** By the first and the newest timestamp that the header tells; for topics that keep the producer's time. */
export function timestampFault(
  header: BatchHeader,
  nowMs: number,
  beforeMsMax: number,
  afterMsMax: number,
): BatchFault | undefined {
  if (header.maxTimestamp === NO_TIMESTAMP) return undefined
  if (header.maxTimestamp - nowMs > afterMsMax) return 'bad-timestamp'
  return header.baseTimestamp !== NO_TIMESTAMP && nowMs - header.baseTimestamp > beforeMsMax
    ? 'bad-timestamp'
    : undefined
}

/** Sets what the broker decides. The CRC does not cover it. */
export function stampBatch(buffer: Buffer, at: number, baseOffset: number, partitionLeaderEpoch: number): void {
  writeInt64(buffer, at, baseOffset)
  buffer.writeInt32BE(partitionLeaderEpoch, at + 12)
}

/**
 * Makes `timestampMs` the time of every record: readers then ignore the times inside. Of the whole batch at `at`, whose
 * header was read before.
 */
export function setLogAppendTime(buffer: Buffer, header: BatchHeader, timestampMs: number): void {
  header.attributes |= LOG_APPEND_TIME_BIT
  header.maxTimestamp = timestampMs
  buffer.writeInt16BE(header.attributes, header.at + ATTRIBUTES_AT)
  writeInt64(buffer, header.at + MAX_TIMESTAMP_AT, timestampMs)
  header.crc = sealBatch(buffer, header.at, header.end)
}

/** Computes the CRC of a batch that is otherwise complete, and sets it. */
export function sealBatch(buffer: Buffer, at: number, end: number): number {
  const crc = crc32c(buffer, at + ATTRIBUTES_AT, end)
  buffer.writeUInt32BE(crc, at + CRC_AT)
  return crc
}

/** All of a header but the CRC, which comes last: see `sealBatch`. */
export interface BatchHeaderFields {
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly partitionLeaderEpoch: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestamp: number
  readonly maxTimestamp: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordsCount: number
}

export function writeBatchHeader(buffer: Buffer, at: number, fields: BatchHeaderFields): void {
  writeInt64(buffer, at, fields.baseOffset)
  buffer.writeInt32BE(fields.sizeBytes - BATCH_PREFIX_BYTES, at + 8)
  buffer.writeInt32BE(fields.partitionLeaderEpoch, at + 12)
  buffer[at + MAGIC_AT] = BATCH_MAGIC
  buffer.writeUInt32BE(0, at + CRC_AT)
  buffer.writeInt16BE(fields.attributes, at + ATTRIBUTES_AT)
  buffer.writeInt32BE(fields.lastOffsetDelta, at + 23)
  writeInt64(buffer, at + 27, fields.baseTimestamp)
  writeInt64(buffer, at + MAX_TIMESTAMP_AT, fields.maxTimestamp)
  writeInt64(buffer, at + 43, fields.producerId)
  buffer.writeInt16BE(fields.producerEpoch, at + 51)
  buffer.writeInt32BE(fields.baseSequence, at + 53)
  buffer.writeInt32BE(fields.recordsCount, at + 57)
}

/** The attributes of a batch from what they mean. */
export function batchAttributes(
  compression: number,
  isLogAppendTime: boolean,
  isTransactional: boolean,
  isControl: boolean,
): number {
  return (
    compression |
    (isLogAppendTime ? LOG_APPEND_TIME_BIT : 0) |
    (isTransactional ? TRANSACTIONAL_BIT : 0) |
    (isControl ? CONTROL_BIT : 0)
  )
}

/** `attributes` with another compression. */
export function withCompression(attributes: number, compression: number): number {
  return (attributes & ~COMPRESSION_BITS) | compression
}

/** Exact up to 2^53 both ways; offsets and times stay below. */
function readInt64(buffer: Buffer, at: number): number {
  return buffer.readInt32BE(at) * 2 ** 32 + buffer.readUInt32BE(at + 4)
}

function writeInt64(buffer: Buffer, at: number, value: number): void {
  // The largest 64-bit number reads as 2^63, one too many.
  const high = value >= 2 ** 63 ? 0x7fffffff : Math.floor(value / 2 ** 32)
  buffer.writeInt32BE(high, at)
  buffer.writeUInt32BE(value >= 2 ** 63 ? 0xffffffff : value - high * 2 ** 32, at + 4)
}
