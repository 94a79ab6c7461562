/**
 * One channel: which method does what, and in which order answers go out. The work is done by its parts (publish.ts,
 * confirms.ts, consume.ts, deliveries.ts, settle.ts, transactions.ts, topology.ts).
 *
 *     open ── our channel.close ──► closing: everything is ignored ── close-ok ──► gone
 *       └──── the client's channel.close ─────────────────────────────────────────► gone
 */
import { Refused } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import { Confirms } from './confirms.ts'
import type { ConnectionContext } from './connection-context.ts'
import { Consumers } from './consume.ts'
import { DIRECT_REPLY_TO } from './content-checks.ts'
import { Deliveries } from './deliveries.ts'
import { Publishing, type PublishTarget } from './publish.ts'
import { type Answer, misplacedMethod } from './refusals.ts'
import { recover, settle } from './settle.ts'
import { type QueueMemory, queueName, runTopology } from './topology.ts'
import { Transaction } from './transactions.ts'
import { FRAME_METHOD } from './wire/frame.ts'
import {
  BASIC_ACK,
  BASIC_NACK,
  BASIC_PUBLISH,
  BASIC_REJECT,
  readAck,
  readMethodNumber,
  readNack,
  readReject,
  SettleArguments,
} from './wire/hot-methods.ts'
import { type Method, type MethodOf, methodNumber } from './wire/method-schema.ts'
import { decodeMethod, makeMethod } from './wire/methods.ts'
import { replyText } from './wire/reply-codes.ts'

const CHANNEL_CLOSE = methodNumber('channel.close')
const CHANNEL_CLOSE_OK = methodNumber('channel.close-ok')

const NO_ROUTE = 312
const NO_ROUTE_TEXT = replyText(NO_ROUTE, '')

// Used within one call each, by all channels: nothing here runs twice at once.
const settleArguments = new SettleArguments()

export class Channel implements PublishTarget {
  readonly number: number
  /** The method at work, for an error's class and method id; content frames belong to the publish before them. */
  method = 0
  readonly #context: ConnectionContext
  readonly #deliveries: Deliveries
  readonly #consumers: Consumers
  readonly #publishing: Publishing
  readonly #memory: QueueMemory = { lastQueue: '' }
  #confirms: Confirms | undefined
  #transaction: Transaction | undefined
  #state: 'open' | 'closing' | 'gone' = 'open'

  constructor(number: number, context: ConnectionContext) {
    this.number = number
    this.#context = context
    this.#deliveries = new Deliveries(context.out, number)
    this.#consumers = new Consumers(context, number, this.#deliveries)
    this.#publishing = new Publishing(context, this)
  }

  /** The number is free again. */
  get isGone(): boolean {
    return this.#state === 'gone'
  }

  get mailboxName(): string | undefined {
    return this.#consumers.mailboxName
  }

  /** @returns a promise while an answer is owed: the next frame is to wait for it, also when it is rejected */
  frame(type: number, buffer: Buffer, start: number, end: number): Promise<void> | undefined {
    if (this.#state !== 'open') {
      this.#ignore(type, buffer, start, end)
      return undefined
    }
    if (type !== FRAME_METHOD || !this.#publishing.isIdle) {
      this.#publishing.frame(type, buffer, start, end)
      return undefined
    }
    this.method = readMethodNumber(buffer, start, end)
    switch (this.method) {
      case BASIC_PUBLISH:
        this.#publishing.begin(buffer, start, end)
        return undefined
      case BASIC_ACK:
        readAck(buffer, start, end, settleArguments)
        this.#settle(true)
        return undefined
      case BASIC_NACK:
        readNack(buffer, start, end, settleArguments)
        this.#settle(false)
        return undefined
      case BASIC_REJECT:
        readReject(buffer, start, end, settleArguments)
        this.#settle(false)
        return undefined
      default:
        return this.#perform(decodeMethod(buffer, start, end))
    }
  }

  /** Until the client has answered our channel.close, nothing it sent is about the channel as it now is. */
  #ignore(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== FRAME_METHOD) return
    const method = readMethodNumber(buffer, start, end)
    if (method === CHANNEL_CLOSE) this.#reply(makeMethod('channel.close-ok'))
    else if (method === CHANNEL_CLOSE_OK) this.#state = 'gone'
  }

  #settle(isAck: boolean): void {
    const { deliveryTag, multiple, requeue } = settleArguments
    const outcome = isAck ? 'accept' : requeue ? 'requeue' : 'reject'
    settle(this.#deliveries, deliveryTag, multiple, outcome, this.#transaction?.answered)
  }

  /** A whole message. */
  route(message: Message, extraKeys: readonly string[] | undefined, mandatory: boolean): void {
    if (this.#transaction !== undefined) return this.#transaction.publish(message, extraKeys, mandatory)
    const confirms = this.#confirms
    const sequence = confirms === undefined ? 0 : confirms.begin()
    const outcome = this.#context.session.publish(message, extraKeys, confirms, sequence)
    if (mandatory && outcome === 'unroutable') this.#return(message)
    confirms?.published(sequence)
  }

  #return(message: Message): void {
    this.#context.out.return(this.number, NO_ROUTE, NO_ROUTE_TEXT, message)
  }

  #perform(method: Method): Promise<void> | undefined {
    switch (method.kind) {
      case 'exchange.declare':
      case 'exchange.delete':
      case 'exchange.bind':
      case 'exchange.unbind':
      case 'queue.declare':
      case 'queue.delete':
      case 'queue.purge':
      case 'queue.bind':
        return this.#owe(() => runTopology(method, this.#context.session, this.#memory), method.nowait)
      case 'queue.unbind':
        return this.#owe(() => runTopology(method, this.#context.session, this.#memory), false)
      case 'basic.consume':
        return this.#consume(method)
      case 'basic.get':
        return this.#get(method)
      case 'tx.commit':
        return this.#owe(() => this.#commit(), false)
      default:
        this.#performNow(method)
        return undefined
    }
  }

  /** Methods that are answered within the call. */
  #performNow(method: Method): void {
    switch (method.kind) {
      case 'channel.open':
        throw misplacedMethod(504, "second 'channel.open' seen", this.method)
      case 'channel.close':
        return this.#closeByClient()
      case 'channel.flow':
        if (!method.active) throw new Refused('not-implemented', 'active=false')
        return this.#reply(makeMethod('channel.flow-ok', { active: true }))
      case 'access.request':
        return this.#reply(makeMethod('access.request-ok', { ticket: 1 }))
      case 'basic.qos':
        return this.#limit(method)
      case 'basic.cancel':
        this.#consumers.cancel(method.consumerTag)
        if (method.nowait) return
        return this.#reply(makeMethod('basic.cancel-ok', { consumerTag: method.consumerTag }))
      case 'basic.recover':
      case 'basic.recover-async':
        return this.#recover(method)
      case 'confirm.select':
        return this.#selectConfirms(method)
      case 'tx.select':
        return this.#selectTransactions()
      case 'tx.rollback':
        this.#openTransaction().rollback()
        return this.#reply(makeMethod('tx.rollback-ok'))
      default:
        throw misplacedMethod(503, 'unimplemented method', this.method)
    }
  }

  #reply(method: Method): void {
    this.#context.out.method(this.number, method)
  }

  async #owe(work: () => Promise<Method>, nowait: boolean): Promise<void> {
    this.#consumers.owe()
    try {
      const method = await work()
      if (this.#state === 'open' && !nowait) this.#reply(method)
    } finally {
      this.#consumers.paid()
    }
  }

  #consume(method: MethodOf<'basic.consume'>): Promise<void> | undefined {
    const queue = queueName(method.queue, this.#memory)
    if (queue !== DIRECT_REPLY_TO) return this.#consumers.consume(method, queue)
    this.#consumers.consumeReplies(method)
    return undefined
  }

  async #get(method: MethodOf<'basic.get'>): Promise<void> {
    const queue = queueName(method.queue, this.#memory)
    const { noAck } = method
    // The one answer that may be large: a client that does not read what it gets must not gather messages here.
    const isWanted = await this.#context.caughtUp()
    if (!isWanted || this.#state !== 'open') return
    const found = await this.#context.session.get(queue, { noAck })
    if (this.#state !== 'open') {
      if (!noAck) found?.delivery.settle('requeue')
    } else if (found === undefined) {
      this.#reply(makeMethod('basic.get-empty'))
    } else {
      this.#deliveries.get(found.delivery, noAck, found.remaining)
    }
  }

  #limit(method: MethodOf<'basic.qos'>): void {
    const { prefetchSize, prefetchCount, global } = method
    if (prefetchSize !== 0) throw new Refused('not-implemented', `prefetch_size!=0 (${prefetchSize})`)
    if (global) this.#deliveries.limitChannel(prefetchCount)
    else this.#consumers.prefetch = prefetchCount
    this.#reply(makeMethod('basic.qos-ok'))
  }

  #recover(method: MethodOf<'basic.recover'> | MethodOf<'basic.recover-async'>): void {
    if (!method.requeue) throw new Refused('not-implemented', 'requeue=false')
    const isAnswered = method.kind === 'basic.recover'
    recover(this.#deliveries, () => {
      if (isAnswered) this.#reply(makeMethod('basic.recover-ok'))
    })
  }

  #selectConfirms(method: MethodOf<'confirm.select'>): void {
    if (this.#transaction !== undefined) {
      throw new Refused('precondition-failed', 'cannot switch from tx to confirm mode')
    }
    this.#confirms ??= new Confirms(this.#context.out, this.number)
    if (!method.nowait) this.#reply(makeMethod('confirm.select-ok'))
  }

  #selectTransactions(): void {
    if (this.#confirms !== undefined) {
      throw new Refused('precondition-failed', 'cannot switch from confirm to tx mode')
    }
    this.#transaction ??= new Transaction(this.#context, this.#deliveries)
    this.#reply(makeMethod('tx.select-ok'))
  }

  #openTransaction(): Transaction {
    if (this.#transaction === undefined) throw new Refused('precondition-failed', 'channel is not transactional')
    return this.#transaction
  }

  async #commit(): Promise<Method> {
    await this.#openTransaction().commit((message) => this.#return(message))
    return makeMethod('tx.commit-ok')
  }

  /** The peer reads again. */
  drained(): void {
    this.#deliveries.wakeAll()
  }

  /** Ends the channel for an error of the client: RabbitMQ's soft errors. */
  refuse(answer: Answer): void {
    if (this.#state !== 'open') return
    this.release()
    const { replyCode, replyText, classId, methodId } = answer
    this.#reply(makeMethod('channel.close', { replyCode, replyText, classId, methodId }))
    this.#state = 'closing'
  }

  #closeByClient(): void {
    this.release()
    this.#reply(makeMethod('channel.close-ok'))
    this.#state = 'gone'
  }

  /**
   * Everything the channel holds goes back to where it came from, before the client may open its number again. Answers
   * that are due go out first.
   */
  release(): void {
    if (this.#state !== 'open') return
    this.#state = 'closing'
    this.#publishing.abort()
    this.#confirms?.flush()
    this.#confirms?.close()
    // Consumers before deliveries: what is requeued must not come back to this channel.
    this.#consumers.close()
    this.#transaction?.rollback()
    this.#deliveries.close()
  }
}
