/**
 * The outgoing side of a connection. Protocols write bytes straight into `buffer`; everything written in one turn of the
 * event loop goes to the kernel as one write, right after the reads of that turn. Knows no protocol, handles no socket
 * errors (whoever owns the socket does), and never judges a slow peer: it tells `congested`, the caller decides.
 *
 *     reserve/write ──► chunk, chunk, owned bytes ... ──► flush: one writev ──► kernel took it: chunks back to the pool
 *                        `bufferedBytes` counts from here ─────────────────────► to here
 *
 * One write is in flight at a time: while the kernel is full, bytes gather in whole chunks instead of many small ones.
 * A burst does not wait for the end of the turn: when `FLUSH_EARLY_BYTES` are ready they go, and a kernel with room is
 * given more in the same turn, so that a fast reader is limited by itself and not by the number of turns.
 */
import { type ChunkPool, sharedChunkPool } from './chunk-pool.ts'

/** What the writer needs of a socket; `net.Socket` and `tls.TLSSocket` have it. */
export interface OutgoingSocket {
  cork(): void
  uncork(): void
  write(bytes: Uint8Array, done?: (error?: Error | null) => void): boolean
  end(): unknown
  destroy(): unknown
}

export interface SocketWriterOptions {
  /** `congested` turns true above this. */
  readonly highWaterBytes?: number
  /** `congested` turns false, and `onDrain` is called, at or below this. */
  readonly lowWaterBytes?: number
  readonly pool?: ChunkPool
}

/** Above this, copying costs more than one more entry in a writev. */
const COPY_BYTES_MAX = 16 * 1024

/** Two chunks: large enough that a write costs little a byte. */
const FLUSH_EARLY_BYTES = 128 * 1024

const EMPTY = Buffer.alloc(0)

export class SocketWriter {
  /** Where reserved bytes are written. Changes with `reserve`: read it after each call, never keep it. */
  buffer: Buffer = EMPTY
  /** Called once each time `congested` turns false again. May write. */
  onDrain: (() => void) | undefined

  #socket: OutgoingSocket
  #pool: ChunkPool
  #highWaterBytes: number
  #lowWaterBytes: number
  /** Bytes of `buffer` in [#start, #end) are written and not yet among the parts. */
  #start = 0
  #end = 0
  #parts: Buffer[] = []
  #partBytes = 0
  /** Chunks that the parts are views of, the current `buffer` left out. */
  #chunks: Buffer[] = []
  #inFlightBytes = 0
  #scheduled = false
  #congested = false
  #lastFlushBytes = 0
  #state: 'open' | 'ending' | 'closed' = 'open'

  constructor(socket: OutgoingSocket, options: SocketWriterOptions = {}) {
    this.#socket = socket
    this.#pool = options.pool ?? sharedChunkPool
    this.#highWaterBytes = options.highWaterBytes ?? 256 * 1024
    this.#lowWaterBytes = options.lowWaterBytes ?? this.#highWaterBytes >>> 2
  }

  /** Written and not yet taken by the kernel. */
  get bufferedBytes(): number {
    return this.#partBytes + (this.#end - this.#start) + this.#inFlightBytes
  }

  /** True from the moment `bufferedBytes` passes the high mark until it is down at the low mark. */
  get congested(): boolean {
    if (!this.#congested && this.bufferedBytes > this.#highWaterBytes) this.#congested = true
    return this.#congested
  }

  /**
   * Takes the next `byteCount` bytes of `buffer`, which count as written. The caller sets every one of them before it
   * calls anything else here: the memory holds old bytes of other connections.
   * @returns the offset in `buffer` of the first of them
   */
  reserve(byteCount: number): number {
    const offset = this.#end
    if (offset + byteCount > this.buffer.length) return this.#reserveInNewChunk(byteCount)
    this.#end = offset + byteCount
    if (!this.#scheduled) this.#schedule()
    return offset
  }

  /** Copies `bytes`. */
  writeBorrowed(bytes: Uint8Array): void {
    if (bytes.length === 0) return
    const offset = this.reserve(bytes.length)
    this.buffer.set(bytes, offset)
  }

  /** Takes `bytes` over, without a copy when large: they must never change again. */
  writeOwned(bytes: Buffer): void {
    if (bytes.length <= COPY_BYTES_MAX) return this.writeBorrowed(bytes)
    if (this.#state !== 'open') return
    this.#cut()
    this.#parts.push(bytes)
    this.#partBytes += bytes.length
    if (!this.#scheduled) this.#schedule()
  }

  /** Hands everything to the socket now, or as soon as the write in flight is done. */
  flush(): void {
    if (this.#inFlightBytes > 0 || this.#state === 'closed') return
    this.#cut()
    if (this.#partBytes === 0) return
    const parts = this.#parts
    const chunks = this.#chunks
    if (this.buffer.length > 0) chunks.push(this.buffer)
    this.#inFlightBytes = this.#lastFlushBytes = this.#partBytes
    this.buffer = EMPTY
    this.#start = this.#end = this.#partBytes = 0
    this.#parts = []
    this.#chunks = []
    const done = (error?: Error | null): void => this.#taken(chunks, error ?? undefined)
    const last = parts.length - 1
    if (last > 0) this.#socket.cork()
    for (let index = 0; index < last; index++) this.#socket.write(parts[index]!)
    this.#socket.write(parts[last]!, done)
    if (last > 0) this.#socket.uncork()
  }

  /** Sends what is written, then ends the socket's outgoing side. What is written after this is dropped. */
  end(): void {
    if (this.#state !== 'open') return
    this.flush()
    this.#cut()
    this.#state = 'ending'
    if (this.#partBytes === 0) return this.#finish()
    // These bytes wait for the write in flight; nothing may be added behind them.
    if (this.buffer.length > 0) this.#chunks.push(this.buffer)
    this.buffer = EMPTY
    this.#start = this.#end = 0
  }

  /** Drops what is not yet with the kernel and closes the socket. `onDrain` is not called again. */
  destroy(): void {
    if (this.#state === 'closed') return
    this.#close()
    this.#socket.destroy()
  }

  /** Ends the socket: its own queue keeps the order behind the write in flight. */
  #finish(): void {
    this.#state = 'closed'
    this.onDrain = undefined
    this.#dropBuffer()
    this.#socket.end()
  }

  #close(): void {
    this.#state = 'closed'
    this.onDrain = undefined
    this.#parts = []
    this.#partBytes = 0
    for (const chunk of this.#chunks) this.#pool.give(chunk)
    this.#chunks = []
    this.#dropBuffer()
  }

  #dropBuffer(): void {
    if (this.buffer.length > 0) this.#pool.give(this.buffer)
    this.buffer = EMPTY
    this.#start = this.#end = 0
  }

  #reserveInNewChunk(byteCount: number): number {
    if (this.#state !== 'open') {
      // Written to nobody: the caller need not know.
      this.buffer = Buffer.alloc(byteCount)
      this.#start = this.#end = byteCount
      return 0
    }
    this.#cut()
    if (this.#partBytes >= FLUSH_EARLY_BYTES && this.#inFlightBytes === 0) this.flush()
    const isFirst = this.buffer.length === 0
    if (!isFirst) this.#chunks.push(this.buffer)
    // Small talk (heartbeats, acks) gets a small chunk, so that ten thousand idle connections stay cheap.
    const wantedBytes = isFirst ? Math.min(this.#lastFlushBytes, this.#pool.largeBytes) : this.#pool.largeBytes
    this.buffer = this.#pool.take(Math.max(byteCount, wantedBytes))
    this.#start = 0
    this.#end = byteCount
    if (!this.#scheduled) this.#schedule()
    return 0
  }

  /** Moves what is written in `buffer` to the parts. */
  #cut(): void {
    if (this.#end === this.#start || this.#state === 'closed') return
    const { buffer } = this
    const whole = this.#start === 0 && this.#end === buffer.length
    this.#parts.push(whole ? buffer : buffer.subarray(this.#start, this.#end))
    this.#partBytes += this.#end - this.#start
    this.#start = this.#end
  }

  /** setImmediate runs right after the reads of this turn: the whole turn leaves together, and nothing waits longer. */
  #schedule(): void {
    if (this.#state !== 'open') return
    this.#scheduled = true
    setImmediate(() => {
      this.#scheduled = false
      this.flush()
    })
  }

  #taken(chunks: Buffer[], error: Error | undefined): void {
    this.#inFlightBytes = 0
    if (error !== undefined) {
      // The kernel may still hold the memory of a write that failed midway: it is left to the garbage collector.
      if (this.#state !== 'closed') this.#close()
      return
    }
    for (const chunk of chunks) this.#pool.give(chunk)
    if (this.#state === 'closed') return
    if (this.#partBytes > 0 || this.#end > this.#start) this.flush()
    if (this.#state === 'ending' && this.#partBytes === 0) return this.#finish()
    if (this.#congested && this.bufferedBytes <= this.#lowWaterBytes) {
      this.#congested = false
      this.onDrain?.()
    }
  }
}
