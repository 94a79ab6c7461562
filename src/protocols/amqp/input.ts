/**
 * The incoming side of a connection: bytes from the socket to the protocol header and the frame parser, and the pauses in
 * between. While paused, a little is still read and kept, so that the end of the connection is noticed; beyond that the
 * socket is left alone, and the peer feels it.
 */
import { sharedReadBudget } from '../../net/read-budget.ts'
import {
  FrameParser,
  type FrameSink,
  matchProtocolHeader,
  PROTOCOL_HEADER,
  PROTOCOL_HEADER_MISMATCH,
} from './wire/frame.ts'

/** Why frames wait: an answer is owed, publishing is stopped, or the peer does not read. */
export const PAUSED_FOR_ANSWER = 1
export const PAUSED_FOR_FLOW = 2
export const PAUSED_FOR_READER = 4

export interface IncomingSocket {
  pause(): unknown
  resume(): unknown
}

export interface InputHost extends FrameSink {
  headerMatched(): void
  headerMismatched(): void
  /** A frame that is none; frames that are refused are the sink's own affair. */
  broken(error: unknown): void
}

const KEPT_BYTES_MAX = 64 * 1024

export class Input {
  readonly #socket: IncomingSocket
  readonly #host: InputHost
  readonly #parser: FrameParser
  #headerCount = 0
  #pauses = 0
  #isSocketPaused = false
  /** Read enough for this turn of the event loop: others come first. */
  #isWaitingForTurn = false
  #isStopped = false
  #heard = false

  constructor(socket: IncomingSocket, host: InputHost) {
    this.#socket = socket
    this.#host = host
    this.#parser = new FrameParser(host)
  }

  isPausedFor(reason: number): boolean {
    return (this.#pauses & reason) !== 0
  }

  /** Whether anything came since this was last asked, or nothing could, because we do not read. */
  tookReading(): boolean {
    const heard = this.#heard || this.#isSocketPaused
    this.#heard = false
    return heard
  }

  limitFrames(frameMax: number): void {
    this.#parser.frameMax = frameMax
  }

  /** Borrows `chunk`. */
  push(chunk: Buffer): void {
    this.#heard = true
    if (this.#isStopped) return
    let start = 0
    if (this.#headerCount < PROTOCOL_HEADER.length) {
      const matched = matchProtocolHeader(chunk, this.#headerCount)
      if (matched === PROTOCOL_HEADER_MISMATCH) {
        this.stop()
        return this.#host.headerMismatched()
      }
      start = matched - this.#headerCount
      this.#headerCount = matched
      if (matched < PROTOCOL_HEADER.length) return
      this.#host.headerMatched()
    }
    try {
      this.#parser.push(start === 0 ? chunk : chunk.subarray(start))
    } catch (error) {
      this.#host.broken(error)
    }
    if (sharedReadBudget.spend(chunk.length) && !this.#isWaitingForTurn) {
      this.#isWaitingForTurn = true
      sharedReadBudget.wait(this.#turnCame)
    }
    this.#adjustSocket()
  }

  readonly #turnCame = (): void => {
    this.#isWaitingForTurn = false
    this.#adjustSocket()
  }

  pause(reason: number): void {
    this.#pauses |= reason
    this.#parser.pause()
  }

  /** Parses what was kept, when no other reason is left. */
  resume(reason: number): void {
    if ((this.#pauses & reason) === 0) return
    this.#pauses &= ~reason
    this.#goOn()
  }

  resumeAll(): void {
    this.#pauses = 0
    this.#goOn()
  }

  #goOn(): void {
    if (this.#pauses !== 0 || this.#isStopped) return
    try {
      this.#parser.resume()
    } catch (error) {
      this.#host.broken(error)
    }
    this.#adjustSocket()
  }

  #adjustSocket(): void {
    const isFull = this.#pauses !== 0 && this.#parser.keptBytes > KEPT_BYTES_MAX
    const shouldPause = (isFull || this.#isWaitingForTurn) && !this.#isStopped
    if (shouldPause === this.#isSocketPaused) return
    this.#isSocketPaused = shouldPause
    if (shouldPause) this.#socket.pause()
    else this.#socket.resume()
  }

  /** Drops everything kept and all that will come; the socket is still read, so that its end is seen. */
  stop(): void {
    this.#isStopped = true
    this.#pauses = 0
    this.#parser.stop()
    this.#adjustSocket()
  }
}
