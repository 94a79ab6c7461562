/**
 * The consumers of a channel: opening and cancelling them, and the `Consumer` the broker hands messages to. Tags, credit
 * and frames of deliveries are in deliveries.ts.
 *
 *     consume ──► waiting for the queue ──► active (its -ok is out) ──► cancelled, by the client, the queue or the channel
 */
import { Refused } from '../../base/errors.ts'
import { type FieldTable, integerOf } from '../../base/field-value.ts'
import { uniqueSuffix } from '../../base/random.ts'
import type { CancelReason, Consumer, Delivery, Subscription } from '../../broker/queues/consumer.ts'
import type { Mailbox } from '../../broker/session.ts'
import type { ConnectionContext } from './connection-context.ts'
import type { Deliveries, Taker } from './deliveries.ts'
import { fieldTypeName } from './field-type-names.ts'
import { StreamReading } from './stream-reading.ts'
import { encodeShortString } from './wire/hot-methods.ts'
import type { MethodOf } from './wire/method-schema.ts'
import { makeMethod } from './wire/methods.ts'

class AmqpConsumer implements Consumer, Taker {
  readonly tag: string
  readonly tagBytes: Buffer
  readonly noAck: boolean
  readonly priority: number
  readonly prefetch: number
  unackedCount = 0
  isStarved = false
  subscription: Subscription | undefined
  /** What it consumes is a stream. */
  reading: StreamReading | undefined
  isEnded = false
  readonly #deliveries: Deliveries
  readonly #onCancelled: (consumer: AmqpConsumer) => void

  constructor(
    tag: string,
    noAck: boolean,
    priority: number,
    prefetch: number,
    deliveries: Deliveries,
    onCancelled: (consumer: AmqpConsumer) => void,
  ) {
    this.tag = tag
    this.tagBytes = encodeShortString(tag)
    this.noAck = noAck
    this.priority = priority
    this.prefetch = prefetch
    this.#deliveries = deliveries
    this.#onCancelled = onCancelled
  }

  canTake(): boolean {
    return !this.isEnded && this.#deliveries.canTake(this)
  }

  get isPartitioned(): boolean {
    return this.reading?.isPartitioned ?? false
  }

  deliver(delivery: Delivery): void {
    const { reading } = this
    if (reading === undefined || reading.wants(delivery.message)) this.#deliveries.deliver(this, delivery)
    else delivery.settle('accept')
  }

  cancelled(_reason: CancelReason): void {
    if (this.isEnded) return
    this.isEnded = true
    this.#onCancelled(this)
  }

  wake(): void {
    this.subscription?.wake()
  }
}

export class Consumers {
  /** For consumers that begin from now on; 0 is no limit. */
  prefetch = 0
  readonly #context: ConnectionContext
  readonly #channel: number
  readonly #deliveries: Deliveries
  readonly #byTag = new Map<string, AmqpConsumer>()
  /** Direct reply-to: the consumer of this channel's mailbox, which is none of a queue. */
  #replies: { readonly mailbox: Mailbox; readonly consumer: AmqpConsumer } | undefined
  /** Tags cancelled by the broker while an answer is still owed: the answer goes first. */
  #owedCancels: string[] | undefined
  #isClosed = false

  constructor(context: ConnectionContext, channel: number, deliveries: Deliveries) {
    this.#context = context
    this.#channel = channel
    this.#deliveries = deliveries
  }

  /** The mailbox that answers to this channel's publishes go to, when there is one. */
  get mailboxName(): string | undefined {
    return this.#replies?.mailbox.name
  }

  /** @param queue the name, with '' already resolved */
  async consume(method: MethodOf<'basic.consume'>, queue: string): Promise<void> {
    const consumer = this.#make(method)
    this.#byTag.set(consumer.tag, consumer)
    this.#deliveries.add(consumer)
    this.owe()
    try {
      await this.#subscribe(consumer, method, queue)
    } catch (error) {
      this.#forget(consumer)
      throw error
    } finally {
      this.paid()
    }
  }

  async #subscribe(consumer: AmqpConsumer, method: MethodOf<'basic.consume'>, queue: string): Promise<void> {
    const { exclusive, arguments: args } = method
    const spec = { queue, exclusive, arguments: args, prefetchCount: consumer.prefetch }
    consumer.reading = this.#readingOf(consumer, queue, args)
    const subscription = await this.#context.session.consume(spec, consumer)
    if (this.#isClosed) return subscription.cancel()
    consumer.subscription = subscription
    this.#answerConsume(method, consumer.tag)
    if (consumer.isEnded) subscription.cancel()
    else subscription.activate()
  }

  /**
   * Undefined when the queue is no stream, and when the broker will refuse the consumer anyway.
   * @throws {Refused} 'not-implemented' where the channel limits its consumers together
   */
  #readingOf(consumer: AmqpConsumer, queue: string, args: FieldTable): StreamReading | undefined {
    const { streams, vhost } = this.#context.session
    if (streams.partition(queue, 0) === undefined || consumer.noAck || consumer.prefetch === 0) return undefined
    if (this.#deliveries.isLimited) {
      throw new Refused('not-implemented', `queue '${queue}' in vhost '${vhost}' does not support global qos`)
    }
    return new StreamReading(queue, args, streams)
  }

  /** Consumes the channel's mailbox: no queue, no acknowledgements, one per channel. */
  consumeReplies(method: MethodOf<'basic.consume'>): void {
    if (!method.noAck) throw new Refused('precondition-failed', 'reply consumer cannot acknowledge')
    if (this.#replies !== undefined) throw new Refused('precondition-failed', 'reply consumer already set')
    const consumer = this.#make(method)
    this.#replies = { consumer, mailbox: this.#context.session.openMailbox(this.#replyConsumer(consumer)) }
    this.#answerConsume(method, consumer.tag)
  }

  /** Replies wait nowhere but in what the peer has not read yet: they go on for longer than deliveries of a queue. */
  #replyConsumer(consumer: AmqpConsumer): Consumer {
    const { out, settings } = this.#context
    const { noAck, priority, tag } = consumer
    return {
      noAck,
      priority,
      tag,
      canTake: () => out.unreadBytes <= settings.unreadBytesMax,
      deliver: (delivery) => consumer.deliver(delivery),
      cancelled: (reason) => consumer.cancelled(reason),
    }
  }

  #make(method: MethodOf<'basic.consume'>): AmqpConsumer {
    const { consumerTag } = method
    const isTaken = this.#byTag.has(consumerTag) || this.#replies?.consumer.tag === consumerTag
    if (consumerTag !== '' && isTaken) {
      throw new Refused('not-allowed', `attempt to reuse consumer tag '${consumerTag}'`)
    }
    const tag = consumerTag === '' ? `amq.ctag-${uniqueSuffix(this.#context.random)}` : consumerTag
    const priority = priorityOf(method, this.#context.session.vhost)
    const onCancelled = (consumer: AmqpConsumer): void => this.#cancelled(consumer)
    return new AmqpConsumer(tag, method.noAck, priority, this.prefetch, this.#deliveries, onCancelled)
  }

  #answerConsume(method: MethodOf<'basic.consume'>, consumerTag: string): void {
    if (!method.nowait) this.#context.out.method(this.#channel, makeMethod('basic.consume-ok', { consumerTag }))
  }

  /** By the client. An unknown tag is no error. What the consumer holds stays unacknowledged. */
  cancel(tag: string): void {
    const consumer = this.#byTag.get(tag)
    if (consumer !== undefined) {
      this.#forget(consumer)
      consumer.isEnded = true
      consumer.subscription?.cancel()
    } else if (this.#replies?.consumer.tag === tag) {
      this.#replies.mailbox.close()
      this.#replies = undefined
    }
  }

  /** By the broker: the queue is gone. */
  #cancelled(consumer: AmqpConsumer): void {
    this.#forget(consumer)
    // The session remembers it until then.
    consumer.subscription?.cancel()
    if (this.#isClosed || !this.#context.tellsCancels) return
    if (this.#owedCancels !== undefined) this.#owedCancels.push(consumer.tag)
    else this.#tellCancel(consumer.tag)
  }

  #tellCancel(consumerTag: string): void {
    this.#context.out.method(this.#channel, makeMethod('basic.cancel', { consumerTag, nowait: true }))
  }

  #forget(consumer: AmqpConsumer): void {
    this.#byTag.delete(consumer.tag)
    this.#deliveries.remove(consumer)
  }

  /** From here on cancels by the broker wait: the channel owes an answer, queue.delete-ok say, that goes first. */
  owe(): void {
    this.#owedCancels ??= []
  }

  /** The answer is out. */
  paid(): void {
    const tags = this.#owedCancels
    this.#owedCancels = undefined
    if (tags === undefined || this.#isClosed) return
    for (const tag of tags) this.#tellCancel(tag)
  }

  close(): void {
    this.#isClosed = true
    for (const consumer of this.#byTag.values()) {
      consumer.isEnded = true
      consumer.subscription?.cancel()
    }
    this.#byTag.clear()
    this.#replies?.mailbox.close()
    this.#replies = undefined
  }
}

/** @throws {Refused} in RabbitMQ's words for a priority that is no number */
function priorityOf(method: MethodOf<'basic.consume'>, vhost: string): number {
  const given = method.arguments.get('x-priority')
  if (given === undefined) return 0
  const priority = integerOf(given)
  if (priority !== undefined) return priority
  const what = `invalid arg 'x-priority' for queue '${method.queue}' in vhost '${vhost}'`
  throw new Refused('precondition-failed', `${what}: "expected integer, got ${fieldTypeName(given.type)}"`)
}
