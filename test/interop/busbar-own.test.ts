/**
 * What busbar adds to RabbitMQ, used from a client that has never heard of it: none of it needs a plugin or a library.
 * Other servers have no such arguments and exchanges; there the tests only make sure of that.
 */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest'
import { Clients, Inbox, nextEvent, ownName, send } from '../support/clients/amqplib-client.ts'
import { type BrokerUnderTest, judgesBusbar, startBroker } from '../support/clients/broker-under-test.ts'

vi.setConfig({ testTimeout: 30_000 })

let broker: BrokerUnderTest
let clients: Clients
beforeAll(async () => {
  broker = await startBroker()
  clients = new Clients(broker.url)
})
afterEach(() => clients.close())
afterAll(() => broker?.stop())

if (judgesBusbar) {
  it('busbar: a full queue that blocks makes its producer wait, says so, and lets it go on', fullQueueBlocks)
  it('busbar: delayed messages come out when they are due, whatever came in first', delayedInOrderOfDue)
  it('busbar: a message given back too often leaves any queue that has a limit', deliveryLimit)
  it('busbar: a consistent-hash exchange sends equal keys to one queue and spreads the others', consistentHash)
  it('busbar: a random exchange gives each message to one of its queues', randomExchange)
} else {
  it('elsewhere the argument of our own is refused', async () => {
    const channel = await clients.channel()
    channel.on('error', () => {})
    await expect(channel.assertQueue('', { exclusive: true, overflow: 'block' })).rejects.toThrow('PRECONDITION_FAILED')
  })
}

async function fullQueueBlocks(): Promise<void> {
  const connection = await clients.connection()
  const producer = await connection.createConfirmChannel()
  const queue = ownName('narrow')
  await producer.assertQueue(queue, { durable: true, maxLength: 2, overflow: 'block' })
  const blocked = nextEvent<string>(connection, 'blocked')
  const unblocked = nextEvent<void>(connection, 'unblocked')
  for (const text of ['1', '2', '3']) producer.sendToQueue(queue, Buffer.from(text), { persistent: true })
  expect(await blocked).toContain(queue)
  const consumer = await clients.channel()
  const inbox = await Inbox.on(consumer, queue, { noAck: true })
  await unblocked
  await producer.waitForConfirms()
  expect(await inbox.texts(3)).toEqual(['1', '2', '3'])
  await consumer.deleteQueue(queue)
}

async function delayedInOrderOfDue(): Promise<void> {
  const channel = await clients.confirmChannel()
  const exchange = ownName('later')
  await channel.assertExchange(exchange, 'x-delayed-message', { arguments: { 'x-delayed-type': 'topic' } })
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.bindQueue(queue, exchange, 'job.*')
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  for (const delay of [300, 100, 200]) {
    channel.publish(exchange, 'job.x', Buffer.from(`after ${delay}`), { headers: { 'x-delay': delay } })
  }
  channel.publish(exchange, 'job.x', Buffer.from('at once'))
  await channel.waitForConfirms()
  expect(await inbox.texts(4)).toEqual(['at once', 'after 100', 'after 200', 'after 300'])
  await channel.deleteExchange(exchange)
}

async function deliveryLimit(): Promise<void> {
  const channel = await clients.confirmChannel()
  const dead = await channel.assertQueue('', { exclusive: true })
  const { queue } = await channel.assertQueue('', {
    exclusive: true,
    deadLetterExchange: '',
    deadLetterRoutingKey: dead.queue,
    arguments: { 'x-delivery-limit': 2 },
  })
  const graveyard = await Inbox.on(channel, dead.queue, { noAck: true })
  const inbox = await Inbox.on(channel, queue)
  await send(channel, queue, ['poison'])
  const counts: unknown[] = []
  for (let attempt = 0; attempt < 3; attempt++) {
    const { message } = await inbox.next()
    counts.push(message.properties.headers?.['x-delivery-count'])
    channel.nack(message)
  }
  const { text, message } = await graveyard.next()
  expect(counts).toEqual([undefined, 1, 2])
  expect(text).toBe('poison')
  expect(message.properties.headers?.['x-death']?.[0]).toMatchObject({ queue, reason: 'delivery_limit', count: 1 })
}

async function consistentHash(): Promise<void> {
  const channel = await clients.confirmChannel()
  const exchange = ownName('hash')
  await channel.assertExchange(exchange, 'x-consistent-hash', { autoDelete: true })
  const queues = await Promise.all([1, 2].map(() => channel.assertQueue('', { exclusive: true })))
  for (const { queue } of queues) await channel.bindQueue(queue, exchange, '10')
  for (let round = 0; round < 3; round++) {
    for (let key = 0; key < 100; key++) channel.publish(exchange, `customer ${key}`, Buffer.from(`${key}`))
  }
  await channel.waitForConfirms()
  const shares: Map<string, number>[] = []
  for (const { queue } of queues) {
    const { messageCount } = await channel.checkQueue(queue)
    const inbox = await Inbox.on(channel, queue, { noAck: true })
    const share = new Map<string, number>()
    for (const text of await inbox.texts(messageCount)) share.set(text, (share.get(text) ?? 0) + 1)
    shares.push(share)
  }
  const [first, second] = shares
  expect(first!.size + second!.size).toBe(100)
  expect(Math.min(first!.size, second!.size)).toBeGreaterThan(20)
  expect(shares.flatMap((share) => [...share.values()]).every((count) => count === 3)).toBe(true)
}

async function randomExchange(): Promise<void> {
  const channel = await clients.confirmChannel()
  const exchange = ownName('random')
  await channel.assertExchange(exchange, 'x-random', { autoDelete: true })
  const queues = await Promise.all([1, 2].map(() => channel.assertQueue('', { exclusive: true })))
  for (const { queue } of queues) await channel.bindQueue(queue, exchange, '')
  for (let count = 0; count < 200; count++) channel.publish(exchange, 'x', Buffer.from('x'))
  await channel.waitForConfirms()
  const counts = await Promise.all(queues.map(async ({ queue }) => (await channel.checkQueue(queue)).messageCount))
  expect(counts[0]! + counts[1]!).toBe(200)
  // Fifty of two hundred on one side is seven standard deviations away.
  expect(Math.min(...counts)).toBeGreaterThan(50)
}
