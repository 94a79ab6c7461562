/**
 * tx: publishes and answers of one channel, kept until its commit or rollback. A rollback drops the publishes and makes
 * the deliveries unacknowledged again; it requeues nothing. Atomic per queue only, as RabbitMQ's.
 */
import { Refused } from '../../base/errors.ts'
import type { ConfirmListener } from '../../broker/session.ts'
import type { Message } from '../../message/message.ts'
import type { ConnectionContext } from './connection-context.ts'
import type { Deliveries } from './deliveries.ts'
import type { Answered } from './settle.ts'

interface Publish {
  readonly message: Message
  readonly extraKeys: readonly string[] | undefined
  readonly mandatory: boolean
}

export class Transaction {
  /** Deliveries answered since the last commit; added to by settle.ts. */
  answered: Answered[] = []
  readonly #context: ConnectionContext
  readonly #deliveries: Deliveries
  #publishes: Publish[] = []
  #heldBytes = 0

  constructor(context: ConnectionContext, deliveries: Deliveries) {
    this.#context = context
    this.#deliveries = deliveries
  }

  /** @throws {Refused} for a missing exchange at once, not at the commit */
  publish(message: Message, extraKeys: readonly string[] | undefined, mandatory: boolean): void {
    const { exchange } = message.address
    if (exchange !== '') this.#context.session.checkExchange(exchange)
    this.#heldBytes += message.bytes.length
    this.#context.transactionBytes += message.bytes.length
    const { transactionBytesMax } = this.#context.settings
    if (this.#context.transactionBytes > transactionBytesMax) {
      throw new Refused(
        'precondition-failed',
        `the connection's transactions are larger than ${transactionBytesMax} bytes: commit earlier`,
      )
    }
    this.#publishes.push({ message, extraKeys, mandatory })
  }

  /**
   * Resolves when all of it is durable. Unroutable mandatory messages go to `unroutable` before.
   * @throws {Refused} when a queue did not take a message; @throws {StorageError}
   */
  async commit(unroutable: (message: Message) => void): Promise<void> {
    const { session } = this.#context
    const publishes = this.#takePublishes()
    const refusals = new Refusals()
    for (const { message, extraKeys, mandatory } of publishes) {
      if (session.publish(message, extraKeys, refusals, 0) === 'unroutable' && mandatory) unroutable(message)
    }
    const answered = this.answered
    this.answered = []
    for (const { delivery, holder, outcome } of answered) {
      this.#deliveries.release(holder)
      delivery.settle(outcome)
    }
    this.#deliveries.wakeRelieved()
    await session.durable()
    if (refusals.count > 0) throw new Refused('precondition-failed', 'partial tx completion')
  }

  #takePublishes(): Publish[] {
    const publishes = this.#publishes
    this.#publishes = []
    this.#context.transactionBytes -= this.#heldBytes
    this.#heldBytes = 0
    return publishes
  }

  rollback(): void {
    this.#takePublishes()
    this.#deliveries.unacked.putBack(this.answered)
    this.answered = []
  }
}

/** All a commit wants to know of its messages: `durable` tells the rest. */
class Refusals implements ConfirmListener {
  count = 0

  expect(): void {}

  confirmed(): void {}

  rejected(): void {
    this.count++
  }
}
