/**
 * The queues, exchanges, publishers and consumers of a crash run: one of every way a message can take through the
 * broker that has a state of its own on disk.
 */
import { type Channel, connect, type Options } from 'amqplib'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { Consumer, type Manner } from './consumer.ts'
import type { History } from './history.ts'
import type { QueueRule } from './history-parts.ts'
import { Publisher, type Route } from './publisher.ts'

export const DELAY_MS_MAX = 300

type Line = {
  readonly name: string
  readonly exchange?: readonly [name: string, type: string, options: Options.AssertExchange]
  readonly queues: readonly { name: string; options: Options.AssertQueue; rule?: QueueRule; manner?: Partial<Manner> }[]
  readonly route?: Partial<Route>
  readonly publisherCount?: number
  readonly consumerCount?: number
}

const PLAIN: Manner = { requeueOneIn: 0, rejectEvery: 0 }

const LINES: readonly Line[] = [
  { name: 'plain', queues: [{ name: 'plain', options: {} }], publisherCount: 2 },
  { name: 'back', queues: [{ name: 'back', options: {}, manner: { requeueOneIn: 5 } }], consumerCount: 2 },
  {
    name: 'dead',
    queues: [
      {
        name: 'dead.from',
        options: { deadLetterExchange: '', deadLetterRoutingKey: 'dead.to' },
        rule: { deadLetterTo: 'dead.to' },
        manner: { rejectEvery: 3 },
      },
    ],
  },
  { name: 'prior', queues: [{ name: 'prior', options: { maxPriority: 5 } }], route: { priorityMax: 5 } },
  {
    name: 'fan',
    exchange: ['fan', 'fanout', {}],
    queues: [
      { name: 'fan.1', options: {} },
      { name: 'fan.2', options: {} },
    ],
  },
  {
    name: 'bounded',
    queues: [{ name: 'bounded', options: { maxLength: 1_000_000, arguments: { 'x-overflow': 'reject-publish' } } }],
  },
  { name: 'quorum', queues: [{ name: 'quorum', options: { arguments: { 'x-queue-type': 'quorum' } } }] },
]

const DELAYED: Line = {
  name: 'later',
  exchange: ['later', 'x-delayed-message', { arguments: { 'x-delayed-type': 'direct' } }],
  queues: [{ name: 'later', options: {}, rule: { ordered: false } }],
  route: { delayMsMax: DELAY_MS_MAX },
}

/** Where dead letters end up, out of order: their consumer rejects in any order. */
const DEAD_END = { name: 'dead.to', options: {}, rule: { ordered: false } }

export type Scenario = {
  readonly publishers: readonly Publisher[]
  readonly consumers: readonly Consumer[]
  /** All queues that are read, for counting what is left. */
  readonly queues: readonly string[]
  declare(url: string): Promise<void>
}

/** @param withDelays whether the server knows x-delayed-message */
export function makeScenario(history: History, seed: number, mayPublish: () => boolean, withDelays: boolean): Scenario {
  const lines = withDelays ? [...LINES, DELAYED] : LINES
  const queues = [DEAD_END, ...lines.flatMap((line) => line.queues)]
  for (const { name, rule } of queues) history.queue(name, rule)
  const publishers: Publisher[] = []
  const consumers: Consumer[] = []
  let seeds = seed
  const random = (): Random => seededRandom(++seeds)
  const addConsumer = (queue: string, number: number, manner: Partial<Manner> = {}): void => {
    consumers.push(new Consumer(history, queue, `${queue}.${number}`, { ...PLAIN, ...manner }, random()))
  }
  addConsumer(DEAD_END.name, 1)
  for (const line of lines) {
    for (let number = 1; number <= (line.publisherCount ?? 1); number++) {
      const to = line.queues.map((queue) => queue.name)
      const exchange = line.exchange?.[0] ?? ''
      const route = { exchange, key: exchange === '' ? to[0]! : 'key', delayMsMax: 0, priorityMax: 0, ...line.route }
      publishers.push(new Publisher(history.publisher(`${line.name}.p${number}`, to), route, random(), mayPublish))
    }
    for (const queue of line.queues) {
      for (let number = 1; number <= (line.consumerCount ?? 1); number++) addConsumer(queue.name, number, queue.manner)
    }
  }
  const names = queues.map((queue) => queue.name)
  return { publishers, consumers, queues: names, declare: (url) => declare(url, lines, consumers) }
}

async function declare(url: string, lines: readonly Line[], consumers: readonly Consumer[]): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  await channel.assertQueue(DEAD_END.name, { durable: true, ...DEAD_END.options })
  for (const line of lines) await declareLine(channel, line)
  for (const { fenceQueue } of consumers) await channel.assertQueue(fenceQueue, { durable: true })
  await connection.close()
}

async function declareLine(channel: Channel, { exchange, queues }: Line): Promise<void> {
  if (exchange !== undefined) await channel.assertExchange(exchange[0], exchange[1], { durable: true, ...exchange[2] })
  for (const { name, options } of queues) {
    await channel.assertQueue(name, { durable: true, ...options })
    if (exchange !== undefined) await channel.bindQueue(name, exchange[0], 'key')
  }
}

/** Ready messages in all of these queues together. */
export async function readyCount(url: string, queues: readonly string[]): Promise<number> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  let count = 0
  for (const queue of queues) count += (await channel.checkQueue(queue)).messageCount
  await connection.close()
  return count
}
