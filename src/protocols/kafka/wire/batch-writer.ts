/**
 * Makes record batches: of records that came by another protocol, of what compaction keeps, and the markers that end a
 * transaction. The layouts are drawn in `record-batch.ts` and `records.ts`.
 */
import { invariant } from '../../../base/errors.ts'
import { textSize, writeText } from '../../../base/text.ts'
import { COMPRESSION, compress, decompress, packable } from './compression.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchHeader,
  batchAttributes,
  NO_TIMESTAMP,
  sealBatch,
  withCompression,
  writeBatchHeader,
} from './record-batch.ts'
import { type RecordHeader, RecordReader, writeZigzag, zigzagBytes } from './records.ts'

export interface RecordToWrite {
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export interface BatchOptions {
  readonly baseOffset?: number
  readonly partitionLeaderEpoch?: number
  readonly compression?: number
  readonly isLogAppendTime?: boolean
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  readonly isTransactional?: boolean
  readonly isControl?: boolean
}

/**
 * One batch of these records, with offsets in their order.
 * @throws {Refused} 'not-implemented' for a compression this Node cannot make
 */
export function encodeBatch(records: readonly RecordToWrite[], options: BatchOptions = {}): Buffer {
  const [first] = records
  invariant(first !== undefined, 'a batch without records')
  const baseTimestamp = first.timestampMs
  let maxTimestamp = NO_TIMESTAMP
  let recordsBytes = 0
  for (let index = 0; index < records.length; index++) {
    const record = records[index]!
    maxTimestamp = Math.max(maxTimestamp, record.timestampMs)
    const bodyBytes = recordBodyBytes(record, record.timestampMs - baseTimestamp, index)
    recordsBytes += zigzagBytes(bodyBytes) + bodyBytes
  }
  const compression = options.compression ?? COMPRESSION.none
  const batch = Buffer.alloc(BATCH_HEADER_BYTES + recordsBytes)
  let at = BATCH_HEADER_BYTES
  for (let index = 0; index < records.length; index++) {
    at = writeRecord(batch, at, records[index]!, records[index]!.timestampMs - baseTimestamp, index)
  }
  invariant(at === batch.length, 'records of another size than told')
  return closeBatch(batch, {
    baseOffset: options.baseOffset ?? 0,
    partitionLeaderEpoch: options.partitionLeaderEpoch ?? -1,
    attributes: batchAttributes(
      compression,
      options.isLogAppendTime ?? false,
      options.isTransactional ?? false,
      options.isControl ?? false,
    ),
    lastOffsetDelta: records.length - 1,
    baseTimestamp,
    maxTimestamp,
    producerId: options.producerId ?? -1,
    producerEpoch: options.producerEpoch ?? -1,
    baseSequence: options.baseSequence ?? -1,
    recordsCount: records.length,
  })
}

type HeaderWithoutSize = Omit<Parameters<typeof writeBatchHeader>[2], 'sizeBytes'>

/** Compresses the records behind the room for a header, then writes the header and its checksum. */
function closeBatch(unpacked: Buffer, fields: HeaderWithoutSize): Buffer {
  const compression = fields.attributes & 7
  let batch = unpacked
  if (compression !== COMPRESSION.none) {
    const packed = compress(compression, unpacked.subarray(BATCH_HEADER_BYTES))
    batch = Buffer.alloc(BATCH_HEADER_BYTES + packed.length)
    packed.copy(batch, BATCH_HEADER_BYTES)
  }
  writeBatchHeader(batch, 0, { ...fields, sizeBytes: batch.length })
  sealBatch(batch, 0, batch.length)
  return batch
}

function recordBodyBytes(record: RecordToWrite, timestampDelta: number, offsetDelta: number): number {
  let sizeBytes = 1 + zigzagBytes(timestampDelta) + zigzagBytes(offsetDelta)
  sizeBytes += nullableBytes(record.key) + nullableBytes(record.value) + zigzagBytes(record.headers.length)
  for (const { key, value } of record.headers) {
    const keyBytes = textSize(key)
    sizeBytes += zigzagBytes(keyBytes) + keyBytes + nullableBytes(value)
  }
  return sizeBytes
}

function nullableBytes(bytes: Buffer | null): number {
  return bytes === null ? 1 : zigzagBytes(bytes.length) + bytes.length
}

function writeRecord(
  batch: Buffer,
  at: number,
  record: RecordToWrite,
  timestampDelta: number,
  offsetDelta: number,
): number {
  let next = writeZigzag(batch, at, recordBodyBytes(record, timestampDelta, offsetDelta))
  batch[next++] = 0
  next = writeZigzag(batch, next, timestampDelta)
  next = writeZigzag(batch, next, offsetDelta)
  next = writeNullable(batch, next, record.key)
  next = writeNullable(batch, next, record.value)
  next = writeZigzag(batch, next, record.headers.length)
  for (const { key, value } of record.headers) {
    next = writeText(batch, writeZigzag(batch, next, textSize(key)), key)
    next = writeNullable(batch, next, value)
  }
  return next
}

function writeNullable(batch: Buffer, at: number, bytes: Buffer | null): number {
  if (bytes === null) return writeZigzag(batch, at, -1)
  const next = writeZigzag(batch, at, bytes.length)
  return next + bytes.copy(batch, next)
}

/**
 * The records of a batch whose header was read: the bytes themselves, or unpacked.
 * @throws {KafkaWireError} when they cannot be unpacked, or unpack to more than `bytesMax`
 */
export function openRecords(buffer: Buffer, header: BatchHeader, bytesMax: number): RecordReader {
  const packed = buffer.subarray(header.recordsStart, header.end)
  const records = decompress(header.compression, packed, bytesMax)
  return new RecordReader(records, 0, records.length, header.recordsCount)
}

/**
 * The batch with only the records that `keeps` wants, told each one's place in the batch; undefined when none is left.
 * Offsets, times and producer fields stay, so the batch may have gaps afterwards. A compression that this Node cannot
 * make becomes gzip, which every client reads.
 * @throws {KafkaWireError} for records that break the format
 */
export function keepRecords(
  buffer: Buffer,
  header: BatchHeader,
  bytesMax: number,
  keeps: (index: number, record: RecordReader) => boolean,
): Buffer | undefined {
  const reader = openRecords(buffer, header, bytesMax)
  const kept: Buffer[] = [Buffer.alloc(BATCH_HEADER_BYTES)]
  let maxTimestamp = NO_TIMESTAMP
  for (let index = 0; reader.next(); index++) {
    if (!keeps(index, reader)) continue
    kept.push(reader.buffer.subarray(reader.recordStart, reader.recordEnd))
    maxTimestamp = Math.max(maxTimestamp, header.baseTimestamp + reader.timestampDelta)
  }
  if (kept.length === 1) return undefined
  return closeBatch(Buffer.concat(kept), {
    baseOffset: header.baseOffset,
    partitionLeaderEpoch: header.partitionLeaderEpoch,
    attributes: withCompression(header.attributes, packable(header.compression)),
    lastOffsetDelta: header.lastOffsetDelta,
    baseTimestamp: header.baseTimestamp,
    maxTimestamp: header.isLogAppendTime ? header.maxTimestamp : maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    recordsCount: kept.length - 1,
  })
}

const MARKER_KEY_BYTES = 4
const ABORT = 0
const COMMIT = 1

/**
 * The end of a transaction, as a batch of one record.
 *
 *     key: version i16 0 | type i16 (0 abort, 1 commit)        value: version i16 0 | coordinator epoch i32
 */
export function encodeMarker(
  kind: 'commit' | 'abort',
  producerId: number,
  producerEpoch: number,
  timestampMs: number,
  coordinatorEpoch = 0,
): Buffer {
  const key = Buffer.alloc(MARKER_KEY_BYTES)
  key.writeInt16BE(kind === 'commit' ? COMMIT : ABORT, 2)
  const value = Buffer.alloc(6)
  value.writeInt32BE(coordinatorEpoch, 2)
  return encodeBatch([{ timestampMs, key, value, headers: [] }], {
    producerId,
    producerEpoch,
    isTransactional: true,
    isControl: true,
  })
}

/** What a control batch marks; undefined for a control record of another kind. @throws {KafkaWireError} */
export function readMarker(buffer: Buffer, header: BatchHeader): 'commit' | 'abort' | undefined {
  invariant(header.isControl, 'a marker is looked for in a batch of data')
  const reader = new RecordReader(buffer, header.recordsStart, header.end, header.recordsCount)
  if (!reader.next()) throw new KafkaWireError('a control batch without a record')
  const { key } = reader
  if (key === null || key.length < MARKER_KEY_BYTES) throw new KafkaWireError('a control record without a type')
  const type = key.readInt16BE(2)
  return type === COMMIT ? 'commit' : type === ABORT ? 'abort' : undefined
}
