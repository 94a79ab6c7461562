/**
 * One client's connection, from its first byte to its last: which request is worked on when, and every way it can end. The
 * parts: request-input.ts (bytes in), response-queue.ts (answers out, in order), login.ts (who it is), apis/ (the work).
 *
 *     open ── the peer ends, the broker stops ──► draining: what came whole is still done, nobody waits ──► ended
 *       └──── malformed, refused, stalled, a bug, the socket is lost ─────────────────────────────────────────▲
 *
 * As in Apache Kafka one request is worked on at a time, a waiting fetch included; the next one is left unread until its
 * answer is on its way. Produce requests are the exception: appends take effect in order inside the call, and only their
 * answers wait for the disk, so several may wait for one flush together.
 */
import type { User } from '../../access/users.ts'
import type { Timer } from '../../base/clock.ts'
import { Refused } from '../../base/errors.ts'
import type { Flow, Session, SessionEnd, SessionOwner } from '../../broker/session.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import { type PeerSocket, peerName, plainAddress } from '../../net/peer-socket.ts'
import { SocketWriter } from '../../net/socket-writer.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { Counter } from '../../telemetry/metrics.ts'
import type { ProtocolContext } from '../protocol.ts'
import type { AdvertisedAddress } from './advertised.ts'
import { HangUp, type RequestContext } from './api.ts'
import { unsupportedApiVersions } from './apis/api-versions.ts'
import { findApi } from './apis/served.ts'
import { FetchSession, type FetchSessionIds } from './fetch-session.ts'
import { Login } from './login.ts'
import { RequestInput } from './request-input.ts'
import { type Place, ResponseQueue } from './response-queue.ts'
import type { KafkaSettings } from './settings.ts'
import type { UnreadBudget } from './unread-budget.ts'
import { apiName, decodeRequest, RequestHeader, readRequestHeader } from './wire/codec.ts'
import { KafkaWireError } from './wire/kafka-wire-error.ts'
import { API } from './wire/schemas/apis.gen.ts'

export interface ConnectionOptions {
  readonly protocol: ProtocolContext
  readonly settings: KafkaSettings
  readonly formats: MessageFormats
  readonly advertised: AdvertisedAddress
  readonly fetchSessionIds: FetchSessionIds
  readonly unread: UnreadBudget
  readonly logger: Logger
  readonly requestCount: Counter
  /** Socket and session are both gone. */
  readonly onGone: (connection: Connection) => void
}

const EMPTY_FRAME = Buffer.alloc(4)

export class Connection implements SessionOwner {
  readonly #options: ConnectionOptions
  readonly #socket: PeerSocket
  readonly #writer: SocketWriter
  readonly #input: RequestInput
  readonly #responses: ResponseQueue
  readonly #login: Login
  readonly #fetchSession: FetchSession
  readonly #peer: string
  readonly #clientHost: string
  readonly #gone = new AbortController()
  readonly #header = new RequestHeader()
  #state: 'open' | 'draining' | 'ended' = 'open'
  #session: Session | undefined
  #sessionsClosed: Promise<void> = Promise.resolve()
  #flow: Flow = { kind: 'open' }
  /** Before the first request and after the last one. */
  #deadline: Timer | undefined
  #stall: Timer | undefined
  /** Sent and not read by the peer, as far as it is too much. */
  #unreadBytes = 0
  #isPumping = false
  #isSocketClosed = false
  #isGone = false

  constructor(socket: PeerSocket, options: ConnectionOptions) {
    const { settings, protocol } = options
    this.#socket = socket
    this.#options = options
    this.#peer = peerName(socket)
    this.#clientHost = `/${plainAddress(socket.remoteAddress ?? '')}`
    this.#writer = new SocketWriter(socket)
    this.#writer.onDrain = () => this.#drained()
    this.#input = new RequestInput(socket, settings.requestBytesMax)
    this.#responses = new ResponseQueue(this.#writer)
    this.#login = new Login(protocol.users, socket.remoteAddress, (user) => this.#enter(user.name))
    this.#fetchSession = new FetchSession(options.fetchSessionIds)
    this.#deadlineIn(settings.handshakeTimeoutMs, 'no request in time')
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', (error) => options.logger.debug('socket error', { peer: this.#peer, error }))
    socket.on('end', () => this.#drain())
    socket.on('close', () => this.#socketClosed())
    try {
      this.#enter(settings.defaultUser)
    } catch (error) {
      this.#fail(error, undefined)
    }
  }

  /** Takes the client in as this user; requests from here on are his. @throws {Refused} */
  #enter(user: User['name']): void {
    const { protocol, settings } = this.#options
    const before = this.#session
    this.#session = protocol.door.openSession({ user, vhost: settings.vhost, owner: this, peer: this.#peer })
    this.#flow = this.#session.flow
    if (before !== undefined) this.#closeSession(before)
  }

  // Requests

  #received(chunk: Buffer): void {
    if (this.#state !== 'open') return
    this.#input.push(chunk)
    this.#pump()
  }

  /** Works on requests until one must wait. What came whole before some nonsense still counts. */
  #pump(): void {
    // A request that is answered inside its call comes back here: the loop below goes on by itself.
    if (this.#isPumping || this.#state === 'ended') return
    this.#isPumping = true
    try {
      for (let request = this.#input.peek(); request !== undefined; request = this.#input.peek()) {
        if (!this.#mayStart(request)) break
        this.#input.shift()
        this.#start(request)
        if (this.#hasEnded()) return
      }
    } finally {
      this.#isPumping = false
    }
    if (this.#responses.length > 0 || this.#input.peek() !== undefined) return
    if (this.#input.failure !== undefined) this.#fail(this.#input.failure, undefined)
    else if (this.#state === 'draining') this.#finish()
  }

  #hasEnded(): boolean {
    return this.#state === 'ended'
  }

  #mayStart(request: Buffer): boolean {
    if (this.#writer.congested) {
      this.#watchReader()
      return false
    }
    const isProduce = request.length >= 2 && request.readInt16BE(0) === API.Produce && !this.#login.expectsBareToken
    if (isProduce && this.#flow.kind !== 'open') return false
    if (this.#responses.length === 0) return true
    const { pipelinedCountMax, pipelinedBytesMax } = this.#options.settings
    const { length, requestBytes } = this.#responses
    const isRoom = length < pipelinedCountMax && requestBytes + request.length <= pipelinedBytesMax
    return isProduce && isRoom && this.#responses.holdsOnly(API.Produce)
  }

  #start(request: Buffer): void {
    if (this.#state === 'open') this.#deadline?.cancel()
    this.#options.requestCount.value++
    const header = this.#header
    try {
      if (this.#login.expectsBareToken) return this.#bareToken(request)
      readRequestHeader(request, 0, request.length, header)
      const api = findApi(header.apiKey)
      const { apiKey, apiVersion } = header
      if (api === undefined || !header.isKnown || apiVersion < api.versionMin || apiVersion > api.versionMax) {
        return this.#unsupported()
      }
      const body = decodeRequest(apiKey, apiVersion, request, header.bodyStart, request.length)
      const place = this.#responses.take(apiKey, apiVersion, header.correlationId, request.length)
      // The key chose both the schema and the handler.
      const answer = api.handle(body as never, this.#context(header))
      if (answer instanceof Promise) this.#wait(place, answer)
      else this.#answer(place, answer)
    } catch (error) {
      this.#fail(error, header.apiKey)
    }
  }

  #context({ apiVersion, clientId }: RequestHeader): RequestContext {
    const { settings, protocol, formats, logger, advertised, unread } = this.#options
    return {
      session: this.#session!,
      settings,
      clock: protocol.clock,
      formats,
      logger,
      apiVersion,
      clientId: clientId ?? '',
      clientHost: this.#clientHost,
      advertised,
      login: this.#login,
      fetchSession: this.#fetchSession,
      unread,
      gone: this.#gone.signal,
    }
  }

  /** Of ApiVersions the client learns what we speak, in the one version everybody reads. For the rest, as Apache Kafka. */
  #unsupported(): void {
    const { apiKey, apiVersion, correlationId } = this.#header
    if (apiKey !== API.ApiVersions) {
      throw new KafkaWireError(`API ${apiName(apiKey) ?? apiKey} version ${apiVersion} is not served`)
    }
    this.#answer(this.#responses.take(apiKey, 0, correlationId, 0), unsupportedApiVersions())
  }

  #bareToken(token: Buffer): void {
    if (this.#login.authenticate(token) !== 'welcome') throw new HangUp('wrong user name or password')
    this.#writer.writeBorrowed(EMPTY_FRAME)
  }

  #wait(place: Place, answer: Promise<unknown>): void {
    answer.then(
      (response) => this.#answer(place, response),
      (error: unknown) => this.#fail(error, place.apiKey),
    )
  }

  #answer(place: Place, response: unknown): void {
    if (this.#state === 'ended') return
    try {
      this.#responses.settle(place, response)
    } catch (error) {
      return this.#fail(error, place.apiKey)
    }
    this.#countUnread(this.#writer.congested ? this.#writer.bufferedBytes : 0)
    if (this.#login.hasFailed && this.#responses.length === 0) return this.#finish()
    this.#pump()
  }

  // Flow, both ways

  flow(flow: Flow): void {
    this.#flow = flow
    if (flow.kind === 'open') this.#pump()
  }

  /** Nothing is begun while answers pile up; a peer that takes none for very long is given up. */
  #watchReader(): void {
    if (this.#stall !== undefined) return
    const unreadBytes = this.#writer.bufferedBytes
    this.#stall = this.#options.protocol.clock.after(this.#options.settings.stallTimeoutMs, () => {
      this.#stall = undefined
      if (this.#writer.bufferedBytes < unreadBytes) this.#watchReader()
      else this.#end('the peer does not read')
    })
  }

  #countUnread(bytes: number): void {
    this.#options.unread.changed(this.#unreadBytes, bytes)
    this.#unreadBytes = bytes
  }

  #drained(): void {
    this.#countUnread(0)
    this.#stall?.cancel()
    this.#stall = undefined
    this.#pump()
  }

  // The end

  /** What the client did wrong is told in the log only: Kafka has no frame to say it in. */
  #fail(error: unknown, apiKey: number | undefined): void {
    if (this.#state === 'ended') return
    const api = apiKey === undefined ? undefined : (apiName(apiKey) ?? apiKey)
    const isClients = error instanceof KafkaWireError || error instanceof HangUp || error instanceof Refused
    const fields = { peer: this.#peer, ...(api === undefined ? {} : { api }) }
    if (isClients) this.#options.logger.warn('connection refused', { ...fields, why: error.message })
    else this.#options.logger.error('a request failed', { ...fields, error })
    // Answers that are written already are the client's; it knows by the end that the others will not come.
    this.#finish()
  }

  ended(reason: SessionEnd): void {
    this.close(reason)
  }

  /** By the broker or an administrator. Kafka has no goodbye: requests at work are answered, then the connection ends. */
  close(_reason: SessionEnd): void {
    this.#input.stop()
    this.#drain()
  }

  /** Nobody waits any longer for what may not come; what was taken over, or came before the peer left, is still done. */
  #drain(): void {
    if (this.#state !== 'open') return
    this.#state = 'draining'
    this.#deadlineIn(this.#options.settings.closeTimeoutMs, 'requests took too long to finish')
    this.#gone.abort()
    this.#pump()
  }

  /** All is said: sends what is written, and gives the peer some time to close its side. */
  #finish(): void {
    if (this.#state === 'ended') return
    this.#release()
    this.#writer.end()
    this.#deadlineIn(this.#options.settings.closeTimeoutMs, 'the peer keeps the socket open')
    if (this.#isSocketClosed) this.#end('the socket was closed')
  }

  #socketClosed(): void {
    this.#isSocketClosed = true
    this.#drain()
    if (this.#state === 'ended') this.#end('the socket was closed')
  }

  /** No more words. */
  #end(why: string): void {
    if (this.#state !== 'ended') this.#options.logger.debug('connection lost', { peer: this.#peer, why })
    this.#release()
    this.#writer.destroy()
    this.#socket.destroy()
    if (this.#isSocketClosed) void this.#sessionsClosed.then(() => this.#tellGone())
  }

  #release(): void {
    this.#state = 'ended'
    this.#deadline?.cancel()
    this.#stall?.cancel()
    this.#stall = undefined
    this.#input.stop()
    this.#gone.abort()
    if (this.#session !== undefined) this.#closeSession(this.#session)
    this.#session = undefined
  }

  /** Never rejects: there is nobody left to be told but the log. */
  #closeSession(session: Session): void {
    const closed = session
      .close()
      .catch((error: unknown) => this.#options.logger.error('closing a session failed', { peer: this.#peer, error }))
    this.#sessionsClosed = this.#sessionsClosed.then(() => closed)
  }

  #tellGone(): void {
    if (this.#isGone) return
    this.#isGone = true
    this.#countUnread(0)
    this.#deadline?.cancel()
    this.#options.onGone(this)
  }

  #deadlineIn(delayMs: number, why: string): void {
    this.#deadline?.cancel()
    this.#deadline = this.#options.protocol.clock.after(delayMs, () => this.#end(why))
  }
}
