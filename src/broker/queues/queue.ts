/**
 * A queue: forgets a message once it is settled. Joins lanes (order and place), consumers (whose turn) and settings
 * (limits, expiry, dead letters). It does not route, and knows no socket and no file.
 */
import { invariant, Refused, type StorageError, unreachable } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import type { Entry } from '../../storage/contract.ts'
import type { ConfirmListener, Session } from '../session.ts'
import type { Consumer, Delivery, Outcome } from './consumer.ts'
import { ConsumerTimeout } from './consumer-timeout.ts'
import { tellsDeliveryCount, withDeliveryCount } from './delivery-count.ts'
import type { Lane } from './lane.ts'
import type { LaneHost } from './lane-host.ts'
import type { ManagedQueue, QueueDefinition, QueueEndWish } from './queue-definition.ts'
import type { DeathReason, QueueDeps, RoomListener } from './queue-deps.ts'
import { type QueueEntry, takenFor } from './queue-entry.ts'
import { QueueLanes } from './queue-lanes.ts'
import { isFull, isOverfull, type QueueTally, wouldOverflow } from './queue-limits.ts'
import { ConsumerLine, QueueSubscription } from './queue-subscription.ts'
import { EarliestTimer, IdleTimer } from './queue-timers.ts'
import { RoomListeners } from './room-listeners.ts'

export class Queue implements ManagedQueue, LaneHost {
  readonly definition: QueueDefinition
  readonly owner: Session | undefined
  readonly durable: boolean
  readonly tally: QueueTally = { readyCount: 0, readyBytes: 0, outCount: 0, outBytes: 0 }
  readonly #deps: QueueDeps
  readonly #onEndWish: (queue: Queue, wish: QueueEndWish) => void
  readonly #lanes: QueueLanes
  readonly #line: ConsumerLine
  readonly #dropsHeads: boolean
  readonly #refuses: boolean
  readonly #tellsCount: boolean
  readonly #expiry: EarliestTimer
  readonly #idle: IdleTimer | undefined
  readonly #consumerTimeout: ConsumerTimeout | undefined
  readonly #room = new RoomListeners()
  readonly #loadWaiters: (() => void)[] = []
  #failure: StorageError | undefined
  #dispatching = false
  /** Some message here has, or had, an end to its life. */
  #expiring = false
  #ended = false

  constructor(
    definition: QueueDefinition,
    owner: Session | undefined,
    deps: QueueDeps,
    onEndWish: (queue: Queue, wish: QueueEndWish) => void,
  ) {
    const { settings } = definition
    this.definition = definition
    this.owner = owner
    this.durable = definition.durable
    this.#deps = deps
    this.#onEndWish = onEndWish
    this.#lanes = new QueueLanes(definition, this, deps)
    this.#line = new ConsumerLine(settings.singleActiveConsumer)
    const limited = settings.maxLength !== undefined || settings.maxLengthBytes !== undefined
    this.#dropsHeads = limited && settings.overflow === 'drop-head'
    this.#refuses = limited && settings.overflow.startsWith('reject')
    this.#tellsCount = tellsDeliveryCount(settings)
    this.#expiry = new EarliestTimer(deps.clock, () => this.#expireHeads())
    if (settings.expiresMs !== undefined) {
      this.#idle = new IdleTimer(deps.clock, settings.expiresMs, () => this.#onEndWish(this, 'expired'))
      this.#idle.touch()
    }
    if (settings.consumerTimeoutMs !== undefined) {
      this.#consumerTimeout = new ConsumerTimeout(deps.clock, settings.consumerTimeoutMs, (entry) =>
        this.#takeBack(entry),
      )
    }
  }

  get name(): string {
    return this.definition.name
  }

  get readyCount(): number {
    return this.tally.readyCount
  }

  get consumerCount(): number {
    return this.#line.count
  }

  /** It holds as much as it may. */
  get full(): boolean {
    return this.tally.readyCount > 0 && isFull(this.definition.settings, this.tally)
  }

  /** Takes the message in, or answers why not through `confirms`. */
  enqueue(message: Message, confirms: ConfirmListener | undefined, sequence: number): void {
    if (this.#ended) return
    if (this.#refuses && !this.#admits(message, confirms, sequence)) return
    const lane = this.#lanes.for(message)
    const entry = lane.admit(message)
    if (confirms !== undefined) {
      confirms.expect(sequence)
      if (lane.lastTicket < 0) confirms.confirmed(sequence)
      else this.#deps.shard.confirm(lane.lastTicket, confirms, sequence)
    }
    if (this.tally.readyCount === 0 && !this.#dispatching) {
      const subscription = this.#line.next()
      if (subscription !== undefined) {
        lane.handOutDirectly(entry)
        this.#hand(entry, subscription)
        return
      }
    }
    lane.queueUp(entry)
    if (entry.expiresAtMs >= 0) this.#noteExpiry(entry.expiresAtMs)
    if (this.#dropsHeads) this.#dropHeads()
    if (this.#line.count > 0) this.dispatch()
  }

  #admits(message: Message, confirms: ConfirmListener | undefined, sequence: number): boolean {
    const { settings } = this.definition
    if (!wouldOverflow(settings, this.tally, message.bodyBytes)) return true
    if (settings.overflow === 'reject-publish-dlx') this.#deps.deadLetter(this.definition, message, 'maxlen')
    if (confirms !== undefined) {
      confirms.expect(sequence)
      confirms.rejected(sequence)
    }
    return false
  }

  /** Hands out from the front until nobody can take more, or the next message must first come from disk. */
  dispatch(): void {
    if (this.#dispatching || this.#ended) return
    this.#dispatching = true
    const { readyCount } = this.tally
    try {
      while (this.tally.readyCount > 0) {
        const lane = this.#lanes.front()
        invariant(lane !== undefined, 'ready messages in no lane')
        const subscription = this.#line.next()
        if (subscription === undefined) break
        const entry = this.#unexpired(lane)
        if (entry === undefined) {
          if (lane.readyCount > 0) break
          continue
        }
        lane.shift()
        this.#hand(entry, subscription)
      }
    } finally {
      this.#dispatching = false
    }
    if (this.tally.readyCount < readyCount) this.#expireHeads()
    this.#tellRoom()
  }

  #hand(entry: QueueEntry, subscription: QueueSubscription): void {
    const { consumer } = subscription
    if (entry.deliveryCount > 0) this.#tellCount(entry)
    consumer.deliver(entry)
    if (consumer.noAck) {
      this.#lanes.of(entry).settle(entry)
      return
    }
    this.#lanes.of(entry).relieve(entry)
    this.#consumerTimeout?.started(entry)
  }

  #tellCount(entry: QueueEntry): void {
    if (this.#tellsCount) entry.held = withDeliveryCount(entry.message, entry.deliveryCount)
  }

  settle(entry: QueueEntry, outcome: Outcome): void {
    // The queue took the delivery back because it was overdue, or is gone itself: its settlement means nothing any more.
    if (entry.state === 'gone') return
    if (this.#ended) return this.#lanes.of(entry).forget(entry)
    this.#consumerTimeout?.ended(entry)
    switch (outcome) {
      case 'accept':
        return this.#lanes.of(entry).settle(entry)
      case 'reject':
        return this.#die(entry, 'rejected')
      case 'requeue': {
        const { deliveryLimit } = this.definition.settings
        if (deliveryLimit !== undefined && entry.deliveryCount >= deliveryLimit) {
          return this.#die(entry, 'delivery_limit')
        }
        this.#lanes.of(entry).requeue(entry)
        if (entry.expiresAtMs >= 0) this.#noteExpiry(entry.expiresAtMs)
        if (this.#dropsHeads) this.#dropHeads()
        this.dispatch()
        this.#lanes.of(entry).relieve(entry)
        return
      }
      default:
        unreachable(outcome)
    }
  }

  #takeBack(entry: QueueEntry): void {
    const lane = this.#lanes.of(entry)
    lane.withdraw(entry).then(
      (again) => {
        if (again !== undefined) this.settle(again, 'requeue')
      },
      (error: StorageError) => this.damaged(error),
    )
  }

  /** Dead-letters an entry that is out, if there is somewhere to, and forgets it. */
  #die(entry: QueueEntry, reason: DeathReason): void {
    const lane = this.#lanes.of(entry)
    if (this.definition.settings.deadLetterExchange === undefined) return lane.settle(entry)
    if (entry.held !== undefined) return this.#sendOn(entry, entry.held, reason)
    lane.load(entry).then(
      () => {
        if (!this.#ended && entry.state === 'out') this.#sendOn(entry, entry.message, reason)
      },
      (error: StorageError) => this.damaged(error),
    )
  }

  /** The copy is appended before the settlement: a crash in between brings the message twice rather than never. */
  #sendOn(entry: QueueEntry, message: Message, reason: DeathReason): void {
    this.#deps.deadLetter(this.definition, message, reason)
    this.#lanes.of(entry).settle(entry)
  }

  /** The first message of a lane that has not expired; dead ones before it are taken out on the way. */
  #unexpired(lane: Lane): QueueEntry | undefined {
    for (;;) {
      const entry = lane.peek()
      if (entry === undefined || entry.expiresAtMs < 0 || entry.expiresAtMs > this.#deps.clock.nowMs()) return entry
      this.#die(lane.shift(), 'expired')
    }
  }

  /** To be called whenever other messages come to the head: their timers may have fired behind one that does not expire. */
  #expireHeads(): void {
    if (this.#ended || !this.#expiring) return
    for (const lane of this.#lanes.all()) {
      if (lane.readyCount === 0) continue
      const entry = this.#unexpired(lane)
      if (entry !== undefined && entry.expiresAtMs >= 0) this.#expiry.note(entry.expiresAtMs)
    }
    this.#tellRoom()
  }

  #noteExpiry(atMs: number): void {
    this.#expiring = true
    if (atMs <= this.#deps.clock.nowMs()) this.#expireHeads()
    else this.#expiry.note(atMs)
  }

  /** -1: never. The queue's and the message's own time to live, whichever is shorter. */
  expiryOf(message: Message): number {
    const { messageTtlMs } = this.definition.settings
    const own = message.expirationMs
    if (messageTtlMs === undefined) return own < 0 ? -1 : message.publishedMs + own
    return message.publishedMs + (own < 0 ? messageTtlMs : Math.min(own, messageTtlMs))
  }

  /** Over a limit the oldest message of the lowest priority goes first. */
  #dropHeads(): void {
    while (isOverfull(this.definition.settings, this.tally)) {
      const lane = this.#lanes.back()
      // Undefined in memory means it is being read: `loaded` goes on.
      if (lane?.peek() === undefined) return
      this.#die(lane.shift(), 'maxlen')
    }
  }

  #resumeGets(): void {
    for (const resume of this.#loadWaiters.splice(0)) resume()
  }

  loaded(): void {
    this.#resumeGets()
    if (this.#ended) return
    this.#expireHeads()
    if (this.#dropsHeads) this.#dropHeads()
    this.dispatch()
  }

  damaged(error: StorageError): void {
    this.#failure = error
    this.#deps.damaged(this.definition, error)
    this.#resumeGets()
  }

  /** @throws {Refused} while another consumer has the queue for himself */
  subscribe(consumer: Consumer, exclusive: boolean): QueueSubscription {
    if (this.#line.refuses(exclusive)) {
      throw new Refused('access-refused', `${this.#described()} in exclusive use`)
    }
    this.#throwIfBroken()
    const subscription = new QueueSubscription(this, this.#line, consumer, exclusive)
    this.#line.add(subscription)
    this.#idle?.hold(true)
    return subscription
  }

  unsubscribe(subscription: QueueSubscription): void {
    this.#line.remove(subscription)
    if (this.#ended) return
    if (this.#line.count === 0) {
      this.#idle?.hold(false)
      if (this.definition.autoDelete) this.#onEndWish(this, 'unused')
      return
    }
    this.dispatch()
  }

  /** One message outside any prefetch. */
  async get(noAck: boolean): Promise<{ delivery: Delivery; remaining: number } | undefined> {
    this.#idle?.touch()
    for (;;) {
      const lane = this.#ended ? undefined : this.#lanes.front()
      if (lane === undefined) return undefined
      this.#throwIfBroken()
      const entry = this.#unexpired(lane)
      if (entry !== undefined) {
        lane.shift()
        if (entry.deliveryCount > 0) this.#tellCount(entry)
        const delivery = noAck ? takenFor(entry) : entry
        if (noAck) lane.settle(entry)
        this.#expireHeads()
        this.#tellRoom()
        return { delivery, remaining: this.tally.readyCount }
      }
      if (lane.readyCount > 0) await new Promise<void>((resolve) => this.#loadWaiters.push(resolve))
    }
  }

  /** Drops what is ready. Returns how many messages that were. */
  purge(): number {
    let count = 0
    for (const lane of this.#lanes.all()) count += lane.purge()
    this.#tellRoom()
    return count
  }

  touch(): void {
    this.#idle?.touch()
  }

  onRoom(listener: RoomListener): void {
    this.#room.add(listener)
  }

  forgetRoom(listener: RoomListener): void {
    this.#room.remove(listener)
  }

  #tellRoom(): void {
    if (!this.#room.isEmpty && !this.full) this.#room.tell(this.name)
  }

  /** The broker goes down: no timer of this queue fires any more. What it holds stays in storage. */
  stop(): void {
    this.#expiry.cancel()
    this.#idle?.cancel()
    this.#consumerTimeout?.cancel()
  }

  end(): void {
    if (this.#ended) return
    this.#ended = true
    this.stop()
    for (const lane of this.#lanes.all()) lane.end()
    this.#deps.ended(this.definition)
    this.#line.end('queue-deleted')
    this.loaded()
    this.#room.tell(this.name)
  }

  replay(log: number, entry: Entry): void {
    this.#lanes.ofLog(log).replay(entry)
  }

  /** After replay. */
  recovered(): void {
    for (const lane of this.#lanes.all()) lane.recovered()
    // What may expire must be looked at; all else stays on disk until somebody asks.
    this.#expiring =
      this.definition.settings.messageTtlMs !== undefined || this.#lanes.all().some((lane) => lane.mayExpire)
    this.#expireHeads()
  }

  writeSnapshot(log: number): void {
    this.#lanes.ofLog(log).writeSnapshot()
  }

  #throwIfBroken(): void {
    if (this.#failure) throw new Refused('internal-error', `${this.#described()}: ${this.#failure.message}`)
  }

  #described(): string {
    return `queue '${this.definition.name}' in vhost '${this.definition.vhost}'`
  }
}
