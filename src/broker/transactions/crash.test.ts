/**
 * All or nothing over crashes. A crash here is another broker that claims the storage: what was not committed then is
 * lost, and the old broker can write nothing more.
 */
import { afterEach, describe, expect, test } from 'vitest'
import { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { committedOffset, committedValues, isUnstable, TestProducer } from './test-kit.ts'
import type { TransactionOutcome } from './transaction-door.ts'

const PARTITIONS = [0, 1, 2]
/** A whole transaction takes fewer turns of the event loop than this. */
const TURNS_MAX = 40
/** Logs ask for a snapshot all the time, so that snapshots are part of what is replayed. */
const STATE_BYTES_MAX = 64

let bench: StreamBench

afterEach(() => bench.broker.close())

async function turns(count: number): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

interface Progress {
  isEndAsked: boolean
  isEndAnswered: boolean
}

/** One whole transaction: three partitions, one group. */
async function transact(producer: TestProducer, outcome: TransactionOutcome, progress: Progress): Promise<void> {
  await producer.add('t', ...PARTITIONS)
  for (const index of PARTITIONS) producer.write('t', index, [`${index}`])
  await producer.addGroupAndStage('readers', 9)
  await bench.session.durable()
  progress.isEndAsked = true
  const answer = await producer.end(outcome)
  progress.isEndAnswered = answer.kind === 'producer'
}

/** How many of the parts of the transaction a reader sees: its partitions and its group's offset. */
async function visiblePartCount(): Promise<number> {
  const offset = committedOffset(bench, 'readers')
  expect(offset === -1 || offset === 9).toBe(true)
  let count = offset === 9 ? 1 : 0
  for (const index of PARTITIONS) {
    const values = await committedValues(bench, 't', index)
    expect(values.length).toBeLessThanOrEqual(1)
    count += values.length
  }
  return count
}

const PART_COUNT = PARTITIONS.length + 1

async function begin(): Promise<TestProducer> {
  bench = await StreamBench.open(new MemoryStorage(STATE_BYTES_MAX))
  await bench.create('source')
  await bench.create('t', PARTITIONS.length)
  const producer = new TestProducer(bench, 'bank')
  await producer.open()
  return producer
}

describe.each(['commit', 'abort'] as const)('transactions: a crash at every step of a %s', (outcome) => {
  test('afterwards everything is visible or nothing, and nothing is undecided for ever', async () => {
    const seen = new Set<string>()
    for (let step = 0; step < TURNS_MAX; step++) {
      const producer = await begin()
      const progress = { isEndAsked: false, isEndAnswered: false }
      const work = transact(producer, outcome, progress).catch(() => {})
      await turns(step)
      await bench.kill()
      await work
      await turns(TURNS_MAX)
      const state = bench.session.transactions.describe('bank')?.state
      // Unfinished business: an answered end is final, an asked one is decided or not, and who comes next ends it.
      if (progress.isEndAnswered) expect(state).toBe(outcome === 'commit' ? 'committed' : 'aborted')
      expect(await new TestProducer(bench, 'bank').open()).toMatchObject({ kind: 'producer' })
      const count = await visiblePartCount()
      expect([0, PART_COUNT]).toContain(count)
      if (outcome === 'abort' || !progress.isEndAsked) expect(count).toBe(0)
      if (outcome === 'commit' && progress.isEndAnswered) expect(count).toBe(PART_COUNT)
      expect(isUnstable(bench, 'readers')).toBe(false)
      for (const index of PARTITIONS) {
        const { lastStableOffset, highWatermark } = bench.partition('t', index)
        expect(lastStableOffset).toBe(highWatermark)
      }
      seen.add(`${state} ${count > 0 ? 'visible' : 'hidden'}`)
      await bench.broker.close()
    }
    // The steps really fell into all phases.
    const ended = outcome === 'commit' ? ['committed visible'] : ['aborted hidden']
    expect([...seen].sort()).toEqual([...ended, 'empty hidden', 'ongoing hidden'].sort())
  })

  test('a second crash, in the middle of making the first one good, changes nothing', async () => {
    for (let step = 0; step < 6; step++) {
      const producer = await begin()
      const progress = { isEndAsked: false, isEndAnswered: false }
      const work = transact(producer, outcome, progress).catch(() => {})
      while (!progress.isEndAsked) await turns(1)
      // The decision is durable with the next commit, the markers with the one after.
      await turns(2)
      await bench.kill()
      await work
      await turns(step)
      await bench.kill()
      await turns(TURNS_MAX)
      expect(bench.session.transactions.describe('bank')?.state).toBe(outcome === 'commit' ? 'committed' : 'aborted')
      expect(await visiblePartCount()).toBe(outcome === 'commit' ? PART_COUNT : 0)
      await bench.broker.close()
    }
  })
})

test('transactions: who had one open goes on with it after a crash', async () => {
  const producer = await begin()
  await producer.add('t', 0, 1)
  producer.write('t', 0, ['before'])
  await bench.session.durable()
  await bench.kill()
  producer.write('t', 0, ['after'])
  expect(producer.write('t', 1, ['after']).kind).toBe('appended')
  await producer.end('commit')
  expect([await committedValues(bench, 't', 0), await committedValues(bench, 't', 1)]).toEqual([
    ['before', 'after'],
    ['after'],
  ])
})

test('transactions: added partitions take records after a crash although they never heard of it', async () => {
  for (let step = 0; step < 8; step++) {
    const producer = await begin()
    const adding = producer.add('t', 0).catch(() => {})
    await turns(step)
    await bench.kill()
    await adding
    const isIn = bench.session.transactions.describe('bank')?.state === 'ongoing'
    expect(producer.write('t', 0, ['a']).kind).toBe(isIn ? 'appended' : 'refused')
    await bench.broker.close()
  }
})
