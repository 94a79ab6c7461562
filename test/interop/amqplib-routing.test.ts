/** Where messages go, with amqplib: exchanges of every kind, dead letters, replies. */
import type { ConfirmChannel, GetMessage } from 'amqplib'
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { Clients, Inbox, nextEvent, ownName, send } from '../support/clients/amqplib-client.ts'
import { type BrokerUnderTest, startBroker } from '../support/clients/broker-under-test.ts'

vi.setConfig({ testTimeout: 30_000 })

let broker: BrokerUnderTest
let clients: Clients
beforeAll(async () => {
  broker = await startBroker()
  clients = new Clients(broker.url)
})
afterEach(() => clients.close())
afterAll(() => broker?.stop())

/** Everything that is in a queue now. */
async function drained(channel: ConfirmChannel, queue: string): Promise<string[]> {
  const texts: string[] = []
  for (;;) {
    const message: GetMessage | false = await channel.get(queue, { noAck: true })
    if (!message) return texts
    texts.push(message.content.toString())
  }
}

async function publish(
  channel: ConfirmChannel,
  exchange: string,
  key: string,
  text: string,
  headers = {},
): Promise<void> {
  channel.publish(exchange, key, Buffer.from(text), { headers })
  await channel.waitForConfirms()
}

it('amqplib: a headers exchange matches all of the headers or any of them', async () => {
  const channel = await clients.confirmChannel()
  const exchange = ownName('headers')
  await channel.assertExchange(exchange, 'headers', { autoDelete: true })
  const [all, any, present] = await Promise.all([1, 2, 3].map(() => channel.assertQueue('', { exclusive: true })))
  await channel.bindQueue(all!.queue, exchange, '', { 'x-match': 'all', kind: 'report', pages: 3 })
  await channel.bindQueue(any!.queue, exchange, '', { 'x-match': 'any', kind: 'report', pages: 3 })
  await channel.bindQueue(present!.queue, exchange, '', { kind: null })
  await publish(channel, exchange, '', 'both', { kind: 'report', pages: 3, extra: true })
  await publish(channel, exchange, '', 'one', { kind: 'report', pages: 4 })
  await publish(channel, exchange, '', 'other type', { pages: '3' })
  await publish(channel, exchange, '', 'neither')
  expect(await drained(channel, all!.queue)).toEqual(['both'])
  expect(await drained(channel, any!.queue)).toEqual(['both', 'one'])
  expect(await drained(channel, present!.queue)).toEqual(['both', 'one'])
})

it('amqplib: what an exchange cannot route goes to its alternate, and is not returned', async () => {
  const channel = await clients.confirmChannel()
  const [exchange, alternate] = [ownName('main'), ownName('alternate')]
  await channel.assertExchange(alternate, 'fanout', { autoDelete: true })
  await channel.assertExchange(exchange, 'direct', { autoDelete: true, alternateExchange: alternate })
  const known = await channel.assertQueue('', { exclusive: true })
  const rest = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(known.queue, exchange, 'known')
  await channel.bindQueue(rest.queue, alternate, '')
  let returnedCount = 0
  channel.on('return', () => {
    returnedCount++
  })
  for (const key of ['known', 'strange']) channel.publish(exchange, key, Buffer.from(key), { mandatory: true })
  await channel.waitForConfirms()
  expect(await drained(channel, known.queue)).toEqual(['known'])
  expect(await drained(channel, rest.queue)).toEqual(['strange'])
  expect(returnedCount).toBe(0)
})

it('amqplib: exchanges bound to exchanges pass messages on, in a ring too, and each queue gets one copy', async () => {
  const channel = await clients.confirmChannel()
  const [first, second] = [ownName('first'), ownName('second')]
  await channel.assertExchange(first, 'topic', { autoDelete: true })
  await channel.assertExchange(second, 'fanout', { autoDelete: true })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, first, 'a.*')
  await channel.bindQueue(queue, second, '')
  await channel.bindExchange(second, first, '#.b')
  await channel.bindExchange(first, second, '#')
  await publish(channel, first, 'a.b', 'both ways')
  await publish(channel, first, 'c.b', 'round')
  await publish(channel, first, 'c.c', 'nowhere')
  expect(await drained(channel, queue)).toEqual(['both ways', 'round'])
  await channel.unbindExchange(second, first, '#.b')
  await publish(channel, first, 'c.b', 'cut')
  expect(await drained(channel, queue)).toEqual([])
})

it('amqplib: CC reaches further queues and is seen, BCC reaches them unseen', async () => {
  const channel = await clients.confirmChannel()
  const queues = await Promise.all([1, 2, 3].map(() => channel.assertQueue('', { exclusive: true })))
  const [to, copy, blind] = queues.map(({ queue }) => queue)
  channel.sendToQueue(to!, Buffer.from('memo'), { CC: [copy!], BCC: [blind!] })
  await channel.waitForConfirms()
  const inbox = await Inbox.on(channel, blind!, { noAck: true })
  const { message } = await inbox.next()
  expect(message.properties.headers).toEqual({ CC: [copy] })
  expect(await drained(channel, to!)).toEqual(['memo'])
  expect(await drained(channel, copy!)).toEqual(['memo'])
})

it('amqplib: a work queue retries through a delay queue and counts its attempts in x-death', async () => {
  const channel = await clients.confirmChannel()
  const [work, retry] = [ownName('work'), ownName('retry')]
  await channel.assertQueue(work, { exclusive: true, deadLetterExchange: '', deadLetterRoutingKey: retry })
  const backTo = { deadLetterExchange: '', deadLetterRoutingKey: work }
  await channel.assertQueue(retry, { exclusive: true, messageTtl: 30, ...backTo })
  const inbox = await Inbox.on(channel, work)
  await send(channel, work, ['stubborn'], { messageId: 'job-1', headers: { kind: 'job' } })
  for (let attempt = 0; attempt < 3; attempt++) channel.nack((await inbox.next()).message, false, false)
  const { message, text } = await inbox.next()
  channel.ack(message)
  expect(text).toBe('stubborn')
  expect(message.properties.messageId).toBe('job-1')
  const deaths = message.properties.headers?.['x-death']
  expect(deaths).toHaveLength(2)
  expect(deaths?.[0]).toMatchObject({
    queue: retry,
    reason: 'expired',
    count: 3,
    exchange: '',
    'routing-keys': [retry],
  })
  expect(deaths?.[1]).toMatchObject({ queue: work, reason: 'rejected', count: 3, exchange: '', 'routing-keys': [work] })
  expect(message.properties.headers).toMatchObject({
    kind: 'job',
    'x-first-death-queue': work,
    'x-first-death-reason': 'rejected',
    'x-first-death-exchange': '',
  })
})

it('amqplib: an expired message and one too many both become dead letters, with their reason', async () => {
  const channel = await clients.confirmChannel()
  const dead = await channel.assertQueue('', { exclusive: true })
  const to = { deadLetterExchange: '', deadLetterRoutingKey: dead.queue }
  const short = await channel.assertQueue('', { exclusive: true, maxLength: 1, ...to })
  const inbox = await Inbox.on(channel, dead.queue, { noAck: true })
  await send(channel, short.queue, ['pushed out', 'stays'])
  const pushed = await inbox.next()
  expect(pushed.text).toBe('pushed out')
  expect(pushed.message.properties.headers?.['x-first-death-reason']).toBe('maxlen')
  await channel.purgeQueue(short.queue)
  await send(channel, short.queue, ['perishable'], { expiration: 20 })
  const expired = await inbox.next()
  expect(expired.text).toBe('perishable')
  expect(expired.message.properties.expiration).toBeUndefined()
  expect(expired.message.properties.headers?.['x-death']?.[0]).toMatchObject({
    reason: 'expired',
    'original-expiration': '20',
  })
})

it('amqplib: a call with direct reply-to needs no queue for its answer', async () => {
  const server = await clients.channel()
  const { queue } = await server.assertQueue('', { exclusive: false, autoDelete: true })
  await server.consume(queue, (request) => {
    if (request === null) return
    const { replyTo, correlationId } = request.properties
    const answer = Buffer.from(request.content.toString().toUpperCase())
    server.publish('', String(replyTo), answer, { correlationId: String(correlationId) })
    server.ack(request)
  })
  const client = await clients.channel()
  const inbox = await Inbox.on(client, 'amq.rabbitmq.reply-to', { noAck: true })
  for (const word of ['copper', 'zinc']) {
    client.sendToQueue(queue, Buffer.from(word), { replyTo: 'amq.rabbitmq.reply-to', correlationId: word })
  }
  const answers = [await inbox.next(), await inbox.next()]
  expect(answers.map(({ text, message }) => [message.properties.correlationId, text])).toEqual([
    ['copper', 'COPPER'],
    ['zinc', 'ZINC'],
  ])
})

it('amqplib: an exchange in use is not deleted when only an unused one may be', async () => {
  const channel = await clients.channel()
  const exchange = ownName('used')
  await channel.assertExchange(exchange, 'fanout', { durable: false })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, '')
  const other = await clients.channel()
  const failure = nextEvent<Error>(other, 'error')
  await expect(other.deleteExchange(exchange, { ifUnused: true })).rejects.toThrow('in use')
  expect(await failure).toMatchObject({ code: 406 })
  await channel.unbindQueue(queue, exchange, '')
  await channel.deleteExchange(exchange, { ifUnused: true })
})
