/**
 * An AMQP peer that may misbehave: it sends any method or bytes it is told to and hands out what comes back, frame by
 * frame, without answering anything by itself. It is made of the project's own codec, so it is no judge of that codec:
 * the programs with real clients are.
 */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { FieldTable } from '../../../src/base/field-value.ts'
import {
  FRAME_BODY,
  FRAME_END,
  FRAME_HEADER,
  FRAME_HEARTBEAT,
  FrameParser,
} from '../../../src/protocols/amqp/wire/frame.ts'
import type { Method, MethodArguments, MethodKind } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from '../../../src/protocols/amqp/wire/methods.ts'
import { tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import { decodeProperties, encodeProperties, type Properties } from '../../../src/protocols/amqp/wire/properties.ts'

export type Received =
  | { kind: 'method'; channel: number; method: Method }
  | { kind: 'header'; channel: number; sizeBytes: number; properties: Properties; payload: Buffer }
  | { kind: 'body'; channel: number; bytes: Buffer }
  /** Not a frame: the server's own protocol header. */
  | { kind: 'hello'; bytes: Buffer }
  | { kind: 'closed' }

export type Handshake = {
  mechanism?: string
  password?: string
  capabilities?: FieldTable
  tune?: readonly [channelMax: number, frameMax: number, heartbeat: number]
  virtualHost?: string
}

export const HELLO: Buffer = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')
const HEADER_FIXED_BYTES = 12

const CAPABILITIES = tableFromPlain({
  authentication_failure_close: true,
  consumer_cancel_notify: true,
  'connection.blocked': true,
  'basic.nack': true,
  publisher_confirms: true,
})

export class Peer {
  readonly #socket: Socket
  readonly #received: Received[] = []
  #waiting: ((received: Received) => void) | undefined
  #first = true
  heartbeatCount = 0
  /** What connection.start and connection.tune said. */
  start: Extract<Method, { kind: 'connection.start' }> | undefined
  tune: Extract<Method, { kind: 'connection.tune' }> | undefined

  private constructor(socket: Socket) {
    this.#socket = socket
    const parser = new FrameParser({
      frame: (type, channel, buffer, from, to) => this.#frame(type, channel, buffer, from, to),
    })
    socket.on('data', (chunk) => {
      if (this.#first && chunk.subarray(0, 4).toString('latin1') === 'AMQP') this.#take({ kind: 'hello', bytes: chunk })
      else parser.push(chunk)
      this.#first = false
    })
    // A reset is one more way to be cut off, and 'close' follows it.
    socket.on('error', () => {})
    socket.on('close', () => this.#take({ kind: 'closed' }))
  }

  /** Connected, and nothing said yet but `hello`. */
  static async connect(port: number, hello: Buffer = HELLO): Promise<Peer> {
    const socket = connect(port, '127.0.0.1').setNoDelay(true)
    await once(socket, 'connect')
    const peer = new Peer(socket)
    socket.write(hello)
    return peer
  }

  /** Goes through the handshake up to connection.open; answers the server's last word, which may come early. */
  async open(handshake: Handshake = {}): Promise<Received> {
    const started = await this.next()
    if (started.kind !== 'method' || started.method.kind !== 'connection.start') return started
    this.start = started.method
    const mechanism = handshake.mechanism ?? 'PLAIN'
    this.send(0, 'connection.start-ok', {
      clientProperties: new Map([['capabilities', { type: 'F', value: handshake.capabilities ?? CAPABILITIES }]]),
      mechanism,
      response: Buffer.from(`\0guest\0${handshake.password ?? 'guest'}`),
      locale: 'en_US',
    })
    const tuned = await this.next()
    if (tuned.kind !== 'method' || tuned.method.kind !== 'connection.tune') return tuned
    this.tune = tuned.method
    const [channelMax, frameMax, heartbeat] = handshake.tune ?? [tuned.method.channelMax, tuned.method.frameMax, 0]
    this.send(0, 'connection.tune-ok', { channelMax, frameMax, heartbeat })
    return this.call(0, 'connection.open', { virtualHost: handshake.virtualHost ?? '/' })
  }

  send<K extends MethodKind>(channel: number, kind: K, given: Partial<MethodArguments<K>> = {}): void {
    // A method of one kind is a member of the union of all; TypeScript cannot tell for a K not known yet.
    this.raw(encodeMethod(channel, makeMethod(kind, given) as unknown as Method))
  }

  raw(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  call<K extends MethodKind>(channel: number, kind: K, given: Partial<MethodArguments<K>> = {}): Promise<Received> {
    this.send(channel, kind, given)
    return this.next()
  }

  /** basic.publish with its content, in as few frames as there can be. */
  publish(
    channel: number,
    given: Partial<MethodArguments<'basic.publish'>>,
    body = 'x',
    properties: Properties = {},
  ): void {
    const bytes = Buffer.from(body)
    this.send(channel, 'basic.publish', given)
    this.raw(contentHeader(channel, bytes.length, encodeProperties(properties)))
    if (bytes.length > 0) this.raw(frame(FRAME_BODY, channel, bytes))
  }

  /** The next frame but heartbeats. After the connection was closed: closed, however often it is asked. */
  next(): Promise<Received> {
    const received = this.#received[0]
    if (received === undefined) {
      return new Promise((resolve) => {
        this.#waiting = resolve
      })
    }
    if (received.kind !== 'closed') this.#received.shift()
    return Promise.resolve(received)
  }

  end(): void {
    this.#socket.destroy()
  }

  #frame(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (type === FRAME_HEARTBEAT) {
      this.heartbeatCount++
      return
    }
    // The parser lends its buffer for this call only.
    const payload = Buffer.from(buffer.subarray(start, end))
    if (type === FRAME_HEADER) {
      const sizeBytes = Number(payload.readBigUInt64BE(4))
      const properties = decodeProperties(payload, HEADER_FIXED_BYTES, payload.length)
      this.#take({ kind: 'header', channel, sizeBytes, properties, payload })
    } else if (type === FRAME_BODY) this.#take({ kind: 'body', channel, bytes: payload })
    else this.#take({ kind: 'method', channel, method: decodeMethod(payload, 0, payload.length) })
  }

  #take(received: Received): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined || received.kind === 'closed') this.#received.push(received)
    waiting?.(received)
  }
}

/** u8 type, u16 channel, u32 size, payload, frame end: whatever the payload is. */
export function frame(type: number, channel: number, payload: Buffer, end: number = FRAME_END): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.from([end])])
}

/** `properties` are the raw flags and values. */
export function contentHeader(channel: number, sizeBytes: number, properties: Buffer): Buffer {
  const head = Buffer.alloc(HEADER_FIXED_BYTES)
  head.writeUInt16BE(60, 0)
  head.writeBigUInt64BE(BigInt(sizeBytes), 4)
  return frame(FRAME_HEADER, channel, Buffer.concat([head, properties]))
}
