/** Publishing with amqplib: confirms, returns, refusals, large messages. */
import { createHash, randomBytes } from 'node:crypto'
import type { Message } from 'amqplib'
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

it('amqplib: two thousand persistent messages are confirmed, and all of them are there in order', async () => {
  const channel = await clients.confirmChannel()
  const queue = ownName('confirmed')
  await channel.assertQueue(queue, { durable: true })
  const texts = Array.from({ length: 2000 }, (_, index) => `message ${index}`)
  await send(channel, queue, texts, { persistent: true })
  expect(await channel.checkQueue(queue)).toEqual({ queue, messageCount: 2000, consumerCount: 0 })
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  expect(await inbox.texts(2000)).toEqual(texts)
  await channel.deleteQueue(queue)
})

it('amqplib: a mandatory message without a queue comes back before it is confirmed', async () => {
  const channel = await clients.confirmChannel()
  const events: string[] = []
  let returned: Message | undefined
  channel.on('return', (message) => {
    returned = message
    events.push('returned')
  })
  const properties = { mandatory: true, messageId: 'lost', headers: { attempt: 1 } }
  await new Promise<void>((resolve, reject) => {
    channel.publish('amq.direct', ownName('nowhere'), Buffer.from('to nobody'), properties, (failure) => {
      events.push('confirmed')
      if (failure) reject(failure)
      else resolve()
    })
  })
  expect(events).toEqual(['returned', 'confirmed'])
  expect(returned?.fields).toMatchObject({ replyCode: 312, replyText: 'NO_ROUTE', exchange: 'amq.direct' })
  expect(returned?.properties).toMatchObject({ messageId: 'lost', headers: { attempt: 1 } })
  expect(returned?.content.toString()).toBe('to nobody')
})

it('amqplib: a full queue that rejects says so to the publisher, and keeps what it has', async () => {
  const channel = await clients.confirmChannel()
  const queue = ownName('full')
  await channel.assertQueue(queue, { exclusive: true, maxLength: 2, overflow: 'reject-publish' })
  const outcomes = await Promise.all(
    ['a', 'b', 'c', 'd'].map(
      (text) =>
        new Promise<string>((resolve) => {
          channel.sendToQueue(queue, Buffer.from(text), {}, (failure) => resolve(failure ? 'refused' : 'taken'))
        }),
    ),
  )
  expect(outcomes).toEqual(['taken', 'taken', 'refused', 'refused'])
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  expect(await inbox.texts(2)).toEqual(['a', 'b'])
})

it('amqplib: publishing to an exchange that is missing ends the channel with 404 and not the connection', async () => {
  const connection = await clients.connection()
  const channel = await connection.createChannel()
  const failure = nextEvent<Error>(channel, 'error')
  const exchange = ownName('missing')
  channel.publish(exchange, '', Buffer.from('x'))
  expect(await failure).toMatchObject({ code: 404, message: expect.stringContaining(`no exchange '${exchange}'`) })
  const another = await connection.createChannel()
  expect((await another.assertQueue('', { exclusive: true })).queue).toMatch(/^amq\.gen-/)
})

it('amqplib: a channel that was refused rejects the call that was at fault, with its reason', async () => {
  const connection = await clients.connection()
  const channel = await connection.createChannel()
  channel.on('error', () => {})
  const queue = ownName('other')
  await channel.assertQueue(queue, { durable: true, autoDelete: true })
  await expect(channel.assertQueue(queue, { durable: false })).rejects.toThrow(
    `PRECONDITION_FAILED - inequivalent arg 'durable' for queue '${queue}' in vhost '/': received 'false' but current is 'true'`,
  )
  const another = await connection.createChannel()
  await another.deleteQueue(queue)
})

it.each([
  ['with the frames the server likes', ''],
  ['in frames of 4 KiB', 'frameMax=4096'],
])('amqplib: messages of 10 MB arrive whole, %s', async (_, query) => {
  const connection = await clients.connection(query)
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const bodies = [randomBytes(10_000_000), Buffer.alloc(10_000_000, 0xce), randomBytes(10_000_001)]
  for (const body of bodies) channel.sendToQueue(queue, body, { persistent: true, contentType: 'application/x-big' })
  await channel.waitForConfirms()
  const inbox = await Inbox.on(channel, queue)
  for (const body of bodies) {
    const { message } = await inbox.next()
    expect(message.properties.contentType).toBe('application/x-big')
    expect(digest(message.content)).toBe(digest(body))
    channel.ack(message)
  }
})

it('amqplib: an empty message is a message', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await send(channel, queue, ['', 'x', ''])
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  expect(await inbox.texts(3)).toEqual(['', 'x', ''])
})

it('amqplib: every property comes out as it went in', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const headers = { text: 'é€😀', yes: true, none: null, list: [1, 'two', [3]], inner: { deep: { er: -1 } }, half: 0.5 }
  const given = {
    contentType: 'application/json',
    contentEncoding: 'gzip',
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c-1',
    replyTo: 'answers',
    messageId: 'm-1',
    timestamp: 1_700_000_000,
    type: 'order',
    userId: 'guest',
    appId: 'shop',
  }
  await send(channel, queue, ['{}'], { ...given, headers })
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  const { properties } = (await inbox.next()).message
  expect(properties).toMatchObject(given)
  expect(properties.headers).toEqual(headers)
})

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex')
}
