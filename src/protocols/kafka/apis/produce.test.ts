import { expect, test } from 'vitest'
import { BrokerStage, batchOf, fetchFrom, NO_ID, produceTo, record } from '../broker-stage.test-kit.ts'
import { turns } from '../test-kit.ts'
import { encodeBatch } from '../wire/batch-writer.ts'
import { COMPRESSION } from '../wire/compression.ts'
import { BatchHeader, readBatchHeader, sealBatch } from '../wire/record-batch.ts'
import { API } from '../wire/schemas/apis.gen.ts'

const NOW_MS = 1_700_000_000_000

test('produce: every version appends, and tells where', async () => {
  const stage = await BrokerStage.open()
  const id = await stage.topic('t')
  const client = stage.connect()
  for (let version = 3; version <= 13; version++) {
    const response = await client.ask(API.Produce, version, {
      acks: version % 2 === 0 ? 1 : -1,
      timeoutMs: 100,
      topicData: [
        {
          ...(version >= 13 ? { topicId: id } : { name: 't' }),
          partitionData: [{ index: 0, records: batchOf(['a', 'b']) }],
        },
      ],
    })
    expect(response.responses[0]!.partitionResponses[0]).toMatchObject({
      index: 0,
      errorCode: 0,
      baseOffset: 2 * (version - 3),
      logAppendTimeMs: -1,
    })
  }
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(22)
})

test('produce: what is wrong with a batch, a partition or the request is told by its code', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  await stage.topic('small', 1, { 'max.message.bytes': '100' })
  await stage.topic('keyed', 1, { 'cleanup.policy': 'compact' })
  const client = stage.connect()
  const good = batchOf(['a'])
  const with_ = (change: (bytes: Buffer) => void, sealed = true): Buffer => {
    const bytes = Buffer.from(good)
    change(bytes)
    if (sealed) sealBatch(bytes, 0, bytes.length)
    return bytes
  }
  const cases: readonly (readonly [string, number, Buffer | null, string?, Parameters<typeof produceTo>[3]?])[] = [
    ['no records', 87, null],
    ['empty records', 87, Buffer.alloc(0)],
    ['two batches', 87, Buffer.concat([good, good])],
    ['an older magic', 87, with_((bytes) => bytes.writeInt8(1, 16))],
    ['a wrong checksum', 2, with_((bytes) => bytes.writeInt8(9, bytes.length - 1), false)],
    ['a batch cut short', 2, good.subarray(0, good.length - 1)],
    ['a size below the header', 2, with_((bytes) => bytes.writeInt32BE(3, 8))],
    ['a control batch', 87, batchOf(['a'], { isControl: true })],
    ['a producer without a sequence', 87, batchOf(['a'], { producerId: 5, producerEpoch: 0, baseSequence: -1 })],
    ['a transaction without a producer', 87, batchOf(['a'], { isTransactional: true })],
    ['a count that does not fit', 87, with_((bytes) => bytes.writeInt32BE(5, 57))],
    ['zstd in an old version', 76, with_((bytes) => bytes.writeInt16BE(COMPRESSION.zstd, 21)), 't', { version: 6 }],
    ['a compression that is none', 76, with_((bytes) => bytes.writeInt16BE(6, 21))],
    ['a batch above the limit', 10, batchOf(['x'.repeat(200)]), 'small'],
    ['a record from the future', 32, encodeBatch([record('a', { timestampMs: NOW_MS + 3_700_000 })])],
    ['records that are none', 87, with_((bytes) => bytes.writeInt8(0x7f, 61))],
    ['a record with a negative length', 87, with_((bytes) => bytes.writeInt8(1, 61))],
    ['a record that says it is another', 87, with_((bytes) => bytes.writeInt8(2, 64))],
    ['gzip that is none, where keys are needed', 87, with_((bytes) => bytes.writeInt16BE(1, 21)), 'keyed'],
    ['a record without a key', 87, good, 'keyed', { version: 8 }],
    ['a topic that is not there', 3, good, 'nope'],
    ['a partition that is not there', 3, good, 't', { partition: 1 }],
    ['acks that mean nothing', 21, good, 't', { acks: 2 }],
  ]
  for (const [what, errorCode, records, topic = 't', options = {}] of cases) {
    const answer = await produceTo(client, topic, records, options)
    expect([what, answer.errorCode, answer.baseOffset]).toEqual([what, errorCode, -1])
  }
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(0)
  expect(stage.errors).toEqual([])
})

test('produce: an id nobody has is told apart from a name nobody has', async () => {
  const stage = await BrokerStage.open()
  const client = stage.connect()
  const partitionData = [{ index: 0, records: batchOf(['a']) }]
  for (const topicId of [NO_ID, Buffer.alloc(16, 7)]) {
    const response = await client.ask(API.Produce, 13, {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ topicId, partitionData }],
    })
    expect(response.responses[0]).toMatchObject({ topicId, partitionResponses: [{ index: 0, errorCode: 100 }] })
  }
})

test('produce: records without a key are named one by one where the topic needs keys', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('keyed', 1, { 'cleanup.policy': 'compact,delete' })
  const client = stage.connect()
  const mixed = encodeBatch([record('a', { key: Buffer.from('k') }), record('b'), record('c')], {
    compression: COMPRESSION.gzip,
  })
  const answer = await produceTo(client, 'keyed', mixed)
  expect(answer.recordErrors.map(({ batchIndex }) => batchIndex)).toEqual([1, 2])
  expect(answer.errorMessage).toMatch(/key/)
})

test('produce: log append time replaces the producer time, and is told', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 1, { 'message.timestamp.type': 'LogAppendTime' })
  const client = stage.connect()
  stage.clock.advance(5000)
  const answer = await produceTo(client, 't', batchOf(['a', 'b']))
  expect([answer.errorCode, answer.logAppendTimeMs]).toEqual([0, NOW_MS + 5000])
  const { records } = await fetchFrom(client, 't')
  const bytes = Buffer.concat([records as unknown as Buffer])
  const header = new BatchHeader()
  expect(readBatchHeader(bytes, 0, bytes.length, header)).toBeUndefined()
  expect([header.isLogAppendTime, header.maxTimestamp]).toEqual([true, NOW_MS + 5000])
  expect(sealBatch(Buffer.from(bytes), 0, bytes.length)).toBe(header.crc)
})

test('produce: a repeated idempotent batch is answered with its first place, a gap is refused', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const batch = (baseSequence: number, producerEpoch = 0): Buffer =>
    batchOf(['a', 'b'], { producerId: 7, producerEpoch, baseSequence })
  expect(await produceTo(client, 't', batch(0, 1))).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await produceTo(client, 't', batch(2, 1))).toMatchObject({ errorCode: 0, baseOffset: 2 })
  expect(await produceTo(client, 't', batch(0, 1))).toMatchObject({ errorCode: 0, baseOffset: 0 })
  expect(await produceTo(client, 't', batch(6, 1))).toMatchObject({ errorCode: 45, baseOffset: -1 })
  expect(await produceTo(client, 't', batch(4, 0))).toMatchObject({ errorCode: 47, baseOffset: -1 })
  const transactional = batchOf(['a'], { producerId: 8, producerEpoch: 0, baseSequence: 0, isTransactional: true })
  expect((await produceTo(client, 't', transactional, { version: 10 })).errorCode).toBe(48)
  expect((await produceTo(client, 't', transactional, { version: 11 })).errorCode).toBe(120)
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(4)
})

test('produce: without acks there is no answer, and an error ends the connection', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const send = (topic: string): number =>
    client.send(API.Produce, 7, {
      acks: 0,
      timeoutMs: 1,
      topicData: [{ name: topic, partitionData: [{ index: 0, records: batchOf(['a']) }] }],
    })
  send('t')
  expect((await client.ask(API.ApiVersions, 0, {})).errorCode).toBe(0)
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(1)
  send('t')
  client.hangUp()
  await turns()
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(2)
  const other = stage.connect()
  other.send(API.Produce, 7, {
    acks: 0,
    timeoutMs: 1,
    topicData: [{ name: 'nope', partitionData: [{ index: 0, records: batchOf(['a']) }] }],
  })
  await turns()
  expect([other.isClosed, other.received.length, stage.warnings.length]).toEqual([true, 0, 1])
})

test('produce: the offset that a client writes into its batch means nothing', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  for (const [baseOffset, records] of [-1, 2 ** 60, 5]
    .map((given) => batchOf(['a'], { baseOffset: given }))
    .entries()) {
    expect(await produceTo(client, 't', records)).toMatchObject({ errorCode: 0, baseOffset })
  }
})

test('produce: many requests at once keep their order, and wait for the disk together', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const ids = Array.from({ length: 50 }, (_, index) =>
    client.send(API.Produce, 9, {
      acks: -1,
      timeoutMs: 1,
      topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf([`${index}`]) }] }],
    }),
  )
  const last = client.send(API.ListOffsets, 1, {
    topics: [{ name: 't', partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
  })
  for (let index = 0; index < 50; index++) {
    const { responses } = await client.receive(API.Produce, 9, ids[index]!)
    expect(responses[0]!.partitionResponses[0]).toMatchObject({ errorCode: 0, baseOffset: index })
  }
  const { topics } = await client.receive(API.ListOffsets, 1, last)
  expect(topics[0]!.partitions[0]!.offset).toBe(50)
})

test('produce: what one connection has waiting for the disk is bounded, with and without acks', async () => {
  for (const acks of [0, -1]) {
    const stage = await BrokerStage.open({ settings: { pipelinedBytesMax: 1000, pipelinedCountMax: 3 } })
    await stage.topic('t')
    const partition = stage.session.streams.partition('t', 0)!
    let openCount = 0
    let openCountMax = 0
    const { append } = partition
    partition.append = (bytes, facts, confirms, sequence) => {
      openCountMax = Math.max(openCountMax, ++openCount)
      const counted = {
        expect: (one: number) => confirms!.expect(one),
        confirmed: (one: number) => {
          openCount--
          confirms!.confirmed(one)
        },
        rejected: (one: number) => confirms!.rejected(one),
      }
      return append.call(partition, bytes, facts, counted, sequence)
    }
    const client = stage.connect()
    for (const size of [10, 10, 10, 10, 10, 600, 600, 5000]) {
      const partitionData = [{ index: 0, records: batchOf(['x'.repeat(size)]) }]
      client.send(API.Produce, 9, { acks, timeoutMs: 1, topicData: [{ name: 't', partitionData }] })
    }
    await turns(20)
    expect([acks, partition.highWatermark, openCountMax]).toEqual([acks, 8, 3])
    expect(client.received.length).toBe(acks === 0 ? 0 : 8)
  }
})

test('produce: while the broker is out of disk nothing is taken, and afterwards everything', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  await client.ask(API.ApiVersions, 0, {})
  const [connection] = stage.connections
  connection!.flow({ kind: 'blocked', reason: 'low on disk' })
  const id = client.send(API.Produce, 9, {
    acks: -1,
    timeoutMs: 1,
    topicData: [{ name: 't', partitionData: [{ index: 0, records: batchOf(['a']) }] }],
  })
  await client.quiet()
  expect(stage.session.streams.partition('t', 0)!.highWatermark).toBe(0)
  connection!.flow({ kind: 'open' })
  expect((await client.receive(API.Produce, 9, id)).responses[0]!.partitionResponses[0]!.errorCode).toBe(0)
})
