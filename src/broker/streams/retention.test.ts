import { afterEach, describe, expect, test } from 'vitest'
import type { PlainRecord } from '../../../test/support/broker/plain-batches.ts'
import { contentOf, StreamBench } from '../../../test/support/broker/stream-bench.ts'
import type { Partition } from './stream-door.ts'

let bench: StreamBench

afterEach(() => bench.broker.close())

/** One batch of the plain format with a value of 100 bytes has about 260. */
const letters = (partition: Partition, text: string) =>
  [...text].reduce<Promise<unknown>>(
    (before, letter) => before.then(() => bench.append(partition, [letter.repeat(100)])),
    Promise.resolve(),
  )

const firsts = async (partition: Partition) => (await contentOf(partition)).map((one) => one.slice(0, 3))

describe('retention: by size', () => {
  test('whole closed segments go once more is kept than asked for, the growing one stays', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t', 1, { 'segment.bytes': '600', 'retention.bytes': '1000' })
    await letters(partition, 'abcdefgh')
    await bench.session.durable()
    const kept = await firsts(partition)
    expect(kept.at(-1)).toBe('7:h')
    expect(partition.startOffset).toBeGreaterThan(0)
    expect(partition.startOffset % 2).toBe(0)
    expect(partition.storedBytes).toBeGreaterThanOrEqual(1000)
    expect(partition.storedBytes).toBeLessThan(1600)
    const { startOffset, storedBytes } = partition
    await bench.restart()
    expect(bench.partition('t')).toMatchObject({ startOffset, storedBytes })
    expect(await firsts(bench.partition('t'))).toEqual(kept)
  })

  test('a smaller limit takes effect when it is set', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t', 1, { 'segment.bytes': '600' })
    await letters(partition, 'abcdefgh')
    expect(partition.startOffset).toBe(0)
    await bench.streams.setConfigs('t', new Map([['retention.bytes', '0']]))
    expect(partition.startOffset).toBe(6)
  })
})

describe('retention: by age', () => {
  test('a segment goes when its newest record is too old, the growing one when all of it is', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t', 1, { 'segment.ms': '60000', 'retention.ms': '3600000' })
    await letters(partition, 'ab')
    bench.clock.advance(30 * 60_000)
    await letters(partition, 'cd')
    bench.clock.advance(36 * 60_000)
    expect(await firsts(partition)).toEqual(['2:c', '3:d'])
    bench.clock.advance(60 * 60_000)
    expect(await firsts(partition)).toEqual([])
    expect(partition.startOffset).toBe(4)
    await letters(partition, 'e')
    expect(await firsts(partition)).toEqual(['4:e'])
    await bench.restart()
    expect(await firsts(bench.partition('t'))).toEqual(['4:e'])
  })

  test('nothing goes without the policy to delete, or without a limit', async () => {
    bench = await StreamBench.open()
    const compacted = await bench.create('t', 1, { 'cleanup.policy': 'compact', 'retention.ms': '1' })
    const endless = await bench.create('u', 1, { 'retention.ms': '-1' })
    await letters(compacted, 'a')
    await letters(endless, 'a')
    bench.clock.advance(30 * 86_400_000)
    expect(await firsts(compacted)).toEqual(['0:a'])
    expect(await firsts(endless)).toEqual(['0:a'])
  })

  test('what came due while the broker was down goes when it is up again', async () => {
    bench = await StreamBench.open()
    await letters(await bench.create('t', 1, { 'retention.ms': '1000' }), 'ab')
    await bench.broker.close()
    bench.clock.advance(2000)
    await bench.start()
    expect(bench.partition('t').startOffset).toBe(2)
  })
})

describe('time: finding records', () => {
  const at = (timestampMs: number): PlainRecord => [null, 'x', timestampMs]

  test('the first record at or after a moment, the newest, and none', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    expect(await partition.newest()).toBeUndefined()
    await bench.append(partition, [at(10), at(30)])
    await bench.append(partition, [at(20), at(50)])
    await bench.append(partition, [at(40)])
    expect(await partition.findByTime(0)).toEqual({ offset: 0, timestampMs: 10 })
    expect(await partition.findByTime(25)).toEqual({ offset: 1, timestampMs: 30 })
    expect(await partition.findByTime(31)).toEqual({ offset: 3, timestampMs: 50 })
    expect(await partition.findByTime(51)).toBeUndefined()
    expect(await partition.newest()).toEqual({ offset: 3, timestampMs: 50 })
    await partition.deleteBefore(4)
    expect(await partition.findByTime(0)).toEqual({ offset: 4, timestampMs: 40 })
    expect(await partition.newest()).toEqual({ offset: 4, timestampMs: 40 })
  })

  test('single messages are found by the moment they were published', async () => {
    bench = await StreamBench.open()
    await bench.create('t')
    const startMs = bench.clock.nowMs()
    bench.publish('', 't', 'a')
    bench.clock.advance(1000)
    bench.publish('', 't', 'b')
    await bench.session.durable()
    expect(await bench.partition('t').findByTime(startMs + 1)).toEqual({ offset: 1, timestampMs: startMs + 1000 })
  })

  test('a search over a long log agrees with looking at every record, also after a restart', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t', 1, { 'retention.ms': '-1' })
    const times: number[] = []
    for (let batch = 0; batch < 60; batch++) {
      // Time goes on, but not without steps back.
      const timestampMs = batch * 100 + ((batch * 37) % 7) * 100
      times.push(timestampMs)
      bench.appendNow(partition, [[null, 'x'.repeat(8000), timestampMs]])
    }
    await bench.session.durable()
    for (let life = 0; life < 2; life++) {
      for (let sought = 0; sought < 6800; sought += 150) {
        const offset = times.findIndex((time) => time >= sought)
        const expected = offset < 0 ? undefined : { offset, timestampMs: times[offset] }
        expect(await bench.partition('t').findByTime(sought)).toEqual(expected)
      }
      await bench.restart()
    }
  })
})
