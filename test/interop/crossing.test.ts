/**
 * One stream, two doors: what amqplib publishes is read with kafkajs, field by field as docs/protocols/mapping.md has it,
 * and what goes through both comes back. The other direction is crossing-from-kafka.test.ts, Python's clients are in
 * crossing-python.test.ts.
 */
import { CompressionTypes } from 'kafkajs'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { ownName } from '../support/clients/amqplib-client.ts'
import { CrossingStage, everyProperty, headerTexts, type Letter } from '../support/clients/crossing-stage.ts'
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
  describe('crossing: amqplib to kafkajs', () => {
    it('bodies are values, whatever bytes they are', async () => {
      const stream = await stage.declareStream()
      const bodies = [Buffer.from('text'), everyByte, Buffer.alloc(0), Buffer.alloc(300_000, 'abc')]
      await stage.publish(
        '',
        stream,
        bodies.map((body): Letter => [body]),
      )
      const records = await stage.read(stream, 4)
      expect(records.map(({ value }) => value)).toEqual(bodies)
      expect(records.map(({ offset }) => offset)).toEqual(['0', '1', '2', '3'])
      expect(records[0]).toMatchObject({ partition: 0, key: null, headers: {} })
      expect(Math.abs(Number(records[0]?.timestamp) - Date.now())).toBeLessThan(60_000)
    })

    it('the key header is the key, text or bytes, and the other one a deletion', async () => {
      const stream = await stage.declareStream()
      const bytes = Buffer.from('00ff80', 'hex')
      await stage.publish('', stream, [
        ['a', { headers: { 'kafka-key': 'grüße' } }],
        ['b', { headers: { 'kafka-key': bytes } }],
        ['', { headers: { 'kafka-key': 'gone', 'kafka-tombstone': true } }],
      ])
      const records = await stage.read(stream, 3)
      expect(records.map(({ key, value }) => [key, value])).toEqual([
        [Buffer.from('grüße'), Buffer.from('a')],
        [bytes, Buffer.from('b')],
        [Buffer.from('gone'), null],
      ])
      expect(records.map(({ headers }) => headers)).toEqual([{}, {}, {}])
    })

    it('headers of every type arrive as the table says', async () => {
      const stream = await stage.declareStream()
      const headers = {
        text: 'grüße',
        bytes: Buffer.from('00ff', 'hex'),
        int: 7,
        negative: -70_000,
        long: 2 ** 40,
        double: 0.5,
        float: { '!': 'float', value: 0.25 },
        timestamp: { '!': 'timestamp', value: 1_700_000_000 },
        decimal: { '!': 'decimal', value: { digits: 150, places: 2 } },
        yes: true,
        nothing: null,
        list: ['a', 2, null],
        empty: [],
        map: { inner: 'x', list: [1, true] },
      }
      await stage.publish('', stream, [['body', { headers }]])
      const [record] = await stage.read(stream, 1)
      expect(record?.headers['bytes']).toEqual(Buffer.from('00ff', 'hex'))
      const { bytes: _, ...others } = headerTexts(record?.headers ?? {})
      expect(others).toEqual({
        text: 'grüße',
        int: '7',
        negative: '-70000',
        long: '1099511627776',
        double: '0.5',
        float: '0.25',
        timestamp: '1700000000',
        decimal: '1.5',
        yes: 'true',
        nothing: null,
        list: ['a', '2', null],
        map: '{"inner":"x","list":[1,true]}',
      })
    })

    it('properties, exchange and routing key are headers with their names', async () => {
      const stream = await stage.declareStream()
      const exchange = ownName('exchange')
      const channel = await stage.clients.channel()
      await channel.assertExchange(exchange, 'topic')
      await channel.bindQueue(stream, exchange, 'eu.#')
      await stage.publish(exchange, 'eu.new', [['body', everyProperty]])
      const [record] = await stage.read(stream, 1)
      expect(headerTexts(record?.headers ?? {})).toEqual({
        mine: '1',
        'amqp-content-type': 'text/plain',
        'amqp-content-encoding': 'identity',
        'amqp-delivery-mode': '2',
        'amqp-priority': '3',
        'amqp-correlation-id': 'c',
        'amqp-reply-to': 'r',
        'amqp-expiration': '3600000',
        'amqp-message-id': 'm',
        'amqp-timestamp': '1700000000',
        'amqp-type': 't',
        'amqp-user-id': 'guest',
        'amqp-app-id': 'a',
        'amqp-exchange': exchange,
        'amqp-routing-key': 'eu.new',
      })
      await channel.deleteExchange(exchange)
    })

    it('a dead letter keeps its x-death', async () => {
      const stream = await stage.declareStream()
      const channel = await stage.clients.channel()
      const exchange = ownName('graves')
      await channel.assertExchange(exchange, 'fanout')
      await channel.bindQueue(stream, exchange, '')
      const { queue } = await channel.assertQueue('', { exclusive: true, deadLetterExchange: exchange })
      await stage.publish('', queue, [['poison', { headers: { mine: 'kept' } }]])
      const message = await channel.get(queue)
      if (message) channel.reject(message, false)
      const [record] = await stage.read(stream, 1)
      const headers = headerTexts(record?.headers ?? {})
      expect(headers).toMatchObject({ mine: 'kept', 'x-first-death-queue': queue, 'amqp-exchange': exchange })
      const death = JSON.parse(String(headers['x-death']))
      expect(death).toMatchObject({ count: 1, reason: 'rejected', queue, exchange: '', 'routing-keys': [queue] })
      const [back] = await stage.receive(stream, 1)
      expect(back?.properties.headers?.['x-death']).toMatchObject([{ count: 1, reason: 'rejected', queue }])
      await channel.deleteExchange(exchange)
    })
  })

if (judgesOwnKafka)
  describe('crossing: both', () => {
    it('a key goes to one partition through either door', async () => {
      const topic = await stage.makeTopic(5)
      const keys = ['', 'a', 'ab', 'abc', 'abcd', 'grüße', 'order-4711', 'x'.repeat(100)]
      await stage.produce(
        topic,
        keys.map((key) => ({ key, value: key })),
      )
      await stage.publish(
        '',
        topic,
        keys.map((key): Letter => [key, { headers: { 'kafka-key': key } }]),
      )
      const partitions = new Map(keys.map((key) => [key, [] as number[]]))
      for (const { key, partition } of await stage.read(topic, 2 * keys.length)) {
        partitions.get(String(key))?.push(partition)
      }
      for (const [key, [first, second]] of partitions) expect([key, second]).toEqual([key, first])
      expect(new Set([...partitions.values()].flat()).size).toBeGreaterThan(1)
    })

    it('an exchange feeds a topic, without a key every partition in turn', async () => {
      const topic = await stage.makeTopic(3)
      const channel = await stage.clients.channel()
      await channel.bindQueue(topic, 'amq.topic', `${topic}.#`)
      await stage.publish(
        'amq.topic',
        `${topic}.eu`,
        ['0', '1', '2', '3', '4', '5'].map((body): Letter => [body]),
      )
      const records = await stage.read(topic, 6)
      expect(records.map(({ value }) => String(value)).sort()).toEqual(['0', '1', '2', '3', '4', '5'])
      expect(records.map(({ partition }) => partition).sort()).toEqual([0, 0, 1, 1, 2, 2])
    })

    it('from AMQP through a Kafka program and back: properties as they were, headers as text', async () => {
      const [from, to] = [await stage.declareStream(), await stage.makeTopic(1)]
      const headers = { mine: '1', number: 5, list: ['a', 'b'], 'kafka-key': 'k' }
      await stage.publish('', from, [['body', { ...everyProperty, headers }]])
      const [record] = await stage.read(from, 1)
      if (record === undefined) throw new Error('nothing was read')
      await stage.produce(to, [
        { key: record.key, value: record.value, headers: record.headers, timestamp: record.timestamp },
      ])
      const [before] = await stage.receive(from, 1)
      const [after] = await stage.receive(to, 1)
      expect(after?.content).toEqual(before?.content)
      expect({ ...after?.properties, headers: {} }).toEqual({ ...before?.properties, headers: {} })
      expect(after?.properties.headers).toEqual({
        mine: '1',
        number: '5',
        list: ['a', 'b'],
        'kafka-key': 'k',
        timestamp_in_ms: Number(record.timestamp),
        'x-stream-offset': 0,
      })
      expect(after?.fields.routingKey).toBe(to)
    })

    it('from Kafka through an AMQP program and back: key, value, headers and deletion', async () => {
      const [from, to] = [await stage.makeTopic(1), await stage.declareStream()]
      await stage.produce(from, [
        { key: 'k', value: 'v', headers: { mine: 'grüße', several: ['1', '2'] } },
        { key: 'gone', value: null },
      ])
      const channel = await stage.clients.confirmChannel()
      for (const { content, properties } of await stage.receive(from, 2)) {
        channel.sendToQueue(to, content, { ...properties, headers: properties.headers ?? {} })
      }
      await channel.waitForConfirms()
      const records = await stage.read(to, 2)
      expect(records.map(({ key, value }) => [String(key), value])).toEqual([
        ['k', Buffer.from('v')],
        ['gone', null],
      ])
      expect(headerTexts(records[0]?.headers ?? {})).toMatchObject({ mine: 'grüße', several: ['1', '2'] })
    })

    it('a declared stream is a topic of one partition with its limits as configs', async () => {
      const stream = await stage.declareStream({ 'x-max-age': '1h', 'x-max-length-bytes': 1_000_000 })
      const admin = await stage.admin()
      const { topics } = await admin.fetchTopicMetadata({ topics: [stream] })
      expect(topics.map(({ partitions }) => partitions.length)).toEqual([1])
      const { resources } = await admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: 2, name: stream, configNames: ['retention.ms', 'retention.bytes'] }],
      })
      const configs = resources[0]?.configEntries.map(({ configName, configValue }) => [configName, configValue])
      expect(Object.fromEntries(configs ?? [])).toEqual({ 'retention.ms': '3600000', 'retention.bytes': '1000000' })
    })

    it('a topic declared as a stream is the topic as it is', async () => {
      const topic = await stage.makeTopic(2)
      await stage.produce(topic, [{ value: 'a' }, { value: 'b' }])
      const channel = await stage.clients.channel()
      const stream = { durable: true, arguments: { 'x-queue-type': 'stream' } }
      expect(await channel.assertQueue(topic, stream)).toMatchObject({ messageCount: 2 })
      await channel.deleteQueue(topic)
      const admin = await stage.admin()
      expect(await admin.listTopics()).not.toContain(topic)
    })

    it.each(['ended in order', 'killed'])('what both wrote is there for both when the broker was %s', async (how) => {
      const topic = await stage.makeTopic(1)
      const headers = { a: 'b' }
      await stage.produce(topic, [{ key: 'k', value: 'from kafka', headers }], CompressionTypes.GZIP)
      await stage.publish('', topic, [['from amqp', { contentType: 'text/plain' }]])
      await stage.hangUp()
      await (how === 'killed' ? stage.broker.kill9() : stage.broker.halt())
      await stage.broker.restart()
      const messages = await stage.receive(topic, 2)
      expect(messages.map(({ content }) => content.toString())).toEqual(['from kafka', 'from amqp'])
      expect(messages.map(({ properties }) => properties.contentType)).toEqual([undefined, 'text/plain'])
      const records = await stage.read(topic, 2)
      expect(records.map(({ key, value }) => [key, String(value)])).toEqual([
        [Buffer.from('k'), 'from kafka'],
        [null, 'from amqp'],
      ])
    })
  })
