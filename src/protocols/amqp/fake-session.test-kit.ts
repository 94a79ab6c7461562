/**
 * A broker for tests of the protocol, small enough to be right at a glance: queues are arrays, the only exchange is the
 * default one, answers to publishes come when the test says so. Every call is noted.
 */
import { Refused } from '../../base/errors.ts'
import type { Groups } from '../../broker/groups/group-door.ts'
import type { Consumer, Delivery, Outcome, Subscription } from '../../broker/queues/consumer.ts'
import type {
  BindingSpec,
  ConfirmListener,
  ConsumeSpec,
  ExchangeSpec,
  Flow,
  Mailbox,
  PublishOutcome,
  QueueCounts,
  QueueSpec,
  Session,
  SessionDoor,
  SessionRequest,
} from '../../broker/session.ts'
import type { Streams } from '../../broker/streams/stream-door.ts'
import type { Transactions } from '../../broker/transactions/transaction-door.ts'
import { Address, type Message } from '../../message/message.ts'

export class FakeDoor implements SessionDoor {
  readonly sessions: FakeSession[] = []

  openSession(request: SessionRequest): FakeSession {
    if (request.vhost === 'nope') throw new Refused('not-allowed', 'vhost nope not found')
    const session = new FakeSession(request)
    this.sessions.push(session)
    return session
  }
}

async function notHere(): Promise<never> {
  throw new Error('the small broker of the AMQP tests makes no streams')
}

const noStreams: Streams = {
  settings: [],
  list: () => [],
  find: () => undefined,
  findById: () => undefined,
  partition: () => undefined,
  checkConfigs: () => {},
  create: notHere,
  delete: notHere,
  addPartitions: notHere,
  setConfigs: notHere,
}

interface Held {
  readonly message: Message
  redelivered: boolean
  count: number
}

/** Delivers to its consumers in turn while they can take. */
export class FakeQueue {
  ready: Held[] = []
  readonly consumers: Consumer[] = []
  readonly outcomes: Outcome[] = []
  /** Handed out and not settled. */
  unsettledCount = 0
  readonly #name: string

  constructor(name: string) {
    this.#name = name
  }

  add(message: Message): void {
    this.ready.push({ message, redelivered: false, count: 0 })
    this.dispatch()
  }

  dispatch(): void {
    while (this.ready.length > 0) {
      const index = this.consumers.findIndex((consumer) => consumer.canTake())
      if (index < 0) return
      const [consumer] = this.consumers.splice(index, 1)
      this.consumers.push(consumer!)
      consumer!.deliver(this.delivery(this.ready.shift()!, consumer!.noAck))
    }
  }

  delivery(held: Held, noAck: boolean): Delivery {
    let isSettled = noAck
    if (!noAck) this.unsettledCount++
    return {
      message: held.message,
      redelivered: held.redelivered,
      deliveryCount: held.count,
      settle: (outcome) => {
        if (isSettled) throw new Error(`a delivery of ${this.#name} was settled twice`)
        isSettled = true
        this.unsettledCount--
        this.outcomes.push(outcome)
        if (outcome !== 'requeue') return
        this.ready.unshift({ message: held.message, redelivered: true, count: held.count + 1 })
        this.dispatch()
      },
    }
  }
}

interface Published {
  readonly message: Message
  readonly extraKeys: readonly string[] | undefined
  readonly confirms: ConfirmListener | undefined
  readonly sequence: number
  /** How many answers it was told to expect. */
  readonly answerCount: number
}

export class FakeSession implements Session {
  readonly vhost: string
  readonly user: string
  readonly request: SessionRequest
  flow: Flow = { kind: 'open' }
  /** `method argument`, in order. */
  readonly calls: string[] = []
  readonly queues = new Map<string, FakeQueue>()
  readonly published: Published[] = []
  publishedCount = 0
  readonly mailboxes = new Map<string, Consumer>()
  readonly bindings: BindingSpec[] = []
  readonly exchanges: ExchangeSpec[] = []
  readonly queueSpecs: QueueSpec[] = []
  /** Thrown by the next call that is not a publish. */
  failure: Error | undefined
  /** How many answers a publish waits for. */
  answersPerPublish = 0
  /** While set, calls that return promises wait for it. */
  gate: Promise<void> | undefined
  isClosed = false
  #names = 0

  constructor(request: SessionRequest) {
    this.request = request
    this.vhost = request.vhost
    this.user = request.user
  }

  /** There are none; broker-stage.test-kit.ts has a broker with streams. */
  readonly streams: Streams = noStreams

  checkFlow(): void {}

  get groups(): Groups {
    throw new Error('a session of the AMQP tests has no groups')
  }

  get transactions(): Transactions {
    throw new Error('a session of the AMQP tests has no transactions')
  }

  setFlow(flow: Flow): void {
    this.flow = flow
    this.request.owner.flow(flow)
  }

  queue(name: string): FakeQueue {
    const queue = this.queues.get(name)
    if (queue === undefined) throw new Refused('not-found', `no queue '${name}' in vhost '${this.vhost}'`)
    return queue
  }

  async #call(text: string): Promise<void> {
    this.calls.push(text)
    const { failure } = this
    this.failure = undefined
    await this.gate
    if (failure !== undefined) throw failure
  }

  async declareExchange(spec: ExchangeSpec): Promise<void> {
    await this.#call(`declareExchange ${spec.name}`)
    this.exchanges.push(spec)
  }

  checkExchange(name: string): void {
    this.calls.push(`checkExchange ${name}`)
    if (name.startsWith('nope')) throw new Refused('not-found', `no exchange '${name}' in vhost '${this.vhost}'`)
  }

  deleteExchange(name: string, { ifUnused }: { ifUnused: boolean }): Promise<void> {
    return this.#call(`deleteExchange ${name} ${ifUnused}`)
  }

  async bindExchange(binding: BindingSpec): Promise<void> {
    await this.#call('bindExchange')
    this.bindings.push(binding)
  }

  async unbindExchange(binding: BindingSpec): Promise<void> {
    await this.#call('unbindExchange')
    this.bindings.push(binding)
  }

  async declareQueue(spec: QueueSpec): Promise<QueueCounts> {
    await this.#call(`declareQueue ${spec.name}`)
    this.queueSpecs.push(spec)
    const name = spec.name === '' ? `amq.gen-${++this.#names}` : spec.name
    if (!this.queues.has(name)) this.queues.set(name, new FakeQueue(name))
    return this.checkQueue(name)
  }

  checkQueue(name: string): QueueCounts {
    const { ready, consumers } = this.queue(name)
    return { name, readyCount: ready.length, consumerCount: consumers.length }
  }

  async deleteQueue(name: string, options: { ifUnused: boolean; ifEmpty: boolean }): Promise<number> {
    await this.#call(`deleteQueue ${name} ${options.ifUnused} ${options.ifEmpty}`)
    const queue = this.queues.get(name)
    this.queues.delete(name)
    for (const consumer of queue?.consumers.splice(0) ?? []) consumer.cancelled('queue-deleted')
    return queue?.ready.length ?? 0
  }

  async purgeQueue(name: string): Promise<number> {
    await this.#call(`purgeQueue ${name}`)
    return this.queue(name).ready.splice(0).length
  }

  async bindQueue(binding: BindingSpec): Promise<void> {
    await this.#call('bindQueue')
    this.bindings.push(binding)
  }

  async unbindQueue(binding: BindingSpec): Promise<void> {
    await this.#call('unbindQueue')
    this.bindings.push(binding)
  }

  address(exchange: string, routingKey: string): Address {
    this.calls.push(`address ${exchange} ${routingKey}`)
    return new Address(exchange, routingKey)
  }

  publish(
    message: Message,
    extraKeys: readonly string[] | undefined,
    confirms: ConfirmListener | undefined,
    sequence: number,
  ): PublishOutcome {
    const { exchange, routingKey } = message.address
    if (exchange === 'nope') throw new Refused('not-found', `no exchange 'nope' in vhost '${this.vhost}'`)
    this.published.push({ message, extraKeys, confirms, sequence, answerCount: this.answersPerPublish })
    this.publishedCount++
    for (let answer = 0; answer < this.answersPerPublish; answer++) confirms?.expect(sequence)
    const mailbox = this.mailboxes.get(routingKey)
    if (mailbox !== undefined) {
      mailbox.deliver({ message, redelivered: false, deliveryCount: 0, settle: () => {} })
      return 'routed'
    }
    const queue = this.queues.get(routingKey)
    queue?.add(message)
    return queue === undefined ? 'unroutable' : 'routed'
  }

  durable(): Promise<void> {
    return this.#call('durable')
  }

  async consume(spec: ConsumeSpec, consumer: Consumer): Promise<Subscription> {
    await this.#call(`consume ${spec.queue} ${spec.exclusive}`)
    const queue = this.queue(spec.queue)
    return {
      activate: () => {
        queue.consumers.push(consumer)
        queue.dispatch()
      },
      wake: () => queue.dispatch(),
      cancel: () => {
        this.calls.push(`cancel ${consumer.tag}`)
        const index = queue.consumers.indexOf(consumer)
        if (index >= 0) queue.consumers.splice(index, 1)
      },
    }
  }

  async get(
    name: string,
    { noAck }: { noAck: boolean },
  ): Promise<{ delivery: Delivery; remaining: number } | undefined> {
    await this.#call(`get ${name}`)
    const queue = this.queue(name)
    const held = queue.ready.shift()
    return held && { delivery: queue.delivery(held, noAck), remaining: queue.ready.length }
  }

  openMailbox(consumer: Consumer): Mailbox {
    const name = `amq.rabbitmq.reply-to.${++this.#names}`
    this.mailboxes.set(name, consumer)
    return { name, close: () => this.mailboxes.delete(name) }
  }

  mailboxExists(name: string): boolean {
    return this.mailboxes.has(name)
  }

  async close(): Promise<void> {
    this.calls.push('close')
    await this.gate
    this.isClosed = true
  }
}
