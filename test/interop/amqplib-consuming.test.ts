/** Consuming with amqplib: prefetch, acknowledgements, priorities, consumers that come, go and are cancelled. */
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

it('amqplib: prefetch bounds what is in flight, and each ack lets one more come', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.prefetch(3)
  const inbox = await Inbox.on(channel, queue)
  await send(channel, queue, ['1', '2', '3', '4', '5', '6'])
  expect(await inbox.texts(3)).toEqual(['1', '2', '3'])
  expect((await channel.checkQueue(queue)).messageCount).toBe(3)
  channel.ack(inbox.letters[1]!.message)
  expect((await inbox.next()).text).toBe('4')
  expect((await channel.checkQueue(queue)).messageCount).toBe(2)
  channel.ack(inbox.letters[3]!.message, true)
  expect(await inbox.texts(2)).toEqual(['5', '6'])
  expect((await channel.checkQueue(queue)).messageCount).toBe(0)
})

it('amqplib: what is given back returns to its place, marked as delivered before', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await send(channel, queue, ['a', 'b', 'c', 'd'])
  const left: number[] = []
  for (let count = 0; count < 3; count++) {
    const message = await channel.get(queue)
    if (message) left.push(message.fields.messageCount)
  }
  expect(left).toEqual([3, 2, 1])
  channel.nackAll()
  await channel.recover()
  const again = []
  for (let message = await channel.get(queue, { noAck: true }); message; ) {
    again.push([message.content.toString(), message.fields.redelivered])
    message = await channel.get(queue, { noAck: true })
  }
  expect(again).toEqual([
    ['a', true],
    ['b', true],
    ['c', true],
    ['d', false],
  ])
})

it('amqplib: what a lost connection had not acknowledged goes to somebody else', async () => {
  const sender = await clients.confirmChannel()
  const queue = ownName('inherited')
  await sender.assertQueue(queue, { autoDelete: false })
  await send(sender, queue, ['one', 'two'])
  const connection = await clients.connection()
  const lost = await Inbox.on(await connection.createChannel(), queue)
  expect(await lost.texts(2)).toEqual(['one', 'two'])
  await connection.close()
  const heir = await Inbox.on(sender, queue)
  const letters = [await heir.next(), await heir.next()]
  expect(letters.map(({ text, message }) => [text, message.fields.redelivered])).toEqual([
    ['one', true],
    ['two', true],
  ])
  await sender.deleteQueue(queue)
})

it('amqplib: a priority queue hands out the important first, and equals in order', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true, maxPriority: 10 })
  const sent: [string, number | undefined][] = [
    ['low 1', 1],
    ['none', undefined],
    ['high 1', 9],
    ['middle', 5],
    ['low 2', 1],
    ['high 2', 9],
    ['beyond', 200],
  ]
  for (const [text, priority] of sent) await send(channel, queue, [text], priority === undefined ? {} : { priority })
  const inbox = await Inbox.on(channel, queue, { noAck: true })
  expect(await inbox.texts(7)).toEqual(['beyond', 'high 1', 'high 2', 'middle', 'low 1', 'low 2', 'none'])
})

it('amqplib: the consumer of a queue that is deleted is told', async () => {
  const channel = await clients.channel()
  const queue = ownName('doomed')
  await channel.assertQueue(queue)
  const inbox = await Inbox.on(channel, queue)
  const other = await clients.channel()
  expect(await other.deleteQueue(queue)).toEqual({ messageCount: 0 })
  await inbox.cancelled
})

it('amqplib: an exclusive queue is closed to others and gone with its connection', async () => {
  const owner = await clients.connection()
  const channel = await owner.createChannel()
  const queue = ownName('mine')
  await channel.assertQueue(queue, { exclusive: true })
  const stranger = await clients.channel()
  const refused = nextEvent<Error>(stranger, 'error')
  await expect(stranger.checkQueue(queue)).rejects.toThrow('RESOURCE_LOCKED')
  expect(await refused).toMatchObject({ code: 405 })
  await owner.close()
  const later = await clients.channel()
  later.on('error', () => {})
  await expect(later.checkQueue(queue)).rejects.toThrow(`no queue '${queue}' in vhost '/'`)
})

it('amqplib: an auto-delete queue outlives all but its last consumer', async () => {
  const channel = await clients.channel()
  const queue = ownName('fleeting')
  await channel.assertQueue(queue, { autoDelete: true, durable: false })
  const [first, second] = [await Inbox.on(channel, queue), await Inbox.on(channel, queue)]
  await channel.cancel(first.consumerTag)
  expect((await channel.checkQueue(queue)).consumerCount).toBe(1)
  await channel.cancel(second.consumerTag)
  const other = await clients.channel()
  other.on('error', () => {})
  await expect(vi.waitUntil(() => missing(other, queue))).resolves.toBe(true)
})

async function missing(channel: { checkQueue(queue: string): Promise<unknown> }, queue: string): Promise<boolean> {
  return channel.checkQueue(queue).then(
    () => false,
    () => true,
  )
}

it('amqplib: messages are shared in turn among consumers of equal rank', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  const inboxes = [await Inbox.on(channel, queue), await Inbox.on(channel, queue), await Inbox.on(channel, queue)]
  await send(channel, queue, ['1', '2', '3', '4', '5', '6'])
  const shares = await Promise.all(inboxes.map((inbox) => inbox.texts(2)))
  expect(shares.map((share) => share.map(Number)).map(([low, high]) => high! - low!)).toEqual([3, 3, 3])
  expect(shares.flat().sort()).toEqual(['1', '2', '3', '4', '5', '6'])
})

it('amqplib: a consumer of higher rank is served first while it has room', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await channel.prefetch(2)
  const low = await Inbox.on(channel, queue, { priority: 1 })
  const high = await Inbox.on(channel, queue, { priority: 10 })
  await send(channel, queue, ['1', '2', '3'])
  expect(await high.texts(2)).toEqual(['1', '2'])
  expect(await low.texts(1)).toEqual(['3'])
})

it('amqplib: of several consumers the single active one gets all, and the next takes over', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', {
    exclusive: true,
    arguments: { 'x-single-active-consumer': true },
  })
  const [active, waiting] = [await Inbox.on(channel, queue), await Inbox.on(channel, queue)]
  await send(channel, queue, ['1', '2', '3'])
  expect(await active.texts(3)).toEqual(['1', '2', '3'])
  await channel.cancel(active.consumerTag)
  await send(channel, queue, ['4'])
  expect(await waiting.texts(1)).toEqual(['4'])
})

it('amqplib: purge empties, get finds nothing, and counts are told', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await send(channel, queue, ['1', '2', '3'])
  expect(await channel.purgeQueue(queue)).toEqual({ messageCount: 3 })
  expect(await channel.get(queue)).toBe(false)
  await send(channel, queue, ['4'])
  expect(await channel.deleteQueue(queue)).toEqual({ messageCount: 1 })
})

it('amqplib: an acknowledgement nobody waits for ends the channel with 406', async () => {
  const channel = await clients.confirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  await send(channel, queue, ['once'])
  const inbox = await Inbox.on(channel, queue)
  const { message } = await inbox.next()
  const failure = nextEvent<Error>(channel, 'error')
  channel.ack(message)
  channel.ack(message)
  expect(await failure).toMatchObject({ code: 406, message: expect.stringContaining('unknown delivery tag 1') })
})
