/**
 * Kafka record batches as the broker's batch format: what a partition, retention by time, compaction and readers of other
 * protocols must know of them, without the broker knowing a byte of them. The layout is drawn in wire/record-batch.ts.
 */
import { copyOf } from '../../base/bytes.ts'
import { StorageError } from '../../base/errors.ts'
import type { BatchFacts, BatchFormat, TimedOffset } from '../../message/batch-format.ts'
import type { Message } from '../../message/message.ts'
import { messageOfRecord } from './record-message.ts'
import { encodeMarker, keepRecords, openRecords, readMarker } from './wire/batch-writer.ts'
import { KafkaWireError } from './wire/kafka-wire-error.ts'
import {
  BATCH_HEADER_BYTES,
  BatchHeader,
  readBatchHeader,
  sealBatch,
  stampBatch,
  writeBatchHeader,
} from './wire/record-batch.ts'
import type { RecordReader } from './wire/records.ts'

/** The high byte of the base offset, which stays far below 2^56. */
const FIRST_BYTE = 0

/** A single node is the only leader its partitions ever had. */
const LEADER_EPOCH = 0

/** What a compressed batch may unpack to: a small one can be made to hold gigabytes. */
const UNPACKED_BYTES_MAX = 128 * 1024 * 1024

/** @throws {StorageError} 'damaged' */
function headerOf(bytes: Buffer): BatchHeader {
  const header = new BatchHeader()
  const fault = readBatchHeader(bytes, 0, bytes.length, header)
  if (fault !== undefined) throw new StorageError('damaged', `a stored record batch is ${fault}`)
  if (header.sizeBytes !== bytes.length) {
    throw new StorageError('damaged', `a stored record batch of ${header.sizeBytes} bytes in ${bytes.length}`)
  }
  return header
}

/** What is wrong inside a batch that was stored is the producer's doing, but the reader can only be told that it is. */
function reading<T>(step: () => T): T {
  try {
    return step()
  } catch (error) {
    if (!(error instanceof KafkaWireError)) throw error
    throw new StorageError('damaged', `a stored record batch cannot be read: ${error.message}`, { cause: error })
  }
}

function facts(bytes: Buffer): BatchFacts {
  const header = headerOf(bytes)
  return {
    count: header.lastOffsetDelta + 1,
    maxTimestampMs: header.maxTimestamp,
    producerId: header.producerId,
    producerEpoch: header.producerEpoch,
    baseSequence: header.baseSequence,
    isTransactional: header.isTransactional,
    marker: header.isControl ? (reading(() => readMarker(bytes, header)) ?? 'none') : 'none',
  }
}

function stamp(bytes: Buffer, baseOffset: number): void {
  stampBatch(bytes, 0, baseOffset, LEADER_EPOCH)
}

/** Walks over the records of a batch; `visit` ends the walk by returning true. A record's place is its offset delta. */
function walk(bytes: Buffer, header: BatchHeader, visit: (record: RecordReader) => boolean): void {
  reading(() => {
    const reader = openRecords(bytes, header, UNPACKED_BYTES_MAX)
    while (reader.next()) {
      const { offsetDelta } = reader
      if (offsetDelta < 0 || offsetDelta > header.lastOffsetDelta) {
        throw new KafkaWireError(`a record at place ${offsetDelta} of ${header.lastOffsetDelta + 1}`)
      }
      if (visit(reader)) return
    }
  })
}

/** With log append time the whole batch has the one time that its header tells. */
function timeOf(header: BatchHeader, record: RecordReader): number {
  return header.isLogAppendTime ? header.maxTimestamp : header.baseTimestamp + record.timestampDelta
}

async function firstAtOrAfter(
  bytes: Buffer,
  baseOffset: number,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  const header = headerOf(bytes)
  let found: TimedOffset | undefined
  if (header.maxTimestamp < timestampMs) return found
  walk(bytes, header, (record) => {
    const time = timeOf(header, record)
    if (time < timestampMs) return false
    found = { offset: baseOffset + record.offsetDelta, timestampMs: time }
    return true
  })
  return found
}

async function messages(
  bytes: Buffer,
  topic: string,
): Promise<readonly { readonly index: number; readonly message: Message }[]> {
  const header = headerOf(bytes)
  const found: { index: number; message: Message }[] = []
  if (header.isControl) return found
  walk(bytes, header, (record) => {
    found.push({ index: record.offsetDelta, message: messageOfRecord(record, timeOf(header, record), topic) })
    return false
  })
  return found
}

async function keys(bytes: Buffer): Promise<readonly (Buffer | undefined)[]> {
  const header = headerOf(bytes)
  const found: (Buffer | undefined)[] = []
  walk(bytes, header, (record) => {
    // Places that compaction emptied have no key either.
    while (found.length < record.offsetDelta) found.push(undefined)
    // A key outlives the batch it stands in.
    found[record.offsetDelta] = record.key === null ? undefined : copyOf(record.key)
    return false
  })
  return found
}

async function tombstones(bytes: Buffer): Promise<ReadonlySet<number>> {
  const found = new Set<number>()
  walk(bytes, headerOf(bytes), (record) => {
    if (record.value === null) found.add(record.offsetDelta)
    return false
  })
  return found
}

async function keep(bytes: Buffer, indexes: ReadonlySet<number>): Promise<Buffer> {
  const header = headerOf(bytes)
  const kept = reading(() =>
    keepRecords(bytes, header, UNPACKED_BYTES_MAX, (_, record) => indexes.has(record.offsetDelta)),
  )
  return kept ?? emptied(header)
}

/** Of a batch without records the offsets and the producer's sequence remain. */
function emptied(header: BatchHeader): Buffer {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES)
  const { baseOffset, partitionLeaderEpoch, attributes, lastOffsetDelta, baseTimestamp, maxTimestamp } = header
  const { producerId, producerEpoch, baseSequence } = header
  writeBatchHeader(bytes, 0, {
    sizeBytes: BATCH_HEADER_BYTES,
    baseOffset,
    partitionLeaderEpoch,
    // Nothing is compressed to nothing: readers would look for the frame of the compression.
    attributes: attributes & ~7,
    lastOffsetDelta,
    baseTimestamp,
    maxTimestamp,
    producerId,
    producerEpoch,
    baseSequence,
    recordsCount: 0,
  })
  sealBatch(bytes, 0, bytes.length)
  return bytes
}

export const kafkaBatchFormat: BatchFormat = {
  firstByte: FIRST_BYTE,
  facts,
  stamp,
  marker: encodeMarker,
  firstAtOrAfter,
  messages,
  keys,
  tombstones,
  keep,
}
