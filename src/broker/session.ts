/**
 * The one door for clients. A session is one client's connection, whatever it speaks: its user, its vhost, the
 * exclusive queues it owns. Everything a protocol may do to the broker is here; it touches no queue or exchange itself.
 *
 * Order: calls of one session take effect in the order they are made, also where they return promises: a protocol that
 * awaits each topology call before the next has RabbitMQ's order per channel.
 */
import type { FieldTable } from '../base/field-value.ts'
import type { Address, Message } from '../message/message.ts'
import type { ConfirmListener } from './confirm-listener.ts'
import type { Groups } from './groups/group-door.ts'
import type { Consumer, Delivery, Subscription } from './queues/consumer.ts'
import type { Streams } from './streams/stream-door.ts'
import type { Transactions } from './transactions/transaction-door.ts'

export interface ExchangeSpec {
  readonly name: string
  readonly type: string
  readonly durable: boolean
  readonly autoDelete: boolean
  readonly internal: boolean
  readonly arguments: FieldTable
}

export interface QueueSpec {
  /** '' lets the broker choose a name. */
  readonly name: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: FieldTable
}

export interface QueueCounts {
  readonly name: string
  readonly readyCount: number
  readonly consumerCount: number
}

export interface BindingSpec {
  readonly source: string
  /** Queue or exchange, by the method called. */
  readonly destination: string
  readonly routingKey: string
  readonly arguments: FieldTable
}

export interface ConsumeSpec {
  readonly queue: string
  readonly exclusive: boolean
  readonly arguments: FieldTable
  /** Deliveries taken before one is settled; absent or 0: no limit, and streams are not read without one. */
  readonly prefetchCount?: number
}

export type { ConfirmListener }

export type PublishOutcome = 'routed' | 'unroutable'

/**
 * Whether this session may publish on. hold: stop reading for a moment, say nothing. blocked: the world must change
 * first (disk alarm, a full queue that blocks); tell the client if it can be told.
 */
export type Flow = { kind: 'open' } | { kind: 'hold' } | { kind: 'blocked'; reason: string }

/** What a session tells its protocol unasked. */
export interface SessionOwner {
  /** Called on change only; inside `publish` too: a protocol stops before its next publish. */
  flow(flow: Flow): void
  /** The broker ends the session: storage failed, shutdown, an administrator. `close` is still to be called. */
  ended(reason: SessionEnd): void
}

export type SessionEnd =
  | { kind: 'shutdown' }
  | { kind: 'storage-failed'; message: string }
  | { kind: 'forced'; message: string }

export interface Session {
  readonly vhost: string
  readonly user: string
  readonly flow: Flow

  declareExchange(spec: ExchangeSpec): Promise<void>
  /** @throws {Refused} 'not-found' */
  checkExchange(name: string): void
  /** A missing exchange is no error. */
  deleteExchange(name: string, options: { ifUnused: boolean }): Promise<void>
  bindExchange(binding: BindingSpec): Promise<void>
  unbindExchange(binding: BindingSpec): Promise<void>

  declareQueue(spec: QueueSpec): Promise<QueueCounts>
  /** @throws {Refused} 'not-found', 'resource-locked' */
  checkQueue(name: string): QueueCounts
  /** A missing queue is no error: 0. Resolves to the ready messages it held. */
  deleteQueue(name: string, options: { ifUnused: boolean; ifEmpty: boolean }): Promise<number>
  /** Resolves to the ready messages removed. */
  purgeQueue(name: string): Promise<number>
  bindQueue(binding: BindingSpec): Promise<void>
  unbindQueue(binding: BindingSpec): Promise<void>

  /** The shared address of a route; remembered, so that the hot path builds none per message. */
  address(exchange: string, routingKey: string): Address

  /**
   * Routes and enqueues now; durability is answered through `confirms`. Takes `message` over.
   * @param extraKeys routed to besides the address's key (CC and BCC)
   * @param confirms undefined when nobody asks
   * @throws {Refused} 'not-found' for a missing exchange, 'access-refused' for an internal one
   */
  publish(
    message: Message,
    extraKeys: readonly string[] | undefined,
    confirms: ConfirmListener | undefined,
    sequence: number,
  ): PublishOutcome

  /** The streams of the vhost. */
  readonly streams: Streams
  /** After appends to them: `flow` may change, as it may inside `publish`. */
  checkFlow(): void
  /** The groups of the vhost, and how far they have read. */
  readonly groups: Groups
  /** The transactions of the vhost, and the ids of its idempotent producers. */
  readonly transactions: Transactions

  /** Everything this session published or settled so far is durable when this resolves. @throws {StorageError} */
  durable(): Promise<void>

  consume(spec: ConsumeSpec, consumer: Consumer): Promise<Subscription>
  /** One message, outside any prefetch; `remaining` ready messages stay behind. */
  get(queue: string, options: { noAck: boolean }): Promise<{ delivery: Delivery; remaining: number } | undefined>

  /**
   * Direct reply-to: a mailbox of this session without a queue. Messages published to the default exchange with the
   * returned name as key go to `consumer` at once, or nowhere.
   */
  openMailbox(consumer: Consumer): Mailbox
  mailboxExists(name: string): boolean

  /**
   * Ends consumers and mailboxes, deletes exclusive queues; they are gone for everybody when this resolves. The
   * protocol settles or requeues its deliveries before.
   */
  close(): Promise<void>
}

export interface Mailbox {
  readonly name: string
  close(): void
}

export interface SessionRequest {
  readonly user: string
  readonly vhost: string
  readonly owner: SessionOwner
  /** For people: '127.0.0.1:53122 -> 127.0.0.1:5672'. */
  readonly peer: string
}

/** The broker as a protocol sees it. */
export interface SessionDoor {
  /** @throws {Refused} 'not-allowed' when the vhost is missing or closed to the user */
  openSession(request: SessionRequest): Session
}
