/**
 * The consumers of one queue, and whose turn it is. Highest priority first; within one priority in turn. Only those
 * who can take a message stand in line, so a thousand consumers without credit cost nothing per message.
 *
 *     inactive ──activate──► waiting in line ──cannot take──► parked ──wake──► waiting in line
 *     cancel from anywhere: ended, out of the line
 *
 * With a single active consumer only one may stand in line; when he leaves, the next by priority, then age, takes over.
 */
import { Deque } from '../../base/deque.ts'
import type { CancelReason, Consumer, Subscription } from './consumer.ts'

/** What a subscription asks of its queue. */
export interface SubscriptionHost {
  dispatch(): void
  unsubscribe(subscription: QueueSubscription): void
}

export class QueueSubscription implements Subscription {
  readonly consumer: Consumer
  readonly exclusive: boolean
  readonly #host: SubscriptionHost
  readonly #line: ConsumerLine
  active = false
  inLine = false
  ended = false

  constructor(host: SubscriptionHost, line: ConsumerLine, consumer: Consumer, exclusive: boolean) {
    this.#host = host
    this.#line = line
    this.consumer = consumer
    this.exclusive = exclusive
  }

  activate(): void {
    if (this.ended) return
    this.active = true
    this.wake()
  }

  wake(): void {
    if (!this.active || this.ended) return
    if (!this.inLine && !this.#line.standInLine(this)) return
    this.#host.dispatch()
  }

  cancel(): void {
    if (this.ended) return
    this.#host.unsubscribe(this)
  }
}

interface Group {
  readonly priority: number
  readonly line: Deque<QueueSubscription>
}

export class ConsumerLine {
  readonly #singleActive: boolean
  /** In order of subscription. */
  readonly #all: QueueSubscription[] = []
  /** With a single active consumer: who it is. He stays until he leaves, whoever else comes. */
  #chosen: QueueSubscription | undefined = undefined
  /** Highest priority first. */
  readonly #groups: Group[] = []

  constructor(singleActive: boolean) {
    this.#singleActive = singleActive
  }

  get count(): number {
    return this.#all.length
  }

  /** Where only one is active at a time nobody can have the queue for himself, as in RabbitMQ. */
  refuses(exclusive: boolean): boolean {
    if (exclusive && (this.#singleActive || this.#all.length > 0)) return true
    return this.#all.some((subscription) => subscription.exclusive)
  }

  all(): readonly QueueSubscription[] {
    return this.#all
  }

  add(subscription: QueueSubscription): void {
    this.#all.push(subscription)
  }

  remove(subscription: QueueSubscription): void {
    const index = this.#all.indexOf(subscription)
    if (index >= 0) this.#all.splice(index, 1)
    subscription.ended = true
    this.#leaveLine(subscription)
    // With a single active consumer the next one takes over now.
    if (this.#chosen !== subscription) return
    this.#chosen = this.#highest()
    if (this.#chosen && !this.#chosen.inLine) this.standInLine(this.#chosen)
  }

  /** At once: in a queue without messages nobody's turn comes, and who left would stay in memory. */
  #leaveLine(leaving: QueueSubscription): void {
    const at = this.#groups.findIndex((group) => group.priority === leaving.consumer.priority)
    const line = this.#groups[at]?.line
    if (line === undefined) return
    for (let left = line.length; left > 0; left--) {
      const one = line.shift()
      if (one !== undefined && one !== leaving) line.push(one)
    }
    if (line.length === 0) this.#groups.splice(at, 1)
  }

  end(reason: CancelReason): void {
    for (const subscription of this.#all.splice(0)) {
      subscription.ended = true
      subscription.consumer.cancelled(reason)
    }
    this.#groups.length = 0
  }

  /** False when it must wait for another one to leave. */
  standInLine(subscription: QueueSubscription): boolean {
    if (this.#singleActive) {
      this.#chosen ??= subscription
      if (this.#chosen !== subscription) return false
    }
    subscription.inLine = true
    this.#group(subscription.consumer.priority).line.push(subscription)
    return true
  }

  /** Whose turn it is, if anybody can take a message. He goes to the end of the line. */
  next(): QueueSubscription | undefined {
    for (const group of this.#groups) {
      const { line } = group
      for (let subscription = line.shift(); subscription !== undefined; subscription = line.shift()) {
        if (subscription.consumer.canTake()) {
          line.push(subscription)
          return subscription
        }
        subscription.inLine = false
      }
    }
    return undefined
  }

  #highest(): QueueSubscription | undefined {
    let best: QueueSubscription | undefined
    for (const one of this.#all) {
      if (one.active && (!best || one.consumer.priority > best.consumer.priority)) best = one
    }
    return best
  }

  #group(priority: number): Group {
    let at = 0
    for (; at < this.#groups.length; at++) {
      const group = this.#groups[at] as Group
      if (group.priority === priority) return group
      if (group.priority < priority) break
    }
    const group: Group = { priority, line: new Deque() }
    this.#groups.splice(at, 0, group)
    return group
  }
}
