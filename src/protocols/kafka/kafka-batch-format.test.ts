import { expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { kafkaBatchFormat as format } from './kafka-batch-format.ts'
import { encodeBatch, type RecordToWrite } from './wire/batch-writer.ts'
import { COMPRESSION } from './wire/compression.ts'
import { BatchHeader, readBatchHeader, sealBatch, setLogAppendTime } from './wire/record-batch.ts'

const T = 1_700_000_000_000

function record(key: string | null, value: string | null, ms = 0): RecordToWrite {
  const bytes = (text: string | null): Buffer | null => (text === null ? null : Buffer.from(text))
  return { timestampMs: T + ms, key: bytes(key), value: bytes(value), headers: [] }
}

const records = [record('a', '1', 0), record('b', null, 20), record(null, '3', 10), record('a', '4', 30)]
const packings = [COMPRESSION.none, COMPRESSION.gzip, COMPRESSION.snappy, COMPRESSION.lz4]

test('batch format: the facts of data and of markers', () => {
  const options = { producerId: 9, producerEpoch: 2, baseSequence: 40, isTransactional: true }
  expect(format.facts(encodeBatch(records, options))).toEqual({
    count: 4,
    maxTimestampMs: T + 30,
    producerId: 9,
    producerEpoch: 2,
    baseSequence: 40,
    isTransactional: true,
    marker: 'none',
  })
  for (const kind of ['commit', 'abort'] as const) {
    expect(format.facts(format.marker(kind, 9, 2, T))).toMatchObject({
      count: 1,
      producerId: 9,
      producerEpoch: 2,
      isTransactional: true,
      marker: kind,
    })
  }
})

test('batch format: a stamp sets the offset and leaves the checksum right', () => {
  const bytes = encodeBatch(records)
  format.stamp(bytes, 2 ** 40 + 5)
  const header = new BatchHeader()
  readBatchHeader(bytes, 0, bytes.length, header)
  expect([bytes[0], header.baseOffset, header.partitionLeaderEpoch]).toEqual([0, 2 ** 40 + 5, 0])
  expect(sealBatch(Buffer.from(bytes), 0, bytes.length)).toBe(header.crc)
})

test('batch format: the first record since a moment is found inside, packed or not', async () => {
  for (const compression of packings) {
    const bytes = encodeBatch(records, { compression })
    expect(await format.firstAtOrAfter(bytes, 100, 0)).toEqual({ offset: 100, timestampMs: T })
    expect(await format.firstAtOrAfter(bytes, 100, T + 15)).toEqual({ offset: 101, timestampMs: T + 20 })
    expect(await format.firstAtOrAfter(bytes, 100, T + 30)).toEqual({ offset: 103, timestampMs: T + 30 })
    expect(await format.firstAtOrAfter(bytes, 100, T + 31)).toBeUndefined()
  }
  const bytes = encodeBatch(records)
  const header = new BatchHeader()
  readBatchHeader(bytes, 0, bytes.length, header)
  setLogAppendTime(bytes, header, T + 500)
  expect(await format.firstAtOrAfter(bytes, 0, T + 400)).toEqual({ offset: 0, timestampMs: T + 500 })
})

test('batch format: records become messages with their places; markers become none', async () => {
  for (const compression of packings) {
    const found = await format.messages(encodeBatch(records, { compression }), 't')
    expect(found.map(({ index, message }) => [index, String(message.body()), message.publishedMs])).toEqual([
      [0, '1', T],
      [1, '', T + 20],
      [2, '3', T + 10],
      [3, '4', T + 30],
    ])
  }
  expect(await format.messages(format.marker('commit', 1, 0, T), 't')).toEqual([])
})

test('batch format: compaction keeps places, down to a batch without records', async () => {
  for (const compression of packings) {
    const bytes = encodeBatch(records, { compression, producerId: 5, producerEpoch: 1, baseSequence: 3 })
    format.stamp(bytes, 50)
    const keys = async (from: Buffer): Promise<(string | undefined)[]> =>
      (await format.keys(from)).map((key) => key?.toString())
    expect(await keys(bytes)).toEqual(['a', 'b', undefined, 'a'])
    expect(await format.tombstones(bytes)).toEqual(new Set([1]))
    const kept = await format.keep(bytes, new Set([1, 3]))
    expect(await keys(kept)).toEqual([undefined, 'b', undefined, 'a'])
    expect(await format.tombstones(kept)).toEqual(new Set([1]))
    expect((await format.messages(kept, 't')).map(({ index }) => index)).toEqual([1, 3])
    const again = await format.keep(kept, new Set([3]))
    expect((await format.messages(again, 't')).map(({ index }) => index)).toEqual([3])
    const none = await format.keep(again, new Set())
    expect([await keys(none), await format.messages(none, 't')]).toEqual([[], []])
    for (const one of [bytes, kept, again, none]) {
      expect(format.facts(one)).toMatchObject({ count: 4, producerId: 5, producerEpoch: 1, baseSequence: 3 })
      const header = new BatchHeader()
      expect(readBatchHeader(one, 0, one.length, header)).toBeUndefined()
      expect([header.baseOffset, sealBatch(Buffer.from(one), 0, one.length)]).toEqual([50, header.crc])
    }
  }
})

test('batch format: bytes that are no batch are damage, wherever they are cut', async () => {
  const bytes = encodeBatch(records)
  for (let end = 0; end < bytes.length; end++) {
    expect(() => format.facts(bytes.subarray(0, end))).toThrow(StorageError)
  }
  for (let at = 61; at < bytes.length; at++) {
    const spoiled = Buffer.from(bytes)
    spoiled[at] = 0xff
    // Either it still reads as records, or it is said to be damaged; nothing else.
    for (const look of [format.keys, format.tombstones]) {
      await look(spoiled).catch((error: unknown) => expect(error).toBeInstanceOf(StorageError))
    }
    await format.messages(spoiled, 't').catch((error: unknown) => expect(error).toBeInstanceOf(StorageError))
    await format.firstAtOrAfter(spoiled, 0, T + 5).catch((error: unknown) => expect(error).toBeInstanceOf(StorageError))
  }
})
