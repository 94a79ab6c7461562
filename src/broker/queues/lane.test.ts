import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { bodyOf, QueueBench, TestConsumer } from '../../../test/support/broker/queue-bench.ts'
import { systemClock } from '../../base/clock.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { LANES_PER_QUEUE } from './queue-definition.ts'

const names = (count: number, from = 0): string[] => Array.from({ length: count }, (_, index) => `m${index + from}`)

describe('lane: over restarts', () => {
  test('offsets of messages that were never stored are not given again: storage forgot them for ever', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'busbar-lane-'))
    onTestFinished(() => rm(directory, { recursive: true, force: true }))
    const storage = await openStorage(`file:${directory}`, {
      durability: 'flush',
      clock: systemClock,
      logger: silentLogger,
    })
    onTestFinished(() => storage.close())
    const bench = await QueueBench.open({}, { storage })
    for (const name of names(2)) bench.publish(name)
    for (const name of names(20, 2)) bench.publish(name, { persistent: false })
    // The first stays out, unsettled, so that the log lives on; all else is settled.
    await bench.queue.get(false)
    await bench.drain()
    await bench.flush()
    await bench.restart()
    bench.publish('new')
    await bench.flush()
    await bench.restart()
    expect(await bench.drain()).toEqual(['m0!', 'new'])
  })
})

describe('lane: what settlements leave in memory', () => {
  test('unstored messages settled out of order do not gather until something stored is settled', async () => {
    const bench = await QueueBench.open()
    bench.publish('stored')
    await bench.drain()
    await bench.flush()
    let largestBytes = 0
    const { shard } = bench
    const append = shard.append.bind(shard)
    shard.append = (log, kind, offset, count, payload) => {
      largestBytes = Math.max(largestBytes, payload.length)
      return append(log, kind, offset, count, payload)
    }
    for (let round = 0; round < 1000; round++) {
      for (const name of names(2)) bench.publish(name, { persistent: false })
      const taken = [await bench.queue.get(false), await bench.queue.get(false)]
      for (const got of taken.reverse()) got?.delivery.settle('accept')
      if (round % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    bench.publish('stored too')
    await bench.drain()
    await bench.flush()
    expect(largestBytes).toBeLessThan(10_000)
  })

  test('how often a message came back is forgotten with it, also where nothing was ever stored', async () => {
    const bench = await QueueBench.open()
    for (const name of names(100)) {
      bench.publish(name, { persistent: false })
      const got = await bench.queue.get(false)
      got?.delivery.settle('requeue')
      await bench.drain()
    }
    bench.publish('stored')
    let snapshotBytes = 0
    const { shard } = bench
    const append = shard.append.bind(shard)
    shard.append = (log, kind, offset, count, payload) => {
      snapshotBytes = payload.length
      return append(log, kind, offset, count, payload)
    }
    bench.queue.writeSnapshot(LANES_PER_QUEUE)
    expect(snapshotBytes).toBeGreaterThan(0)
    expect(snapshotBytes).toBeLessThan(100)
  })

  test('the end of a queue gives back the memory of what is out', async () => {
    const bench = await QueueBench.open()
    const consumer = bench.consume(new TestConsumer())
    for (const name of names(3)) bench.publish(name)
    bench.queue.end()
    for (const delivery of consumer.got) delivery.settle('requeue')
    expect(bench.memory.usedBytes).toBe(0)
  })

  test('what comes back while memory is short does not stay in it', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 1 })
    for (const name of names(10)) bench.publish(name)
    const got = await bench.queue.get(false)
    const before = bench.memory.usedBytes
    got?.delivery.settle('requeue')
    expect(bench.memory.usedBytes).toBeLessThan(before)
    expect(await bench.drain()).toEqual(['m0!', ...names(9, 1)])
    expect(bench.memory.usedBytes).toBe(0)
  })

  test('the memory of a delivery that was taken back is given back once, however its message grew meanwhile', async () => {
    const bench = await QueueBench.open({ consumerTimeoutMs: 100, deliveryLimit: 5 })
    const consumer = bench.consume(new TestConsumer({ credit: 3 }))
    bench.publish('slow')
    for (let round = 0; round < 3; round++) {
      bench.clock.advance(100)
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect(consumer.got.length).toBe(3)
    bench.queue.purge()
    expect(bench.memory.usedBytes).toBe(0)
  })
})

describe('lane: reading what may be written again', () => {
  test('waits while too much is on its way to disk', async () => {
    const bench = await QueueBench.open({}, { memoryBytes: 1 })
    bench.publish('m0')
    await bench.flush()
    let pendingBytes = 2 ** 30
    Object.defineProperty(bench.shard.journal, 'pendingBytes', { get: () => pendingBytes })
    let isRead = false
    const got = bench.queue.get(false).then((found) => {
      isRead = true
      return found && bodyOf(found.delivery)
    })
    await new Promise((resolve) => setImmediate(resolve))
    expect(isRead).toBe(false)
    pendingBytes = 0
    bench.publish('m1')
    await bench.flush()
    expect(await got).toBe('m0')
  })

  test('a thousand deliveries rejected at once are read one by one, and die in order', async () => {
    const bench = await QueueBench.open({ deadLetterExchange: 'dlx' }, { memoryBytes: 1 })
    const consumer = bench.consume(new TestConsumer())
    for (const name of names(1000)) bench.publish(name)
    await bench.flush()
    const { shard } = bench
    const readOne = shard.readOne.bind(shard)
    let readingCount = 0
    let readingCountMax = 0
    shard.readOne = async (log, offset) => {
      readingCountMax = Math.max(readingCountMax, ++readingCount)
      const record = await readOne(log, offset)
      readingCount--
      return record
    }
    for (const delivery of consumer.got) delivery.settle('reject')
    while (bench.dead.length < 1000) await new Promise((resolve) => setImmediate(resolve))
    expect(readingCountMax).toBe(1)
    expect(bench.dead.map(({ body }) => body)).toEqual(names(1000))
    expect(bench.memory.usedBytes).toBe(0)
  })
})
