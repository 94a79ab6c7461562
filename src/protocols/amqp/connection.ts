/**
 * One client's connection, from its first byte to its last: who gets which frame, and every way it can end. The parts:
 * input.ts (bytes in, pauses), outgoing.ts (bytes out), handshake.ts, channel.ts, heartbeats.ts.
 *
 *     handshake ──► running ── the client's connection.close ──► leaving: session ends, close-ok ──► finishing
 *         │            │                                                                               │
 *         │            └──── a hard error, the broker's end ──► closing: waits for close-ok ───────────┤
 *         └─────────────── refused ─────────────────────────────────┘                                  ▼
 *     from everywhere: the socket is lost, or the peer stays silent too long ─────────────────────► ended
 *
 * In leaving, closing and finishing whatever arrives is dropped, but for connection.close and its -ok.
 */
import type { Timer } from '../../base/clock.ts'
import type { Flow, Session, SessionEnd, SessionOwner } from '../../broker/session.ts'
import { type PeerSocket, peerName } from '../../net/peer-socket.ts'
import { SocketWriter } from '../../net/socket-writer.ts'
import type { LogFields, Logger } from '../../telemetry/logger.ts'
import type { ProtocolContext } from '../protocol.ts'
import { Channels } from './channels.ts'
import type { ConnectionContext } from './connection-context.ts'
import { type Agreement, Handshake, type HandshakeHost } from './handshake.ts'
import { Heartbeats } from './heartbeats.ts'
import { Input, type InputHost, PAUSED_FOR_ANSWER } from './input.ts'
import { Outgoing } from './outgoing.ts'
import { PublisherGate } from './publisher-gate.ts'
import { type Answer, answerTo, answerToEnd, misplacedMethod } from './refusals.ts'
import type { AmqpSettings } from './settings.ts'
import { SlowReader } from './slow-reader.ts'
import { FRAME_HEARTBEAT, FRAME_METHOD, PROTOCOL_HEADER } from './wire/frame.ts'
import { readMethodNumber } from './wire/hot-methods.ts'
import { type Method, methodNumber } from './wire/method-schema.ts'
import { decodeMethod, makeMethod } from './wire/methods.ts'
import type { NameCache } from './wire/name-cache.ts'
import { frameSnippet } from './wire/octets.ts'
import { WireError } from './wire/wire-error.ts'

export interface ConnectionOptions {
  readonly protocol: ProtocolContext
  readonly settings: AmqpSettings
  readonly names: NameCache
  readonly logger: Logger
  /** Socket and session are both gone. */
  readonly onGone: (connection: Connection) => void
}

const CONNECTION_CLOSE = methodNumber('connection.close')
const CONNECTION_CLOSE_OK = methodNumber('connection.close-ok')

type State = 'handshake' | 'running' | 'leaving' | 'closing' | 'finishing' | 'ended'

export class Connection implements InputHost, HandshakeHost, SessionOwner {
  readonly #options: ConnectionOptions
  readonly #socket: PeerSocket
  readonly #writer: SocketWriter
  readonly #out: Outgoing
  readonly #input: Input
  readonly #handshake: Handshake
  readonly #peer: string
  #state: State = 'handshake'
  /** The one deadline of the state: for the handshake, for a close-ok, for the peer's end of the socket. */
  #deadline: Timer | undefined
  #heartbeats: Heartbeats | undefined
  #session: Session | undefined
  readonly #reader: SlowReader
  #channels: Channels | undefined
  #gate: PublisherGate | undefined
  /** The socket is at its end while frames before that are still at work. */
  #isPeerGone = false
  #isSocketClosed = false
  #isGone = false
  #sessionClosed: Promise<void> | undefined

  constructor(socket: PeerSocket, options: ConnectionOptions) {
    const { settings, protocol } = options
    this.#socket = socket
    this.#options = options
    this.#peer = peerName(socket)
    this.#writer = new SocketWriter(socket)
    this.#writer.onDrain = () => this.#drained()
    this.#out = new Outgoing(this.#writer, settings.frameMax)
    this.#input = new Input(socket, this)
    this.#reader = new SlowReader(this.#input, this.#out, protocol.clock, settings, () =>
      this.#end('the peer does not read'),
    )
    this.#handshake = new Handshake(this, { settings, users: protocol.users, peerAddress: socket.remoteAddress })
    this.#deadlineIn(settings.handshakeTimeoutMs, 'no handshake in time')
    socket.on('data', (chunk: Buffer) => this.#received(chunk))
    socket.on('error', (error) => this.#log('debug', 'socket error', { error }))
    socket.on('end', () => this.#peerEnded())
    socket.on('close', () => this.#socketClosed())
  }

  // Incoming

  #received(chunk: Buffer): void {
    this.#input.push(chunk)
    this.#reader.check()
  }

  headerMatched(): void {
    this.#handshake.start()
  }

  headerMismatched(): void {
    this.#out.raw(PROTOCOL_HEADER)
    this.#finish()
  }

  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): boolean {
    switch (this.#state) {
      case 'running':
        return this.#running(type, channel, buffer, start, end)
      case 'handshake':
        this.#greeting(type, channel, buffer, start, end)
        return true
      default:
        this.#parting(type, channel, buffer, start, end)
        return true
    }
  }

  broken(error: unknown): void {
    if (this.#state === 'running') this.#fail(error, 0)
    else if (this.#state === 'handshake') this.drop(`malformed frame: ${String(error)}`, 0)
    // Our goodbye still has to reach the peer; its answer would not be understood.
    else if (this.#state === 'closing') this.#finish()
  }

  /** @returns false to pause behind this frame */
  #running(type: number, number: number, buffer: Buffer, start: number, end: number): boolean {
    if (type === FRAME_HEARTBEAT) return true
    const channels = this.#channels!
    if (number === 0) {
      try {
        this.#control(type, buffer, start, end)
      } catch (error) {
        this.#fail(error, 0)
      }
      return true
    }
    let owed: Promise<void> | undefined
    try {
      owed = channels.frame(type, number, buffer, start, end)
    } catch (error) {
      this.#fail(error, number)
      return true
    }
    if (owed !== undefined) this.#wait(owed, number)
    return owed === undefined
  }

  #wait(owed: Promise<void>, number: number): void {
    this.#input.pause(PAUSED_FOR_ANSWER)
    owed.then(
      () => this.#answered(),
      (error) => {
        this.#fail(error, number)
        this.#answered()
      },
    )
  }

  #answered(): void {
    this.#input.resume(PAUSED_FOR_ANSWER)
    this.#reader.check()
    if (this.#isPeerGone && !this.#input.isPausedFor(PAUSED_FOR_ANSWER)) this.#end('the peer closed the socket')
  }

  #greeting(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (type === FRAME_HEARTBEAT) return
    if (type !== FRAME_METHOD || channel !== 0) return this.drop('a frame of a channel before connection.open', 0)
    const method = decodeMethod(buffer, start, end)
    if (method.kind === 'connection.close') this.#leave()
    else this.#handshake.method(method)
  }

  #control(type: number, buffer: Buffer, start: number, end: number): void {
    if (type !== FRAME_METHOD) throw new WireError(505, frameSnippet(type, buffer, start, end))
    const method = decodeMethod(buffer, start, end)
    if (method.kind === 'connection.close') return this.#leave()
    if (method.kind === 'connection.update-secret') return this.send(makeMethod('connection.update-secret-ok'))
    throw misplacedMethod(504, 'unexpected method in connection state running', methodNumber(method.kind))
  }

  #parting(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (this.#state !== 'closing' || type !== FRAME_METHOD || channel !== 0 || end - start < 4) return
    const method = readMethodNumber(buffer, start, end)
    if (method === CONNECTION_CLOSE) this.send(makeMethod('connection.close-ok'))
    else if (method === CONNECTION_CLOSE_OK) this.#finish()
  }

  // Handshake

  send(method: Method): void {
    this.#out.method(0, method)
  }

  openSession(user: string, vhost: string): Session {
    this.#session = this.#options.protocol.door.openSession({ user, vhost, owner: this, peer: this.#peer })
    return this.#session
  }

  opened(agreement: Agreement): void {
    const { protocol, settings, names } = this.#options
    const { session, user, frameMax, channelMax, heartbeatSeconds } = agreement
    // The broker may have ended the session while it was opened.
    if (this.#state !== 'handshake') return void this.#endSession()
    this.#deadline?.cancel()
    this.#out.frameMax = frameMax
    this.#input.limitFrames(frameMax)
    const gate = new PublisherGate(this.#input, (method) => this.send(method), agreement.tellsBlocked)
    this.#gate = gate
    const context: ConnectionContext = {
      session,
      out: this.#out,
      settings,
      names,
      clock: protocol.clock,
      random: protocol.random,
      userBytes: Buffer.from(user),
      tellsCancels: agreement.tellsCancels,
      arrivingBytes: 0,
      transactionBytes: 0,
      publishing: () => gate.publishing(),
      caughtUp: () => this.#reader.caughtUp(),
    }
    this.#channels = new Channels(context, channelMax)
    if (heartbeatSeconds > 0) {
      const onSilence = (): void => this.#end('missed heartbeats from the client')
      this.#heartbeats = new Heartbeats(protocol.clock, heartbeatSeconds * 1000, this.#input, this.#out, onSilence)
    }
    this.#state = 'running'
    gate.set(session.flow)
  }

  drop(why: string, delayMs: number): void {
    this.#log('warn', 'connection refused', { why })
    this.#input.stop()
    if (delayMs === 0) return this.#end(why)
    this.#state = 'finishing'
    this.#deadlineIn(delayMs, why)
  }

  // Flow, both ways

  flow(flow: Flow): void {
    this.#gate?.set(flow)
    this.#reader.check()
  }

  #drained(): void {
    if (this.#state === 'running') this.#channels?.drained()
    this.#reader.drained()
    this.#reader.check()
  }

  // The end

  #fail(error: unknown, number: number): void {
    const answer = answerTo(error, this.#channels?.methodOf(number) ?? 0)
    const isOurs = answer.fault !== 'client'
    if (isOurs) this.#log('error', answer.replyText, { channel: number, error })
    if (this.#state !== 'running') return
    if (!isOurs) this.#log('warn', answer.replyText, { channel: number })
    if (answer.ends === 'connection') return this.#closeWith(answer)
    try {
      this.#channels?.refuse(number, answer)
    } catch (second) {
      // Giving back what the channel holds failed: nothing on this connection can be relied on.
      this.#log('error', 'closing a channel failed', { channel: number, error: second })
      this.#closeWith(answerTo(second, 0))
    }
  }

  refuse(answer: Answer, cause: unknown): void {
    const isOurs = answer.fault !== 'client'
    this.#log(isOurs ? 'error' : 'warn', answer.replyText, isOurs ? { error: cause } : { why: String(cause) })
    this.#closeWith(answer)
  }

  /** A connection.close from us. */
  #closeWith(answer: Answer, timeoutMs = this.#options.settings.closeTimeoutMs): void {
    if (this.#state !== 'handshake' && this.#state !== 'running') return
    const { replyCode, replyText, classId, methodId } = answer
    this.#stopWork('closing')
    this.send(makeMethod('connection.close', { replyCode, replyText, classId, methodId }))
    void this.#endSession()
    this.#deadlineIn(timeoutMs, 'no connection.close-ok in time')
    // Input is only looked at for the client's close-ok from here on, so nothing is left to wait for.
    this.#input.resumeAll()
  }

  ended(reason: SessionEnd): void {
    this.close(reason)
  }

  /** By the broker or an administrator. A client that is still greeting is not worth a goodbye. */
  close(reason: SessionEnd): void {
    const { shutdownTimeoutMs } = this.#options.settings
    if (this.#state === 'handshake') this.#end(reason.kind)
    else if (reason.kind === 'shutdown') this.#closeWith(answerToEnd(reason), shutdownTimeoutMs)
    else this.#closeWith(answerToEnd(reason))
  }

  /** The client's connection.close: everything it held is given back before it is told. */
  #leave(): void {
    this.#stopWork('leaving')
    void this.#endSession().then(() => {
      if (this.#state !== 'leaving') return
      this.send(makeMethod('connection.close-ok'))
      this.#finish()
    })
  }

  /** All is said: sends what is written, and gives the peer some time to close its side. */
  #finish(): void {
    this.#state = 'finishing'
    this.#input.stop()
    this.#writer.end()
    this.#deadlineIn(this.#options.settings.closeTimeoutMs, 'the peer keeps the socket open')
  }

  /** The peer sends no more. Frames that came before still count, if an answer can be owed; blocked publishes do not. */
  #peerEnded(): void {
    this.#isPeerGone = true
    // What is said in leaving and finishing may still reach it.
    if (this.#state === 'leaving' || this.#state === 'finishing') return
    if (!this.#input.isPausedFor(PAUSED_FOR_ANSWER)) this.#end('the peer closed the socket')
  }

  #socketClosed(): void {
    this.#isSocketClosed = true
    this.#isPeerGone = true
    // Who waits for it to read waits in vain.
    this.#reader.close()
    if (this.#input.isPausedFor(PAUSED_FOR_ANSWER)) return
    this.#end('the socket was closed')
    void this.#endSession().then(() => this.#gone())
  }

  /** No more words: closes the socket, if it is not yet, and gives back everything. */
  #end(why: string): void {
    if (this.#state === 'ended') return
    const wasOrderly = this.#state === 'finishing'
    this.#stopWork('ended')
    this.#input.stop()
    this.#writer.destroy()
    // A writer that has said all it had to leaves the socket alone.
    this.#socket.destroy()
    if (!wasOrderly) this.#log('info', 'connection lost', { why })
    // The socket may have been closed long ago, while an answer was owed.
    void this.#endSession().then(() => this.#gone())
  }

  #stopWork(state: State): void {
    this.#state = state
    this.#deadline?.cancel()
    this.#reader.close()
    this.#heartbeats?.stop()
    try {
      this.#channels?.release()
    } catch (error) {
      this.#log('error', 'giving back the messages of a connection failed', { error })
    }
  }

  /** Never rejects: there is nobody left to be told but the log. */
  #endSession(): Promise<void> {
    this.#sessionClosed ??= this.#session
      ?.close()
      .catch((error: unknown) => this.#log('error', 'closing a session failed', { error }))
    return this.#sessionClosed ?? Promise.resolve()
  }

  /** The session has ended, and so has the socket: in whichever order. */
  #gone(): void {
    if (this.#state !== 'ended' || !this.#isSocketClosed || this.#isGone) return
    this.#isGone = true
    this.#options.onGone(this)
  }

  #deadlineIn(delayMs: number, why: string): void {
    this.#deadline?.cancel()
    this.#deadline = this.#options.protocol.clock.after(delayMs, () => this.#end(why))
  }

  #log(level: 'debug' | 'info' | 'warn' | 'error', message: string, fields: LogFields): void {
    this.#options.logger[level](message, { peer: this.#peer, ...fields })
  }
}
