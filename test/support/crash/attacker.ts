/**
 * A peer with no manners: it writes bytes and mostly does not care what comes back. Also the proof that a broker stood it:
 * it lives, has no error of its own to tell, serves a normal client at once, and has not grown.
 */
import { once } from 'node:events'
import { connect as connectSocket, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'amqplib'
import { FrameParser } from '../../../src/protocols/amqp/wire/frame.ts'
import type { Method, MethodArguments, MethodKind } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from '../../../src/protocols/amqp/wire/methods.ts'
import { encodeProperties, type Properties } from '../../../src/protocols/amqp/wire/properties.ts'
import { WireError } from '../../../src/protocols/amqp/wire/wire-error.ts'
import { contentHeader, frame, HELLO } from '../../interop/probe/peer.ts'
import type { ServerProcess } from './server-process.ts'

const SERVED_MS_MAX = 2000
const FRAME_METHOD = 1
const FRAME_BODY = 3

export function methodBytes<K extends MethodKind>(
  channel: number,
  kind: K,
  given: Partial<MethodArguments<K>> = {},
): Buffer {
  // A method of one kind is a member of the union of all; TypeScript cannot tell for a K not known yet.
  return encodeMethod(channel, makeMethod(kind, given) as unknown as Method)
}

/** Everything a client says until its connection is open, in one go: nothing in it depends on the answers. */
export function greeting(frameMax = 131_072): Buffer {
  return Buffer.concat([
    HELLO,
    methodBytes(0, 'connection.start-ok', {
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    }),
    methodBytes(0, 'connection.tune-ok', { channelMax: 2047, frameMax, heartbeat: 0 }),
    methodBytes(0, 'connection.open', { virtualHost: '/' }),
  ])
}

export function publishBytes(
  channel: number,
  given: Partial<MethodArguments<'basic.publish'>>,
  body: Buffer,
  properties: Properties = {},
): Buffer {
  const parts = [
    methodBytes(channel, 'basic.publish', given),
    contentHeader(channel, body.length, encodeProperties(properties)),
  ]
  for (let at = 0; at < body.length; at += 131_000)
    parts.push(frame(FRAME_BODY, channel, body.subarray(at, at + 131_000)))
  return Buffer.concat(parts)
}

export class Attacker {
  readonly socket: Socket
  /** Resolves when the broker has closed the connection, or we did. */
  readonly closed: Promise<void>
  /** What methods came back, by kind; the last of each. */
  readonly answers = new Map<string, Method>()
  #answerWaiters: (() => void)[] = []

  private constructor(socket: Socket) {
    this.socket = socket
    const parser = new FrameParser({
      frame: (type, _channel, buffer, start, end) => {
        if (type !== FRAME_METHOD) return
        // An answer may quote the nonsense it was given, which is no text then.
        const method = answerIn(buffer, start, end)
        if (method !== undefined) this.answers.set(method.kind, method)
        for (const wake of this.#answerWaiters.splice(0)) wake()
      },
    })
    let first = true
    socket.on('data', (chunk) => {
      const isHello = first && chunk.subarray(0, 4).toString('latin1') === 'AMQP'
      first = false
      if (!isHello) parser.push(chunk)
    })
    // To be cut off is what a peer like this must expect.
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        for (const wake of this.#answerWaiters.splice(0)) wake()
        resolve()
      })
    })
  }

  static async connect(port: number): Promise<Attacker> {
    const socket = connectSocket(port, '127.0.0.1').setNoDelay(true)
    await once(socket, 'connect')
    return new Attacker(socket)
  }

  /** Connected, logged in, with channel 1 open. */
  static async opened(port: number): Promise<Attacker> {
    const attacker = await Attacker.connect(port)
    attacker.socket.write(Buffer.concat([greeting(), methodBytes(1, 'channel.open')]))
    await attacker.answer('channel.open-ok')
    return attacker
  }

  /**
   * Writes, and waits while the broker does not read. False when it has not read for so long that it must have stopped,
   * which is its right; or has closed the connection.
   */
  async push(bytes: Buffer, patienceMs = 500): Promise<boolean> {
    if (this.socket.destroyed) return false
    if (this.socket.write(bytes)) return true
    const drained = new Promise<boolean>((resolve) => this.socket.once('drain', () => resolve(true)))
    const gone = this.closed.then(() => false)
    return Promise.race([drained, gone, wait(patienceMs, false)])
  }

  /** Waits for a method of this kind. */
  async answer(kind: MethodKind): Promise<Method> {
    for (;;) {
      const method = this.answers.get(kind)
      if (method !== undefined) return method
      if (this.socket.destroyed) throw new Error(`the connection was closed without ${kind}`)
      await new Promise<void>((resolve) => this.#answerWaiters.push(resolve))
    }
  }

  /** The reply code of the connection.close or channel.close that came; undefined when the socket closed without one. */
  async refusal(): Promise<number | undefined> {
    for (;;) {
      for (const method of this.answers.values()) {
        if (method.kind === 'connection.close' || method.kind === 'channel.close') return method.replyCode
      }
      if (this.socket.destroyed) return undefined
      await new Promise<void>((resolve) => this.#answerWaiters.push(resolve))
    }
  }

  destroy(): void {
    this.socket.destroy()
  }
}

function answerIn(buffer: Buffer, start: number, end: number): Method | undefined {
  try {
    return decodeMethod(buffer, start, end)
  } catch (error) {
    if (error instanceof WireError) return undefined
    throw error
  }
}

/** Fails, naming `what`, when it takes longer. */
export async function within<T>(ms: number, what: string, promise: Promise<T>): Promise<T> {
  const late = new AbortController()
  const timer = wait(ms, undefined, { signal: late.signal }).then(() => {
    throw new Error(`${what}: nothing within ${ms} ms`)
  })
  try {
    return await Promise.race([promise, timer])
  } finally {
    timer.catch(() => {})
    late.abort()
  }
}

/** The broker runs with `--log-level error`, so whatever it wrote is an error of its own. */
export async function expectUnharmed(server: ServerProcess, rssBytesMax: number): Promise<void> {
  if (server.program.complaint !== '') throw new Error(`the broker complains: ${server.program.complaint}`)
  await within(SERVED_MS_MAX, 'a normal client', normalClient(server.url))
  const rssBytes = server.rssBytes()
  if (rssBytes <= rssBytesMax) return
  throw new Error(`the broker has ${toMib(rssBytes)} MiB resident; ${toMib(rssBytesMax)} were expected at most`)
}

async function normalClient(url: string): Promise<void> {
  const connection = await connect(url)
  const channel = await connection.createConfirmChannel()
  const { queue } = await channel.assertQueue('', { exclusive: true })
  channel.sendToQueue(queue, Buffer.from('still there?'))
  await channel.waitForConfirms()
  const message = await channel.get(queue, { noAck: true })
  if (message === false || message.content.toString() !== 'still there?') throw new Error('a message was not served')
  await connection.close()
}

const toMib = (bytes: number): string => (bytes / 2 ** 20).toFixed(0)
