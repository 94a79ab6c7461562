/**
 * Three ways to publish: with confirms and a window, without confirms as fast as the socket takes it, and at a fixed rate
 * with a time in every body. All send whole slices of messages encoded beforehand; nothing is allocated for a message.
 */
import { invariant } from '../../src/base/errors.ts'
import { makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import { ConfirmWindow } from './confirm-window.ts'
import type { LoadConnection, LoadHandler } from './load-connection.ts'
import { MessageBlock, type MessageShape } from './message-block.ts'

export interface Publisher {
  readonly publishedCount: number
  /** Without confirms it stays 0. */
  readonly confirmedCount: number
  start(): void
  /** Publishes no more; what is under way may still be confirmed. */
  stop(): void
}

const nothing = (): void => {}

/** Keeps `window` publishes unconfirmed, or all that are left of `countMax`. */
export class WindowPublisher implements Publisher, LoadHandler {
  publishedCount = 0
  readonly #connection: LoadConnection
  readonly #block: MessageBlock
  readonly #window: number
  readonly #confirms: ConfirmWindow
  readonly #countMax: number
  #finished: () => void = nothing
  #isRunning = false
  readonly deliver = nothing
  readonly body = nothing
  readonly drained = nothing

  private constructor(connection: LoadConnection, shape: MessageShape, window: number, countMax: number) {
    this.#connection = connection
    this.#block = new MessageBlock(shape, window, connection.frameMax)
    this.#window = window
    this.#confirms = new ConfirmWindow(window)
    this.#countMax = countMax
  }

  static async open(
    connection: LoadConnection,
    shape: MessageShape,
    window: number,
    countMax = Number.POSITIVE_INFINITY,
  ): Promise<WindowPublisher> {
    await connection.call(makeMethod('confirm.select'), 'confirm.select-ok')
    const publisher = new WindowPublisher(connection, shape, window, countMax)
    connection.handle(publisher)
    return publisher
  }

  get confirmedCount(): number {
    return this.#confirms.confirmedCount
  }

  start(): void {
    this.#isRunning = true
    this.#fill()
  }

  stop(): void {
    this.#isRunning = false
  }

  /** Publishes `countMax` and resolves when all of them are confirmed. */
  run(): Promise<void> {
    const finished = new Promise<void>((resolve) => {
      this.#finished = resolve
    })
    this.start()
    return finished
  }

  confirm(deliveryTag: number, multiple: boolean, accepted: boolean): void {
    if (!accepted) throw new Error(`publish ${deliveryTag} was refused: the load expects every message to be taken`)
    this.#confirms.confirm(deliveryTag, multiple)
  }

  chunkEnd(): void {
    if (this.#isRunning) this.#fill()
  }

  #fill(): void {
    const unconfirmed = this.publishedCount - this.#confirms.confirmedCount
    const count = Math.min(this.#window - unconfirmed, this.#countMax - this.publishedCount)
    if (count > 0) {
      this.#connection.write(this.#block.slice(this.publishedCount % this.#block.keyCount, count))
      this.publishedCount += count
    } else if (this.#confirms.confirmedCount === this.#countMax) this.#finished()
  }
}

/** Enough for one system call to be a small part of the work. */
const UNCONFIRMED_WRITE_BYTES = 128 * 1024

/** Writes whenever the socket has room. The kernel's buffer and the broker's own flow control are the only brakes. */
export class UnconfirmedPublisher implements Publisher, LoadHandler {
  publishedCount = 0
  readonly confirmedCount = 0
  readonly #connection: LoadConnection
  readonly #block: MessageBlock
  #isRunning = false
  readonly deliver = nothing
  readonly body = nothing
  readonly confirm = nothing
  readonly chunkEnd = nothing
  readonly #write = (): void => {
    if (!this.#isRunning || this.#connection.unsentBytes > 0) return
    const { keyCount, sliceMax } = this.#block
    const fits = this.#connection.write(this.#block.slice(this.publishedCount % keyCount, sliceMax))
    this.publishedCount += sliceMax
    if (fits) setImmediate(this.#write)
  }

  constructor(connection: LoadConnection, shape: MessageShape) {
    this.#connection = connection
    const messageBytes = new MessageBlock(shape, 1, connection.frameMax).messageBytes
    const count = Math.max(1, Math.floor(UNCONFIRMED_WRITE_BYTES / messageBytes))
    this.#block = new MessageBlock(shape, count, connection.frameMax)
    connection.handle(this)
  }

  start(): void {
    this.#isRunning = true
    this.#write()
  }

  stop(): void {
    this.#isRunning = false
  }

  /** Not at once: a socket that takes everything would keep the consumer in this process from ever running. */
  drained(): void {
    setImmediate(this.#write)
  }
}

/** Half a minute of confirms may be under way before the count would be wrong: a broker that far behind has failed. */
const PACED_OUTSTANDING_SECONDS = 30
const PACED_TICK_MS = 1
/** A pause of the machine is made up for in several writes. */
const PACED_WRITE_MAX = 4096
const STAMP_BYTES = 8

/**
 * Publishes at a fixed rate whatever the broker does (an open loop: a slow broker does not slow the questions down), with
 * confirms. Each tick sends what is due, stamped with the time at which it is handed to the socket.
 */
export class PacedPublisher implements Publisher, LoadHandler {
  publishedCount = 0
  /** How far behind its own plan it was at worst: when this is large, the generator was the one that was late. */
  latenessMaxMs = 0
  readonly #connection: LoadConnection
  readonly #block: MessageBlock
  readonly #confirms: ConfirmWindow
  readonly #perMs: number
  #startedMs = 0
  #timer: NodeJS.Timeout | undefined
  readonly deliver = nothing
  readonly body = nothing
  readonly chunkEnd = nothing
  readonly drained = nothing

  private constructor(connection: LoadConnection, shape: MessageShape, perSecond: number) {
    invariant(shape.bodyBytes >= STAMP_BYTES, 'a stamped body has room for the stamp')
    this.#connection = connection
    this.#block = new MessageBlock(shape, PACED_WRITE_MAX, connection.frameMax)
    this.#confirms = new ConfirmWindow(perSecond * PACED_OUTSTANDING_SECONDS)
    this.#perMs = perSecond / 1000
  }

  static async open(connection: LoadConnection, shape: MessageShape, perSecond: number): Promise<PacedPublisher> {
    await connection.call(makeMethod('confirm.select'), 'confirm.select-ok')
    const publisher = new PacedPublisher(connection, shape, perSecond)
    connection.handle(publisher)
    return publisher
  }

  get confirmedCount(): number {
    return this.#confirms.confirmedCount
  }

  start(): void {
    this.#startedMs = performance.now()
    this.#timer = setInterval(() => this.#tick(), PACED_TICK_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** The warm-up is over. */
  forgetLateness(): void {
    this.latenessMaxMs = 0
  }

  confirm(deliveryTag: number, multiple: boolean, accepted: boolean): void {
    if (!accepted) throw new Error(`publish ${deliveryTag} was refused: the load expects every message to be taken`)
    this.#confirms.confirm(deliveryTag, multiple)
  }

  #tick(): void {
    const dueCount = Math.floor((performance.now() - this.#startedMs) * this.#perMs)
    let leftCount = dueCount - this.publishedCount
    this.latenessMaxMs = Math.max(this.latenessMaxMs, leftCount / this.#perMs)
    while (leftCount > 0) {
      const count = Math.min(leftCount, PACED_WRITE_MAX)
      this.#send(count)
      leftCount -= count
    }
  }

  /** The slice is copied, since the stamps of the next tick would change what still waits in the socket. */
  #send(count: number): void {
    const frames = Buffer.from(this.#block.slice(this.publishedCount % this.#block.keyCount, count))
    const { messageBytes, bodyOffset } = this.#block
    const nowMs = performance.now()
    for (let at = bodyOffset; at < frames.length; at += messageBytes) frames.writeDoubleBE(nowMs, at)
    this.#connection.write(frames)
    this.publishedCount += count
  }
}
