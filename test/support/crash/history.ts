/**
 * What clients saw of a broker that is killed and started again, and whether that can be the truth of a broker that
 * keeps its promises. It knows no sockets: clients tell it what they send and get, tests tell it stories.
 *
 * Checked as it happens:
 *  - nothing invented: every body was published, to this queue, and has every byte of it;
 *  - nothing early: a delayed message does not come before its time;
 *  - not twice: a message is not handed out while somebody has it, nor after it was settled in the same life of the
 *    broker, nor in any life once its settlement was durable;
 *  - order: within a life of the broker each consumer sees the messages of one publisher (and one priority) for the
 *    first time in the order they were published. What comes again may stand anywhere;
 *  - `redelivered` is set when a message comes again in the same life, and in a later one where the broker is known to
 *    have kept that it had been out.
 * A broker that stops in order closes one connection after the other. Meanwhile a message may go from one client to the
 * next, and be read there before the first client gets to read it; so then only settlements are held against the broker
 * that it is known to have processed.
 *
 * Checked at the end, with every queue drained: each confirmed message was settled in each queue it was routed to, and
 * one that was rejected there was settled in the dead-letter queue.
 *
 * When is a settlement durable? AMQP has no answer to an acknowledgement, so it takes an answer to something that came
 * after it. The broker has one commit order for all its queues; hence, when a persistent message, published on the same
 * channel after the acknowledgement into a durable queue that nobody reads, is confirmed, everything settled before it
 * is on disk too. (A queue that somebody reads would not do: a message consumed at once is confirmed without a write.)
 * And an orderly stop keeps all that was processed before it: an acknowledgement is known to be processed when any later
 * request on its channel was answered. Clients give both kinds of proof with a `Batch`: what they settled up to there.
 *
 * A rejected message may reach the dead-letter queue more than once, when the broker died between the copy and the
 * rejection; never more often than it was rejected.
 */
import { PublisherHistory, QueueHistory, type QueueRule, type Report } from './history-parts.ts'
import { Ledger, Mark } from './ledger.ts'
import { type Batch, Reader } from './reader-history.ts'

const TEXTS_MAX = 40

export class History {
  readonly report: Report = {
    published: 0,
    confirmed: 0,
    refused: 0,
    delivered: 0,
    redelivered: 0,
    settled: 0,
    requeued: 0,
    durable: 0,
    lives: 0,
    violations: 0,
  }
  /** The first violations, in words. */
  readonly texts: string[] = []
  readonly publishers: PublisherHistory[] = []
  readonly #queues = new Map<string, QueueHistory>()
  readonly #processed = new Set<Batch>()
  #isEnding = false

  /** The broker is up, for the first time or again. Lives are numbered from 1. */
  beginLife(): void {
    this.report.lives++
    this.#isEnding = false
    this.#processed.clear()
  }

  /** The broker is being told to end, in whatever way: to be called before it can know. */
  endLife(): void {
    this.#isEnding = true
  }

  get isEnding(): boolean {
    return this.#isEnding
  }

  get life(): number {
    return this.report.lives
  }

  queue(name: string, rule: QueueRule = {}): void {
    this.#queues.set(name, new QueueHistory(name, rule))
  }

  /** Every message of this publisher is routed to all of `queues`, which must be known. */
  publisher(name: string, queues: readonly string[]): PublisherHistory {
    const id = this.publishers.length
    const targets = queues.map((queue) => this.#known(queue))
    const publisher = new PublisherHistory(id, name, targets, this.report)
    this.publishers.push(publisher)
    for (const target of targets) {
      target.ledgers.set(id, new Ledger())
      if (target.deadLetterTo === undefined) continue
      const dead = this.#known(target.deadLetterTo)
      dead.source = target
      dead.ledgers.set(id, new Ledger())
    }
    return publisher
  }

  /** One per consumer and connection. */
  reader(queue: string): Reader {
    return new Reader(this, this.#known(queue))
  }

  /** Everything in the batch reached the broker, which was alive. */
  processed(batch: Batch): void {
    batch.process()
    this.#processed.add(batch)
  }

  /** Everything in the batch is on disk. */
  durable(batch: Batch): void {
    this.#processed.delete(batch)
    this.report.durable += batch.keep()
  }

  /** The broker ended as it was told to, and said so: what it had processed must be there in its next life. */
  stoppedCleanly(): void {
    for (const batch of this.#processed) this.durable(batch)
  }

  violation(text: string): void {
    this.report.violations++
    if (this.texts.length < TEXTS_MAX) this.texts.push(`life ${this.life}: ${text}`)
  }

  /** Call when all queues are empty and all deliveries are settled. */
  finish(): Report {
    for (const publisher of this.publishers) {
      for (let sequence = 1; sequence <= publisher.lastSequence; sequence++) {
        if (!publisher.ledger.has(sequence, Mark.confirmed)) continue
        for (const queue of publisher.queues) this.#expectSettled(publisher, sequence, queue)
      }
    }
    return this.report
  }

  #expectSettled(publisher: PublisherHistory, sequence: number, queue: QueueHistory): void {
    const ledger = queue.ledgers.get(publisher.id)
    if (ledger?.has(sequence, Mark.accepted)) return
    const dead = queue.deadLetterTo === undefined ? undefined : this.#known(queue.deadLetterTo)
    if (ledger?.has(sequence, Mark.rejected) && dead !== undefined) {
      if (dead.ledgers.get(publisher.id)?.has(sequence, Mark.accepted)) return
      this.violation(`${publisher.name} ${sequence} was rejected in ${queue.name} and never came to ${dead.name}`)
      return
    }
    const fate = ledger?.has(sequence, Mark.delivered) ? 'was last seen unsettled' : 'was never delivered'
    this.violation(`${publisher.name} ${sequence} was confirmed and ${fate} in ${queue.name}`)
  }

  #known(name: string): QueueHistory {
    const queue = this.#queues.get(name)
    if (queue === undefined) throw new Error(`no queue ${name} in this history`)
    return queue
  }
}
