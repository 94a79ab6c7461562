/**
 * The incoming side of a connection: from chunks of the socket to whole requests, each in memory of its own, because a
 * request outlives the call it came in (a fetch waits, a batch is kept by storage). Asked for requests one by one; while
 * nobody asks, a little more is read and kept, so that the end of the connection is noticed; beyond that the socket is left
 * alone, and the peer feels it.
 */
import { copyOf } from '../../base/bytes.ts'
import { sharedReadBudget } from '../../net/read-budget.ts'
import { FrameParser, type FrameSink } from './wire/frame.ts'
import { KafkaWireError } from './wire/kafka-wire-error.ts'

export interface IncomingSocket {
  pause(): unknown
  resume(): unknown
}

const KEPT_BYTES_MAX = 64 * 1024

export class RequestInput implements FrameSink {
  readonly #socket: IncomingSocket
  readonly #parser: FrameParser
  /** The oldest whole request, not yet asked for: the parser is paused behind it. */
  #next: Buffer | undefined
  #failure: KafkaWireError | undefined
  #isSocketPaused = false
  /** Read enough for this turn of the event loop: others come first. */
  #isWaitingForTurn = false
  #isStopped = false

  constructor(socket: IncomingSocket, requestBytesMax: number) {
    this.#socket = socket
    this.#parser = new FrameParser(this, requestBytesMax)
  }

  /** Set when what follows the last whole request is no request: nothing more will come. */
  get failure(): KafkaWireError | undefined {
    return this.#next === undefined ? this.#failure : undefined
  }

  /** Borrows `chunk`. */
  push(chunk: Buffer): void {
    if (this.#isStopped) return
    try {
      this.#parser.push(chunk)
    } catch (error) {
      this.#fail(error)
    }
    if (sharedReadBudget.spend(chunk.length) && !this.#isWaitingForTurn) {
      this.#isWaitingForTurn = true
      sharedReadBudget.wait(this.#turnCame)
    }
    this.#adjustSocket()
  }

  #fail(error: unknown): void {
    if (!(error instanceof KafkaWireError)) throw error
    this.#failure = error
    this.stop()
  }

  frame(buffer: Buffer, start: number, end: number, isOwned: boolean): void {
    this.#next = isOwned ? buffer : copyOf(buffer.subarray(start, end))
    this.#parser.pause()
  }

  readonly #turnCame = (): void => {
    this.#isWaitingForTurn = false
    this.#adjustSocket()
  }

  /** The oldest whole request, left where it is. Its bytes belong to whoever takes it. */
  peek(): Buffer | undefined {
    return this.#next
  }

  /** Takes what `peek` showed. */
  shift(): void {
    this.#next = undefined
    try {
      this.#parser.resume()
    } catch (error) {
      this.#fail(error)
    }
    this.#adjustSocket()
  }

  #adjustSocket(): void {
    const isFull = this.#next !== undefined && this.#parser.keptBytes > KEPT_BYTES_MAX
    const shouldPause = (isFull || this.#isWaitingForTurn) && !this.#isStopped
    if (shouldPause === this.#isSocketPaused) return
    this.#isSocketPaused = shouldPause
    if (shouldPause) this.#socket.pause()
    else this.#socket.resume()
  }

  /** Drops everything but the next request, and all that will come; the socket is still read, so that its end is seen. */
  stop(): void {
    this.#isStopped = true
    this.#parser.stop()
    this.#adjustSocket()
  }
}
