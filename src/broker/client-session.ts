/**
 * The session of `session.ts`, for one client's connection: checks what may be done, and passes it to the vhost, the
 * queues and the mailboxes. It owns what ends with the connection: subscriptions, mailboxes, exclusive queues.
 */
import { Address, type Message } from '../message/message.ts'
import { type DelayStore, delayOf } from './delayed/delay-store.ts'
import type { FlowControl, Throttled } from './flow.ts'
import type { Groups } from './groups/group-door.ts'
import { MAILBOX_PREFIX, type Mailboxes } from './mailboxes.ts'
import type { Consumer, Delivery, Subscription } from './queues/consumer.ts'
import type { RoomListener } from './queues/queue-deps.ts'
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
  SessionEnd,
  SessionRequest,
} from './session.ts'
import type { Shard } from './shard.ts'
import type { Streams } from './streams/stream-door.ts'
import type { Target } from './target.ts'
import type { Vhost } from './topology/vhost.ts'
import type { Transactions } from './transactions/transaction-door.ts'

export interface ClientSessionDeps {
  readonly vhost: Vhost<Target>
  readonly streams: Streams
  readonly groups: Groups
  readonly transactions: Transactions
  readonly delays: DelayStore
  readonly mailboxes: Mailboxes
  readonly flow: FlowControl
  readonly shards: readonly Shard[]
  closed(session: ClientSession): void
}

/** Routes remembered per session. A client that never repeats a key must not fill memory. */
const ADDRESSES_MAX = 1024
const MAILBOX_KEY = `${MAILBOX_PREFIX}.`
const OPEN: Flow = { kind: 'open' }
const HOLD: Flow = { kind: 'hold' }

export class ClientSession implements Session, Throttled, RoomListener {
  readonly vhost: string
  readonly user: string
  readonly peer: string
  readonly #deps: ClientSessionDeps
  readonly #owner: SessionRequest['owner']
  readonly #subscriptions = new Set<Subscription>()
  readonly #mailboxes = new Set<Mailbox>()
  readonly #addresses = new Map<string, Map<string, Address>>()
  #addressCount = 0
  /** Full queues of the blocking kind that this session published to. */
  readonly #fullQueues = new Set<string>()
  #flow: Flow = OPEN
  #closed = false

  constructor(request: SessionRequest, deps: ClientSessionDeps) {
    this.vhost = request.vhost
    this.user = request.user
    this.peer = request.peer
    this.#owner = request.owner
    this.#deps = deps
    deps.flow.add(this)
    if (deps.flow.alarm !== undefined) this.#flow = { kind: 'blocked', reason: deps.flow.alarm }
  }

  get flow(): Flow {
    return this.#flow
  }

  get streams(): Streams {
    return this.#deps.streams
  }

  get groups(): Groups {
    return this.#deps.groups
  }

  get transactions(): Transactions {
    return this.#deps.transactions
  }

  declareExchange(spec: ExchangeSpec): Promise<void> {
    return this.#deps.vhost.declareExchange(spec)
  }

  checkExchange(name: string): void {
    this.#deps.vhost.checkExchange(name)
  }

  deleteExchange(name: string, options: { ifUnused: boolean }): Promise<void> {
    return this.#deps.vhost.deleteExchange(name, options)
  }

  bindExchange(binding: BindingSpec): Promise<void> {
    return this.#deps.vhost.bindExchange(binding)
  }

  unbindExchange(binding: BindingSpec): Promise<void> {
    return this.#deps.vhost.unbindExchange(binding)
  }

  declareQueue(spec: QueueSpec): Promise<QueueCounts> {
    return this.#deps.vhost.declareQueue(spec, this)
  }

  checkQueue(name: string): QueueCounts {
    return this.#deps.vhost.checkQueue(name, this)
  }

  deleteQueue(name: string, options: { ifUnused: boolean; ifEmpty: boolean }): Promise<number> {
    return this.#deps.vhost.deleteQueue(name, options, this)
  }

  async purgeQueue(name: string): Promise<number> {
    const count = this.#deps.vhost.requireQueue(name, this).purge()
    await this.durable()
    return count
  }

  bindQueue(binding: BindingSpec): Promise<void> {
    return this.#deps.vhost.bindQueue(binding, this)
  }

  unbindQueue(binding: BindingSpec): Promise<void> {
    return this.#deps.vhost.unbindQueue(binding, this)
  }

  address(exchange: string, routingKey: string): Address {
    const known = this.#addresses.get(exchange)?.get(routingKey)
    if (known !== undefined) return known
    if (this.#addressCount >= ADDRESSES_MAX) {
      this.#addresses.clear()
      this.#addressCount = 0
    }
    let keys = this.#addresses.get(exchange)
    if (keys === undefined) {
      keys = new Map()
      this.#addresses.set(exchange, keys)
    }
    const address = new Address(exchange, routingKey)
    keys.set(routingKey, address)
    this.#addressCount++
    return address
  }

  publish(
    message: Message,
    extraKeys: readonly string[] | undefined,
    confirms: ConfirmListener | undefined,
    sequence: number,
  ): PublishOutcome {
    const { exchange: exchangeName, routingKey } = message.address
    const { vhost, delays, mailboxes } = this.#deps
    if (exchangeName === '' && routingKey.startsWith(MAILBOX_KEY)) {
      return mailboxes.deliver(routingKey, message) ? 'routed' : 'unroutable'
    }
    const exchange = vhost.exchangeToPublish(exchangeName)
    const delayMs = exchange.delayed ? delayOf(message) : 0
    if (delayMs > 0) {
      delays.add(message, delayMs, confirms, sequence)
      this.checkFlow()
      return 'routed'
    }
    const queues = vhost.route(exchange, routingKey, extraKeys, message)
    for (let index = 0; index < queues.length; index++) {
      const queue = queues[index] as Target
      queue.enqueue(message, confirms, sequence)
      if (queue.definition.settings.overflow === 'block' && queue.full) this.#waitFor(queue)
    }
    this.checkFlow()
    return queues.length === 0 ? 'unroutable' : 'routed'
  }

  checkFlow(): void {
    if (this.#flow.kind === 'open' && this.#deps.flow.shouldHold(this)) this.#setFlow(HOLD)
  }

  #waitFor(queue: Target): void {
    if (this.#fullQueues.has(queue.name)) return
    this.#fullQueues.add(queue.name)
    queue.onRoom(this)
    this.flowChanged()
  }

  roomIn(queueName: string): void {
    this.#fullQueues.delete(queueName)
    this.flowChanged()
  }

  flowChanged(): void {
    const { alarm } = this.#deps.flow
    if (alarm !== undefined) return this.#setFlow({ kind: 'blocked', reason: alarm })
    for (const name of this.#fullQueues) return this.#setFlow({ kind: 'blocked', reason: `queue '${name}' is full` })
    this.#setFlow(this.#deps.flow.isHeld(this) ? HOLD : OPEN)
  }

  #setFlow(flow: Flow): void {
    const before = this.#flow
    this.#flow = flow
    if (this.#closed) return
    if (
      before.kind === flow.kind &&
      (flow.kind !== 'blocked' || before.kind !== 'blocked' || before.reason === flow.reason)
    )
      return
    this.#owner.flow(flow)
  }

  async durable(): Promise<void> {
    for (const shard of this.#deps.shards) await shard.flushed()
  }

  async consume(spec: ConsumeSpec, consumer: Consumer): Promise<Subscription> {
    const queue = this.#deps.vhost.requireQueue(spec.queue, this)
    const subscription = queue.subscribe(consumer, spec.exclusive, spec)
    this.#subscriptions.add(subscription)
    return {
      activate: () => subscription.activate(),
      wake: () => subscription.wake(),
      cancel: () => {
        this.#subscriptions.delete(subscription)
        subscription.cancel()
      },
    }
  }

  get(queue: string, options: { noAck: boolean }): Promise<{ delivery: Delivery; remaining: number } | undefined> {
    return this.#deps.vhost.requireQueue(queue, this).get(options.noAck)
  }

  openMailbox(consumer: Consumer): Mailbox {
    const mailbox = this.#deps.mailboxes.open(consumer)
    const own: Mailbox = {
      name: mailbox.name,
      close: () => {
        this.#mailboxes.delete(own)
        mailbox.close()
      },
    }
    this.#mailboxes.add(own)
    return own
  }

  mailboxExists(name: string): boolean {
    return this.#deps.mailboxes.has(name)
  }

  /** The broker ends this session; the protocol still calls `close`. */
  end(reason: SessionEnd): void {
    if (!this.#closed) this.#owner.ended(reason)
  }

  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const subscription of this.#subscriptions) subscription.cancel()
    this.#subscriptions.clear()
    for (const mailbox of this.#mailboxes) mailbox.close()
    for (const name of this.#fullQueues) this.#deps.vhost.findQueue(name)?.forgetRoom?.(this)
    this.#deps.flow.remove(this)
    this.#deps.closed(this)
    await this.#deps.vhost.deleteExclusiveOf(this)
  }
}
