import { expect, test, vi } from 'vitest'
import { array, bool, type FieldTable, type FieldValue, long, longstr, timestamp } from '../../base/field-value.ts'
import { BrokerStage } from './broker-stage.test-kit.ts'
import { turns } from './test-kit.ts'
import type { Properties } from './wire/properties.ts'

interface Got {
  readonly tag: number
  readonly body: string
  readonly redelivered: boolean
  readonly properties: Properties
}

type Arguments = Readonly<Record<string, FieldValue>>

const table = (values: Arguments): FieldTable => new Map(Object.entries(values))
const STREAM = table({ 'x-queue-type': longstr('stream') })

async function stageWithStream(): Promise<BrokerStage> {
  const stage = await BrokerStage.open()
  stage.client.send(1, 'queue.declare', { queue: 's', durable: true, arguments: STREAM })
  await stage.client.expect('queue.declare-ok')
  stage.client.send(1, 'confirm.select')
  await stage.client.expect('confirm.select-ok')
  return stage
}

async function publish(stage: BrokerStage, bodies: readonly string[], properties: Properties = {}): Promise<void> {
  for (const body of bodies) {
    stage.client.publish(1, '', 's', body, { properties })
    await stage.client.expect('basic.ack')
  }
}

async function consume(stage: BrokerStage, args: Arguments = {}, prefetchCount = 100, channel = 1): Promise<string> {
  stage.client.send(channel, 'basic.qos', { prefetchCount })
  await stage.client.expect('basic.qos-ok')
  stage.client.send(channel, 'basic.consume', { queue: 's', arguments: table(args) })
  return (await stage.client.expect('basic.consume-ok')).consumerTag
}

async function got(stage: BrokerStage, count: number): Promise<Got[]> {
  const all: Got[] = []
  while (all.length < count) {
    const { deliveryTag: tag, redelivered } = await stage.client.expect('basic.deliver')
    const { body, properties } = await stage.client.content()
    all.push({ tag, redelivered, body: body.toString(), properties })
  }
  await nothingMore(stage)
  return all
}

async function nothingMore(stage: BrokerStage): Promise<void> {
  await turns(20)
  expect(stage.client.received).toEqual([])
}

const bodiesOf = (all: readonly Got[]): string[] => all.map(({ body }) => body)
const headerOf = ({ properties }: Got, name: string): FieldValue | undefined => properties.headers?.get(name)

test('stream: deliveries carry their offset, everything else as it was published', async () => {
  const stage = await stageWithStream()
  const headers = new Map([['mine', longstr('1')]])
  await publish(stage, ['a'])
  await publish(stage, ['b'], { contentType: 'text/plain', headers, deliveryMode: 2, appId: 'app' })
  await consume(stage, { 'x-stream-offset': longstr('first') })
  const [first, second] = await got(stage, 2)
  expect(first).toEqual({
    tag: 1,
    body: 'a',
    redelivered: false,
    properties: { headers: table({ 'x-stream-offset': long(0) }) },
  })
  expect(second?.properties).toEqual({
    contentType: 'text/plain',
    headers: new Map([...headers, ['x-stream-offset', long(1)]]),
    deliveryMode: 2,
    appId: 'app',
  })
})

test.each<[string, FieldValue | undefined, string[]]>([
  ['first', longstr('first'), ['a', 'b', 'c']],
  ['last', longstr('last'), ['b', 'c']],
  ['next', longstr('next'), ['c']],
  ['nothing said', undefined, ['c']],
  ['an offset', long(1), ['b', 'c']],
  ['a timestamp', timestamp(1_700_000_060), ['b', 'c']],
  ['an interval', longstr('30s'), ['b', 'c']],
  ['a long interval', longstr('7D'), ['a', 'b', 'c']],
])('stream: a consumer begins at %s', async (_, offset, expected) => {
  const stage = await stageWithStream()
  await publish(stage, ['a'])
  stage.clock.advance(1_700_000_060_000 - stage.clock.nowMs())
  await publish(stage, ['b'])
  await consume(stage, offset === undefined ? {} : { 'x-stream-offset': offset })
  stage.client.publish(1, '', 's', 'c')
  const bodies: string[] = []
  while (bodies.length < expected.length) {
    const next = await stage.client.next()
    if (next.kind === 'body') bodies.push(next.bytes.toString())
  }
  expect(bodies).toEqual(expected)
})

test('stream: an acknowledgement of any kind gives credit and nothing comes again', async () => {
  const stage = await stageWithStream()
  await publish(stage, ['a', 'b', 'c', 'd', 'e'])
  await consume(stage, { 'x-stream-offset': longstr('first') }, 1)
  expect(bodiesOf(await got(stage, 1))).toEqual(['a'])
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  expect(bodiesOf(await got(stage, 1))).toEqual(['b'])
  stage.client.send(1, 'basic.nack', { deliveryTag: 2, requeue: true })
  expect(bodiesOf(await got(stage, 1))).toEqual(['c'])
  stage.client.send(1, 'basic.reject', { deliveryTag: 3, requeue: false })
  expect(bodiesOf(await got(stage, 1))).toEqual(['d'])
  stage.client.send(1, 'basic.recover', { requeue: true })
  await stage.client.expect('basic.recover-ok')
  expect(await got(stage, 1)).toMatchObject([{ body: 'e', redelivered: false }])
})

test('stream: each consumer gets everything', async () => {
  const stage = await stageWithStream()
  await publish(stage, ['a', 'b'])
  for (const channel of [2, 3]) {
    await stage.channel(channel)
    await consume(stage, { 'x-stream-offset': longstr('first') }, 10, channel)
    expect(bodiesOf(await got(stage, 2))).toEqual(['a', 'b'])
  }
  stage.client.send(1, 'queue.declare', { queue: 's', passive: true })
  await stage.client.expect('queue.declare-ok', { messageCount: 2, consumerCount: 2 })
})

test('stream: what was written in another protocol arrives with the place it has', async () => {
  const stage = await BrokerStage.open()
  await stage.stream('s')
  await stage.append(stage.partition('s'), [
    ['k', 'a', 0],
    ['k', 'b', 0],
  ])
  await consume(stage, { 'x-stream-offset': long(1) })
  const [only] = await got(stage, 1)
  expect(only?.body).toBe('b')
  expect(only && headerOf(only, 'x-stream-offset')).toEqual(long(1))
  expect(only && headerOf(only, 'x-stream-partition')).toBeUndefined()
})

test('stream: of several partitions each delivery says which, and each is in order', async () => {
  const stage = await BrokerStage.open()
  await stage.stream('s', 3)
  for (let round = 0; round < 9; round++) stage.client.publish(1, '', 's', `${round}`)
  await turns()
  await consume(stage, { 'x-stream-offset': longstr('first') })
  const all = await got(stage, 9)
  for (const partition of [0, 1, 2]) {
    const own = all.filter((one) => (headerOf(one, 'x-stream-partition') as { value: number }).value === partition)
    expect(own.map((one) => headerOf(one, 'x-stream-offset'))).toEqual([long(0), long(1), long(2)])
    expect(bodiesOf(own)).toEqual(bodiesOf(own).sort())
  }
})

test('stream: one that grows tells partitions from then on', async () => {
  const stage = await stageWithStream()
  await publish(stage, ['before'])
  await consume(stage, { 'x-stream-offset': longstr('first') })
  const [before] = await got(stage, 1)
  expect(before && headerOf(before, 'x-stream-partition')).toBeUndefined()
  await stage.other.streams.addPartitions('s', 2)
  await stage.append(stage.partition('s', 0), [[null, 'after', 0]])
  const [after] = await got(stage, 1)
  expect(after && headerOf(after, 'x-stream-partition')).toEqual(long(0))
})

test('stream: a record that was read and sent on says its new place only', async () => {
  const stage = await stageWithStream()
  const old = table({ 'x-stream-offset': long(77), 'x-stream-partition': long(5), mine: longstr('1') })
  await publish(stage, ['a'], { headers: old, priority: 3 })
  await consume(stage, { 'x-stream-offset': longstr('first') })
  const [only] = await got(stage, 1)
  expect(only?.properties).toEqual({
    headers: table({ 'x-stream-offset': long(0), mine: longstr('1') }),
    priority: 3,
  })
})

test('stream: large bodies too', async () => {
  const stage = await stageWithStream()
  const body = 'x'.repeat(300_000)
  await publish(stage, [body])
  await consume(stage, { 'x-stream-offset': longstr('first') })
  const [only] = await got(stage, 1)
  expect(only?.body === body).toBe(true)
  expect(only && headerOf(only, 'x-stream-offset')).toEqual(long(0))
})

const filtered = (value: string): Properties => ({ headers: table({ 'x-stream-filter-value': longstr(value) }) })

test.each<[string, Arguments, string[]]>([
  ['one', { 'x-stream-filter': longstr('red') }, ['red 1', 'red 2']],
  ['several', { 'x-stream-filter': array([longstr('red'), longstr('blue')]) }, ['red 1', 'blue 1', 'red 2']],
  [
    'one, and what has none',
    { 'x-stream-filter': longstr('red'), 'x-stream-match-unfiltered': bool(true) },
    ['red 1', 'plain', 'red 2'],
  ],
  ['none', { 'x-stream-match-unfiltered': bool(true) }, ['red 1', 'blue 1', 'plain', 'red 2']],
])('stream: a filter lets through %s', async (_, args, expected) => {
  const stage = await stageWithStream()
  for (const body of ['red 1', 'blue 1', 'plain', 'red 2']) {
    await publish(stage, [body], body === 'plain' ? {} : filtered(body.split(' ')[0]!))
  }
  // What is left out takes no credit.
  await consume(stage, { ...args, 'x-stream-offset': longstr('first') }, expected.length)
  expect(bodiesOf(await got(stage, expected.length))).toEqual(expected)
})

test.each<[string, Arguments, string]>([
  ['filter', { 'x-stream-filter': long(1) }, "invalid arg 'x-stream-filter': expected a string or an array of strings"],
  ['filters', { 'x-stream-filter': array([bool(true)]) }, "invalid arg 'x-stream-filter': expected a string"],
  ['switch', { 'x-stream-match-unfiltered': longstr('yes') }, "'x-stream-match-unfiltered': expected a boolean"],
  ['offset', { 'x-stream-offset': long(-1) }, "invalid arg 'x-stream-offset'"],
])('stream: a bad %s is refused', async (_, args, text) => {
  const stage = await stageWithStream()
  stage.client.send(1, 'basic.qos', { prefetchCount: 1 })
  await stage.client.expect('basic.qos-ok')
  stage.client.send(1, 'basic.consume', { queue: 's', arguments: table(args) })
  const { replyCode, replyText } = await stage.client.expect('channel.close')
  expect([replyCode, replyText]).toEqual([406, expect.stringContaining(text)])
})

test('stream: a start in no known words ends the connection, as in RabbitMQ', async () => {
  const stage = await stageWithStream()
  stage.client.send(1, 'basic.qos', { prefetchCount: 1 })
  await stage.client.expect('basic.qos-ok')
  stage.client.send(1, 'basic.consume', { queue: 's', arguments: table({ 'x-stream-offset': longstr('bogus') }) })
  await stage.client.expect('connection.close', {
    replyCode: 541,
    replyText: 'INTERNAL_ERROR',
    classId: 0,
    methodId: 0,
  })
})

test('stream: the limits that RabbitMQ asks for and those it cannot have', async () => {
  const stage = await stageWithStream()
  stage.client.send(1, 'basic.consume', { queue: 's' })
  await stage.client.expect('channel.close', {
    replyCode: 406,
    replyText: "PRECONDITION_FAILED - consumer prefetch count is not set for 'queue 's' in vhost '/''",
  })
  stage.client.send(1, 'channel.close-ok')
  await stage.channel(2)
  for (const global of [false, true]) {
    stage.client.send(2, 'basic.qos', { prefetchCount: 5, global })
    await stage.client.expect('basic.qos-ok')
  }
  stage.client.send(2, 'basic.consume', { queue: 's' })
  await stage.client.expect('connection.close', {
    replyCode: 540,
    replyText: "NOT_IMPLEMENTED - queue 's' in vhost '/' does not support global qos",
  })
})

test('stream: deleted, its consumers are told', async () => {
  const stage = await stageWithStream()
  const consumerTag = await consume(stage)
  stage.client.send(1, 'queue.delete', { queue: 's' })
  await stage.client.expect('queue.delete-ok')
  await stage.client.expect('basic.cancel', { consumerTag })
})

test('stream: cancelled, a consumer gets nothing more and may still acknowledge', async () => {
  const stage = await stageWithStream()
  await publish(stage, ['a', 'b'])
  const consumerTag = await consume(stage, { 'x-stream-offset': longstr('first') }, 1)
  await got(stage, 1)
  stage.client.send(1, 'basic.cancel', { consumerTag })
  await stage.client.expect('basic.cancel-ok')
  stage.client.send(1, 'basic.ack', { deliveryTag: 1 })
  await nothingMore(stage)
})

test('stream: to a peer that does not read deliveries stop, and go on when it does', async () => {
  const stage = await stageWithStream()
  await stage.channel(2)
  for (let count = 0; count < 200; count++) stage.client.publish(2, '', 's', Buffer.alloc(10_000))
  const reads = vi.spyOn(stage.partition('s'), 'read')
  await consume(stage, { 'x-stream-offset': longstr('next') }, 1000, 2)
  stage.client.socket.stall()
  stage.client.send(2, 'basic.consume', { queue: 's', arguments: table({ 'x-stream-offset': longstr('first') }) })
  await turns(50)
  const readsWhileStalled = reads.mock.calls.length
  stage.client.socket.unstall()
  await turns(200)
  expect(stage.client.received.filter((frame) => frame.kind === 'header')).toHaveLength(200)
  // It all was to be had: only the peer held it up.
  expect(readsWhileStalled).toBeGreaterThan(0)
  expect(readsWhileStalled).toBeLessThan(reads.mock.calls.length / 2)
})

test('stream: an acknowledgement inside a transaction gives credit when it is committed', async () => {
  const stage = await stageWithStream()
  await publish(stage, ['a', 'b'])
  await stage.channel(2)
  stage.client.send(2, 'tx.select')
  await stage.client.expect('tx.select-ok')
  await consume(stage, { 'x-stream-offset': longstr('first') }, 1, 2)
  expect(bodiesOf(await got(stage, 1))).toEqual(['a'])
  stage.client.send(2, 'basic.ack', { deliveryTag: 1 })
  await nothingMore(stage)
  stage.client.send(2, 'tx.commit')
  await turns(20)
  const { received } = stage.client
  expect(received.some((frame) => frame.kind === 'method' && frame.method.kind === 'tx.commit-ok')).toBe(true)
  expect(received.flatMap((frame) => (frame.kind === 'body' ? [frame.bytes.toString()] : []))).toEqual(['b'])
})
