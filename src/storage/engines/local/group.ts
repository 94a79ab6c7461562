/**
 * A group in the making: entries are laid out in chunks exactly as they will stand in the file, so that writing a group
 * is one vectored write of what lies there. This is the hottest code of the engine: no object, closure or promise per
 * entry.
 */
import { crc32c, crc32cOfWord } from '../../../base/crc32c.ts'
import { ENTRY_HEADER_BYTES, GROUP_HEADER_BYTES, writeEntryHeader, writeGroupHeader } from './format.ts'

const CHUNK_BYTES = 256 * 1024
/** Free chunks kept for the next groups. */
const FREE_CHUNKS_MAX = 16

export interface Chunk {
  readonly bytes: Buffer
  readonly view: DataView
}

/** Chunks are always whole: a payload too large for the rest of a chunk starts a new one. */
export class ChunkPool {
  #free: Chunk[] = []

  take(): Chunk {
    const chunk = this.#free.pop()
    if (chunk !== undefined) return chunk
    // Only bytes that were set are ever written to a file.
    const bytes = Buffer.allocUnsafeSlow(CHUNK_BYTES)
    return { bytes, view: new DataView(bytes.buffer, bytes.byteOffset, CHUNK_BYTES) }
  }

  give(chunks: readonly Chunk[]): void {
    for (const chunk of chunks) if (this.#free.length < FREE_CHUNKS_MAX) this.#free.push(chunk)
  }
}

/** Below this a loop beats the call into `set`. */
const LOOP_BYTES_MAX = 24

export class Group {
  /** Where the group header will stand in its file. */
  readonly fileOffset: number
  readonly #pool: ChunkPool
  readonly #referenceBytesMin: number
  #chunks: Chunk[]
  #parts: Buffer[] = []
  #bytes: Buffer
  #view: DataView
  /** Where the next entry goes in the current chunk, and from where the chunk is not yet in `#parts`. */
  #at = GROUP_HEADER_BYTES
  #mark = 0
  #partBytes = 0
  #count = 0
  #entriesCrc = 0

  constructor(pool: ChunkPool, fileOffset: number, referenceBytesMin: number) {
    const chunk = pool.take()
    this.#pool = pool
    this.#referenceBytesMin = Math.min(referenceBytesMin, CHUNK_BYTES / 2)
    this.#chunks = [chunk]
    this.#bytes = chunk.bytes
    this.#view = chunk.view
    this.fileOffset = fileOffset
  }

  get count(): number {
    return this.#count
  }

  /** With its header. */
  get sizeBytes(): number {
    return this.#partBytes + this.#at - this.#mark
  }

  /** Returns where the entry will stand in the file. */
  add(kind: number, log: number, baseOffset: number, count: number, payload: Buffer): number {
    const payloadBytes = payload.length
    const byReference = payloadBytes >= this.#referenceBytesMin
    const needed = byReference ? ENTRY_HEADER_BYTES : ENTRY_HEADER_BYTES + payloadBytes
    if (this.#at + needed > CHUNK_BYTES) this.#nextChunk()
    const at = this.#at
    const fileOffset = this.fileOffset + this.sizeBytes
    const bytes = this.#bytes
    writeEntryHeader(this.#view, at, kind, log, baseOffset, count, payloadBytes)
    let crc: number
    if (byReference) {
      crc = crc32c(payload, 0, payloadBytes, crc32c(bytes, at + 4, at + ENTRY_HEADER_BYTES))
    } else {
      if (payloadBytes > LOOP_BYTES_MAX) bytes.set(payload, at + ENTRY_HEADER_BYTES)
      else for (let i = 0; i < payloadBytes; i++) bytes[at + ENTRY_HEADER_BYTES + i] = payload[i] as number
      crc = crc32c(bytes, at + 4, at + needed)
    }
    this.#view.setUint32(at, crc, true)
    this.#entriesCrc = crc32cOfWord(crc, this.#entriesCrc)
    this.#at = at + needed
    this.#count++
    if (byReference) {
      this.#cut()
      this.#parts.push(payload)
      this.#partBytes += payloadBytes
    }
    return fileOffset
  }

  /** Puts what is in the current chunk and not yet among the parts there. */
  #cut(): void {
    if (this.#at === this.#mark) return
    this.#parts.push(this.#bytes.subarray(this.#mark, this.#at))
    this.#partBytes += this.#at - this.#mark
    this.#mark = this.#at
  }

  #nextChunk(): void {
    this.#cut()
    const chunk = this.#pool.take()
    this.#chunks.push(chunk)
    this.#bytes = chunk.bytes
    this.#view = chunk.view
    this.#at = 0
    this.#mark = 0
  }

  /** Nothing is added from here on. What is returned lives until `release`. */
  seal(salt: number, sequence: number, flushedSequence: number): readonly Buffer[] {
    this.#cut()
    const first = this.#chunks[0] as Chunk
    writeGroupHeader(first.bytes, 0, salt, {
      count: this.#count,
      bytes: this.#partBytes - GROUP_HEADER_BYTES,
      sequence,
      flushedSequence,
      entriesCrc: this.#entriesCrc,
    })
    return this.#parts
  }

  /** The group is written, or never will be. */
  release(): void {
    this.#pool.give(this.#chunks)
    this.#chunks = []
    this.#parts = []
  }
}
