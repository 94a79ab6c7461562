/**
 * What a channel hands to its client: delivery tags, the deliveries that wait for an answer, and the credit that limits
 * them. Does not know consumers but for what they count; answers are worked in settle.ts.
 *
 * Credit: a consumer has its own limit, the channel one for all together; 0 is none. Deliveries without acknowledgement
 * need no credit. What basic.get handed out neither asks a limit nor counts for one: measured on RabbitMQ 3.10.8.
 */
import type { Delivery } from '../../broker/queues/consumer.ts'
import type { Outgoing } from './outgoing.ts'
import { outwardProperties } from './outward.ts'
import { Unacked } from './unacked.ts'

/** A consumer as far as deliveries are concerned. */
export interface Taker {
  /** Its deliveries that are not settled for good. */
  unackedCount: number
  readonly noAck: boolean
  /** Unacknowledged deliveries it may have at once; 0 is no limit. */
  readonly prefetch: number
  /** Its tag as the wire carries it. */
  readonly tagBytes: Buffer
  /** What it reads is a stream of several partitions: each delivery says which one. */
  readonly isPartitioned: boolean
  /** It was asked and could take nothing: it has to be woken once it can. */
  isStarved: boolean
  wake(): void
}

export class Deliveries {
  readonly unacked = new Unacked<Taker>()
  readonly #out: Outgoing
  readonly #channel: number
  #channelLimit = 0
  #lastTag = 0
  /** Handed to consumers and not settled for good: those of an open transaction too, which `unacked` has no more. */
  #outstandingCount = 0
  #isHeld = false
  #isClosed = false
  #takers = new Set<Taker>()
  /** Starved ones that got credit back in the call that is under way. */
  #relieved: Taker[] = []

  constructor(out: Outgoing, channel: number) {
    this.#out = out
    this.#channel = channel
  }

  /** Consumers share a limit. */
  get isLimited(): boolean {
    return this.#channelLimit > 0
  }

  get lastTag(): number {
    return this.#lastTag
  }

  /** For all consumers of the channel together; 0 takes the limit away. Works at once. */
  limitChannel(count: number): void {
    this.#channelLimit = count
    this.wakeAll()
  }

  add(taker: Taker): void {
    this.#takers.add(taker)
  }

  remove(taker: Taker): void {
    this.#takers.delete(taker)
    // It may still hold deliveries, but wants no more.
    taker.isStarved = false
  }

  /** A taker that is told no is remembered, and woken when that changes. */
  canTake(taker: Taker): boolean {
    if (this.#hasRoom(taker)) return true
    taker.isStarved = true
    return false
  }

  #hasRoom(taker: Taker): boolean {
    if (this.#isClosed || this.#isHeld || this.#out.isCongested) return false
    if (taker.noAck) return true
    if (taker.prefetch > 0 && taker.unackedCount >= taker.prefetch) return false
    return this.#channelLimit === 0 || this.#outstandingCount < this.#channelLimit
  }

  deliver(taker: Taker, delivery: Delivery): void {
    const tag = ++this.#lastTag
    if (!taker.noAck) {
      this.unacked.add(tag, delivery, taker)
      taker.unackedCount++
      this.#outstandingCount++
    }
    const { message, redelivered } = delivery
    const properties = outwardProperties(delivery, taker)
    this.#out.deliver(this.#channel, taker.tagBytes, tag, redelivered, message, properties)
  }

  /** The answer to basic.get. */
  get(delivery: Delivery, noAck: boolean, remainingCount: number): void {
    const tag = ++this.#lastTag
    if (!noAck) this.unacked.add(tag, delivery, undefined)
    const { message, redelivered } = delivery
    const properties = outwardProperties(delivery, undefined)
    this.#out.getOk(this.#channel, tag, redelivered, remainingCount, message, properties)
  }

  /** A delivery is settled for good: its credit is free. `wakeRelieved` is to follow when the call's work is done. */
  release(taker: Taker | undefined): void {
    if (taker === undefined) return
    this.#outstandingCount--
    taker.unackedCount--
    if (taker.isStarved && this.#relieved.at(-1) !== taker) this.#relieved.push(taker)
  }

  wakeRelieved(): void {
    if (this.#channelLimit > 0) this.wakeAll()
    else for (let index = 0; index < this.#relieved.length; index++) this.#wake(this.#relieved[index]!)
    this.#relieved.length = 0
  }

  /** The channel's limit or the peer's socket may have room again. Who was woken comes last the next time. */
  wakeAll(): void {
    let leftCount = this.#takers.size
    for (const taker of this.#takers) {
      if (leftCount-- === 0) return
      if (!this.#wake(taker)) continue
      this.#takers.delete(taker)
      this.#takers.add(taker)
    }
  }

  #wake(taker: Taker): boolean {
    if (!taker.isStarved || !this.#hasRoom(taker)) return false
    taker.isStarved = false
    taker.wake()
    return true
  }

  /** Runs `work` with no delivery inside it: an answer goes out before what it sets free. */
  hold(work: () => void): void {
    this.#isHeld = true
    try {
      work()
    } finally {
      this.#isHeld = false
    }
    this.wakeAll()
  }

  /** Nothing is delivered any more; all that waits for an answer goes back to its queue. */
  close(): void {
    this.#isClosed = true
    this.#takers.clear()
    const { unacked } = this
    for (let next = unacked.takeFirst(Infinity); next !== undefined; next = unacked.takeFirst(Infinity)) {
      next.settle('requeue')
    }
  }
}
