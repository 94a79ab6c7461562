/** What kafkajs produces is consumed with amqplib, field by field as docs/protocols/mapping.md has it. */
import { CompressionTypes } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { Inbox, ownName } from '../support/clients/amqplib-client.ts'
import { CrossingStage } from '../support/clients/crossing-stage.ts'
import { judgesOwnKafka } from '../support/clients/kafka-broker.ts'

vi.setConfig({ testTimeout: 30_000 })

let stage: CrossingStage
beforeAll(async () => {
  if (judgesOwnKafka) stage = await CrossingStage.open()
})
afterEach(() => stage?.hangUp())
afterAll(() => stage?.stop())

const everyByte = Buffer.from(Array.from({ length: 256 }, (_, index) => index))

if (judgesOwnKafka)
  describe('crossing: kafkajs to amqplib', () => {
    it.each([
      ['as it is', CompressionTypes.None],
      ['compressed', CompressionTypes.GZIP],
    ])('a batch %s: values, keys, headers, times and deletions', async (_, compression) => {
      const topic = await stage.makeTopic(1)
      const messages = [
        { value: 'a', timestamp: '1700000000123' },
        { key: 'k', value: everyByte, headers: { text: 'grüße', several: ['1', '2'] }, timestamp: '1700000000124' },
        { key: Buffer.from('ff00', 'hex'), value: null, timestamp: '1700000001000' },
      ]
      await stage.produce(topic, messages, compression)
      const got = await stage.receive(topic, 3)
      expect(got.map(({ content }) => content)).toEqual([Buffer.from('a'), everyByte, Buffer.alloc(0)])
      for (const { fields } of got)
        expect(fields).toMatchObject({ exchange: '', routingKey: topic, redelivered: false })
      expect(got.map(({ properties }) => properties.headers)).toEqual([
        { timestamp_in_ms: 1_700_000_000_123, 'x-stream-offset': 0 },
        {
          text: 'grüße',
          several: ['1', '2'],
          'kafka-key': 'k',
          timestamp_in_ms: 1_700_000_000_124,
          'x-stream-offset': 1,
        },
        {
          // amqplib reads every string as UTF-8.
          'kafka-key': Buffer.from('ff00', 'hex').toString(),
          'kafka-tombstone': true,
          timestamp_in_ms: 1_700_000_001_000,
          'x-stream-offset': 2,
        },
      ])
      expect(got.map(({ properties }) => [properties.timestamp, properties.deliveryMode])).toEqual([
        [1_700_000_000, 2],
        [1_700_000_000, 2],
        [1_700_000_001, 2],
      ])
    })

    it('headers with the names of properties are properties', async () => {
      const topic = await stage.makeTopic(1)
      const headers = {
        'amqp-content-type': 'application/json',
        'amqp-priority': '9',
        'amqp-correlation-id': 'c',
        'amqp-exchange': 'somewhere',
        'amqp-routing-key': 'elsewhere',
        'amqp-app-id': 'x'.repeat(256),
        'amqp-mine': 'a header like any',
      }
      await stage.produce(topic, [{ value: '{}', headers }])
      const [message] = await stage.receive(topic, 1)
      expect(message?.properties).toMatchObject({ contentType: 'application/json', priority: 9, correlationId: 'c' })
      expect(message?.fields).toMatchObject({ exchange: 'somewhere', routingKey: 'elsewhere' })
      expect(message?.properties.appId).toBeUndefined()
      expect(message?.properties.headers).toMatchObject({
        'amqp-app-id': 'x'.repeat(256),
        'amqp-mine': 'a header like any',
      })
    })

    it('from an offset inside a compressed batch, and only as far as the prefetch goes', async () => {
      const topic = await stage.makeTopic(1)
      const messages = Array.from({ length: 10 }, (_, index) => ({ value: `${index}` }))
      await stage.produce(topic, messages, CompressionTypes.GZIP)
      const channel = await stage.clients.channel()
      await channel.prefetch(2)
      const inbox = await Inbox.on(channel, topic, { arguments: { 'x-stream-offset': 7 } })
      expect(await inbox.texts(2)).toEqual(['7', '8'])
      // An answer on the channel: whatever came before it is here.
      await channel.checkQueue(topic)
      expect(inbox.letters).toHaveLength(2)
      for (const { message } of inbox.letters) channel.ack(message)
      expect(await inbox.texts(1)).toEqual(['9'])
    })

    it('from a moment on, by the times the producer gave', async () => {
      const topic = await stage.makeTopic(1)
      const hourAgo = Date.now() - 3_600_000
      const messages = [0, 1, 2].map((hour) => ({ value: `${hour}`, timestamp: `${hourAgo + (hour - 1) * 3_000_000}` }))
      await stage.produce(topic, messages)
      const channel = await stage.clients.channel()
      await channel.prefetch(10)
      const since = { '!': 'timestamp', value: Math.ceil(hourAgo / 1000) + 60 }
      for (const offset of ['59m', since]) {
        const inbox = await Inbox.on(channel, topic, { arguments: { 'x-stream-offset': offset } })
        expect(await inbox.texts(1)).toEqual(['2'])
      }
    })

    it('filtered by the header that both doors know', async () => {
      const topic = await stage.makeTopic(1)
      await stage.produce(
        topic,
        ['red', 'blue', 'red', 'none'].map((colour, index) => ({
          value: `${colour} ${index}`,
          headers: colour === 'none' ? {} : { 'x-stream-filter-value': colour },
        })),
        CompressionTypes.GZIP,
      )
      const channel = await stage.clients.channel()
      await channel.prefetch(10)
      const args = { 'x-stream-offset': 'first', 'x-stream-filter': ['red'], 'x-stream-match-unfiltered': true }
      const inbox = await Inbox.on(channel, topic, { arguments: args })
      expect(await inbox.texts(3)).toEqual(['red 0', 'red 2', 'none 3'])
    })

    it('of all partitions, each with its own order', async () => {
      const topic = await stage.makeTopic(3)
      await stage.produce(
        topic,
        Array.from({ length: 30 }, (_, index) => ({ partition: index % 3, value: `${index}` })),
      )
      const got = await stage.receive(topic, 30)
      for (const partition of [0, 1, 2]) {
        const own = got.filter(({ properties }) => properties.headers?.['x-stream-partition'] === partition)
        const places = Array.from({ length: 10 }, (_, index) => index)
        expect(own.map(({ content }) => Number(content))).toEqual(places.map((place) => 3 * place + partition))
        expect(own.map(({ properties }) => properties.headers?.['x-stream-offset'])).toEqual(places)
      }
    })

    it('of a transaction when it is committed, and never when it is aborted', async () => {
      const topic = await stage.makeTopic(1)
      const config = { transactionalId: ownName('transaction'), maxInFlightRequests: 1, idempotent: true }
      const producer = await stage.producer(config)
      for (const [value, end] of [
        ['never', 'abort'],
        ['decided', 'commit'],
      ] as const) {
        const transaction = await producer.transaction()
        await transaction.send({ topic, messages: [{ value }] })
        await transaction[end]()
      }
      await stage.publish('', topic, [['after']])
      const messages = await stage.receive(topic, 2)
      expect(messages.map(({ content }) => content.toString())).toEqual(['decided', 'after'])
    })

    it('a consumer is cancelled when the topic is deleted', async () => {
      const topic = await stage.makeTopic(1)
      const inbox = await stage.inbox(topic)
      const admin = await stage.admin()
      await admin.deleteTopics({ topics: [topic] })
      await inbox.cancelled
    })
  })
