/** How long things last, with amqplib: heartbeats, secrets, closed servers, restarts, and what survives them. */
import { type Channel, type ChannelModel, connect } from 'amqplib'
import { afterAll, afterEach, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import { Clients, Inbox, nextEvent, ownName, send } from '../support/clients/amqplib-client.ts'
import { type BrokerUnderTest, judgesBusbar, startBroker } from '../support/clients/broker-under-test.ts'
import { Peer } from './probe/peer.ts'

vi.setConfig({ testTimeout: 30_000 })

let broker: BrokerUnderTest
let clients: Clients
beforeAll(async () => {
  broker = await startBroker()
  clients = new Clients(broker.url)
})
afterEach(() => clients.close())
afterAll(() => broker?.stop())

it('amqplib: an idle connection lives on heartbeats, and one that sends none is cut off', async () => {
  const idle = await clients.connection('heartbeat=1')
  const silent = await Peer.connect(broker.port)
  expect(await silent.open({ tune: [100, 131_072, 1] })).toMatchObject({ method: { kind: 'connection.open-ok' } })
  expect((await silent.next()).kind).toBe('closed')
  // By then the server has had to send its own, twice a second, to keep the idle client content for as long.
  expect(silent.heartbeatCount).toBeGreaterThanOrEqual(2)
  const channel = await idle.createChannel()
  expect((await channel.assertQueue('', { exclusive: true })).messageCount).toBe(0)
})

it('amqplib: a connection may change its secret while it works', async () => {
  const connection = await clients.connection()
  await connection.updateSecret(Buffer.from('guest'), 'a new day')
  const channel = await connection.createChannel()
  expect((await channel.assertQueue('', { exclusive: true })).consumerCount).toBe(0)
})

it('amqplib: a wrong password and an unknown vhost are told apart', async () => {
  const { port } = broker
  await expect(connect(`amqp://guest:wrong@127.0.0.1:${port}`)).rejects.toThrow(
    'ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN',
  )
  await expect(connect(`amqp://127.0.0.1:${port}/elsewhere`)).rejects.toThrow(
    'Expected ConnectionOpenOk; got <ConnectionClose channel:0>',
  )
})

it('amqplib: a hundred channels on one connection do not disturb each other', async () => {
  const connection = await clients.connection()
  const channels: Channel[] = []
  for (let count = 0; count < 100; count++) channels.push(await connection.createChannel())
  const queues = await Promise.all(channels.map((channel) => channel.assertQueue('', { exclusive: true })))
  for (const [index, channel] of channels.entries()) {
    channel.sendToQueue(queues[(index + 1) % 100]!.queue, Buffer.from(`from ${index}`))
  }
  const inboxes = await Promise.all(
    channels.map((channel, index) => Inbox.on(channel, queues[index]!.queue, { noAck: true })),
  )
  const texts = await Promise.all(inboxes.map((inbox) => inbox.texts(1)))
  expect(texts.flat()).toEqual(Array.from({ length: 100 }, (_, index) => `from ${(index + 99) % 100}`))
})

if (judgesBusbar) {
  describe('when the server goes', () => {
    it('amqplib: an orderly stop is told to the client, and what was confirmed is there afterwards', async () => {
      const own = await startBroker()
      onTestFinished(() => own.discard())
      const connection = await connect(own.url)
      // To amqplib a forced close is no error: it tells the reason as it closes.
      const reason = nextEvent<Error>(connection, 'close')
      const channel = await connection.createConfirmChannel()
      await channel.assertQueue('kept', { durable: true })
      await send(channel, 'kept', ['1', '2', '3'], { persistent: true })
      await own.halt()
      expect(await reason).toMatchObject({ code: 320, message: expect.stringContaining('CONNECTION_FORCED') })
      await own.restart()
      expect(await keptIn(own, 'kept')).toEqual(['1', '2', '3'])
    })

    it('amqplib: a client that recovers goes on after the server was killed, and has all that was confirmed', async () => {
      const own = await startBroker()
      onTestFinished(() => own.discard())
      const received: string[] = []
      const setup = async (model: ChannelModel): Promise<void> => {
        const channel = await model.createChannel()
        await channel.assertQueue('kept', { durable: true })
        await channel.consume('kept', (message) => {
          if (message === null) return
          channel.ack(message)
          received.push(message.content.toString())
        })
      }
      const feeder = await connect(own.url)
      feeder.on('error', () => {})
      const channel = await feeder.createConfirmChannel()
      await channel.assertQueue('kept', { durable: true })
      await send(channel, 'kept', ['before'], { persistent: true })
      await own.kill9()
      await own.restart()
      const recovering = await connect(own.url, { recovery: { initialDelay: 20, maxDelay: 100, setup } })
      recovering.on('error', () => {})
      await vi.waitUntil(() => received.includes('before'))
      const again = new Promise<void>((resolve) => recovering.on('disconnect', () => resolve()))
      await own.kill9()
      await again
      const back = new Promise<void>((resolve) => recovering.on('connect', () => resolve()))
      await own.restart()
      await back
      await recovering.createChannel().then((open) => open.sendToQueue('kept', Buffer.from('after')))
      await vi.waitUntil(() => received.includes('after'))
      // The ack may have been lost with the server: then the message comes a second time, and still comes first.
      expect(received.filter((text, index) => text !== received[index - 1])).toEqual(['before', 'after'])
      await recovering.close()
    })
  })
}

async function keptIn(server: BrokerUnderTest, queue: string): Promise<string[]> {
  const connection = await connect(server.url)
  const channel = await connection.createChannel()
  const { messageCount } = await channel.checkQueue(queue)
  const inbox = await Inbox.on(channel, queue)
  const texts = await inbox.texts(messageCount)
  await connection.close()
  return texts
}

it('amqplib: a durable queue and exchange outlive the connection that declared them', async () => {
  const [queue, exchange] = [ownName('lasting'), ownName('lasting')]
  const first = await clients.connection()
  const channel = await first.createConfirmChannel()
  await channel.assertQueue(queue, { durable: true })
  await channel.assertExchange(exchange, 'direct', { durable: true })
  await channel.bindQueue(queue, exchange, 'k')
  await first.close()
  const second = await clients.confirmChannel()
  second.publish(exchange, 'k', Buffer.from('still here'))
  await second.waitForConfirms()
  const inbox = await Inbox.on(second, queue, { noAck: true })
  expect((await inbox.next()).text).toBe('still here')
  await second.deleteQueue(queue)
  await second.deleteExchange(exchange)
})
