/**
 * Finds the requests in the bytes of a connection and hands each to a sink. It knows sizes, not what is inside.
 *
 *      0                4                                size+4
 *     ┌────────────────┬────────────────────────────────┐
 *     │ size i32       │ request                        │
 *     └────────────────┴────────────────────────────────┘
 *
 * A frame that lies whole in a chunk is handed on in place. One that is split over chunks is joined in memory of its own,
 * which the sink may keep: large produce requests always come that way, and are then not copied again.
 */
import { Deque } from '../../../base/deque.ts'
import { invariant } from '../../../base/errors.ts'
import { KafkaWireError } from './kafka-wire-error.ts'

export const FRAME_SIZE_BYTES = 4

/** Kafka's socket.request.max.bytes. */
export const FRAME_BYTES_MAX = 100 * 1024 * 1024

/** Room given to a frame at once, whatever size it announces; more only when that much has come. */
const FIRST_ROOM_BYTES = 64 * 1024

const NO_BYTES = Buffer.alloc(0)

export interface FrameSink {
  /**
   * One request: buffer[start, end), the size left out. Borrowed until the call returns, unless `isOwned`: then the
   * buffer holds nothing else and belongs to the sink. A sink that cannot take the next one yet calls the parser's
   * `pause()` before it returns.
   */
  frame(buffer: Buffer, start: number, end: number, isOwned: boolean): void
}

/**
 * States: running, paused (by the sink: bytes are kept, nothing is parsed; left by `resume`) and stopped (a size was
 * impossible, or `stop` was called): then all input is dropped silently.
 */
export class FrameParser {
  readonly #sink: FrameSink
  readonly #frameBytesMax: number
  #isPaused = false
  #isStopped = false
  #isParsing = false
  /** Where parsing goes on in the chunk at hand: set before each call of the sink, because the sink may throw. */
  #at = 0
  /** The size in front of a frame, as far as it came when it was split itself. */
  readonly #sizeBytes: Buffer = Buffer.alloc(FRAME_SIZE_BYTES)
  #sizeBytesCount = 0
  /** A frame of which only a part is here: its first `#joinedBytes` bytes, of `#frameBytes`. -1: no such frame. */
  #joining: Buffer = NO_BYTES
  #joinedBytes = 0
  #frameBytes = -1
  /** Chunks not parsed yet, our own copies; the first is parsed up to `#keptAt`. */
  readonly #kept = new Deque<Buffer>()
  #keptAt = 0
  #keptBytes = 0

  constructor(sink: FrameSink, frameBytesMax: number = FRAME_BYTES_MAX) {
    invariant(frameBytesMax <= FRAME_BYTES_MAX, `frames of ${frameBytesMax} bytes`)
    this.#sink = sink
    this.#frameBytesMax = frameBytesMax
  }

  get isPaused(): boolean {
    return this.#isPaused
  }

  /** Unparsed bytes behind a pause: whoever pauses should stop reading the socket too. */
  get keptBytes(): number {
    return this.#keptBytes - this.#keptAt
  }

  /** True in the middle of a frame: a connection that ends now was cut. */
  get isInFrame(): boolean {
    return this.#sizeBytesCount > 0 || this.#frameBytes >= 0
  }

  /**
   * Parses a chunk, which is borrowed. May be called from inside the sink: then the chunk waits for its turn.
   * @throws {KafkaWireError} for an impossible size; and whatever the sink throws: then parsing can go on behind that
   * frame with the next `push` or `resume`
   */
  push(chunk: Buffer): void {
    if (this.#isStopped || chunk.length === 0) return
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
      if (this.#at < chunk.length && !this.#isStopped) this.#keepFirst(chunk)
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
    this.#isStopped = true
    this.#joining = NO_BYTES
    this.#frameBytes = -1
    this.#sizeBytesCount = 0
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
        if (!this.#isStopped) this.#forgetParsed(chunk)
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
    this.#at = from
    while (this.#at < end && !this.#isPaused && !this.#isStopped) {
      if (this.#frameBytes >= 0) this.#join(chunk)
      else if (this.#sizeBytesCount > 0 || end - this.#at < FRAME_SIZE_BYTES) this.#joinSize(chunk)
      else {
        const size = this.#checkSize(chunk.readInt32BE(this.#at))
        const start = this.#at + FRAME_SIZE_BYTES
        if (start + size <= end) {
          this.#at = start + size
          this.#sink.frame(chunk, start, start + size, false)
        } else {
          this.#at = start
          this.#beginJoining(size)
        }
      }
    }
  }

  #joinSize(chunk: Buffer): void {
    const count = Math.min(FRAME_SIZE_BYTES - this.#sizeBytesCount, chunk.length - this.#at)
    chunk.copy(this.#sizeBytes, this.#sizeBytesCount, this.#at, this.#at + count)
    this.#at += count
    this.#sizeBytesCount += count
    if (this.#sizeBytesCount < FRAME_SIZE_BYTES) return
    this.#sizeBytesCount = 0
    const size = this.#checkSize(this.#sizeBytes.readInt32BE(0))
    if (size === 0) this.#sink.frame(NO_BYTES, 0, 0, true)
    else this.#beginJoining(size)
  }

  #beginJoining(size: number): void {
    this.#frameBytes = size
    this.#joinedBytes = 0
    this.#joining = Buffer.allocUnsafeSlow(Math.min(size, FIRST_ROOM_BYTES))
  }

  /**
   * Copies bytes until the frame is whole or the chunk ends. Room grows fourfold, so that every byte is moved less than
   * twice, and only when the room there was is full: who announces much and sends little holds little.
   */
  #join(chunk: Buffer): void {
    const count = Math.min(this.#frameBytes - this.#joinedBytes, chunk.length - this.#at)
    const joinedBytes = this.#joinedBytes + count
    if (joinedBytes > this.#joining.length) {
      const room = Math.min(this.#frameBytes, Math.max(joinedBytes, 4 * this.#joining.length))
      const larger = Buffer.allocUnsafeSlow(room)
      this.#joining.copy(larger, 0, 0, this.#joinedBytes)
      this.#joining = larger
    }
    chunk.copy(this.#joining, this.#joinedBytes, this.#at, this.#at + count)
    this.#joinedBytes = joinedBytes
    this.#at += count
    if (joinedBytes < this.#frameBytes) return
    const frame = this.#joining
    this.#joining = NO_BYTES
    this.#frameBytes = -1
    this.#sink.frame(frame, 0, frame.length, true)
  }

  /** Said from the size alone, so that nobody waits for, or stores, what will not be taken. */
  #checkSize(size: number): number {
    if (size >= 0 && size <= this.#frameBytesMax) return size
    this.stop()
    throw new KafkaWireError(`a request of ${size} bytes; at most ${this.#frameBytesMax} are taken`)
  }
}
