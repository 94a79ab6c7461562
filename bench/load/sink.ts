/**
 * What is left of a broker when it does nothing: it takes every publish, confirms at once, and hands it to whoever
 * consumes, whose acks it does not even read. No routing, no queue, no disk. The same load against it shows what the
 * generator itself can do at most, and what latency it measures when nothing is in the way.
 *
 * It hands everything to one consumer connection, so it stands in for the scenarios with one queue. A process of its own:
 * it tells its parent its port and ends with it.
 */
import { createServer, type Socket } from 'node:net'
import { FRAME_BODY, FRAME_METHOD, FrameParser, PROTOCOL_HEADER } from '../../src/protocols/amqp/wire/frame.ts'
import { contentSize, writeBodyFrame, writeContentHeader } from '../../src/protocols/amqp/wire/frame-writer.ts'
import {
  BASIC_ACK,
  BASIC_PUBLISH,
  deliverSize,
  encodeShortString,
  readMethodNumber,
  SETTLE_FRAME_BYTES,
  writeAck,
  writeDeliver,
} from '../../src/protocols/amqp/wire/hot-methods.ts'
import type { Method } from '../../src/protocols/amqp/wire/method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import { encodeProperties } from '../../src/protocols/amqp/wire/properties.ts'
import { CHANNEL } from './load-connection.ts'

const FRAME_MAX = 131_072
const OUTGOING_BYTES = 256 * 1024
/** A publisher is not read while this much waits for the consumer. */
const UNSENT_BYTES_MAX = 1024 * 1024
const START = makeMethod('connection.start', { versionMinor: 9, mechanisms: 'PLAIN' })
const NO_PROPERTIES = encodeProperties({})
const ADDRESS = Buffer.concat([encodeShortString(''), encodeShortString('q')])

/** Takes deliveries in, sends them once a chunk. */
class Outlet {
  readonly socket: Socket
  readonly #tag: Buffer
  #deliveredCount = 0
  #outgoing = Buffer.alloc(OUTGOING_BYTES)
  #at = 0

  constructor(socket: Socket, consumerTag: string) {
    this.socket = socket
    this.#tag = encodeShortString(consumerTag)
  }

  get isBehind(): boolean {
    return this.socket.writableLength > UNSENT_BYTES_MAX
  }

  deliver(buffer: Buffer, start: number, end: number): void {
    const size = deliverSize(this.#tag, ADDRESS) + contentSize(NO_PROPERTIES.length, end - start, FRAME_MAX)
    if (this.#at + size > OUTGOING_BYTES) this.flush()
    const target = this.#outgoing
    let at = writeDeliver(target, this.#at, CHANNEL, this.#tag, ++this.#deliveredCount, false, ADDRESS)
    at = writeContentHeader(target, at, CHANNEL, NO_PROPERTIES, 0, NO_PROPERTIES.length, end - start)
    this.#at = writeBodyFrame(target, at, CHANNEL, buffer, start, end)
  }

  flush(): void {
    if (this.#at === 0) return
    this.socket.write(this.#outgoing.subarray(0, this.#at))
    this.#outgoing = Buffer.alloc(OUTGOING_BYTES)
    this.#at = 0
  }
}

let outlet: Outlet | undefined

function serve(socket: Socket): void {
  let greetingBytes = 0
  let isConfirming = false
  let publishedCount = 0
  let confirmedCount = 0
  const send = (channel: number, method: Method): boolean => socket.write(encodeMethod(channel, method))

  const parser = new FrameParser({
    frame(type, channel, buffer, start, end) {
      if (type === FRAME_BODY) {
        publishedCount++
        outlet?.deliver(buffer, start, end)
      } else if (type === FRAME_METHOD) {
        const number = readMethodNumber(buffer, start, end)
        if (number === BASIC_PUBLISH || number === BASIC_ACK) return
        const method = decodeMethod(buffer, start, end)
        if (method.kind === 'confirm.select') isConfirming = true
        if (method.kind === 'basic.consume') outlet = new Outlet(socket, method.consumerTag)
        const answer = answerTo(method)
        if (answer !== undefined) send(channel, answer)
      }
    },
  })

  socket.setNoDelay(true)
  socket.on('data', (chunk: Buffer) => {
    let from = 0
    if (greetingBytes < PROTOCOL_HEADER.length) {
      from = Math.min(PROTOCOL_HEADER.length - greetingBytes, chunk.length)
      greetingBytes += from
      if (greetingBytes === PROTOCOL_HEADER.length) send(0, START)
    }
    parser.push(chunk.subarray(from))
    if (publishedCount === confirmedCount) return
    confirmedCount = publishedCount
    if (isConfirming) socket.write(ackUpTo(publishedCount))
    outlet?.flush()
    if (outlet?.isBehind) {
      socket.pause()
      outlet.socket.once('drain', () => socket.resume())
    }
  })
  // The generator drops its connections at the end of a run.
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    if (outlet?.socket === socket) outlet = undefined
  })
}

function ackUpTo(tag: number): Buffer {
  const ack = Buffer.alloc(SETTLE_FRAME_BYTES)
  writeAck(ack, 0, CHANNEL, tag, true)
  return ack
}

function answerTo(method: Method): Method | undefined {
  switch (method.kind) {
    case 'connection.start-ok':
      return makeMethod('connection.tune', { channelMax: 1, frameMax: FRAME_MAX })
    case 'connection.open':
      return makeMethod('connection.open-ok')
    case 'connection.close':
      return makeMethod('connection.close-ok')
    case 'channel.open':
      return makeMethod('channel.open-ok')
    case 'queue.declare':
      return makeMethod('queue.declare-ok', { queue: method.queue })
    case 'queue.delete':
      return makeMethod('queue.delete-ok')
    case 'confirm.select':
      return makeMethod('confirm.select-ok')
    case 'basic.qos':
      return makeMethod('basic.qos-ok')
    case 'basic.consume':
      return makeMethod('basic.consume-ok', { consumerTag: method.consumerTag })
    default:
      return undefined
  }
}

const server = createServer(serve)
server.listen(0, '127.0.0.1', () => {
  const address = server.address()
  if (address !== null && typeof address === 'object') process.send?.({ port: address.port })
})
process.once('disconnect', () => process.exit(0))
