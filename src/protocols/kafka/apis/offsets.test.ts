import { expect, test } from 'vitest'
import { BrokerStage, fetchFrom, produceTo, record } from '../broker-stage.test-kit.ts'
import type { TestClient } from '../test-kit.ts'
import { encodeBatch } from '../wire/batch-writer.ts'
import { API } from '../wire/schemas/apis.gen.ts'

const T = 1_700_000_000_000

/** Offsets 0..3: times T, T+20, T+10 in one batch, and T+30. */
async function timed(): Promise<{ stage: BrokerStage; client: TestClient }> {
  const stage = await BrokerStage.open()
  await stage.topic('t')
  const client = stage.connect()
  const at = (ms: number) => record('v', { timestampMs: T + ms })
  await produceTo(client, 't', encodeBatch([at(0), at(20), at(10)]))
  await produceTo(client, 't', encodeBatch([at(30)]))
  return { stage, client }
}

test('list offsets: every version, by end and by time', async () => {
  const { client } = await timed()
  const list = async (version: number, timestamp: number): Promise<number[]> => {
    const topics = [{ name: 't', partitions: [{ partitionIndex: 0, timestamp }] }]
    const response = await client.ask(API.ListOffsets, version, { topics, replicaId: -1 })
    const { errorCode, offset, timestamp: found } = response.topics[0]!.partitions[0]!
    return [errorCode, offset, found]
  }
  for (let version = 1; version <= 11; version++) {
    expect(await list(version, -1)).toEqual([0, 4, -1])
    expect(await list(version, -2)).toEqual([0, 0, -1])
    expect(await list(version, 0)).toEqual([0, 0, T])
    expect(await list(version, T + 5)).toEqual([0, 1, T + 20])
    expect(await list(version, T + 21)).toEqual([0, 3, T + 30])
    expect(await list(version, T + 31)).toEqual([0, -1, -1])
    expect(await list(version, -3)).toEqual(version >= 7 ? [0, 3, T + 30] : [35, -1, -1])
    expect(await list(version, -4)).toEqual(version >= 8 ? [0, 0, -1] : [35, -1, -1])
    expect(await list(version, -5)).toEqual(version >= 9 ? [0, -1, -1] : [35, -1, -1])
    expect(await list(version, -6)).toEqual(version >= 11 ? [0, -1, -1] : [35, -1, -1])
    expect(await list(version, -7)).toEqual([35, -1, -1])
  }
})

test('list offsets: errors, epochs and the end for committed readers', async () => {
  const { stage, client } = await timed()
  const partition = stage.session.streams.partition('t', 0)!
  partition.beginTransaction(3, 0)
  const batch = encodeBatch([record('x', { timestampMs: T + 40 })], {
    producerId: 3,
    producerEpoch: 0,
    baseSequence: 0,
    isTransactional: true,
  })
  await produceTo(client, 't', batch)
  const list = async (one: object, isolationLevel = 0, name = 't'): Promise<number[]> => {
    const partitions = [{ partitionIndex: 0, timestamp: -1, ...one }]
    const { topics } = await client.ask(API.ListOffsets, 5, { isolationLevel, topics: [{ name, partitions }] })
    const { errorCode, offset, leaderEpoch } = topics[0]!.partitions[0]!
    return [errorCode, offset, leaderEpoch]
  }
  expect(await list({})).toEqual([0, 5, 0])
  expect(await list({}, 1)).toEqual([0, 4, 0])
  expect(await list({ timestamp: T + 40 }, 0)).toEqual([0, 4, 0])
  expect(await list({ timestamp: T + 40 }, 1)).toEqual([0, -1, -1])
  expect(await list({ partitionIndex: 9 })).toEqual([3, -1, -1])
  expect(await list({}, 0, 'nope')).toEqual([3, -1, -1])
  expect(await list({ currentLeaderEpoch: 4 })).toEqual([75, -1, -1])
  const twice = [
    { partitionIndex: 0, timestamp: -1 },
    { partitionIndex: 0, timestamp: -2 },
  ]
  const { topics } = await client.ask(API.ListOffsets, 5, { topics: [{ name: 't', partitions: twice }] })
  expect(topics[0]!.partitions.map(({ errorCode }) => errorCode)).toEqual([0, 42])
})

test('offset for leader epoch: the only epoch ends where the log does', async () => {
  const { client } = await timed()
  for (let version = 2; version <= 4; version++) {
    const ask = async (leaderEpoch: number, partition = 0, currentLeaderEpoch = -1): Promise<number[]> => {
      const partitions = [{ partition, currentLeaderEpoch, leaderEpoch }]
      const { topics } = await client.ask(API.OffsetForLeaderEpoch, version, { topics: [{ topic: 't', partitions }] })
      const { errorCode, leaderEpoch: found, endOffset } = topics[0]!.partitions[0]!
      return [errorCode, found, endOffset]
    }
    expect(await ask(0)).toEqual([0, 0, 4])
    expect(await ask(-1)).toEqual([0, -1, -1])
    expect(await ask(1)).toEqual([0, -1, -1])
    expect(await ask(0, 5)).toEqual([3, -1, -1])
    expect(await ask(0, 0, 2)).toEqual([75, -1, -1])
  }
})

test('delete records: what is below is gone for good, and only then', async () => {
  const { client } = await timed()
  const remove = async (version: number, offset: number, partitionIndex = 0): Promise<number[]> => {
    const topics = [{ name: 't', partitions: [{ partitionIndex, offset }] }]
    const response = await client.ask(API.DeleteRecords, version, { topics, timeoutMs: 1 })
    const { errorCode, lowWatermark } = response.topics[0]!.partitions[0]!
    return [errorCode, lowWatermark]
  }
  expect(await remove(0, 1)).toEqual([0, 1])
  expect(await remove(1, 0)).toEqual([0, 1])
  expect(await remove(2, 5)).toEqual([1, -1])
  expect(await remove(2, -2)).toEqual([1, -1])
  expect(await remove(2, 0, 7)).toEqual([3, -1])
  expect(await fetchFrom(client, 't', { fetchOffset: 0 })).toMatchObject({ errorCode: 1 })
  expect(await fetchFrom(client, 't', { fetchOffset: 1 })).toMatchObject({ errorCode: 0, logStartOffset: 1 })
  expect(await remove(2, -1)).toEqual([0, 4])
})
