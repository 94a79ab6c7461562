import { expect, test } from 'vitest'
import { BrokerStage, batchOf, fetchFrom, fetchRequest, NO_ID, produceTo } from '../broker-stage.test-kit.ts'
import { type TestClient, turns } from '../test-kit.ts'
import { openRecords } from '../wire/batch-writer.ts'
import { BatchHeader, readBatchHeader } from '../wire/record-batch.ts'
import { API } from '../wire/schemas/apis.gen.ts'

/** Offsets and values of all records, batch after batch. */
function valuesIn(records: unknown): [number, string][] {
  const bytes = records as Buffer
  const found: [number, string][] = []
  const header = new BatchHeader()
  for (let at = 0; at < bytes.length; at = header.end) {
    expect(readBatchHeader(bytes, at, bytes.length, header)).toBeUndefined()
    const reader = openRecords(bytes, header, 1 << 20)
    while (reader.next()) {
      if (!header.isControl) found.push([header.baseOffset + reader.offsetDelta, String(reader.value)])
    }
  }
  return found
}

async function filled(values: readonly (readonly string[])[]): Promise<{ stage: BrokerStage; client: TestClient }> {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  for (const batch of values) await produceTo(client, 't', batchOf(batch))
  return { stage, client }
}

test('fetch: every version gives the records and the ends of the partition', async () => {
  const stage = await BrokerStage.open()
  const topicId = await stage.topic('t')
  const client = stage.connect()
  await produceTo(client, 't', batchOf(['a', 'b']))
  for (let version = 4; version <= 18; version++) {
    const answer = await fetchFrom(client, 't', { version, topicId })
    expect(answer).toMatchObject({ errorCode: 0, highWatermark: 2, lastStableOffset: 2, abortedTransactions: null })
    expect(valuesIn(answer.records)).toEqual([
      [0, 'a'],
      [1, 'b'],
    ])
  }
})

test('fetch: an offset inside a batch gives the whole batch, the end gives nothing, beyond is an error', async () => {
  const { client } = await filled([['a', 'b', 'c'], ['d']])
  expect(valuesIn((await fetchFrom(client, 't', { fetchOffset: 1 })).records).map(([offset]) => offset)).toEqual([
    0, 1, 2, 3,
  ])
  expect(await fetchFrom(client, 't', { fetchOffset: 4 })).toMatchObject({ errorCode: 0, highWatermark: 4 })
  expect(await fetchFrom(client, 't', { fetchOffset: 5 })).toMatchObject({ errorCode: 1, highWatermark: -1 })
  expect(await fetchFrom(client, 't', { fetchOffset: -1 })).toMatchObject({ errorCode: 1 })
})

test('fetch: limits hold for all but the first batch of an answer', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t', 2)
  const client = stage.connect()
  const large = 'x'.repeat(5000)
  for (const partition of [0, 1]) {
    for (let count = 0; count < 3; count++) await produceTo(client, 't', batchOf([large]), { partition })
  }
  const lengths = async (maxBytes: number, partitionMaxBytes: number): Promise<number[]> => {
    const partitions = [0, 1].map((partition) => ({ partition, fetchOffset: 0, partitionMaxBytes }))
    const response = await client.ask(API.Fetch, 8, {
      maxWaitMs: 0,
      minBytes: 1,
      maxBytes,
      topics: [{ topic: 't', partitions }],
    })
    return response.responses[0]!.partitions.map(({ records }) => valuesIn(records).length)
  }
  expect(await lengths(1, 1)).toEqual([1, 0])
  expect(await lengths(1 << 20, 1)).toEqual([1, 0])
  expect(await lengths(12_000, 1 << 20)).toEqual([2, 0])
  expect(await lengths(1 << 20, 11_000)).toEqual([2, 2])
  expect(await lengths(17_000, 11_000)).toEqual([2, 1])
  expect(await lengths(1 << 20, 1 << 20)).toEqual([3, 3])
})

test('fetch: waits until there is something, for no longer than asked, and wakes at once', async () => {
  const { stage, client } = await filled([['a']])
  const other = stage.connect()
  const request = fetchRequest('t', { fetchOffset: 1, maxWaitMs: 500 })
  const first = client.send(API.Fetch, 11, request)
  await client.quiet()
  await produceTo(other, 't', batchOf(['b']))
  const woken = await client.receive(API.Fetch, 11, first)
  expect(valuesIn(woken.responses[0]!.partitions[0]!.records)).toEqual([[1, 'b']])
  const timerCount = stage.clock.pendingTimerCount
  const second = client.send(API.Fetch, 11, fetchRequest('t', { fetchOffset: 2, maxWaitMs: 500 }))
  await client.quiet()
  stage.clock.advance(499)
  await client.quiet()
  stage.clock.advance(1)
  const late = await client.receive(API.Fetch, 11, second)
  expect(late.responses[0]!.partitions[0]).toMatchObject({ errorCode: 0, highWatermark: 2 })
  expect(stage.clock.pendingTimerCount).toBe(timerCount)
})

test('fetch: waits for as many bytes as asked, and gives each record once', async () => {
  const { stage, client } = await filled([['a']])
  const other = stage.connect()
  const id = client.send(API.Fetch, 11, fetchRequest('t', { minBytes: 250, maxWaitMs: 10_000 }))
  for (const value of ['b', 'c']) {
    await client.quiet()
    await produceTo(other, 't', batchOf([value]))
  }
  await client.quiet()
  await produceTo(other, 't', batchOf(['d']))
  const { responses } = await client.receive(API.Fetch, 11, id)
  expect(valuesIn(responses[0]!.partitions[0]!.records).map(([, value]) => value)).toEqual(['a', 'b', 'c', 'd'])
})

test('fetch: an error in one partition is told at once, without waiting for the others', async () => {
  const { client } = await filled([['a']])
  const response = await client.ask(API.Fetch, 11, {
    maxWaitMs: 10_000,
    minBytes: 1,
    maxBytes: 1000,
    topics: [
      {
        topic: 't',
        partitions: [
          { partition: 0, fetchOffset: 1, partitionMaxBytes: 100 },
          { partition: 3, fetchOffset: 0, partitionMaxBytes: 100 },
        ],
      },
      { topic: 'nope', partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 100 }] },
    ],
  })
  expect(response.responses.map(({ partitions }) => partitions.map(({ errorCode }) => errorCode))).toEqual([
    [0, 3],
    [3],
  ])
})

test('fetch: ids that nobody has, and leader epochs of the past and the future', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  expect(await fetchFrom(client, 't', { version: 13, topicId: NO_ID })).toMatchObject({ errorCode: 100 })
  expect(await fetchFrom(client, 't', { version: 18, topicId: Buffer.alloc(16, 3) })).toMatchObject({ errorCode: 100 })
  for (const [currentLeaderEpoch, errorCode] of [
    [-1, 0],
    [0, 0],
    [1, 75],
  ] as const) {
    const response = await client.ask(API.Fetch, 11, {
      maxWaitMs: 0,
      topics: [
        { topic: 't', partitions: [{ partition: 0, currentLeaderEpoch, fetchOffset: 0, partitionMaxBytes: 100 }] },
      ],
    })
    expect(response.responses[0]!.partitions[0]!.errorCode).toBe(errorCode)
  }
})

test('fetch: committed readers stop at an open transaction, and are told of aborted ones', async () => {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const partition = stage.session.streams.partition('t', 0)!
  const inTransaction = (value: string, baseSequence: number): Buffer =>
    batchOf([value], { producerId: 9, producerEpoch: 0, baseSequence, isTransactional: true })
  await produceTo(client, 't', batchOf(['before']))
  partition.beginTransaction(9, 0)
  await produceTo(client, 't', inTransaction('x', 0))
  await produceTo(client, 't', batchOf(['after']))
  const open = await fetchFrom(client, 't', { isolationLevel: 1 })
  expect(valuesIn(open.records)).toEqual([[0, 'before']])
  expect([open.lastStableOffset, open.highWatermark, open.abortedTransactions]).toEqual([1, 3, []])
  expect(valuesIn((await fetchFrom(client, 't')).records).length).toBe(3)
  const id = client.send(API.Fetch, 11, fetchRequest('t', { isolationLevel: 1, fetchOffset: 1, maxWaitMs: 5000 }))
  await client.quiet()
  await partition.endTransaction(9, 0, 'abort')
  const { responses } = await client.receive(API.Fetch, 11, id)
  const decided = responses[0]!.partitions[0]!
  expect(decided).toMatchObject({ abortedTransactions: [{ producerId: 9, firstOffset: 1 }], lastStableOffset: 4 })
  expect(valuesIn(decided.records).map(([offset]) => offset)).toEqual([1, 2])
})

test('fetch: a wait ends when the topic is deleted, the client leaves, or the server stops', async () => {
  const { stage, client } = await filled([['a']])
  const wait = (): number => client.send(API.Fetch, 11, fetchRequest('t', { fetchOffset: 1, maxWaitMs: 60_000 }))
  const deleted = wait()
  await client.quiet()
  await stage.session.streams.delete('t')
  const { responses } = await client.receive(API.Fetch, 11, deleted)
  expect(responses[0]!.partitions[0]!.errorCode).toBe(3)
  await stage.topic('t')
  const left = stage.connect()
  left.send(API.Fetch, 11, fetchRequest('t', { maxWaitMs: 60_000 }))
  await turns()
  left.hangUp()
  await turns()
  expect(stage.goneCount).toBe(1)
  const stopped = client.send(API.Fetch, 11, fetchRequest('t', { maxWaitMs: 60_000 }))
  await client.quiet()
  stage.connections[0]!.close({ kind: 'shutdown' })
  expect((await client.receive(API.Fetch, 11, stopped)).responses[0]!.partitions[0]!.errorCode).toBe(0)
  await turns()
  expect([client.isClosed, stage.errors]).toEqual([true, []])
})

test('fetch: large records go to the socket as they lie in storage, many times over', async () => {
  const { client } = await filled([['y'.repeat(200_000)]])
  const first = await fetchFrom(client, 't', { partitionMaxBytes: 1 << 20 })
  const again = await fetchFrom(client, 't', { partitionMaxBytes: 1 << 20 })
  expect(valuesIn(first.records)).toEqual(valuesIn(again.records))
})

test('fetch: a client that does not read its answers makes the broker hold one of them, not all', async () => {
  const { stage, client } = await filled([['z'.repeat(700_000)]])
  const partition = stage.session.streams.partition('t', 0)!
  const { read } = partition
  let readCount = 0
  partition.read = (...given) => {
    readCount++
    return read.apply(partition, given)
  }
  client.socket.stall()
  const ids = Array.from({ length: 10 }, () =>
    client.send(API.Fetch, 11, fetchRequest('t', { partitionMaxBytes: 1 << 20 })),
  )
  await turns(20)
  expect(readCount).toBe(1)
  client.socket.unstall()
  for (const id of ids) await client.receive(API.Fetch, 11, id)
  expect(readCount).toBe(10)
})

test('fetch: the more is unread by others, the smaller the answers, but everybody gets on', async () => {
  const stage = await BrokerStage.open({ settings: { unreadBytesMax: 2_000_000 } })
  await stage.topic('t')
  const producer = stage.connect()
  for (let count = 0; count < 8; count++) await produceTo(producer, 't', batchOf(['z'.repeat(500_000)]))
  const request = fetchRequest('t', { partitionMaxBytes: 1 << 24 })
  const count = async (client: TestClient): Promise<number> =>
    valuesIn((await client.ask(API.Fetch, 11, request)).responses[0]!.partitions[0]!.records).length
  expect(await count(stage.connect())).toBe(3)
  expect(stage.unread.heldBytes).toBe(0)
  const slow = [stage.connect(), stage.connect()]
  for (const client of slow) {
    client.socket.stall()
    client.send(API.Fetch, 11, request)
    await turns(20)
  }
  expect(stage.unread.heldBytes).toBeGreaterThan(1_900_000)
  expect(await count(stage.connect())).toBe(1)
  slow[0]!.socket.destroy()
  slow[1]!.socket.unstall()
  await turns(20)
  expect(stage.unread.heldBytes).toBe(0)
  expect(await count(stage.connect())).toBe(3)
})
