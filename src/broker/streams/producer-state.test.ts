import { afterEach, describe, expect, test } from 'vitest'
import { plainBatch, plainBatches } from '../../../test/support/broker/plain-batches.ts'
import { Answers } from '../../../test/support/broker/queue-bench.ts'
import { contentOf, StreamBench } from '../../../test/support/broker/stream-bench.ts'
import type { Partition } from './stream-door.ts'

let bench: StreamBench
let partition: Partition

afterEach(() => bench.broker.close())

async function open(): Promise<void> {
  bench = await StreamBench.open()
  partition = await bench.create('t')
}

const writer = (sequence: number, epoch = 0, id = 7) => ({ id, epoch, sequence })
const appended = (baseOffset: number) => ({ kind: 'appended', baseOffset })
const duplicate = (baseOffset: number) => ({ kind: 'duplicate', baseOffset })
const refused = (why: string) => ({ kind: 'refused', why })

describe('producers: a repeated batch is told from a new one', () => {
  test('the last five batches are answered with their first offset and not appended again', async () => {
    await open()
    for (let sequence = 0; sequence < 6; sequence++) await bench.append(partition, ['x'], writer(sequence))
    for (let sequence = 1; sequence < 6; sequence++) {
      expect(await bench.append(partition, ['x'], writer(sequence))).toEqual(duplicate(sequence))
    }
    expect(await bench.append(partition, ['x'], writer(0))).toEqual(refused('out-of-order-sequence'))
    expect(partition.highWatermark).toBe(6)
  })

  test('a duplicate is confirmed only when the first one is durable', async () => {
    await open()
    const answers = new Answers()
    bench.appendNow(partition, ['x'], writer(0), answers)
    expect(bench.appendNow(partition, ['x'], writer(0), answers)).toEqual(duplicate(0))
    expect(answers.expected).toEqual([1, 1])
    expect(answers.confirmedSequences).toEqual([])
    await bench.session.durable()
    expect(answers.confirmedSequences).toEqual([1, 1])
    bench.appendNow(partition, ['x'], writer(0), answers)
    expect(answers.confirmedSequences).toEqual([1, 1, 1])
  })

  test('the next sequence must follow; a writer nobody knows may begin anywhere', async () => {
    await open()
    expect(await bench.append(partition, ['a', 'b'], writer(40))).toEqual(appended(0))
    expect(await bench.append(partition, ['c'], writer(43))).toEqual(refused('out-of-order-sequence'))
    expect(await bench.append(partition, ['c'], writer(41))).toEqual(refused('out-of-order-sequence'))
    expect(await bench.append(partition, ['c'], writer(42))).toEqual(appended(2))
  })

  test('sequences go round at 2^31, also in the middle of a batch', async () => {
    await open()
    const last = 2 ** 31 - 1
    expect(await bench.append(partition, ['a'], writer(last - 1))).toEqual(appended(0))
    expect(await bench.append(partition, ['b', 'c', 'd'], writer(last))).toEqual(appended(1))
    expect(await bench.append(partition, ['b', 'c', 'd'], writer(last))).toEqual(duplicate(1))
    expect(await bench.append(partition, ['e'], writer(2))).toEqual(appended(4))
  })

  test('an older epoch is refused, a newer one begins at 0', async () => {
    await open()
    await bench.append(partition, ['a'], writer(0, 3))
    expect(await bench.append(partition, ['b'], writer(1, 2))).toEqual(refused('invalid-producer-epoch'))
    expect(await bench.append(partition, ['b'], writer(1, 4))).toEqual(refused('out-of-order-sequence'))
    expect(await bench.append(partition, ['b'], writer(0, 4))).toEqual(appended(1))
    expect(await bench.append(partition, ['a'], writer(0, 3))).toEqual(refused('invalid-producer-epoch'))
  })

  test('nothing of it is lost over restarts, with and without a snapshot', async () => {
    bench = await StreamBench.open()
    partition = await bench.create('t')
    for (let sequence = 0; sequence < 3; sequence++) await bench.append(partition, ['x'], writer(sequence, 1))
    const known = partition.producers()
    for (let life = 0; life < 3; life++) {
      await bench.restart()
      partition = bench.partition('t')
      if (life === 1) snapshot(partition)
      expect(partition.producers()).toEqual(known)
      expect(await bench.append(partition, ['x'], writer(1, 1))).toEqual(duplicate(1))
      expect(await bench.append(partition, ['x'], writer(4, 1))).toEqual(refused('out-of-order-sequence'))
    }
    expect(await bench.append(partition, ['x'], writer(3, 1))).toEqual(appended(3))
  })

  test('a writer unseen for a day is forgotten, one with an open transaction is not', async () => {
    await open()
    await bench.append(partition, ['x'], writer(0, 0, 1))
    partition.beginTransaction(2, 0)
    await bench.append(partition, ['x'], { ...writer(0, 0, 2), transactional: true })
    bench.clock.advance(25 * 3_600_000)
    expect(partition.producers().map((producer) => producer.producerId)).toEqual([2])
    expect(await bench.append(partition, ['x'], writer(9, 0, 1))).toEqual(appended(2))
  })
})

/** As the engine asks for one. */
function snapshot(of: Partition): void {
  if (!('writeSnapshot' in of && 'log' in of)) throw new Error('no partition of the broker')
  ;(of.writeSnapshot as (log: unknown) => void)(of.log)
}

const inTransaction = (sequence: number, epoch = 0, id = 7) => ({ id, epoch, sequence, transactional: true })

describe('transactions: on one partition', () => {
  test('transactional batches need a transaction, others of that writer must not come while it is open', async () => {
    await open()
    const wrong = refused('invalid-transaction-state')
    expect(await bench.append(partition, ['a'], inTransaction(0))).toEqual(wrong)
    partition.beginTransaction(7, 0)
    expect(await bench.append(partition, ['a'], writer(0))).toEqual(wrong)
    expect(await bench.append(partition, ['a'], inTransaction(0))).toEqual(appended(0))
    await partition.endTransaction(7, 0, 'commit')
    expect(await bench.append(partition, ['b'], inTransaction(1))).toEqual(wrong)
    expect(await bench.append(partition, ['a'], inTransaction(0))).toEqual(duplicate(0))
    expect(await bench.append(partition, ['b'], writer(1))).toEqual(appended(2))
  })

  test('the last stable offset waits for the oldest open one, and moves with its marker', async () => {
    await open()
    partition.beginTransaction(7, 0)
    partition.beginTransaction(8, 0)
    await bench.append(partition, ['plain'])
    await bench.append(partition, ['a'], inTransaction(0))
    await bench.append(partition, ['b'], inTransaction(0, 0, 8))
    expect(partition.lastStableOffset).toBe(1)
    expect(await contentOf(partition, 'committed')).toEqual(['0:plain'])
    await partition.endTransaction(8, 0, 'commit')
    expect(partition.lastStableOffset).toBe(1)
    await partition.endTransaction(7, 0, 'abort')
    expect(partition.lastStableOffset).toBe(5)
    expect(await contentOf(partition, 'committed')).toEqual(['0:plain', '1:a', '2:b', '3:commit', '4:abort'])
    expect(partition.aborted(0, 5)).toMatchObject([{ producerId: 7, firstOffset: 1 }])
    expect(partition.aborted(0, 1)).toEqual([])
    expect(partition.aborted(5, 9)).toEqual([])
  })

  test('a decision counts only when its marker is durable', async () => {
    await open()
    partition.beginTransaction(7, 0)
    await bench.append(partition, ['a'], inTransaction(0))
    const ended = partition.endTransaction(7, 0, 'commit')
    expect(partition.lastStableOffset).toBe(0)
    await ended
    expect(partition.lastStableOffset).toBe(2)
    await partition.endTransaction(7, 0, 'abort')
    expect(partition.highWatermark).toBe(2)
  })

  test('one without a batch leaves a marker and nothing else', async () => {
    await open()
    partition.beginTransaction(7, 0)
    await partition.endTransaction(7, 0, 'abort')
    expect(await contentOf(partition)).toEqual(['0:abort'])
    expect(partition.aborted(0, 9)).toEqual([])
    expect(partition.lastStableOffset).toBe(1)
  })

  test('a marker of a newer epoch shuts the old writer out', async () => {
    await open()
    partition.beginTransaction(7, 0)
    await bench.append(partition, ['a'], inTransaction(0))
    await partition.endTransaction(7, 1, 'abort')
    expect(await bench.append(partition, ['b'], inTransaction(1))).toEqual(refused('invalid-producer-epoch'))
    await partition.endTransaction(7, 0, 'commit')
    expect(partition.highWatermark).toBe(2)
    partition.beginTransaction(7, 1)
    expect(await bench.append(partition, ['b'], inTransaction(0, 1))).toEqual(appended(2))
  })

  test('aborted ones are listed by first offset whatever the order of their ends', async () => {
    await open()
    for (const id of [1, 2, 3]) partition.beginTransaction(id, 0)
    for (const id of [1, 2, 3]) await bench.append(partition, [`${id}`], inTransaction(0, 0, id))
    for (const id of [3, 1, 2]) await partition.endTransaction(id, 0, 'abort')
    const firsts = (from: number, to: number) => partition.aborted(from, to).map((one) => one.firstOffset)
    expect(firsts(0, 6)).toEqual([0, 1, 2])
    expect(firsts(4, 6)).toEqual([0, 1])
    expect(firsts(0, 2)).toEqual([0, 1])
    await partition.deleteBefore(4)
    expect(firsts(0, 6)).toEqual([0, 1])
  })

  test('open and aborted ones are the same after restarts, with and without a snapshot', async () => {
    await open()
    for (const id of [1, 2, 3]) partition.beginTransaction(id, 0)
    await bench.append(partition, ['a'], inTransaction(0, 0, 1))
    await bench.append(partition, ['b'], inTransaction(0, 0, 2))
    await partition.endTransaction(1, 0, 'abort')
    for (let life = 0; life < 3; life++) {
      await bench.restart()
      partition = bench.partition('t')
      if (life === 1) snapshot(partition)
      expect(partition.lastStableOffset).toBe(1)
      expect(partition.aborted(0, 9)).toMatchObject([{ producerId: 1, firstOffset: 0 }])
    }
    // Begun, but without a batch before the restarts.
    expect(await bench.append(partition, ['c'], inTransaction(0, 0, 3))).toEqual(appended(3))
    await partition.endTransaction(3, 0, 'commit')
    await partition.endTransaction(2, 0, 'commit')
    expect(partition.lastStableOffset).toBe(6)
  })

  test('a batch that says it is transactional without a writer is refused', async () => {
    await open()
    const bytes = plainBatch([[null, 'a', 0]])
    const facts = { ...plainBatches.facts(bytes), isTransactional: true }
    expect(partition.append(bytes, facts, undefined, 0)).toEqual(refused('invalid-transaction-state'))
  })
})
