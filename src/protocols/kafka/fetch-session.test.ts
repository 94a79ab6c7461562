import { expect, test } from 'vitest'
import { BrokerStage, batchOf, produceTo } from './broker-stage.test-kit.ts'
import { type TestClient, turns } from './test-kit.ts'
import { API } from './wire/schemas/apis.gen.ts'

interface Asked {
  readonly id: number
  readonly epoch: number
  /** Partitions with their offsets. */
  readonly parts?: readonly (readonly [number, number])[]
  readonly forgotten?: readonly number[]
  readonly version?: number
  readonly maxBytes?: number
  readonly maxWaitMs?: number
}

interface Told {
  readonly id: number
  readonly errorCode: number
  /** Partitions, and how many bytes of records. */
  readonly parts: readonly (readonly [number, number])[]
}

class SessionStage {
  readonly stage: BrokerStage
  readonly client: TestClient
  readonly #topicId: Buffer
  #other: TestClient

  static async open(): Promise<SessionStage> {
    const stage = await BrokerStage.open()
    return new SessionStage(stage, await stage.topic('t', 4))
  }

  private constructor(stage: BrokerStage, topicId: Buffer) {
    this.stage = stage
    this.client = stage.connect()
    this.#other = stage.connect()
    this.#topicId = topicId
  }

  async put(partition: number, value = 'v'): Promise<void> {
    await produceTo(this.#other, 't', batchOf([value]), { partition })
  }

  send(client: TestClient, asked: Asked): number {
    const { id, epoch, parts = [], forgotten = [], version = 11, maxBytes = 1 << 20, maxWaitMs = 0 } = asked
    const name = version >= 13 ? { topicId: this.#topicId } : { topic: 't' }
    const partitions = parts.map(([partition, fetchOffset]) => ({ partition, fetchOffset, partitionMaxBytes: 1 << 20 }))
    return client.send(API.Fetch, version, {
      maxWaitMs,
      minBytes: 1,
      maxBytes,
      sessionId: id,
      sessionEpoch: epoch,
      topics: parts.length === 0 ? [] : [{ ...name, partitions }],
      forgottenTopicsData: forgotten.length === 0 ? [] : [{ ...name, partitions: forgotten }],
    })
  }

  async receive(client: TestClient, correlationId: number, version = 11): Promise<Told> {
    const response = await client.receive(API.Fetch, version, correlationId)
    const parts = response.responses.flatMap(({ partitions }) =>
      partitions.map((one) => [one.partitionIndex, (one.records as Buffer).length] as const),
    )
    return { id: response.sessionId, errorCode: response.errorCode, parts }
  }

  ask(asked: Asked, client = this.client): Promise<Told> {
    return this.receive(client, this.send(client, asked), asked.version)
  }
}

const ALL = [0, 1, 2, 3].map((partition) => [partition, 0] as const)
const SIZE = batchOf(['v']).length

test('fetch session: the first answer has all partitions, the next ones what changed', async () => {
  for (const version of [7, 12, 13, 18]) {
    const session = await SessionStage.open()
    await session.put(1)
    const first = await session.ask({ id: 0, epoch: 0, parts: ALL, version })
    expect(first).toMatchObject({
      errorCode: 0,
      parts: [
        [0, 0],
        [1, SIZE],
        [2, 0],
        [3, 0],
      ],
    })
    expect(first.id).toBeGreaterThan(0)
    const { id } = first
    expect(await session.ask({ id, epoch: 1, parts: [[1, 1]], version })).toEqual({ id, errorCode: 0, parts: [] })
    await session.put(2)
    expect((await session.ask({ id, epoch: 2, version })).parts).toEqual([[2, SIZE]])
    expect((await session.ask({ id, epoch: 3, parts: [[2, 1]], version })).parts).toEqual([])
    await session.stage.session.streams.partition('t', 1)!.deleteBefore(1)
    expect((await session.ask({ id, epoch: 4, version })).parts).toEqual([[1, 0]])
    expect((await session.ask({ id, epoch: 5, version })).parts).toEqual([])
  }
})

test('fetch session: partitions come and go', async () => {
  const session = await SessionStage.open()
  for (const partition of [0, 1, 2, 3]) await session.put(partition)
  const { id } = await session.ask({
    id: 0,
    epoch: 0,
    parts: [
      [0, 1],
      [1, 1],
    ],
  })
  expect((await session.ask({ id, epoch: 1, parts: [[3, 0]], forgotten: [0] })).parts).toEqual([[3, SIZE]])
  await session.put(0)
  await session.put(1)
  expect((await session.ask({ id, epoch: 2, parts: [[3, 1]] })).parts).toEqual([[1, SIZE]])
})

test('fetch session: an error is told each time, and waits for nothing', async () => {
  const session = await SessionStage.open()
  const { id } = await session.ask({
    id: 0,
    epoch: 0,
    parts: [
      [0, 0],
      [9, 0],
    ],
  })
  expect((await session.ask({ id, epoch: 1, maxWaitMs: 10_000 })).parts).toEqual([[9, 0]])
  expect((await session.ask({ id, epoch: 2, forgotten: [9] })).parts).toEqual([])
})

test('fetch session: who got something goes to the end, so that nobody starves', async () => {
  const session = await SessionStage.open()
  for (const partition of [0, 1, 2, 3]) for (const value of ['a', 'b']) await session.put(partition, value)
  const { id, parts } = await session.ask({ id: 0, epoch: 0, parts: ALL, maxBytes: 1 })
  const order = parts.filter(([, bytes]) => bytes > 0).map(([partition]) => partition)
  for (let epoch = 1; epoch <= 3; epoch++) {
    const told = await session.ask({ id, epoch, maxBytes: 1 })
    order.push(...told.parts.map(([partition]) => partition))
  }
  expect(order).toEqual([0, 1, 2, 3])
})

test('fetch session: a wait ends with what came', async () => {
  const session = await SessionStage.open()
  const { id } = await session.ask({ id: 0, epoch: 0, parts: ALL })
  const waiting = session.send(session.client, { id, epoch: 1, maxWaitMs: 60_000 })
  await session.client.quiet()
  await session.put(3)
  expect((await session.receive(session.client, waiting)).parts).toEqual([[3, SIZE]])
})

test('fetch session: epochs and ids that do not fit are told apart, and do no harm', async () => {
  const session = await SessionStage.open()
  const { id } = await session.ask({ id: 0, epoch: 0, parts: ALL })
  expect(await session.ask({ id, epoch: 2 })).toEqual({ id: 0, errorCode: 71, parts: [] })
  expect(await session.ask({ id: id + 1, epoch: 1 })).toEqual({ id: 0, errorCode: 70, parts: [] })
  expect(await session.ask({ id: 0, epoch: 1 })).toEqual({ id: 0, errorCode: 70, parts: [] })
  expect(await session.ask({ id, epoch: 1, version: 13 })).toEqual({ id: 0, errorCode: 106, parts: [] })
  expect(await session.ask({ id, epoch: 1 })).toEqual({ id, errorCode: 0, parts: [] })
  const elsewhere = session.stage.connect()
  expect(await session.ask({ id, epoch: 2 }, elsewhere)).toEqual({ id: 0, errorCode: 70, parts: [] })
})

test('fetch session: another one takes its place, and a last request closes it', async () => {
  const session = await SessionStage.open()
  const first = await session.ask({ id: 0, epoch: 0, parts: ALL })
  const second = await session.ask({ id: first.id, epoch: 0, parts: [[2, 0]] })
  expect([second.id === first.id, second.parts.length]).toEqual([false, 1])
  expect((await session.ask({ id: first.id, epoch: 1 })).errorCode).toBe(70)
  expect(await session.ask({ id: second.id, epoch: -1, parts: [[0, 0]] })).toEqual({
    id: 0,
    errorCode: 0,
    parts: [[0, 0]],
  })
  expect((await session.ask({ id: second.id, epoch: 1 })).errorCode).toBe(70)
  expect((await session.ask({ id: 0, epoch: -1, parts: ALL })).parts.length).toBe(4)
  await turns()
  expect(session.stage.errors).toEqual([])
})

test('fetch session: what is remembered is bounded', async () => {
  const session = await SessionStage.open()
  const many = (from: number) => Array.from({ length: 15_000 }, (_, index) => [from + index, 0] as const)
  const { id, parts } = await session.ask({ id: 0, epoch: 0, parts: many(0) })
  expect([id > 0, parts.length]).toEqual([true, 15_000])
  expect(await session.ask({ id, epoch: 1, parts: many(15_000) })).toEqual({ id: 0, errorCode: 70, parts: [] })
  expect((await session.ask({ id, epoch: 2 })).errorCode).toBe(70)
  const all = await session.ask({ id: 0, epoch: 0, parts: [...many(0), ...many(15_000)] })
  expect([all.id, all.parts.length]).toEqual([0, 30_000])
})
