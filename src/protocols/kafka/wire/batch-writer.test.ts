import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Refused } from '../../../base/errors.ts'
import { encodeBatch, encodeMarker, keepRecords, openRecords, type RecordToWrite, readMarker } from './batch-writer.ts'
import { COMPRESSION, packable } from './compression.ts'
import { goldenBatches } from './golden-batches.test-kit.ts'
import { BatchHeader, countFault, crcFault, readBatchHeader, sealBatch } from './record-batch.ts'
import { goldenRecords, hex, wireErrorOf } from './test-kit.ts'

const MIB = 1024 * 1024

function headerOf(batch: Buffer): BatchHeader {
  const header = new BatchHeader()
  expect(readBatchHeader(batch, 0, batch.length, header)).toBeUndefined()
  expect(header.sizeBytes).toBe(batch.length)
  expect(crcFault(batch, header)).toBeUndefined()
  return header
}

interface Placed extends RecordToWrite {
  readonly offset: number
}

function recordsOf(batch: Buffer): Placed[] {
  const header = headerOf(batch)
  const reader = openRecords(batch, header, MIB)
  const records: Placed[] = []
  while (reader.next()) {
    const { key, value } = reader
    records.push({
      offset: header.baseOffset + reader.offsetDelta,
      timestampMs: header.baseTimestamp + reader.timestampDelta,
      key,
      value,
      headers: reader.headers(),
    })
  }
  return records
}

const placed = (records: readonly RecordToWrite[]): Placed[] =>
  records.map((record, index) => ({ offset: index, ...record }))

test('batch writer: the same bytes as others make of the same records', () => {
  const python = { partitionLeaderEpoch: 0 }
  const producer = { producerId: 4711, producerEpoch: 3, baseSequence: 99 }
  expect(encodeBatch(goldenRecords(true), python).toString('hex')).toBe(goldenBatches['kafka-python none'])
  expect(encodeBatch(goldenRecords(true), { ...python, ...producer, isTransactional: true }).toString('hex')).toBe(
    goldenBatches['kafka-python transactional none'],
  )
  expect(encodeBatch(goldenRecords(false), { ...python, ...producer }).toString('hex')).toBe(
    goldenBatches['kafkajs none'],
  )
})

const bytesOrNull = fc.option(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  { nil: null },
)
const anyRecord: fc.Arbitrary<RecordToWrite> = fc.record({
  timestampMs: fc.oneof(fc.nat({ max: 2 ** 42 }), fc.constantFrom(-1, 2 ** 51)),
  key: bytesOrNull,
  value: bytesOrNull,
  headers: fc.array(fc.record({ key: fc.string({ unit: 'grapheme', maxLength: 20 }), value: bytesOrNull }), {
    maxLength: 3,
  }),
})

test('batch writer: any records come back, in every compression there is', () => {
  const compressions = Object.values(COMPRESSION).filter((compression) => packable(compression) === compression)
  expect(compressions.length).toBeGreaterThan(3)
  fc.assert(
    fc.property(
      fc.array(anyRecord, { minLength: 1, maxLength: 20 }),
      fc.constantFrom(...compressions),
      (records, compression) => {
        const batch = encodeBatch(records, { compression })
        const header = headerOf(batch)
        expect(header.compression).toBe(compression)
        expect(header.maxTimestamp).toBe(Math.max(...records.map((record) => record.timestampMs)))
        expect(countFault(header)).toBeUndefined()
        expect(recordsOf(batch)).toEqual(placed(records))
      },
    ),
    { numRuns: 200 },
  )
})

test('batch writer: a compression that this Node cannot make is refused by name', () => {
  expect(() => encodeBatch(goldenRecords(true), { compression: 5 })).toThrow(Refused)
  if (packable(COMPRESSION.zstd) === COMPRESSION.zstd) {
    expect(recordsOf(encodeBatch(goldenRecords(true), { compression: COMPRESSION.zstd }))).toHaveLength(3)
  } else expect(() => encodeBatch(goldenRecords(true), { compression: COMPRESSION.zstd })).toThrow(/zstd/)
})

test('batch writer: kept records stay at their offsets, with the rest of the header', () => {
  for (const [name, digits] of Object.entries(goldenBatches)) {
    const batch = hex(digits)
    batch.writeUInt32BE(1000, 4)
    const header = headerOf(batch)
    const kept = keepRecords(batch, header, MIB, (index) => index !== 1)!
    const keptHeader = headerOf(kept)
    expect(recordsOf(kept), name).toEqual(recordsOf(batch).filter(({ offset }) => offset !== 1001))
    const { baseOffset, lastOffsetDelta, baseTimestamp, producerId, producerEpoch, baseSequence, attributes } = header
    expect(keptHeader).toMatchObject({
      baseOffset,
      lastOffsetDelta,
      baseTimestamp,
      producerId,
      producerEpoch,
      baseSequence,
      recordsCount: 2,
      maxTimestamp: 1_700_000_000_000,
      attributes: (attributes & ~7) | packable(attributes & 7),
    })
    // Once more: now the batch has a gap.
    const last = keepRecords(kept, keptHeader, MIB, (_, record) => record.keyStart === record.keyEnd)!
    expect(recordsOf(last).map(({ offset }) => offset)).toEqual([1002])
    expect(keepRecords(batch, header, MIB, () => false)).toBeUndefined()
  }
})

test('batch writer: the markers that end a transaction', () => {
  const commit = encodeMarker('commit', 4711, 3, 1_700_000_000_000, 9)
  const header = headerOf(commit)
  expect(header).toMatchObject({ isControl: true, isTransactional: true, producerId: 4711, producerEpoch: 3 })
  expect(header).toMatchObject({ baseSequence: -1, recordsCount: 1, lastOffsetDelta: 0, compression: 0 })
  expect(readMarker(commit, header)).toBe('commit')
  const [record] = recordsOf(commit)
  expect(record!.key!.toString('hex')).toBe('00000001')
  expect(record!.value!.toString('hex')).toBe('000000000009')
  const abort = encodeMarker('abort', 4711, 3, 1_700_000_000_000)
  expect(readMarker(abort, headerOf(abort))).toBe('abort')
  expect(recordsOf(abort)[0]!.key!.toString('hex')).toBe('00000000')
})

test('batch writer: a control record of another kind is no marker, one without a type is an error', () => {
  const control = { isControl: true, isTransactional: true, producerId: 1, producerEpoch: 0 }
  const record = { timestampMs: 1, value: null, headers: [] }
  const leaderChange = encodeBatch([{ ...record, key: hex('0000 0002') }], control)
  expect(readMarker(leaderChange, headerOf(leaderChange))).toBeUndefined()
  const keyless = encodeBatch([{ ...record, key: null }], control)
  expect(wireErrorOf(() => readMarker(keyless, headerOf(keyless)))).toBeDefined()
})

test('batch writer: records that unpack to more than allowed are refused', () => {
  const value = Buffer.alloc(2 * MIB)
  for (const compression of [COMPRESSION.gzip, COMPRESSION.snappy, COMPRESSION.lz4]) {
    const batch = encodeBatch([{ timestampMs: 1, key: null, value, headers: [] }], { compression })
    expect(wireErrorOf(() => openRecords(batch, headerOf(batch), MIB))?.message).toMatch(/more than 1048576 bytes/)
    expect(openRecords(batch, headerOf(batch), 3 * MIB).next()).toBe(true)
  }
})

test('batch writer: a sealed batch keeps its seal', () => {
  const batch = encodeBatch(goldenRecords(true))
  const before = Buffer.from(batch)
  sealBatch(batch, 0, batch.length)
  expect(batch.equals(before)).toBe(true)
})
