/**
 * For tests of the protocol without sockets and without a broker: a stream in memory, a client that speaks frames over
 * it, and a stage that brings both together with the fake broker of fake-session.test-kit.ts.
 */
import { Duplex } from 'node:stream'
import { expect } from 'vitest'
import { defaultUsers, type Users } from '../../access/users.ts'
import { ManualClock } from '../../base/clock.ts'
import { bool, type FieldTable } from '../../base/field-value.ts'
import { seededRandom } from '../../base/random.ts'
import type { SessionDoor } from '../../broker/session.ts'
import { Address } from '../../message/message.ts'
import { type LogFields, type Logger, silentLogger } from '../../telemetry/logger.ts'
import { Metrics } from '../../telemetry/metrics.ts'
import { Connection } from './connection.ts'
import { FakeDoor, type FakeSession } from './fake-session.test-kit.ts'
import { type AmqpSettings, defaultAmqpSettings } from './settings.ts'
import { FRAME_BODY, FRAME_HEADER, FRAME_METHOD, FrameParser, PROTOCOL_HEADER } from './wire/frame.ts'
import { contentSize, writeContent } from './wire/frame-writer.ts'
import { publishSize, writePublish } from './wire/hot-methods.ts'
import type { Method, MethodArguments, MethodKind, MethodOf } from './wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from './wire/methods.ts'
import { NameCache } from './wire/name-cache.ts'
import { decodeProperties, encodeProperties, type Properties } from './wire/properties.ts'

/** The server's end of a connection; what it writes goes to `onBytes`. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 50_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 5672
  onBytes: (bytes: Buffer) => void = () => {}
  isEndedByServer = false
  #isStalled = false
  #waiting: (() => void)[] = []

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.#isStalled) {
      this.#waiting.push(() => this.#take(chunk, done))
      return
    }
    this.#take(chunk, done)
  }

  #take(chunk: Buffer, done: () => void): void {
    // The writer uses its memory again once it was told the bytes are gone.
    this.onBytes(Buffer.from(chunk))
    done()
  }

  override _final(done: () => void): void {
    this.isEndedByServer = true
    done()
  }

  /** The peer stops reading: nothing written is taken any more. */
  stall(): void {
    this.#isStalled = true
  }

  unstall(): void {
    this.#isStalled = false
    for (const go of this.#waiting.splice(0)) go()
  }
}

export type Received =
  | { readonly kind: 'method'; readonly channel: number; readonly method: Method }
  | { readonly kind: 'header'; readonly channel: number; readonly bodyBytes: number; readonly properties: Properties }
  | { readonly kind: 'body'; readonly channel: number; readonly bytes: Buffer }
  | { readonly kind: 'heartbeat' }

/** Everything that is ready to run has run: streams, promises and the writer's turn. */
export async function turns(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

export class TestClient {
  readonly socket = new MemorySocket()
  readonly received: Received[] = []
  /** What came before any frame: the protocol header of a server that does not speak ours. */
  readonly refusal: Buffer[] = []
  frameMax = 131_072
  readonly #parser: FrameParser

  constructor() {
    this.#parser = new FrameParser({
      frame: (type, channel, buffer, start, end) => {
        this.received.push(readFrame(type, channel, buffer, start, end))
      },
    })
    this.socket.onBytes = (bytes) => {
      if (bytes.toString('latin1', 0, 4) === 'AMQP') this.refusal.push(bytes)
      else this.#parser.push(bytes)
    }
  }

  get isClosed(): boolean {
    return this.socket.destroyed || this.socket.isEndedByServer
  }

  raw(bytes: Buffer): void {
    this.socket.push(bytes)
  }

  send<K extends MethodKind>(channel: number, kind: K, given: Partial<MethodArguments<K>> = {}): void {
    // Of any kind, so of the union.
    this.raw(encodeMethod(channel, makeMethod(kind, given) as unknown as Method))
  }

  publish(
    channel: number,
    exchange: string,
    routingKey: string,
    body: Buffer | string,
    options: PublishOptions = {},
  ): void {
    this.raw(publishFrames(channel, exchange, routingKey, body, { frameMax: this.frameMax, ...options }))
  }

  async next(): Promise<Received> {
    for (let turn = 0; turn < 50; turn++) {
      const first = this.received.shift()
      if (first !== undefined) return first
      await turns(1)
    }
    throw new Error('the server sent nothing')
  }

  /** The next frame, which must be this method. */
  async expect<K extends MethodKind>(kind: K, given: Partial<MethodArguments<K>> = {}): Promise<MethodOf<K>> {
    const next = await this.next()
    expect(next.kind === 'method' ? next.method : next).toMatchObject({ kind, ...given })
    return (next as unknown as { method: MethodOf<K> }).method
  }

  /** The content that follows a deliver, get-ok or return. */
  async content(): Promise<{ properties: Properties; body: Buffer; frameCount: number }> {
    const header = await this.next()
    if (header.kind !== 'header') throw new Error(`expected a content header, got ${JSON.stringify(header)}`)
    const parts: Buffer[] = []
    for (let missing = header.bodyBytes; missing > 0; ) {
      const part = await this.next()
      if (part.kind !== 'body') throw new Error(`expected a body frame, got ${JSON.stringify(part)}`)
      parts.push(part.bytes)
      missing -= part.bytes.length
    }
    return { properties: header.properties, body: Buffer.concat(parts), frameCount: parts.length }
  }

  /** Nothing more comes. */
  async quiet(): Promise<void> {
    await turns()
    expect(this.received).toEqual([])
  }

  hangUp(): void {
    this.socket.push(null)
  }
}

export interface PublishOptions {
  readonly properties?: Properties
  readonly mandatory?: boolean
  readonly frameMax?: number
}

export function publishFrames(
  channel: number,
  exchange: string,
  routingKey: string,
  body: Buffer | string,
  { properties = {}, mandatory = false, frameMax = 131_072 }: PublishOptions = {},
): Buffer {
  const address = new Address(exchange, routingKey).bytes
  const raw = encodeProperties(properties)
  const content = Buffer.concat([raw, Buffer.from(body)])
  const bodyBytes = content.length - raw.length
  const target = Buffer.alloc(publishSize(address) + contentSize(raw.length, bodyBytes, frameMax))
  const next = writePublish(target, 0, channel, address, mandatory)
  writeContent(target, next, channel, content, 0, raw.length, content.length, frameMax)
  return target
}

function readFrame(type: number, channel: number, buffer: Buffer, start: number, end: number): Received {
  switch (type) {
    case FRAME_METHOD:
      return { kind: 'method', channel, method: decodeMethod(buffer, start, end) }
    case FRAME_HEADER: {
      const bodyBytes = Number(buffer.readBigUInt64BE(start + 4))
      return { kind: 'header', channel, bodyBytes, properties: decodeProperties(buffer, start + 12, end) }
    }
    case FRAME_BODY:
      return { kind: 'body', channel, bytes: Buffer.from(buffer.subarray(start, end)) }
    default:
      return { kind: 'heartbeat' }
  }
}

export interface StageOptions {
  readonly settings?: Partial<AmqpSettings>
  readonly users?: Users
  readonly capabilities?: readonly string[]
  readonly heartbeatSeconds?: number
  readonly frameMax?: number
  readonly channelMax?: number
  /** In place of the fake broker. */
  readonly door?: SessionDoor
  readonly clock?: ManualClock
}

const ALL_CAPABILITIES = ['authentication_failure_close', 'consumer_cancel_notify', 'connection.blocked', 'basic.nack']

/** One client, one connection of the server, one fake broker. */
export class Stage {
  readonly client = new TestClient()
  readonly clock: ManualClock
  readonly door = new FakeDoor()
  readonly connection: Connection
  readonly settings: AmqpSettings
  /** Errors that were logged: the server's own faults. */
  readonly errors: { readonly message: string; readonly fields: LogFields | undefined }[] = []
  readonly #options: StageOptions
  isGone = false

  constructor(options: StageOptions = {}) {
    this.#options = options
    this.clock = options.clock ?? new ManualClock()
    this.settings = { ...defaultAmqpSettings, ...options.settings }
    const logger: Logger = {
      ...silentLogger,
      error: (message, fields) => this.errors.push({ message, fields }),
      child: () => logger,
    }
    const random = seededRandom(1)
    this.connection = new Connection(this.client.socket, {
      protocol: {
        door: options.door ?? this.door,
        users: options.users ?? defaultUsers(random),
        clock: this.clock,
        random,
        logger,
        metrics: new Metrics(),
      },
      settings: this.settings,
      names: new NameCache(),
      logger,
      onGone: () => {
        expect(this.isGone).toBe(false)
        this.isGone = true
      },
    })
  }

  get session(): FakeSession {
    const session = this.door.sessions.at(-1)
    if (session === undefined) throw new Error('no session was opened')
    return session
  }

  get clientProperties(): FieldTable {
    const names = this.#options.capabilities ?? ALL_CAPABILITIES
    return new Map([['capabilities', { type: 'F', value: new Map(names.map((name) => [name, bool(true)])) }]])
  }

  /** Up to and including start-ok. */
  async logIn(response = '\0guest\0guest', mechanism = 'PLAIN'): Promise<void> {
    this.client.raw(PROTOCOL_HEADER)
    await this.client.expect('connection.start')
    const { clientProperties } = this
    this.client.send(0, 'connection.start-ok', {
      clientProperties,
      mechanism,
      response: Buffer.from(response),
      locale: 'en_US',
    })
  }

  async open(): Promise<void> {
    const { heartbeatSeconds = 0, frameMax = 131_072, channelMax = 2047 } = this.#options
    await this.logIn()
    await this.client.expect('connection.tune')
    this.client.frameMax = frameMax
    this.client.send(0, 'connection.tune-ok', { channelMax, frameMax, heartbeat: heartbeatSeconds })
    this.client.send(0, 'connection.open', { virtualHost: '/' })
    await this.client.expect('connection.open-ok')
  }

  async channel(number = 1): Promise<void> {
    this.client.send(number, 'channel.open')
    await this.client.expect('channel.open-ok')
  }
}

/** A stage with an open connection and channel 1. */
export async function openStage(options: StageOptions = {}): Promise<Stage> {
  const stage = new Stage(options)
  await stage.open()
  await stage.channel()
  return stage
}
