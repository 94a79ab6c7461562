/**
 * What tests of the crossing share: one broker, amqplib at one door and kafkajs at the other, and the few things that are
 * done at each.
 */
import type { ConsumeMessage, Options } from 'amqplib'
import {
  type Admin,
  type CompressionTypes,
  type EachMessagePayload,
  type IHeaders,
  Kafka,
  logLevel,
  type Message,
  type Producer,
  type ProducerConfig,
} from 'kafkajs'
import { Clients, Inbox, ownName } from './amqplib-client.ts'
import { type KafkaUnderTest, startKafkaBroker } from './kafka-broker.ts'

/** A body, and what goes with it. */
export type Letter = readonly [body: string | Buffer, options?: Options.Publish]

export interface ReadRecord {
  readonly partition: number
  readonly offset: string
  readonly timestamp: string
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly headers: IHeaders
}

export class CrossingStage {
  readonly broker: KafkaUnderTest
  readonly clients: Clients
  readonly #kafka: Kafka
  /** Whatever of kafkajs is connected. */
  readonly #connected: { disconnect(): Promise<void> }[] = []

  private constructor(broker: KafkaUnderTest, amqpUrl: string) {
    this.broker = broker
    this.clients = new Clients(amqpUrl)
    this.#kafka = new Kafka({ clientId: 'crossing', brokers: [broker.bootstrap], logLevel: logLevel.NOTHING })
  }

  static async open(): Promise<CrossingStage> {
    process.env['KAFKAJS_NO_PARTITIONER_WARNING'] = '1'
    const broker = await startKafkaBroker()
    if (broker.amqpUrl === undefined) throw new Error('the broker under test has no AMQP door')
    return new CrossingStage(broker, broker.amqpUrl)
  }

  async declareStream(limits: Readonly<Record<string, unknown>> = {}): Promise<string> {
    const stream = ownName('stream')
    const channel = await this.clients.channel()
    await channel.assertQueue(stream, { durable: true, arguments: { 'x-queue-type': 'stream', ...limits } })
    return stream
  }

  async admin(): Promise<Admin> {
    return this.#connect(this.#kafka.admin())
  }

  async producer(config: ProducerConfig = {}): Promise<Producer> {
    return this.#connect(this.#kafka.producer(config))
  }

  async #connect<T extends { connect(): Promise<void>; disconnect(): Promise<void> }>(one: T): Promise<T> {
    this.#connected.push(one)
    await one.connect()
    return one
  }

  async makeTopic(numPartitions: number): Promise<string> {
    const topic = ownName('topic')
    const admin = await this.admin()
    await admin.createTopics({ topics: [{ topic, numPartitions }] })
    return topic
  }

  /** And waits for the confirms. */
  async publish(exchange: string, key: string, letters: readonly Letter[]): Promise<void> {
    const channel = await this.clients.confirmChannel()
    for (const [body, options] of letters) channel.publish(exchange, key, Buffer.from(body), options)
    await channel.waitForConfirms()
  }

  async produce(topic: string, messages: Message[], compression?: CompressionTypes): Promise<void> {
    const producer = await this.producer()
    await producer.send({ topic, messages, ...(compression === undefined ? {} : { compression }) })
  }

  /** Everything in it, as it comes to amqplib. */
  async inbox(stream: string): Promise<Inbox> {
    const channel = await this.clients.channel()
    await channel.prefetch(100)
    return Inbox.on(channel, stream, { arguments: { 'x-stream-offset': 'first' } })
  }

  async receive(stream: string, count: number): Promise<ConsumeMessage[]> {
    const inbox = await this.inbox(stream)
    const messages: ConsumeMessage[] = []
    while (messages.length < count) messages.push((await inbox.next()).message)
    return messages
  }

  /** The first so many, with kafkajs. */
  async read(topic: string, count: number): Promise<ReadRecord[]> {
    // A consumer that disconnects waits for its last fetch.
    const consumer = await this.#connect(this.#kafka.consumer({ groupId: ownName('group'), maxWaitTimeInMs: 100 }))
    await consumer.subscribe({ topic, fromBeginning: true })
    const records: ReadRecord[] = []
    await new Promise<void>((resolve, reject) => {
      consumer.on('consumer.crash', ({ payload }) => reject(payload.error))
      const eachMessage = async (payload: EachMessagePayload): Promise<void> => {
        records.push(recordOf(payload))
        if (records.length === count) resolve()
      }
      consumer.run({ eachMessage }).catch(reject)
    })
    return records
  }

  /** Behind each test. */
  async hangUp(): Promise<void> {
    await Promise.allSettled(this.#connected.splice(0).map((one) => one.disconnect()))
    await this.clients.close()
  }

  async stop(): Promise<void> {
    await this.broker.stop()
  }
}

function recordOf({ partition, message }: EachMessagePayload): ReadRecord {
  const { offset, timestamp, key, value, headers = {} } = message
  return { partition, offset, timestamp, key, value, headers }
}

/** kafkajs gives bytes, and several values of a name as an array. */
export function headerTexts(headers: IHeaders): Record<string, unknown> {
  const text = (value: unknown): unknown => (Buffer.isBuffer(value) ? value.toString() : value)
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.map(text) : text(value)]),
  )
}

/** All properties amqplib can send. */
export const everyProperty: Options.Publish = {
  contentType: 'text/plain',
  contentEncoding: 'identity',
  headers: { mine: '1' },
  persistent: true,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '3600000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 't',
  userId: 'guest',
  appId: 'a',
}
