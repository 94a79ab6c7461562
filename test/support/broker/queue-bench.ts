/** A queue on the memory engine with a manual clock, and consumers that write down what they get: for unit tests. */
import { ManualClock } from '../../../src/base/clock.ts'
import { emptyTable, type FieldTable } from '../../../src/base/field-value.ts'
import type { CancelReason, Consumer, Delivery } from '../../../src/broker/queues/consumer.ts'
import { MessageMemory } from '../../../src/broker/queues/message-memory.ts'
import { Queue } from '../../../src/broker/queues/queue.ts'
import type { QueueDefinition, QueueEndWish, QueueSettings } from '../../../src/broker/queues/queue-definition.ts'
import type { DeathReason } from '../../../src/broker/queues/queue-deps.ts'
import type { QueueSubscription } from '../../../src/broker/queues/queue-subscription.ts'
import type { ConfirmListener } from '../../../src/broker/session.ts'
import { Shard } from '../../../src/broker/shard.ts'
import { Address, type Message, makeMessage } from '../../../src/message/message.ts'
import { MessageFormats } from '../../../src/message/message-format.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { MemoryStorage } from '../../../src/storage/engines/memory/memory-storage.ts'
import { plainFormat, plainProperties } from './plain-format.ts'

export const defaultSettings: QueueSettings = {
  type: 'classic',
  messageTtlMs: undefined,
  expiresMs: undefined,
  maxLength: undefined,
  maxLengthBytes: undefined,
  overflow: 'drop-head',
  deadLetterExchange: undefined,
  deadLetterRoutingKey: undefined,
  deliveryLimit: undefined,
  maxPriority: 0,
  singleActiveConsumer: false,
  consumerTimeoutMs: undefined,
}

export interface MessageOptions {
  persistent?: boolean
  priority?: number
  expirationMs?: number
  headers?: FieldTable
}

export class TestConsumer implements Consumer {
  readonly noAck: boolean
  readonly priority: number
  readonly tag = 'test'
  credit: number
  readonly got: Delivery[] = []
  cancelReason: CancelReason | undefined
  subscription: QueueSubscription | undefined

  constructor(options: { noAck?: boolean; priority?: number; credit?: number } = {}) {
    this.noAck = options.noAck ?? false
    this.priority = options.priority ?? 0
    this.credit = options.credit ?? Number.POSITIVE_INFINITY
  }

  /** Bodies in the order they came, '!' behind those that came again. */
  get bodies(): string[] {
    return this.got.map((delivery) => bodyOf(delivery))
  }

  readonly seen: string[] = []

  canTake(): boolean {
    return this.credit > 0
  }

  deliver(delivery: Delivery): void {
    this.credit--
    this.got.push(delivery)
    this.seen.push(bodyOf(delivery))
  }

  cancelled(reason: CancelReason): void {
    this.cancelReason = reason
  }

  grant(credit: number): void {
    this.credit += credit
    this.subscription?.wake()
  }

  /** Settles the oldest delivery. */
  settleNext(outcome: 'accept' | 'requeue' | 'reject'): void {
    this.got.shift()?.settle(outcome)
  }
}

export function bodyOf(delivery: Delivery): string {
  return delivery.message.body().toString() + (delivery.redelivered ? '!' : '')
}

export class Answers implements ConfirmListener {
  readonly expected: number[] = []
  readonly confirmedSequences: number[] = []
  readonly rejectedSequences: number[] = []
  expect(sequence: number): void {
    this.expected.push(sequence)
  }
  confirmed(sequence: number): void {
    this.confirmedSequences.push(sequence)
  }
  rejected(sequence: number): void {
    this.rejectedSequences.push(sequence)
  }
}

export class QueueBench {
  readonly clock = new ManualClock()
  readonly formats = new MessageFormats()
  readonly dead: { body: string; reason: DeathReason }[] = []
  readonly wishes: QueueEndWish[] = []
  readonly storage: Storage
  shard!: Shard
  queue!: Queue
  memory: MessageMemory
  #definition: QueueDefinition

  private constructor(settings: Partial<QueueSettings>, storage: Storage, memoryBytes: number, durable: boolean) {
    this.formats.register(plainFormat)
    this.storage = storage
    this.memory = new MessageMemory(memoryBytes)
    this.#definition = {
      vhost: '/',
      name: 'q',
      durable,
      exclusive: false,
      autoDelete: false,
      arguments: emptyTable,
      settings: { ...defaultSettings, ...settings },
      id: 1,
    }
  }

  static async open(
    settings: Partial<QueueSettings> = {},
    options: { storage?: Storage; memoryBytes?: number; durable?: boolean; autoDelete?: boolean } = {},
  ): Promise<QueueBench> {
    const { storage = new MemoryStorage(), memoryBytes = 1 << 20, durable = true } = options
    const bench = new QueueBench(settings, storage, memoryBytes, durable)
    await bench.restart()
    return bench
  }

  /** As after a crash: what was not committed is gone. */
  async restart(): Promise<void> {
    this.memory = new MessageMemory(this.memory.limitBytes)
    const journal = await this.storage.claim(0)
    this.shard = new Shard(journal, () => this.queue)
    // A new object a life, to tell lives apart.
    this.#definition = { ...this.#definition }
    this.queue = new Queue(
      this.#definition,
      undefined,
      {
        shard: this.shard,
        memory: this.memory,
        formats: this.formats,
        clock: this.clock,
        // The timers of an earlier life still run on the shared clock, as a dead process's would not.
        deadLetter: (queue, message, reason) => {
          if (queue === this.queue.definition) this.dead.push({ body: message.body().toString(), reason })
        },
        damaged: (_queue, error) => {
          throw error
        },
        ended: () => {},
      },
      (_queue, wish) => this.wishes.push(wish),
    )
    await this.shard.replay()
    this.queue.recovered()
  }

  message(body: string, options: MessageOptions = {}): Message {
    const head = {
      format: plainFormat,
      address: new Address('', 'q'),
      persistent: options.persistent ?? true,
      priority: options.priority,
      publishedMs: this.clock.nowMs(),
      expirationMs: options.expirationMs,
    }
    return makeMessage(head, plainProperties(options.headers ?? emptyTable), Buffer.from(body))
  }

  publish(body: string, options: MessageOptions = {}, answers?: Answers, sequence = 0): void {
    this.queue.enqueue(this.message(body, options), answers, sequence)
  }

  consume(consumer: TestConsumer, exclusive = false): TestConsumer {
    consumer.subscription = this.queue.subscribe(consumer, exclusive)
    consumer.subscription.activate()
    return consumer
  }

  /** Everything said so far is durable. */
  flush(): Promise<void> {
    return this.shard.flushed()
  }

  /** Gets and accepts until the queue is empty. */
  async drain(): Promise<string[]> {
    const bodies: string[] = []
    for (let got = await this.queue.get(false); got !== undefined; got = await this.queue.get(false)) {
      bodies.push(bodyOf(got.delivery))
      got.delivery.settle('accept')
    }
    return bodies
  }
}
