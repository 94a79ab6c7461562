/**
 * A consumer with manual acknowledgements. It holds deliveries for a while and settles them in changing ways: one by
 * one in any order, many at once, some given back, some rejected. Each time it also sends what proves settlements: a
 * request whose answer says that they were processed, and a message whose confirm says that they are durable.
 */
import type { ConfirmChannel, ConsumeMessage } from 'amqplib'
import type { Random } from '../../../src/base/random.ts'
import type { Worker } from './client.ts'
import type { History } from './history.ts'
import type { Reader } from './reader-history.ts'

const PREFETCH = 40
const HOLD_MAX = 25
/** Deliveries are not held longer, so that a queue can run dry. */
const HOLD_MS = 8

export type Manner = {
  /** One message in so many is given back, once it came; 0 for none. */
  readonly requeueOneIn: number
  /** Messages whose sequence this divides are rejected for good; 0 for none. */
  readonly rejectEvery: number
}

type Held = { message: ConsumeMessage; sequence: number }

export class Consumer implements Worker {
  readonly name: string
  readonly fenceQueue: string
  readonly #history: History
  readonly #queue: string
  readonly #manner: Manner
  readonly #random: Random
  #channel: ConfirmChannel | undefined
  #reader: Reader | undefined
  #held: Held[] = []
  #timer: NodeJS.Timeout | undefined
  #holdMax = HOLD_MAX

  constructor(history: History, queue: string, name: string, manner: Manner, random: Random) {
    this.name = name
    this.fenceQueue = `fence.${name}`
    this.#history = history
    this.#queue = queue
    this.#manner = manner
    this.#random = random
  }

  /** It has nothing in hand. */
  get isQuiet(): boolean {
    return this.#channel !== undefined && this.#reader?.outCount === 0
  }

  async begin(channel: ConfirmChannel): Promise<void> {
    this.#reader = this.#history.reader(this.#queue)
    // What proved settlements to an earlier channel has done its work.
    await channel.purgeQueue(this.fenceQueue)
    await channel.prefetch(PREFETCH)
    this.#channel = channel
    await channel.consume(this.#queue, (message) => this.#take(channel, message))
  }

  lost(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#channel = undefined
    this.#held = []
  }

  #take(channel: ConfirmChannel, message: ConsumeMessage | null): void {
    if (this.#channel !== channel || this.#reader === undefined) return
    if (message === null) return this.#history.violation(`${this.name} was cancelled`)
    const { deliveryTag, redelivered } = message.fields
    const stamp = this.#reader.delivered(deliveryTag, message.content, redelivered, Date.now())
    this.#held.push({ message, sequence: stamp?.sequence ?? 0 })
    if (this.#held.length >= this.#holdMax) this.#settleHeld(channel)
    else this.#timer ??= setTimeout(() => this.#settleHeld(channel), HOLD_MS)
  }

  #settleHeld(channel: ConfirmChannel): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    const reader = this.#reader
    if (this.#channel !== channel || reader === undefined || this.#held.length === 0) return
    this.#holdMax = 1 + this.#random.below(HOLD_MAX)
    if (this.#manner.requeueOneIn === 0 && this.#manner.rejectEvery === 0 && this.#random.below(3) === 0) {
      this.#acceptUpToLast(channel, reader)
    } else {
      this.#settleEach(channel, reader)
    }
    this.#prove(channel, reader)
  }

  #acceptUpToLast(channel: ConfirmChannel, reader: Reader): void {
    // What was kept back before stands in any order.
    const last = this.#held.reduce((a, b) => (a.message.fields.deliveryTag > b.message.fields.deliveryTag ? a : b))
    for (const { message } of this.#held) reader.settled(message.fields.deliveryTag, 'accept')
    this.#held = []
    channel.ack(last.message, true)
  }

  /** In any order, and now and then not all: some deliveries stay out while later ones are settled. */
  #settleEach(channel: ConfirmChannel, reader: Reader): void {
    const kept: Held[] = []
    while (this.#held.length > 0) {
      const [held] = this.#held.splice(this.#random.below(this.#held.length), 1)
      if (held === undefined) break
      if (this.#random.below(12) === 0) kept.push(held)
      else this.#settle(channel, reader, held)
    }
    this.#held = kept
    if (kept.length > 0) this.#timer = setTimeout(() => this.#settleHeld(channel), HOLD_MS)
  }

  #settle(channel: ConfirmChannel, reader: Reader, { message, sequence }: Held): void {
    const { requeueOneIn, rejectEvery } = this.#manner
    const tag = message.fields.deliveryTag
    if (rejectEvery > 0 && sequence % rejectEvery === 0) {
      reader.settled(tag, 'reject')
      channel.nack(message, false, false)
    } else if (requeueOneIn > 0 && this.#random.below(requeueOneIn) === 0) {
      reader.settled(tag, 'requeue')
      channel.nack(message, false, true)
    } else {
      reader.settled(tag, 'accept')
      channel.ack(message)
    }
  }

  #prove(channel: ConfirmChannel, reader: Reader): void {
    const batch = reader.takeBatch()
    channel.prefetch(PREFETCH).then(
      () => {
        if (this.#channel === channel) this.#history.processed(batch)
      },
      // The connection went with the broker: nothing is proved.
      () => {},
    )
    channel.sendToQueue(this.fenceQueue, Buffer.from('fence'), { persistent: true }, (failure: unknown) => {
      if (this.#channel === channel && (failure === null || failure === undefined)) this.#history.durable(batch)
    })
  }
}
