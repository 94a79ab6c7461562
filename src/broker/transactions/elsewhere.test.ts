/**
 * Partitions and groups that live elsewhere: they take their time, fail for a while, and know nothing of this log. Not
 * to be had of the one journal of a single broker, so they are played here.
 */
import { expect, test } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { StorageError } from '../../base/errors.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { Shard } from '../shard.ts'
import type { Partition } from '../streams/stream-door.ts'
import { TransactionCoordinator } from './coordinator.ts'
import { defaultTransactionSettings } from './transaction-settings.ts'

const LOG = 64
const { patienceMs, sweepMs } = defaultTransactionSettings

/** What a partition was told, and how it answers an end. */
class FarPartition {
  readonly told: string[] = []
  answer: () => Promise<void> = () => Promise.resolve()

  beginTransaction(producerId: number, producerEpoch: number): void {
    this.told.push(`begin ${producerId} ${producerEpoch}`)
  }

  endTransaction(producerId: number, producerEpoch: number, outcome: string): Promise<void> {
    this.told.push(`${outcome} ${producerId} ${producerEpoch}`)
    return this.answer()
  }
}

class Bench {
  readonly storage = new MemoryStorage()
  readonly clock = new ManualClock()
  readonly partition = new FarPartition()
  readonly failures: unknown[] = []
  coordinator!: TransactionCoordinator
  shard!: Shard

  static async open(): Promise<Bench> {
    const bench = new Bench()
    await bench.start()
    return bench
  }

  async start(): Promise<void> {
    const journal = await this.storage.claim(0)
    this.shard = new Shard(journal, (log) => (log === LOG ? this.coordinator.logOwner : undefined))
    this.coordinator = new TransactionCoordinator({
      shard: this.shard,
      log: LOG,
      clock: this.clock,
      settings: defaultTransactionSettings,
      nextProducerId: async () => 5,
      findPartition: (stream) => (stream === 't' ? (this.partition as unknown as Partition) : undefined),
      groups: { stageOffsets: async ({ offsets }) => offsets.map(() => undefined), endStaged: async () => {} },
      failed: (error) => this.failures.push(error),
    })
    await this.shard.replay()
    this.coordinator.recovered()
  }

  async begun() {
    const { coordinator } = this
    await coordinator.open({ transactionalId: 'bank', timeoutMs: 60_000, expected: undefined })
    const claim = { transactionalId: 'bank', producerId: 5, producerEpoch: 0 }
    expect(await coordinator.addPartitions(claim, [{ stream: 't', partitions: [0] }])).toBeUndefined()
    return { ...claim, outcome: 'commit' as const, renews: false }
  }

  get state() {
    return this.coordinator.describe('bank')?.state
  }
}

async function turns(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

test('transactions elsewhere: a partition hears of a transaction only when the log has it for good', async () => {
  const bench = await Bench.open()
  await bench.coordinator.open({ transactionalId: 'bank', timeoutMs: 60_000, expected: undefined })
  const claim = { transactionalId: 'bank', producerId: 5, producerEpoch: 0 }
  const adding = bench.coordinator.addPartitions(claim, [{ stream: 't', partitions: [0] }])
  await Promise.resolve()
  expect(bench.shard.journal.appended).toBeGreaterThan(bench.shard.journal.committed)
  expect(bench.partition.told).toEqual([])
  await adding
  expect(bench.shard.journal.appended).toBe(bench.shard.journal.committed)
  expect(bench.partition.told).toEqual(['begin 5 0'])
})

test('transactions elsewhere: nobody hears how it ends before the log has the decision for good', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  const { journal } = bench.shard
  let isDurable = false
  bench.partition.answer = async () => {
    isDurable = journal.appended === journal.committed
  }
  await bench.coordinator.end(request)
  expect(isDurable).toBe(true)
})

test('transactions elsewhere: the end is answered when the slowest partition has it, and others wait so long', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  let markerIsDurable: () => void = () => {}
  bench.partition.answer = () =>
    new Promise((resolve) => {
      markerIsDurable = resolve
    })
  let isAnswered = false
  const ending = bench.coordinator.end(request).then((answer) => {
    isAnswered = true
    return answer
  })
  await turns()
  expect([bench.state, isAnswered]).toEqual(['committing', false])
  expect(bench.coordinator.check(request, [])).toBe('concurrent')
  const waiting = bench.coordinator.addPartitions(request, [{ stream: 't', partitions: [1] }])
  markerIsDurable()
  expect(await ending).toMatchObject({ kind: 'producer' })
  expect(await waiting).toBeUndefined()
  expect(bench.state).toBe('ongoing')
})

test('transactions elsewhere: who waits too long is told to come back', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  bench.partition.answer = () => new Promise(() => {})
  void bench.coordinator.end(request)
  await turns()
  const again = bench.coordinator.end(request)
  const opening = bench.coordinator.open({ transactionalId: 'bank', timeoutMs: 60_000, expected: undefined })
  bench.clock.advance(patienceMs)
  expect(await again).toEqual({ kind: 'refused', why: 'concurrent' })
  expect(await opening).toEqual({ kind: 'refused', why: 'concurrent' })
})

test('transactions elsewhere: a partition that cannot be told is told again until it can', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  const unreachable = new StorageError('fenced', 'the partition has another owner')
  bench.partition.answer = () => Promise.reject(unreachable)
  expect(await bench.coordinator.end(request)).toEqual({ kind: 'refused', why: 'unavailable' })
  bench.clock.advance(sweepMs)
  await turns()
  expect([bench.state, bench.failures]).toEqual(['committing', []])
  bench.partition.answer = () => Promise.resolve()
  bench.clock.advance(sweepMs)
  await turns()
  expect(bench.state).toBe('committed')
  expect(bench.partition.told).toEqual(['begin 5 0', 'commit 5 0', 'commit 5 0', 'commit 5 0'])
  expect(await bench.coordinator.end(request)).toMatchObject({ kind: 'producer' })
})

test('transactions elsewhere: the next request finishes what could not be finished', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  bench.partition.answer = () => Promise.reject(new StorageError('fenced', 'the partition has another owner'))
  await bench.coordinator.end(request)
  bench.partition.answer = () => Promise.resolve()
  expect(await bench.coordinator.addPartitions(request, [{ stream: 't', partitions: [0] }])).toBeUndefined()
  expect(bench.partition.told.slice(1)).toEqual(['commit 5 0', 'commit 5 0', 'begin 5 0'])
})

test('transactions elsewhere: after a crash, partitions are told what was decided, and of what is open', async () => {
  for (const isDecided of [false, true]) {
    const bench = await Bench.open()
    const request = await bench.begun()
    bench.partition.answer = () => new Promise(() => {})
    if (isDecided) void bench.coordinator.end(request)
    await turns()
    bench.partition.told.length = 0
    bench.partition.answer = () => Promise.resolve()
    await bench.start()
    await turns()
    expect(bench.partition.told).toEqual([isDecided ? 'commit 5 0' : 'begin 5 0'])
    expect(bench.state).toBe(isDecided ? 'committed' : 'ongoing')
  }
})

test('transactions elsewhere: without storage everything is refused, and nothing is thrown', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  await bench.shard.journal.close()
  const { coordinator } = bench
  expect(await coordinator.end(request)).toEqual({ kind: 'refused', why: 'unavailable' })
  expect(await coordinator.addGroup(request, 'g')).toBe('unavailable')
  expect(await coordinator.open({ transactionalId: 'shop', timeoutMs: 1, expected: undefined })).toEqual({
    kind: 'refused',
    why: 'unavailable',
  })
  coordinator.close()
  expect(await coordinator.newProducer()).toEqual({ kind: 'refused', why: 'unavailable' })
})

test('transactions elsewhere: what is our own fault is thrown, and handed on where nobody waits', async () => {
  const bench = await Bench.open()
  const request = await bench.begun()
  bench.partition.answer = () => Promise.reject(new Error('a bug'))
  await expect(bench.coordinator.end(request)).rejects.toThrow('a bug')
  bench.clock.advance(sweepMs)
  await turns()
  expect(bench.failures).toMatchObject([{ message: 'a bug' }])
})
