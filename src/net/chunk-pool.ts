/**
 * Memory for outgoing bytes, in two sizes, shared by all connections. A chunk is zeroed when made and carries old outgoing
 * bytes afterwards: whoever takes one sets every byte that leaves it.
 */
export class ChunkPool {
  readonly smallBytes: number
  readonly largeBytes: number
  #small: Buffer[] = []
  #large: Buffer[] = []
  #keptMax: number

  /** @param keptMax how many free chunks of each size are kept for later */
  constructor(smallBytes = 4 * 1024, largeBytes = 64 * 1024, keptMax = 64) {
    this.smallBytes = smallBytes
    this.largeBytes = largeBytes
    this.#keptMax = keptMax
  }

  /** A chunk of the smallest size that holds `byteCount`; above the large size exactly that many bytes. */
  take(byteCount: number): Buffer {
    if (byteCount <= this.smallBytes) return this.#small.pop() ?? Buffer.alloc(this.smallBytes)
    if (byteCount <= this.largeBytes) return this.#large.pop() ?? Buffer.alloc(this.largeBytes)
    return Buffer.alloc(byteCount)
  }

  /** The caller keeps no view of `chunk`. */
  give(chunk: Buffer): void {
    if (chunk.length === this.smallBytes && this.#small.length < this.#keptMax) this.#small.push(chunk)
    else if (chunk.length === this.largeBytes && this.#large.length < this.#keptMax) this.#large.push(chunk)
  }

  get freeCount(): number {
    return this.#small.length + this.#large.length
  }
}

export const sharedChunkPool = new ChunkPool()
