/**
 * One AMQP connection with one channel for the load generator. Hot methods (deliver, ack, nack) and bodies go straight to
 * a handler, everything else is a call that waits for its answer. It is made for speed and trusts the server: what would
 * be an application's error handling is here a failure that ends the run.
 *
 * Heartbeats are off: a run is short, and a broker that hangs is found by the time limit of the run.
 */
import { connect, type Socket } from 'node:net'
import { FRAME_BODY, FRAME_METHOD, FrameParser, PROTOCOL_HEADER } from '../../src/protocols/amqp/wire/frame.ts'
import {
  BASIC_ACK,
  BASIC_DELIVER,
  BASIC_NACK,
  readAck,
  readMethodNumber,
  readNack,
  SettleArguments,
} from '../../src/protocols/amqp/wire/hot-methods.ts'
import { readUint64 } from '../../src/protocols/amqp/wire/integers.ts'
import type { Method, MethodKind } from '../../src/protocols/amqp/wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import { tableFromPlain } from '../../src/protocols/amqp/wire/plain-fields.ts'

export const CHANNEL = 1

/** Large, so that a busy connection is read with few system calls, and one for all chunks: the parser only borrows. */
const READ_BUFFER_BYTES = 256 * 1024

const CLASS_AND_METHOD_BYTES = 4

const CAPABILITIES = tableFromPlain({ publisher_confirms: true, 'basic.nack': true, 'connection.blocked': true })

/** What happens on a connection for every message. */
export interface LoadHandler {
  /** A delivery begins; its body follows in one frame. */
  deliver(deliveryTag: number): void
  /** The range is borrowed. */
  body(buffer: Buffer, start: number, end: number): void
  confirm(deliveryTag: number, multiple: boolean, accepted: boolean): void
  /** All frames of a chunk were handed out: the moment for one write. */
  chunkEnd(): void
  /** What was written has gone to the kernel, after a write that did not fit. */
  drained(): void
}

const ignoreAll: LoadHandler = { deliver() {}, body() {}, confirm() {}, chunkEnd() {}, drained() {} }

interface Waiting {
  readonly expected: readonly MethodKind[]
  resolve(method: Method): void
}

export class LoadConnection {
  /** Never resolves; rejects when the server closes, refuses or breaks. Race with it. */
  readonly failure: Promise<never>
  /** How often the server said connection.blocked: a run in which it did measured an alarm. */
  blockedCount = 0
  frameMax = 0
  readonly #socket: Socket
  readonly #parser: FrameParser
  readonly #settle = new SettleArguments()
  #handler: LoadHandler = ignoreAll
  #waiting: Waiting | undefined
  #fail: (error: Error) => void = () => {}
  #isClosing = false

  private constructor(port: number) {
    this.failure = new Promise<never>((_, reject) => {
      this.#fail = reject
    })
    // A failure that comes when nobody waits any more (at the end of a run) is of no interest.
    this.failure.catch(() => {})
    this.#parser = new FrameParser({
      frame: (type, _channel, buffer, start, end) => this.#frame(type, buffer, start, end),
    })
    this.#socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: Buffer.alloc(READ_BUFFER_BYTES),
        callback: (bytes, buffer) => this.#read(bytes, buffer),
      },
    })
    this.#socket.on('error', (error) => this.#fail(error))
    this.#socket.on('close', () => {
      if (!this.#isClosing) this.#fail(new Error('the server closed the connection'))
    })
    this.#socket.on('drain', () => this.#handler.drained())
  }

  /** Connected, logged in as guest, with its channel open. */
  static async open(port: number): Promise<LoadConnection> {
    const connection = new LoadConnection(port)
    await connection.#handshake()
    await connection.call(makeMethod('channel.open'), 'channel.open-ok')
    return connection
  }

  async #handshake(): Promise<void> {
    const started = this.#answer('connection.start')
    this.#socket.write(PROTOCOL_HEADER)
    await started
    const startOk = makeMethod('connection.start-ok', {
      clientProperties: new Map([['capabilities', { type: 'F', value: CAPABILITIES }]]),
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    })
    const tune = await this.#exchange(0, startOk, 'connection.tune')
    if (tune.kind !== 'connection.tune') return
    this.frameMax = tune.frameMax
    this.#parser.frameMax = tune.frameMax
    const { channelMax, frameMax } = tune
    this.#socket.write(encodeMethod(0, makeMethod('connection.tune-ok', { channelMax, frameMax, heartbeat: 0 })))
    await this.#exchange(0, makeMethod('connection.open', { virtualHost: '/' }), 'connection.open-ok')
  }

  /** Sends a method on the channel and waits for one of the answers expected. One call at a time. */
  call(method: Method, ...expected: MethodKind[]): Promise<Method> {
    return this.#exchange(CHANNEL, method, ...expected)
  }

  #exchange(channel: number, method: Method, ...expected: MethodKind[]): Promise<Method> {
    const answer = this.#answer(...expected)
    this.#socket.write(encodeMethod(channel, method))
    return answer
  }

  #answer(...expected: MethodKind[]): Promise<Method> {
    const answer = new Promise<Method>((resolve) => {
      this.#waiting = { expected, resolve }
    })
    return Promise.race([answer, this.failure])
  }

  /** Sends a method that has no answer. */
  send(method: Method): void {
    this.#socket.write(encodeMethod(CHANNEL, method))
  }

  handle(handler: LoadHandler): void {
    this.#handler = handler
  }

  /** Frames as they are. The bytes must stay as they are until they are gone: write each buffer's range once. */
  write(frames: Buffer): boolean {
    return this.#socket.write(frames)
  }

  get unsentBytes(): number {
    return this.#socket.writableLength
  }

  /** Ends the connection in the way of the protocol, so that the broker's log stays clean. */
  async close(): Promise<void> {
    this.handle(ignoreAll)
    this.#isClosing = true
    await this.#exchange(0, makeMethod('connection.close', { replyCode: 200 }), 'connection.close-ok')
    this.#socket.destroy()
  }

  /** Drops the connection at once. */
  destroy(): void {
    this.#isClosing = true
    this.#socket.destroy()
  }

  #read(bytes: number, buffer: Uint8Array): boolean {
    try {
      this.#parser.push(Buffer.from(buffer.buffer, buffer.byteOffset, bytes))
      this.#handler.chunkEnd()
    } catch (error) {
      this.#fail(error instanceof Error ? error : new Error(String(error)))
    }
    return true
  }

  #frame(type: number, buffer: Buffer, start: number, end: number): void {
    if (type === FRAME_BODY) return this.#handler.body(buffer, start, end)
    if (type !== FRAME_METHOD) return
    const number = readMethodNumber(buffer, start, end)
    if (number === BASIC_DELIVER) {
      const tagLengthAt = start + CLASS_AND_METHOD_BYTES
      this.#handler.deliver(readUint64(buffer, tagLengthAt + 1 + buffer[tagLengthAt]!))
    } else if (number === BASIC_ACK) {
      readAck(buffer, start, end, this.#settle)
      this.#handler.confirm(this.#settle.deliveryTag, this.#settle.multiple, true)
    } else if (number === BASIC_NACK) {
      readNack(buffer, start, end, this.#settle)
      this.#handler.confirm(this.#settle.deliveryTag, this.#settle.multiple, false)
    } else this.#method(decodeMethod(buffer, start, end))
  }

  #method(method: Method): void {
    if (method.kind === 'connection.blocked') this.blockedCount++
    else if (method.kind === 'channel.close' || method.kind === 'connection.close') {
      this.#fail(new Error(`the server said ${method.kind} ${method.replyCode}: ${method.replyText}`))
    } else if (this.#waiting?.expected.includes(method.kind)) {
      const { resolve } = this.#waiting
      this.#waiting = undefined
      resolve(method)
    } else if (method.kind !== 'connection.unblocked') {
      this.#fail(new Error(`the server said ${method.kind}, which nobody waited for`))
    }
  }
}
