/**
 * Finds the frames in the bytes of a connection and hands each to a sink, in place: no object, view or copy per frame
 * that lies whole in a chunk. It knows frame types and sizes, not what is inside.
 *
 *      0      1         3             7                  size+7 size+8
 *     ┌──────┬─────────┬─────────────┬─────────────────┬───────────┐
 *     │ type │ channel │ size        │ payload         │ end: 0xCE │
 *     │ u8   │ u16     │ u32         │ size octets     │ u8        │
 *     └──────┴─────────┴─────────────┴─────────────────┴───────────┘
 *     type: 1 method, 2 content header, 3 content body, 8 heartbeat. Big-endian, as everything in AMQP.
 */
import { Deque } from '../../../base/deque.ts'
import { readUint16, readUint32 } from './integers.ts'
import { frameSnippet } from './octets.ts'
import { WireError } from './wire-error.ts'

export const FRAME_METHOD = 1
export const FRAME_HEADER = 2
export const FRAME_BODY = 3
export const FRAME_HEARTBEAT = 8
export const FRAME_END = 0xce

export const FRAME_HEADER_BYTES = 7
/** What a frame costs besides its payload. */
export const FRAME_OVERHEAD_BYTES = 8

/** The limit for incoming frames until both sides have agreed on one. */
export const FRAME_MAX_BEFORE_TUNING = 131_072

/** What a client opens a 0-9-1 connection with, and what it is answered when it opened with anything else. */
export const PROTOCOL_HEADER: Buffer = Buffer.from('AMQP\x00\x00\x09\x01', 'latin1')

export const PROTOCOL_HEADER_MISMATCH = -1

/**
 * Compares the bytes of a chunk with the protocol header, of which `matchedCount` octets came before. Returns how many
 * have matched now (8: whole, frames follow behind the octets used), or `PROTOCOL_HEADER_MISMATCH` at the first wrong one.
 */
export function matchProtocolHeader(chunk: Buffer, matchedCount: number): number {
  const newCount = Math.min(PROTOCOL_HEADER.length - matchedCount, chunk.length)
  for (let index = 0; index < newCount; index++) {
    if (chunk[index] !== PROTOCOL_HEADER[matchedCount + index]) return PROTOCOL_HEADER_MISMATCH
  }
  return matchedCount + newCount
}

export interface FrameSink {
  /**
   * One frame; its payload is buffer[start, end), borrowed until the call returns. A sink that cannot take the next one
   * yet calls the parser's `pause()` before it returns.
   */
  frame(type: number, channel: number, buffer: Buffer, start: number, end: number): void
}

/** A joining buffer above this size is given back when it is not in regular use: idle connections are many. */
const IDLE_JOINING_BYTES = 4096

const NO_BYTES = Buffer.alloc(0)

/**
 * States: running, paused (by the sink: bytes are kept, nothing is parsed; left by `resume`) and lost (a frame was too
 * large or had a wrong end, so nobody knows where the next one begins; or `stop` was called). Lost is final: all input is
 * dropped silently, so that the owner can still send its connection.close.
 */
export class FrameParser {
  /** Largest frame agreed on. A payload may be just as large: clients that forget the 8 octets around it are common. */
  frameMax = FRAME_MAX_BEFORE_TUNING
  readonly #sink: FrameSink
  #isPaused = false
  #isLost = false
  #isParsing = false
  /** Where parsing goes on in the chunk at hand: set before each call of the sink, because the sink may throw. */
  #at = 0
  /** A frame of which only a part is here: its first `#joinedBytes` octets. */
  #joining: Buffer = NO_BYTES
  #joinedBytes = 0
  #isJoiningInUse = false
  /** Chunks not parsed yet, our own copies; the first is parsed up to `#keptAt`. */
  readonly #kept = new Deque<Buffer>()
  #keptAt = 0
  #keptBytes = 0

  constructor(sink: FrameSink) {
    this.#sink = sink
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Unparsed bytes behind a pause: whoever pauses should stop reading the socket too. */
  get keptBytes(): number {
    return this.#keptBytes - this.#keptAt
  }

  /**
   * Parses a chunk, which is borrowed. May be called from inside the sink: then the chunk waits for its turn.
   * @throws {WireError} for a frame that breaks the rules; and whatever the sink throws. In both cases parsing can go on
   * behind that frame with the next `push` or `resume`, unless the parser is lost.
   */
  push(chunk: Buffer): void {
    if (this.#isLost || chunk.length === 0) return
    if (this.#isParsing || this.#isPaused || this.#kept.length > 0) {
      this.#kept.push(Buffer.from(chunk))
      this.#keptBytes += chunk.length
      this.#drain()
      return
    }
    this.#isParsing = true
    try {
      this.#parse(chunk, 0)
    } finally {
      this.#isParsing = false
      if (this.#at < chunk.length && !this.#isLost) this.#keepFirst(chunk)
    }
    if (this.#kept.length > 0) this.#drain()
  }

  pause(): void {
    this.#isPaused = true
  }

  /** Goes on behind the frame that paused; parses what was kept before it returns, unless called from inside the sink. */
  resume(): void {
    this.#isPaused = false
    this.#drain()
  }

  /** Drops everything kept and all that will come. */
  stop(): void {
    this.#isLost = true
    this.#joining = NO_BYTES
    this.#joinedBytes = 0
    this.#kept.clear()
    this.#keptAt = 0
    this.#keptBytes = 0
  }

  #keepFirst(chunk: Buffer): void {
    const rest = Buffer.from(chunk.subarray(this.#at))
    this.#kept.unshift(rest)
    this.#keptBytes += rest.length
  }

  #drain(): void {
    while (!this.#isParsing && !this.#isPaused) {
      const chunk = this.#kept.peek()
      if (chunk === undefined) return
      this.#isParsing = true
      try {
        this.#parse(chunk, this.#keptAt)
      } finally {
        this.#isParsing = false
        if (!this.#isLost) this.#forgetParsed(chunk)
      }
    }
  }

  #forgetParsed(chunk: Buffer): void {
    this.#keptAt = this.#at
    if (this.#at < chunk.length) return
    this.#kept.shift()
    this.#keptBytes -= chunk.length
    this.#keptAt = 0
  }

  /** Leaves `#at` behind the last frame that was given to the sink, or at the end of the chunk. */
  #parse(chunk: Buffer, from: number): void {
    const end = chunk.length
    let at = from
    this.#at = at
    if (this.#joinedBytes > 0) {
      at = this.#join(chunk, at)
      if (this.#isPaused || this.#isLost) return
    }
    while (end - at >= FRAME_OVERHEAD_BYTES) {
      const size = readUint32(chunk, at + 3)
      if (size > this.frameMax) throw this.#tooLarge(chunk, at, size)
      const payloadStart = at + FRAME_HEADER_BYTES
      const payloadEnd = payloadStart + size
      if (payloadEnd >= end) break
      if (chunk[payloadEnd] !== FRAME_END) throw this.#badEnd(chunk, at, payloadEnd)
      const type = chunk[at]!
      const channel = readUint16(chunk, at + 1)
      at = payloadEnd + 1
      this.#at = at
      this.#emit(type, channel, chunk, payloadStart, payloadEnd)
      if (this.#isPaused || this.#isLost) return
    }
    if (at < end) this.#join(chunk, at)
    else if (this.#joinedBytes === 0 && this.#joining.length > IDLE_JOINING_BYTES) this.#giveBackJoining()
  }

  /** A chunk ended with a frame's end. The second time in a row without a split frame the room is given back. */
  #giveBackJoining(): void {
    if (!this.#isJoiningInUse) this.#joining = NO_BYTES
    this.#isJoiningInUse = false
  }

  /** Adds octets to the frame that is split over chunks, emits it when whole, and returns where the next one begins. */
  #join(chunk: Buffer, from: number): number {
    let at = from
    if (this.#joinedBytes < FRAME_HEADER_BYTES) {
      at = this.#take(chunk, at, FRAME_HEADER_BYTES)
      if (this.#joinedBytes < FRAME_HEADER_BYTES) return at
      const size = readUint32(this.#joining, 3)
      if (size > this.frameMax) throw this.#tooLarge(this.#joining, 0, size)
    }
    const payloadEnd = FRAME_HEADER_BYTES + readUint32(this.#joining, 3)
    at = this.#take(chunk, at, payloadEnd + 1)
    if (this.#joinedBytes <= payloadEnd) return at
    const frame = this.#joining
    this.#joinedBytes = 0
    if (frame[payloadEnd] !== FRAME_END) throw this.#badEnd(frame, 0, payloadEnd)
    this.#emit(frame[0]!, readUint16(frame, 1), frame, FRAME_HEADER_BYTES, payloadEnd)
    return at
  }

  /** Copies octets until `neededBytes` are joined or the chunk ends. Room grows with what came, not with what is announced. */
  #take(chunk: Buffer, from: number, neededBytes: number): number {
    const count = Math.min(neededBytes - this.#joinedBytes, chunk.length - from)
    const joinedBytes = this.#joinedBytes + count
    if (joinedBytes > this.#joining.length) {
      const larger = Buffer.alloc(Math.max(joinedBytes, 2 * this.#joining.length, 256))
      this.#joining.copy(larger, 0, 0, this.#joinedBytes)
      this.#joining = larger
    }
    chunk.copy(this.#joining, this.#joinedBytes, from, from + count)
    this.#joinedBytes = joinedBytes
    this.#isJoiningInUse = true
    this.#at = from + count
    return this.#at
  }

  #emit(type: number, channel: number, buffer: Buffer, start: number, end: number): void {
    if (type < FRAME_METHOD || type > FRAME_BODY) {
      if (type !== FRAME_HEARTBEAT || start !== end) throw unknownFrame(type, buffer, start, end)
      if (channel !== 0) throw new WireError(505, frameSnippet(type, buffer, start, end))
    }
    this.#sink.frame(type, channel, buffer, start, end)
  }

  /** Said from the header alone, so that nobody waits for, or stores, a payload that will not be taken. */
  #tooLarge(buffer: Buffer, at: number, size: number): WireError {
    const payloadMax = this.frameMax - FRAME_OVERHEAD_BYTES
    const snippet = frameSnippet(buffer[at]!, NO_BYTES, 0, 0)
    this.stop()
    return new WireError(501, `${snippet}: {frame_too_large,${size},${payloadMax}}`)
  }

  #badEnd(buffer: Buffer, at: number, payloadEnd: number): WireError {
    const snippet = frameSnippet(buffer[at]!, buffer, at + FRAME_HEADER_BYTES, payloadEnd)
    this.stop()
    return new WireError(501, `${snippet}: {invalid_frame_end_marker,${buffer[payloadEnd]}}`)
  }
}

/** RabbitMQ's answer to a type it does not know, and to a payload too short for its type. */
export function unknownFrame(type: number, buffer: Buffer, start: number, end: number): WireError {
  return new WireError(501, `${frameSnippet(type, buffer, start, end)}: unknown_frame`)
}
