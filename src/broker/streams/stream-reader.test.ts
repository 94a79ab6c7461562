import { afterEach, describe, expect, test } from 'vitest'
import { headersOf } from '../../../test/support/broker/plain-format.ts'
import { bodyOf, TestConsumer } from '../../../test/support/broker/queue-bench.ts'
import { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { array, bool, type FieldValue, long, longstr, table, timestamp } from '../../base/field-value.ts'
import type { Consumer, Delivery } from '../queues/consumer.ts'
import type { Partition } from './stream-door.ts'

let bench: StreamBench

afterEach(() => bench.broker.close())

/** A consumer that tells when it got something. */
class Reader extends TestConsumer {
  #told: (() => void)[] = []

  override deliver(delivery: Delivery): void {
    super.deliver(delivery)
    for (const tell of this.#told.splice(0)) tell()
  }

  /** `partition.offset:body` of everything, once there are so many. */
  async places(count: number): Promise<string[]> {
    while (this.got.length < count) await new Promise<void>((resolve) => this.#told.push(resolve))
    return this.got.map((got) => `${got.stream?.partition}.${got.stream?.offset}:${bodyOf(got)}`)
  }
}

async function consume(name: string, offset?: FieldValue | string, reader = new Reader()): Promise<Reader> {
  const value = typeof offset === 'string' ? longstr(offset) : offset
  const args = headersOf(value === undefined ? {} : { 'x-stream-offset': value })
  const spec = { queue: name, exclusive: false, arguments: args, prefetchCount: 100 }
  const subscription = await bench.session.consume(spec, reader)
  reader.grant = (credit) => {
    reader.credit += credit
    subscription.wake()
  }
  subscription.activate()
  return reader
}

/** Whatever could come has come. */
async function calm(): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await new Promise(setImmediate)
}

async function filled(): Promise<Partition> {
  bench = await StreamBench.open()
  const partition = await bench.create('t')
  await bench.append(partition, ['a', 'b'])
  bench.clock.advance(60_000)
  await bench.append(partition, ['c', 'd'])
  return partition
}

describe('stream reader: where it begins', () => {
  test.each<[string, FieldValue | string | undefined, string[]]>([
    ['the first', 'first', ['0.0:a', '0.1:b', '0.2:c', '0.3:d', '0.4:e']],
    ['the last batch', 'last', ['0.2:c', '0.3:d', '0.4:e']],
    ['what comes next', 'next', ['0.4:e']],
    ['what comes next, when nothing is said', undefined, ['0.4:e']],
    ['an offset inside a batch', long(1), ['0.1:b', '0.2:c', '0.3:d', '0.4:e']],
    ['an offset that is not there yet', long(99), ['0.4:e']],
    ['offsets by partition', table(new Map([['0', long(3)]])), ['0.3:d', '0.4:e']],
    ['an age', '30s', ['0.2:c', '0.3:d', '0.4:e']],
    ['a moment', timestamp(1_700_000_060), ['0.2:c', '0.3:d', '0.4:e']],
    ['a moment to come', timestamp(1_800_000_000), ['0.4:e']],
  ])('%s', async (_, offset, expected) => {
    const partition = await filled()
    const reader = await consume('t', offset)
    await bench.append(partition, ['e'])
    expect(await reader.places(expected.length)).toEqual(expected)
  })

  test('what is no offset is refused', async () => {
    await filled()
    for (const offset of ['soon', '7d', long(-1), table(new Map([['x', long(1)]]))]) {
      await expect(consume('t', offset)).rejects.toThrow("invalid arg 'x-stream-offset'")
    }
  })
})

describe('stream reader: how it reads', () => {
  test('without acknowledgements or a prefetch it is refused in the words of RabbitMQ', async () => {
    await filled()
    const spec = { queue: 't', exclusive: false, arguments: new Map() }
    await expect(bench.session.consume(spec, new Reader({ noAck: true }))).rejects.toThrow(
      "automatic acknowledgement not supported by stream queues queue 't' in vhost '/'",
    )
    await expect(bench.session.consume(spec, new Reader())).rejects.toThrow(
      "consumer prefetch count is not set for 'queue 't' in vhost '/''",
    )
  })

  test('as far as the credit goes, and on when there is more', async () => {
    const partition = await filled()
    const reader = await consume('t', 'first', new Reader({ credit: 1 }))
    await reader.places(1)
    await calm()
    expect(reader.got).toHaveLength(1)
    for (const delivery of reader.got) delivery.settle('accept')
    reader.grant(2)
    expect(await reader.places(3)).toEqual(['0.0:a', '0.1:b', '0.2:c'])
    await bench.append(partition, ['e'])
    reader.grant(5)
    expect(await reader.places(5)).toEqual(['0.0:a', '0.1:b', '0.2:c', '0.3:d', '0.4:e'])
  })

  test('every reader gets every record, and nothing is used up', async () => {
    await filled()
    const readers = [await consume('t', 'first'), await consume('t', 'first')]
    for (const reader of readers) expect(await reader.places(4)).toHaveLength(4)
    expect(bench.session.checkQueue('t')).toMatchObject({ readyCount: 4, consumerCount: 2 })
  })

  test('all partitions, each in order, also those that come later', async () => {
    bench = await StreamBench.open()
    await bench.create('t', 3)
    for (let round = 0; round < 9; round++) bench.publish('', 't', `${round}`)
    await bench.session.durable()
    const reader = await consume('t', 'first')
    await reader.places(9)
    await bench.streams.addPartitions('t', 4)
    await bench.append(bench.partition('t', 3), ['new'])
    const places = await reader.places(10)
    expect(places.at(-1)).toBe('3.0:new')
    for (const partition of ['0', '1', '2']) {
      const own = places.filter((place) => place.startsWith(partition)).map((place) => place.slice(2, 3))
      expect(own).toEqual(['0', '1', '2'])
    }
  })

  test('only what is committed, without markers', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    const reader = await consume('t', 'first')
    for (const [id, outcome] of [
      [1, 'abort'],
      [2, 'commit'],
    ] as const) {
      partition.beginTransaction(id, 0)
      await bench.append(partition, [`${outcome}ed`], { id, epoch: 0, sequence: 0, transactional: true })
      await calm()
      expect(reader.got.length).toBe(0)
      await partition.endTransaction(id, 0, outcome)
    }
    expect(await reader.places(1)).toEqual(['0.2:commited'])
  })

  test('only what passes the filter', async () => {
    bench = await StreamBench.open()
    await bench.create('t')
    for (const value of ['red', 'green', 'red', undefined, 'blue']) {
      bench.publish('', 't', `${value}`, headersOf(value === undefined ? {} : { 'x-stream-filter-value': value }))
    }
    await bench.session.durable()
    const filtered = async (filter: Record<string, FieldValue>): Promise<Reader> => {
      const args = headersOf({ 'x-stream-offset': 'first', ...filter })
      const reader = new Reader()
      const spec = { queue: 't', exclusive: false, arguments: args, prefetchCount: 10 }
      const subscription = await bench.session.consume(spec, reader)
      subscription.activate()
      await calm()
      return reader
    }
    const red = await filtered({ 'x-stream-filter': longstr('red') })
    expect(red.bodies).toEqual(['red', 'red'])
    const several = array([longstr('green'), longstr('blue')])
    const rest = await filtered({ 'x-stream-filter': several, 'x-stream-match-unfiltered': bool(true) })
    expect(rest.bodies).toEqual(['green', 'undefined', 'blue'])
    await expect(filtered({ 'x-stream-filter': long(5) })).rejects.toThrow("invalid arg 'x-stream-filter'")
  })

  test('a slow one goes on where the kept records begin', async () => {
    const partition = await filled()
    const reader = await consume('t', 'first', new Reader({ credit: 0 }))
    await bench.append(partition, ['e'])
    await partition.deleteBefore(3)
    reader.grant(10)
    expect((await reader.places(2)).slice(-1)).toEqual(['0.4:e'])
  })

  test('a cancelled one gets nothing more, a deleted stream cancels', async () => {
    const partition = await filled()
    const reader = await consume('t', 'first')
    await reader.places(4)
    const quiet: Consumer = new Reader()
    const spec = { queue: 't', exclusive: false, arguments: new Map(), prefetchCount: 1 }
    const subscription = await bench.session.consume(spec, quiet)
    subscription.activate()
    subscription.cancel()
    await bench.append(partition, ['e'])
    expect(await reader.places(5)).toHaveLength(5)
    expect((quiet as Reader).got).toEqual([])
    await bench.streams.delete('t')
    expect(reader.cancelReason).toBe('queue-deleted')
    expect((quiet as Reader).cancelReason).toBeUndefined()
  })

  test('an exclusive one has the stream for himself', async () => {
    await filled()
    const spec = { queue: 't', exclusive: true, arguments: new Map(), prefetchCount: 1 }
    const subscription = await bench.session.consume(spec, new Reader())
    await expect(consume('t')).rejects.toThrow("queue 't' in vhost '/' in exclusive use")
    subscription.cancel()
    await consume('t')
    await expect(bench.session.consume(spec, new Reader())).rejects.toThrow('in exclusive use')
  })
})
