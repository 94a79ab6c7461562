/**
 * For tests of the protocol without sockets: a stream in memory, a client that speaks requests over it, and a stage that
 * brings both together with a door into some broker.
 */
import { Duplex } from 'node:stream'
import { expect } from 'vitest'
import { defaultUsers, type Users } from '../../access/users.ts'
import { type Clock, ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { Flow, Session, SessionDoor, SessionOwner, SessionRequest } from '../../broker/session.ts'
import { MessageFormats } from '../../message/message-format.ts'
import { type LogFields, type Logger, silentLogger } from '../../telemetry/logger.ts'
import { Counter, Metrics } from '../../telemetry/metrics.ts'
import { Connection } from './connection.ts'
import { FetchSessionIds } from './fetch-session.ts'
import { defaultKafkaSettings, type KafkaSettings } from './settings.ts'
import { UnreadBudget } from './unread-budget.ts'
import {
  type ApiKey,
  type Decoded,
  type Draft,
  decodeResponse,
  encodeRequest,
  type RequestOf,
  type ResponseOf,
  readResponseHeader,
} from './wire/codec.ts'
import { FrameParser } from './wire/frame.ts'

/** The server's end of a connection; what it writes goes to `onBytes`. */
export class MemorySocket extends Duplex {
  readonly remoteAddress = '127.0.0.1'
  readonly remotePort = 50_000
  readonly localAddress = '127.0.0.1'
  readonly localPort = 9092
  onBytes: (bytes: Buffer) => void = () => {}
  isEndedByServer = false
  pauseCount = 0
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

  override pause(): this {
    this.pauseCount++
    return super.pause()
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

/** Everything that is ready to run has run: streams, promises and the writer's turn. */
export async function turns(count = 6): Promise<void> {
  for (let turn = 0; turn < count; turn++) await new Promise((resolve) => setImmediate(resolve))
}

/** Sends requests, and reads the responses in the order they come. */
export class TestClient {
  readonly socket: MemorySocket
  /** Whole responses, header and all, in order. */
  readonly received: Buffer[] = []
  #correlationId = 100

  constructor(socket = new MemorySocket()) {
    this.socket = socket
    const parser = new FrameParser({
      frame: (buffer, start, end) => this.received.push(Buffer.from(buffer.subarray(start, end))),
    })
    socket.onBytes = (bytes) => parser.push(bytes)
  }

  get isClosed(): boolean {
    return this.socket.destroyed || this.socket.isEndedByServer
  }

  raw(bytes: Buffer): void {
    this.socket.push(bytes)
  }

  /** @returns the correlation id */
  send<Key extends ApiKey>(key: Key, version: number, request: Draft<RequestOf<Key>>): number {
    const correlationId = this.#correlationId++
    this.raw(Buffer.concat(encodeRequest(key, version, correlationId, 'test-client', request)))
    return correlationId
  }

  /** The next response, which must be the one to this request. */
  async receive<Key extends ApiKey>(
    key: Key,
    version: number,
    correlationId: number,
  ): Promise<Decoded<ResponseOf<Key>>> {
    const bytes = await this.next()
    const header = readResponseHeader(key, version, bytes, 0, bytes.length)
    expect(header.correlationId).toBe(correlationId)
    return decodeResponse(key, version, bytes, header.bodyStart, bytes.length)
  }

  async next(): Promise<Buffer> {
    for (let turn = 0; turn < 200; turn++) {
      const first = this.received.shift()
      if (first !== undefined) return first
      await turns(1)
    }
    throw new Error('the server sent nothing')
  }

  ask<Key extends ApiKey>(
    key: Key,
    version: number,
    request: Draft<RequestOf<Key>>,
  ): Promise<Decoded<ResponseOf<Key>>> {
    return this.receive(key, version, this.send(key, version, request))
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

/** A session that only knows whether it may publish and whether it is closed. */
export class IdleSession {
  readonly user: string
  readonly vhost: string
  readonly owner: SessionOwner
  flow: Flow = { kind: 'open' }
  isClosed = false

  constructor(request: SessionRequest) {
    this.user = request.user
    this.vhost = request.vhost
    this.owner = request.owner
  }

  setFlow(flow: Flow): void {
    this.flow = flow
    this.owner.flow(flow)
  }

  async close(): Promise<void> {
    this.isClosed = true
  }
}

export class IdleDoor implements SessionDoor {
  readonly sessions: IdleSession[] = []

  openSession(request: SessionRequest): Session {
    const session = new IdleSession(request)
    this.sessions.push(session)
    // What a connection needs by itself; handlers under test need a broker.
    return session as unknown as Session
  }
}

export interface StageOptions {
  readonly settings?: Partial<KafkaSettings>
  readonly users?: Users
  readonly door?: SessionDoor
  readonly formats?: MessageFormats
  readonly clock?: Clock
}

/** One server's end of connections, and clients of it. */
export class Stage {
  readonly clock: ManualClock
  readonly door: SessionDoor
  readonly settings: KafkaSettings
  /** What was logged as the client's fault, and as ours. */
  readonly warnings: { readonly message: string; readonly fields: LogFields | undefined }[] = []
  readonly errors: { readonly message: string; readonly fields: LogFields | undefined }[] = []
  readonly connections: Connection[] = []
  goneCount = 0
  readonly unread: UnreadBudget
  readonly #users: Users
  readonly #formats: MessageFormats
  readonly #logger: Logger
  readonly #fetchSessionIds = new FetchSessionIds()
  readonly #metrics = new Metrics()

  constructor(options: StageOptions = {}) {
    this.clock = options.clock instanceof ManualClock ? options.clock : new ManualClock()
    this.door = options.door ?? new IdleDoor()
    this.settings = { ...defaultKafkaSettings, ...options.settings }
    this.unread = new UnreadBudget(this.settings.unreadBytesMax)
    this.#formats = options.formats ?? new MessageFormats()
    this.#users = options.users ?? defaultUsers(seededRandom(1))
    this.#logger = {
      ...silentLogger,
      warn: (message, fields) => this.warnings.push({ message, fields }),
      error: (message, fields) => this.errors.push({ message, fields }),
      child: () => this.#logger,
    }
  }

  connect(): TestClient {
    const client = new TestClient()
    const connection = new Connection(client.socket, {
      protocol: {
        door: this.door,
        users: this.#users,
        clock: this.clock,
        random: seededRandom(1),
        logger: this.#logger,
        metrics: this.#metrics,
      },
      settings: this.settings,
      formats: this.#formats,
      fetchSessionIds: this.#fetchSessionIds,
      unread: this.unread,
      advertised: { host: '127.0.0.1', port: 9092 },
      logger: this.#logger,
      requestCount: new Counter(),
      onGone: () => this.goneCount++,
    })
    this.connections.push(connection)
    return client
  }
}
