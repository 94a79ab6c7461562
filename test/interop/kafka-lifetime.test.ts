/** What a Kafka client finds again when the broker was stopped or killed, and how it lives through that. */
import { randomUUID } from 'node:crypto'
import { type Admin, type Consumer, Kafka, logLevel, type Producer } from 'kafkajs'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { judgesOwnKafka, type KafkaUnderTest, startKafkaBroker } from '../support/clients/kafka-broker.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('restarts', () => {
  let broker: KafkaUnderTest
  let kafka: Kafka
  beforeEach((context) => {
    if (!judgesOwnKafka) context.skip('only a broker that was started here may be ended')
  })
  const open: (Admin | Consumer | Producer)[] = []
  beforeAll(async () => {
    broker = await startKafkaBroker()
    const retry = { initialRetryTime: 100, maxRetryTime: 500, retries: 50 }
    kafka = new Kafka({ brokers: [broker.bootstrap], logLevel: logLevel.NOTHING, retry })
  })
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => client.disconnect()))
  })
  afterAll(() => broker?.stop())

  async function connected<C extends Admin | Consumer | Producer>(client: C): Promise<C> {
    open.push(client)
    await client.connect()
    return client
  }

  const ends: [string, () => Promise<void>][] = [
    ['stopped', () => broker.halt()],
    ['killed', () => broker.kill9()],
  ]

  it.each(ends)('kafka: records, settings, groups and offsets are there when the broker was %s', async (_, end) => {
    const [topic, groupId] = [`kept.${randomUUID()}`, `kept.${randomUUID()}`]
    const admin = await connected(kafka.admin())
    const configEntries = [{ name: 'retention.ms', value: '86400000' }]
    await admin.createTopics({ topics: [{ topic, numPartitions: 3, configEntries }] })
    const producer = await connected(kafka.producer())
    await producer.send({
      topic,
      messages: [0, 1, 2].map((partition) => ({ partition, value: `before ${partition}` })),
    })
    const partitions = [0, 1, 2].map((partition) => ({ partition, offset: '1' }))
    await admin.setOffsets({ groupId, topic, partitions: partitions.slice(0, 2) })
    await end()
    await broker.restart()
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    expect(topics[0]?.partitions).toHaveLength(3)
    const resources = [{ type: 2, name: topic, configNames: ['retention.ms'] }]
    const described = await admin.describeConfigs({ resources, includeSynonyms: false })
    expect(described.resources[0]?.configEntries[0]?.configValue).toBe('86400000')
    const kept = await admin.fetchOffsets({ groupId, topics: [topic] })
    const offsets = new Map(kept[0]?.partitions.map(({ partition, offset }) => [partition, offset]))
    expect(offsets).toEqual(new Map([0, 1, 2].map((partition) => [partition, partition < 2 ? '1' : '-1'])))
    await producer.send({ topic, messages: [{ partition: 0, value: 'after' }] })
    const ranges = await admin.fetchTopicOffsets(topic)
    expect(ranges.map(({ partition, low, high }) => [partition, low, high]).sort()).toEqual([
      [0, '0', '2'],
      [1, '0', '1'],
      [2, '0', '1'],
    ])
  })

  it.each(ends)('kafka: a consumer goes on where it was when the broker was %s', async (_, end) => {
    const topic = `followed.${randomUUID()}`
    const producer = await connected(kafka.producer())
    await producer.send({ topic, messages: [{ value: 'first' }] })
    const consumer = await connected(
      kafka.consumer({ groupId: `followers.${randomUUID()}`, heartbeatInterval: 300, maxWaitTimeInMs: 300 }),
    )
    const read: string[] = []
    let wake = (): void => {}
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    await consumer.run({
      autoCommitThreshold: 1,
      eachMessage: async ({ message }) => {
        read.push(message.value?.toString() ?? '')
        wake()
      },
    })
    const until = async (count: number): Promise<void> => {
      while (read.length < count) {
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
    }
    await until(1)
    await end()
    await broker.restart()
    await producer.send({ topic, messages: [{ value: 'second' }] })
    // A kill may come before the commit of the first, which is then read again.
    while (read.at(-1) !== 'second') await until(read.length + 1)
    expect(new Set(read)).toEqual(new Set(['first', 'second']))
    expect(read.lastIndexOf('first')).toBeLessThan(read.indexOf('second'))
  })
})
