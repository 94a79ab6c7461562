import { afterEach, describe, expect, test } from 'vitest'
import { headersOf } from '../../../test/support/broker/plain-format.ts'
import { contentOf, StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { bool } from '../../base/field-value.ts'
import type { Partition, ProgressListener } from './stream-door.ts'

let bench: StreamBench
let partition: Partition

afterEach(() => bench.broker.close())

const DAY_MS = 86_400_000
/** Every batch closes the segment before it: all but the last may be compacted. */
const compacting = { 'cleanup.policy': 'compact', 'segment.bytes': '14', 'min.cleanable.dirty.ratio': '0' }

async function open(configs: Record<string, string> = {}): Promise<void> {
  bench = await StreamBench.open()
  partition = await bench.create('t', 1, { ...compacting, ...configs })
}

/** 'k=v' with a key, 'k-' deletes it. */
const put = (...texts: string[]) =>
  bench.append(
    bench.partition('t'),
    texts.map((text) => {
      const nowMs = bench.clock.nowMs()
      return text.endsWith('-') ? [text.slice(0, -1), null, nowMs] : [text.split('=')[0]!, text.split('=')[1]!, nowMs]
    }),
  )

/** A round of the keeper, and what it began. */
async function compacted(): Promise<string[]> {
  bench.clock.advance(5 * 60_000)
  await bench.broker.compactionIdle()
  return contentOf(bench.partition('t'))
}

describe('compaction: the newest record of each key stays', () => {
  test('order, offsets and the growing segment are left alone', async () => {
    await open()
    await put('a=1', 'b=1')
    await put('a=2', 'c=1')
    await put('a=3')
    await put('a=4')
    expect(await compacted()).toEqual(['0:1', '2:1', '4:3', '5:4'])
    expect(partition).toMatchObject({ startOffset: 0, highWatermark: 6 })
    await put('a=5')
    expect(await compacted()).toEqual(['0:1', '2:1', '5:4', '6:5'])
  })

  test('what is closed soon after a compaction is compacted fifteen seconds after it, not minutes later', async () => {
    await open()
    await put('a=1')
    await put('a=2')
    await compacted()
    await put('a=3')
    await put('a=4')
    await bench.broker.compactionIdle()
    expect(await contentOf(bench.partition('t'))).toHaveLength(4)
    bench.clock.advance(15_000)
    await bench.broker.compactionIdle()
    expect(await contentOf(bench.partition('t'))).toEqual(['2:3', '3:4'])
  })

  test('a reader in a hole gets what comes next, one in a kept batch all that is left of it', async () => {
    await open()
    await put('a=1')
    await put('a=2')
    await put('b=1', 'a=3')
    await put('z=1')
    await compacted()
    expect(await partition.read(0, 1, 'uncommitted')).toMatchObject([{ baseOffset: 2, count: 2 }])
    expect(await partition.read(3, 1, 'uncommitted')).toMatchObject([{ baseOffset: 2, count: 2 }])
    expect(await partition.findByTime(0)).toMatchObject({ offset: 2 })
  })

  test('what was compacted is the same after restarts, and is compacted on', async () => {
    await open()
    for (let round = 1; round <= 4; round++) {
      await put(`a=${round}`, `b=${round}`)
      await put('tail=1')
      const before = await compacted()
      const { storedBytes } = bench.partition('t')
      await bench.restart()
      expect(bench.partition('t').storedBytes).toBe(storedBytes)
      expect(await contentOf(bench.partition('t'))).toEqual(before)
    }
    await put('x=1')
    expect(await compacted()).toEqual(['9:4,4', '11:1', '12:1'])
  })

  test('a kill in the middle leaves the old or the new, never half', async () => {
    await open()
    for (let round = 0; round < 20; round++) await put(`k${round % 3}=${round}`)
    const old = await contentOf(partition)
    bench.clock.advance(5 * 60_000)
    for (let turns = 0; turns < 3; turns++) await new Promise(setImmediate)
    await bench.kill()
    const now = await contentOf(bench.partition('t'))
    if (now.length === old.length) expect(now).toEqual(old)
    expect(await compacted()).toEqual(['15:15', '16:16', '17:17', '18:18', '19:19'].slice(1))
  })

  test('a deletion of a key stays until everybody had the time to see it', async () => {
    await open({ 'delete.retention.ms': String(DAY_MS) })
    await put('a=1')
    await put('a-')
    await put('b=1')
    await put('c=1')
    expect(await compacted()).toEqual(['1:', '2:1', '3:1'])
    bench.clock.advance(DAY_MS + 1)
    await put('d=1')
    await put('e=1')
    expect(await compacted()).toEqual(['2:1', '3:1', '4:1', '5:1'])
  })

  test('the young wait for min.compaction.lag.ms', async () => {
    await open({ 'min.compaction.lag.ms': String(DAY_MS) })
    await put('a=1')
    await put('a=2')
    await put('a=3')
    expect(await compacted()).toHaveLength(3)
    bench.clock.advance(DAY_MS)
    expect(await compacted()).toEqual(['1:2', '2:3'])
  })

  test('it waits until enough is dirty, but not longer than max.compaction.lag.ms', async () => {
    await open({ 'min.cleanable.dirty.ratio': '0.9', 'max.compaction.lag.ms': String(DAY_MS) })
    for (let round = 0; round < 4; round++) await put('a=1', 'b=1')
    await compacted()
    const once = await contentOf(partition)
    await put('a=2')
    await put('a=3')
    expect(await compacted()).toEqual([...once, '8:2', '9:3'])
    bench.clock.advance(DAY_MS)
    expect(await compacted()).toEqual(['5:1', '9:3'].map((one) => (one === '5:1' ? '6:1' : one)))
  })
})

describe('compaction: transactions', () => {
  const writer = { id: 7, epoch: 0, transactional: true }

  test('aborted records go and never count as newest; what is undecided waits', async () => {
    await open()
    await put('a=1')
    partition.beginTransaction(7, 0)
    await bench.append(partition, [['a', 'bad', 0]], { ...writer, sequence: 0 })
    await partition.endTransaction(7, 0, 'abort')
    partition.beginTransaction(7, 0)
    await bench.append(partition, [['b', 'open', 0]], { ...writer, sequence: 1 })
    await put('a=2')
    await put('a=3')
    expect(await compacted()).toEqual(['0:1', '2:abort', '3:open', '4:2', '5:3'])
    await partition.endTransaction(7, 0, 'commit')
    expect(await compacted()).toEqual(['2:abort', '3:open', '5:3', '6:commit'])
    expect(partition.aborted(0, 9)).toHaveLength(1)
  })

  test('old markers go with the knowledge of what was aborted', async () => {
    await open()
    partition.beginTransaction(7, 0)
    await bench.append(partition, [['a', 'bad', 0]], { ...writer, sequence: 0 })
    await partition.endTransaction(7, 0, 'abort')
    await put('b=1')
    await compacted()
    bench.clock.advance(DAY_MS + 1)
    await put('c=1')
    expect(await compacted()).toEqual(['2:1', '3:1'])
    expect(partition.aborted(0, 9)).toEqual([])
    await bench.restart()
    expect(bench.partition('t').aborted(0, 9)).toEqual([])
  })
})

describe('compaction: beside everything else', () => {
  test('single messages are compacted by their key, those without one stay', async () => {
    await open()
    bench.publish('', 't', 'no key')
    bench.publish('', 't', 'one', headersOf({ 'kafka-key': 'k' }))
    bench.publish('', 't', '', headersOf({ 'kafka-key': 'gone', 'kafka-tombstone': bool(true) }))
    await put('k=2')
    await put('z=1')
    expect(await compacted()).toEqual(['0:message', '2:message', '3:2', '4:1'])
    bench.clock.advance(DAY_MS + 1)
    await put('y=1')
    expect(await compacted()).toEqual(['0:message', '3:2', '4:1', '5:1'])
  })

  test('records removed, or the stream deleted, while it runs', async () => {
    await open()
    for (let round = 0; round < 10; round++) await put(`k${round}=1`)
    bench.clock.advance(5 * 60_000)
    const removed = partition.deleteBefore(9)
    await bench.broker.compactionIdle()
    await removed
    expect(await contentOf(partition)).toEqual(['9:1'])
    for (let round = 0; round < 10; round++) await put(`k${round}=2`)
    bench.clock.advance(5 * 60_000)
    await bench.streams.delete('t')
    await bench.broker.compactionIdle()
    await bench.restart()
    expect(bench.streams.list()).toEqual([])
  })

  test('removing reaches into, and over, the compacted part', async () => {
    await open()
    for (let round = 0; round < 10; round++) await put(`k${round}=1`)
    await compacted()
    await partition.deleteBefore(4)
    expect((await contentOf(partition))[0]).toBe('4:1')
    await bench.restart()
    partition = bench.partition('t')
    expect((await contentOf(partition))[0]).toBe('4:1')
    await partition.deleteBefore(9)
    await bench.restart()
    expect(await contentOf(bench.partition('t'))).toEqual(['9:1'])
  })

  test('readers miss nothing while the log is replaced under them', async () => {
    await open({ 'min.cleanable.dirty.ratio': '0' })
    const newest = new Map<string, string>()
    const read = new Map<string, string>()
    let next = 0
    let reading = Promise.resolve()
    const take: ProgressListener = {
      progressed: () => {
        reading = reading.then(follow)
      },
    }
    const follow = async (): Promise<void> => {
      for (let batches = await partition.read(next, 300, 'uncommitted'); batches.length > 0; ) {
        for (const { baseOffset, count, bytes } of batches) {
          expect(baseOffset + count).toBeGreaterThan(next)
          const { records } = JSON.parse(bytes.toString('utf8', 9)) as { records: ([string, string] | null)[] }
          for (const record of records) if (record !== null) read.set(record[0], record[1])
          next = baseOffset + count
        }
        batches = await partition.read(next, 300, 'uncommitted')
      }
    }
    partition.listen(take)
    for (let round = 0; round < 200; round++) {
      const key = `k${(round * 7) % 11}`
      newest.set(key, String(round))
      bench.appendNow(partition, [[key, String(round), 0]])
      bench.clock.advance(2000)
      if (round % 10 === 0) await new Promise(setImmediate)
    }
    await bench.session.durable()
    await bench.broker.compactionIdle()
    await reading
    await follow()
    expect(read).toEqual(newest)
    expect((await compacted()).length).toBeLessThan(15)
  })
})
