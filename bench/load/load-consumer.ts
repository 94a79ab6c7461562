/**
 * A consumer that counts, acknowledges and, when asked, measures how long each message was under way. By default each
 * message has its own ack, and all acks of a chunk go out in one write: what a good client library does for a program that
 * acks each message. It keeps no message.
 */
import { invariant } from '../../src/base/errors.ts'
import { SETTLE_FRAME_BYTES, writeAck } from '../../src/protocols/amqp/wire/hot-methods.ts'
import { makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import type { LatencyRecorder } from './latency-recorder.ts'
import { CHANNEL, type LoadConnection, type LoadHandler } from './load-connection.ts'

export type AckPlan =
  /** Every delivery by its own frame. */
  | { readonly kind: 'each' }
  /** One frame for every so many deliveries. */
  | { readonly kind: 'multiple'; readonly every: number }
  /** no_ack: the broker does not wait for any. */
  | { readonly kind: 'none' }

/** Acks are written one behind the other into a slab; a full one is left to the socket and a new one begun. */
const ACK_SLAB_BYTES = 3072 * SETTLE_FRAME_BYTES

export class LoadConsumer implements LoadHandler {
  deliveredCount = 0
  bodyBytes = 0
  readonly #connection: LoadConnection
  readonly #acks: AckPlan
  readonly #latency: LatencyRecorder | undefined
  readonly #countMax: number
  #finished: () => void = () => {}
  #deliveryTag = 0
  #ackedTag = 0
  #slab = Buffer.alloc(ACK_SLAB_BYTES)
  #unsentStart = 0
  #at = 0

  /** @param countMax how many messages `finished` waits for */
  constructor(
    connection: LoadConnection,
    acks: AckPlan,
    latency?: LatencyRecorder,
    countMax: number = Number.POSITIVE_INFINITY,
  ) {
    this.#connection = connection
    this.#acks = acks
    this.#latency = latency
    this.#countMax = countMax
    connection.handle(this)
  }

  async consume(queues: readonly string[], prefetch: number): Promise<void> {
    const noAck = this.#acks.kind === 'none'
    if (!noAck) await this.#connection.call(makeMethod('basic.qos', { prefetchCount: prefetch }), 'basic.qos-ok')
    for (const [index, queue] of queues.entries()) {
      const consume = makeMethod('basic.consume', { queue, noAck, consumerTag: `load-${index}` })
      await this.#connection.call(consume, 'basic.consume-ok')
    }
  }

  finished(): Promise<void> {
    return new Promise((resolve) => {
      this.#finished = resolve
    })
  }

  readonly drained = (): void => {}

  confirm(): void {
    invariant(false, 'a consumer publishes nothing that could be confirmed')
  }

  deliver(deliveryTag: number): void {
    this.#deliveryTag = deliveryTag
  }

  body(buffer: Buffer, start: number, end: number): void {
    this.deliveredCount++
    this.bodyBytes += end - start
    this.#latency?.arrived(buffer, start)
    if (this.#acks.kind === 'each') this.#ack(false)
    else if (this.#acks.kind === 'multiple' && this.#deliveryTag - this.#ackedTag >= this.#acks.every) this.#ack(true)
  }

  chunkEnd(): void {
    this.#latency?.chunkEnd()
    if (this.#at > this.#unsentStart) this.#send()
    if (this.deliveredCount >= this.#countMax) this.#finish()
  }

  #ack(multiple: boolean): void {
    if (this.#at + SETTLE_FRAME_BYTES > ACK_SLAB_BYTES) {
      this.#send()
      this.#slab = Buffer.alloc(ACK_SLAB_BYTES)
      this.#at = 0
      this.#unsentStart = 0
    }
    this.#at = writeAck(this.#slab, this.#at, CHANNEL, this.#deliveryTag, multiple)
    this.#ackedTag = this.#deliveryTag
  }

  #send(): void {
    this.#connection.write(this.#slab.subarray(this.#unsentStart, this.#at))
    this.#unsentStart = this.#at
  }

  #finish(): void {
    if (this.#acks.kind === 'multiple' && this.#deliveryTag > this.#ackedTag) {
      this.#ack(true)
      this.#send()
    }
    this.#finished()
  }
}
