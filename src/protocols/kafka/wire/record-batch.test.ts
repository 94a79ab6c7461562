import { expect, test } from 'vitest'
import { crc32c } from '../../../base/crc32c.ts'
import { keepRecords, openRecords, type RecordToWrite } from './batch-writer.ts'
import { KAFKA_ERRORS } from './errors.ts'
import { goldenBatches } from './golden-batches.test-kit.ts'
import {
  BATCH_FAULTS,
  BATCH_HEADER_BYTES,
  type BatchFault,
  BatchHeader,
  compressionFault,
  controlFault,
  countFault,
  crcFault,
  producerFault,
  readBatchHeader,
  setLogAppendTime,
  singleBatchFault,
  sizeFault,
  stampBatch,
  timestampFault,
} from './record-batch.ts'
import { keylessRecords, type RecordReader } from './records.ts'
import { goldenRecords, hex, wireErrorOf } from './test-kit.ts'

const MIB = 1024 * 1024
const FIRST_MS = 1_700_000_000_000

const golden = (name: string): Buffer => hex(goldenBatches[name]!)

function headerOf(batch: Buffer): BatchHeader {
  const header = new BatchHeader()
  expect(readBatchHeader(batch, 0, batch.length, header)).toBeUndefined()
  return header
}

function readAll(reader: RecordReader, baseTimestamp: number): RecordToWrite[] {
  const records: RecordToWrite[] = []
  while (reader.next()) {
    expect(reader.offsetDelta).toBe(records.length)
    const { key, value } = reader
    records.push({ timestampMs: baseTimestamp + reader.timestampDelta, key, value, headers: reader.headers() })
  }
  return records
}

test.each(Object.keys(goldenBatches))('batch: %s is read, and its CRC fits', (name) => {
  const batch = golden(name)
  const header = headerOf(batch)
  expect(crcFault(batch, header)).toBeUndefined()
  expect(countFault(header)).toBeUndefined()
  expect(singleBatchFault(header, batch.length)).toBeUndefined()
  expect(header).toMatchObject({
    baseOffset: 0,
    sizeBytes: batch.length,
    lastOffsetDelta: 2,
    recordsCount: 3,
    baseTimestamp: FIRST_MS,
    maxTimestamp: FIRST_MS + 5,
    lastOffset: 2,
    isControl: false,
    isLogAppendTime: false,
  })
  expect(readAll(openRecords(batch, header, MIB), header.baseTimestamp)).toEqual(
    goldenRecords(!name.startsWith('kafkajs')),
  )
})

test('batch: what the producer says of itself', () => {
  expect(headerOf(golden('kafka-python transactional none'))).toMatchObject({
    producerId: 4711,
    producerEpoch: 3,
    baseSequence: 99,
    isTransactional: true,
    hasProducer: true,
    compression: 0,
  })
  expect(headerOf(golden('kafka-python zstd'))).toMatchObject({
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    hasProducer: false,
    compression: 4,
  })
})

test('batch: cut anywhere it is too short, with one more byte it is not alone', () => {
  const batch = golden('kafka-python gzip')
  const header = new BatchHeader()
  for (let end = 0; end < batch.length; end++) {
    expect(readBatchHeader(Buffer.from(batch.subarray(0, end)), 0, end, header)).toBe('cut-short')
  }
  expect(readBatchHeader(Buffer.concat([batch, batch]), batch.length, 2 * batch.length, header)).toBeUndefined()
  expect(header.at).toBe(batch.length)
  expect(readBatchHeader(Buffer.concat([batch, hex('00')]), 0, batch.length + 1, header)).toBeUndefined()
  expect(singleBatchFault(header, batch.length + 1)).toBe('more-than-one')
})

test('batch: a changed byte behind the checksum is noticed, base offset and leader epoch may change', () => {
  const batch = golden('kafka-python none')
  stampBatch(batch, 0, 2 ** 40 + 5, 77)
  const header = headerOf(batch)
  expect(header).toMatchObject({ baseOffset: 2 ** 40 + 5, partitionLeaderEpoch: 77, lastOffset: 2 ** 40 + 7 })
  expect(crcFault(batch, header)).toBeUndefined()
  for (let at = 21; at < batch.length; at++) {
    batch[at]! ^= 1
    expect(crcFault(batch, header)).toBe('bad-crc')
    batch[at]! ^= 1
  }
})

test('batch: log append time is set in place, and the checksum with it', () => {
  const batch = golden('kafka-python snappy')
  const header = headerOf(batch)
  setLogAppendTime(batch, header, FIRST_MS + 123_456)
  const again = headerOf(batch)
  expect(again).toEqual(header)
  expect(again).toMatchObject({ isLogAppendTime: true, maxTimestamp: FIRST_MS + 123_456, baseTimestamp: FIRST_MS })
  expect(crcFault(batch, again)).toBeUndefined()
  expect(again.crc).toBe(crc32c(batch, 21, batch.length))
})

test('batch: each check tells its own fault', () => {
  const changed = (change: Partial<BatchHeader>): BatchHeader =>
    Object.assign(headerOf(golden('kafka-python transactional none')), change)
  const checks: [fault: BatchFault | undefined, result: BatchFault | undefined][] = [
    ['bad-count', countFault(changed({ recordsCount: 2 }))],
    ['bad-count', countFault(changed({ recordsCount: 0, lastOffsetDelta: -1 }))],
    ['control-batch', controlFault(changed({ attributes: 0x20 }))],
    [undefined, controlFault(changed({}))],
    ['bad-producer', producerFault(changed({ baseSequence: -1 }))],
    ['bad-producer', producerFault(changed({ producerEpoch: -1 }))],
    ['bad-producer', producerFault(changed({ producerId: -1 }))],
    [undefined, producerFault(changed({}))],
    [undefined, producerFault(changed({ producerId: -1, baseSequence: -1, attributes: 0 }))],
    ['bad-compression', compressionFault(changed({ attributes: 5 }), true)],
    ['compression-too-new', compressionFault(changed({ attributes: 4 }), false)],
    [undefined, compressionFault(changed({ attributes: 4 }), true)],
    ['too-large', sizeFault(changed({}), headerOf(golden('kafka-python none')).sizeBytes - 1)],
    [undefined, sizeFault(changed({}), headerOf(golden('kafka-python none')).sizeBytes)],
    ['bad-timestamp', timestampFault(changed({}), FIRST_MS - 3_600_000, 2 ** 53, 3_600_000)],
    ['bad-timestamp', timestampFault(changed({}), FIRST_MS + 1001, 1000, 3_600_000)],
    [undefined, timestampFault(changed({}), FIRST_MS, 2 ** 53, 3_600_000)],
    [undefined, timestampFault(changed({ maxTimestamp: -1, baseTimestamp: -1 }), FIRST_MS, 1000, 1000)],
  ]
  for (const [index, [fault, result]] of checks.entries()) expect(result, `check ${index}`).toBe(fault)
  for (const { error } of Object.values(BATCH_FAULTS)) expect(KAFKA_ERRORS[error]).toBeDefined()
})

test('batch: older formats and impossible sizes are told from the header', () => {
  const batch = golden('kafka-python none')
  const header = new BatchHeader()
  for (const magic of [0, 1, 3]) {
    batch[16] = magic
    expect(readBatchHeader(batch, 0, batch.length, header)).toBe('bad-magic')
  }
  batch[16] = 2
  for (const length of [0, 48, -1, -(2 ** 31)]) {
    batch.writeInt32BE(length, 8)
    expect(readBatchHeader(batch, 0, batch.length, header)).toBe('bad-size')
  }
  batch.writeInt32BE(2 ** 31 - 1, 8)
  expect(readBatchHeader(batch, 0, batch.length, header)).toBe('cut-short')
})

test('records: counts and lengths that cannot be are refused', () => {
  const batch = golden('kafka-python none')
  const header = headerOf(batch)
  const readWith = (change: (batch: Buffer, header: BatchHeader) => void): string | undefined => {
    const copy = Buffer.from(batch)
    const copyHeader = Object.assign(new BatchHeader(), header)
    change(copy, copyHeader)
    return wireErrorOf(() => readAll(openRecords(copy, copyHeader, MIB), 0))?.message
  }
  expect(readWith((_, changed) => Object.assign(changed, { recordsCount: 2 ** 31 - 1 }))).toMatch(/^2147483647 records/)
  expect(readWith((_, changed) => Object.assign(changed, { recordsCount: 2 }))).toMatch(/behind the last record/)
  expect(readWith((_, changed) => Object.assign(changed, { recordsCount: 4 }))).toMatch(/left$/)
  expect(readWith((_, changed) => Object.assign(changed, { sizeBytes: header.sizeBytes - 1 }))).toBeDefined()
  // The first record's length, and its header count.
  expect(readWith((copy) => copy.writeUInt8(0x7f, BATCH_HEADER_BYTES))).toBeDefined()
  expect(readWith((copy) => copy.fill(0xff, BATCH_HEADER_BYTES, BATCH_HEADER_BYTES + 6))).toMatch(/32 bits/)
})

test("records: those without a key are found; offsets with gaps are no producer's", () => {
  const batch = golden('kafka-python lz4')
  const header = headerOf(batch)
  expect(keylessRecords(openRecords(batch, header, MIB))).toEqual([1])
  const gapped = keepRecords(batch, header, MIB, (index) => index !== 0)!
  const reader = openRecords(gapped, headerOf(gapped), MIB)
  expect(wireErrorOf(() => keylessRecords(reader))?.message).toBe('record 0 has offset delta 1')
})
