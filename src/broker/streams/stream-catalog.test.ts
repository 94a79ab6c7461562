import { afterEach, describe, expect, test } from 'vitest'
import { headersOf } from '../../../test/support/broker/plain-format.ts'
import { Answers } from '../../../test/support/broker/queue-bench.ts'
import { contentOf, StreamBench } from '../../../test/support/broker/stream-bench.ts'

let bench: StreamBench

afterEach(() => bench.broker.close())

const declare = (name: string, values: Record<string, string | number>, more = {}) =>
  bench.session.declareQueue({
    name,
    durable: true,
    exclusive: false,
    autoDelete: false,
    arguments: headersOf(values),
    ...more,
  })

describe('streams: making, changing and deleting them', () => {
  test('a stream keeps its id, partitions and configs over a restart', async () => {
    bench = await StreamBench.open()
    await bench.create('t', 2, { 'retention.ms': '1000' })
    const made = bench.streams.find('t')
    expect(made).toMatchObject({ name: 't', partitionCount: 2, isInternal: false })
    expect(made?.id).toHaveLength(16)
    await bench.restart()
    expect(bench.streams.find('t')).toEqual(made)
    expect(bench.streams.findById(made!.id)).toEqual(made)
    expect(bench.streams.list()).toEqual([made])
  })

  test('a name is taken once, by a queue or a stream', async () => {
    bench = await StreamBench.open()
    await bench.create('t')
    await expect(bench.create('t')).rejects.toThrow("queue 't' in vhost '/' exists already")
    await declare('q', {})
    await expect(bench.create('q')).rejects.toThrow('exists already')
    await expect(declare('t', {})).rejects.toThrow("inequivalent arg 'x-queue-type'")
    await declare('t', { 'x-queue-type': 'stream' })
    expect(bench.streams.find('q')).toBeUndefined()
    await expect(bench.streams.create({ name: 'a b', partitionCount: 1, configs: new Map() })).rejects.toThrow(
      'no name',
    )
  })

  test('partitions grow, keep what they have, and are the same objects', async () => {
    bench = await StreamBench.open()
    const first = await bench.create('t')
    await bench.append(first, ['a'])
    expect(await bench.streams.addPartitions('t', 3)).toMatchObject({ partitionCount: 3 })
    expect(bench.partition('t')).toBe(first)
    await bench.append(bench.partition('t', 2), ['c'])
    await expect(bench.streams.addPartitions('t', 3)).rejects.toThrow('has 3 partitions already')
    await bench.restart()
    expect(await contentOf(bench.partition('t', 0))).toEqual(['0:a'])
    expect(await contentOf(bench.partition('t', 2))).toEqual(['0:c'])
    expect(bench.streams.partition('t', 3)).toBeUndefined()
  })

  test('configs are checked, replaced as a whole and kept', async () => {
    bench = await StreamBench.open()
    await bench.create('t', 1, { 'segment.bytes': '100' })
    await bench.streams.setConfigs('t', new Map([['cleanup.policy', 'compact,delete']]))
    await expect(bench.streams.setConfigs('t', new Map([['colour', 'red']]))).rejects.toThrow(
      'Unknown topic config name: colour',
    )
    await expect(bench.streams.setConfigs('t', new Map([['retention.ms', '-2']]))).rejects.toThrow('at least -1')
    await expect(bench.streams.setConfigs('u', new Map())).rejects.toThrow("no stream 'u'")
    await bench.restart()
    expect(bench.streams.find('t')?.configs).toEqual(new Map([['cleanup.policy', 'compact,delete']]))
  })

  test('a deleted stream is gone with its data, and one made anew has another id', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    await bench.append(partition, ['a'])
    const { id } = bench.streams.find('t')!
    await bench.streams.delete('t')
    expect(partition.isGone).toBe(true)
    expect(bench.appendNow(partition, ['b'])).toEqual({ kind: 'refused', why: 'storage-failed' })
    expect(bench.streams.findById(id)).toBeUndefined()
    await expect(bench.streams.delete('t')).rejects.toThrow("no stream 't'")
    await bench.create('t')
    expect(bench.streams.find('t')?.id).not.toEqual(id)
    await bench.restart()
    expect(await contentOf(bench.partition('t'))).toEqual([])
  })
})

describe('streams: as a queue of the topology', () => {
  test('an exchange feeds a stream, and the confirm comes when the record is durable', async () => {
    bench = await StreamBench.open()
    const partition = await bench.create('t')
    const exchange = { name: 'x', type: 'fanout', durable: true, autoDelete: false, internal: false }
    await bench.session.declareExchange({ ...exchange, arguments: new Map() })
    await bench.session.bindQueue({ source: 'x', destination: 't', routingKey: '', arguments: new Map() })
    const answers = new Answers()
    expect(bench.publish('x', 'k', 'one', undefined, answers)).toBe('routed')
    expect(bench.publish('', 't', 'two', undefined, answers)).toBe('routed')
    expect(answers.confirmedSequences).toEqual([])
    await bench.session.durable()
    expect(answers.confirmedSequences).toEqual([1, 1])
    await bench.restart()
    expect(bench.publish('x', 'k', 'three')).toBe('routed')
    await bench.session.durable()
    expect(await contentOf(bench.partition('t'))).toEqual(['0:message', '1:message', '2:message'])
    expect(partition.highWatermark).toBe(2)
  })

  test('declaring a stream queue makes a stream of one partition that keeps as long as it is told', async () => {
    bench = await StreamBench.open()
    await declare('s', { 'x-queue-type': 'stream', 'x-max-age': '7D', 'x-max-length-bytes': 5000 })
    const { configs, partitionCount } = bench.streams.find('s')!
    expect(partitionCount).toBe(1)
    expect(Object.fromEntries(configs)).toEqual({
      'retention.ms': '604800000',
      'segment.ms': '37800000',
      'retention.bytes': '5000',
      'segment.bytes': '313',
    })
    await declare('s', { 'x-queue-type': 'stream', 'x-max-age': '7D', 'x-max-length-bytes': 5000 })
    await expect(declare('s', { 'x-queue-type': 'stream' })).rejects.toThrow("inequivalent arg 'x-max-length-bytes'")
  })

  test('an age and a size are kept to closely', async () => {
    bench = await StreamBench.open()
    await declare('s', { 'x-queue-type': 'stream', 'x-max-age': '1h', 'x-max-length-bytes': 20_000 })
    for (let minute = 0; minute < 180; minute++) {
      bench.publish('', 's', 'x'.repeat(100))
      await bench.session.durable()
      bench.clock.advance(60_000)
      if (minute < 90) continue
      expect(bench.session.checkQueue('s').readyCount).toBeGreaterThanOrEqual(60)
      expect(bench.session.checkQueue('s').readyCount).toBeLessThan(72)
    }
    for (let more = 0; more < 1000; more++) {
      bench.publish('', 's', 'x'.repeat(100))
      await bench.session.durable()
    }
    expect(bench.partition('s').storedBytes).toBeGreaterThanOrEqual(20_000)
    expect(bench.partition('s').storedBytes).toBeLessThan(23_000)
  })

  test('what a stream cannot be is refused in the words of RabbitMQ', async () => {
    bench = await StreamBench.open()
    const stream = { 'x-queue-type': 'stream' }
    const where = "queue 's' in vhost '/'"
    await expect(declare('s', stream, { durable: false })).rejects.toThrow(
      `invalid property 'non-durable' for ${where}`,
    )
    await expect(declare('s', stream, { autoDelete: true })).rejects.toThrow("invalid property 'auto-delete'")
    await expect(declare('s', { ...stream, 'x-max-age': '7d' })).rejects.toThrow(
      `invalid arg 'x-max-age' for ${where}: invalid_max_age`,
    )
    await expect(declare('s', { ...stream, 'x-max-priority': 5 })).rejects.toThrow(
      `invalid arg 'x-max-priority' for ${where} of queue type rabbit_stream_queue`,
    )
    await declare('s', stream)
    await expect(bench.session.get('s', { noAck: true })).rejects.toThrow(
      `basic.get not supported by stream queues ${where}`,
    )
    await expect(bench.session.purgeQueue('s')).rejects.toThrow(`queue.purge not supported by stream queues ${where}`)
  })
})
