/**
 * Direct reply-to: mailboxes without a queue, found by an unguessable name. A message to a mailbox goes to its consumer
 * in the same moment, or nowhere; nothing is stored.
 */
import { type Random, uniqueSuffix } from '../base/random.ts'
import type { Message } from '../message/message.ts'
import type { Consumer, Delivery } from './queues/consumer.ts'
import type { Mailbox } from './session.ts'

/** The queue name clients consume from to get one, and the beginning of every mailbox's name. */
export const MAILBOX_PREFIX = 'amq.rabbitmq.reply-to'

export class Mailboxes {
  readonly #random: Random
  readonly #consumers = new Map<string, Consumer>()

  constructor(random: Random) {
    this.#random = random
  }

  open(consumer: Consumer): Mailbox {
    const name = `${MAILBOX_PREFIX}.${uniqueSuffix(this.#random)}`
    this.#consumers.set(name, consumer)
    return { name, close: () => this.#consumers.delete(name) }
  }

  has(name: string): boolean {
    return this.#consumers.has(name)
  }

  /** False when nobody has this mailbox any more, or he does not read what is in it. */
  deliver(name: string, message: Message): boolean {
    const consumer = this.#consumers.get(name)
    if (!consumer?.canTake()) return false
    const delivery: Delivery = { message, redelivered: false, deliveryCount: 0, settle: () => {} }
    consumer.deliver(delivery)
    return true
  }
}
