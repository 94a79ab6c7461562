/**
 * Readers who stand at the same place and ask while a read is under way get the same answer: when a stream gets a new
 * record, all who follow it ask in one turn, and cost one read of storage instead of one each. Nothing is kept beyond.
 */
export class SharedReads<T> {
  readonly #read: (fromOffset: number, maxBytes: number) => Promise<T>
  #pending: Promise<T> | undefined
  #fromOffset = 0
  #maxBytes = 0
  #endOffset = 0

  constructor(read: (fromOffset: number, maxBytes: number) => Promise<T>) {
    this.#read = read
  }

  /** @param endOffset who knows of more must not get the answer of who knew of less */
  read(fromOffset: number, maxBytes: number, endOffset: number): Promise<T> {
    const pending = this.#pending
    const isSame = fromOffset === this.#fromOffset && maxBytes === this.#maxBytes && endOffset === this.#endOffset
    if (pending !== undefined && isSame) return pending
    const started = this.#read(fromOffset, maxBytes)
    this.#pending = started
    this.#fromOffset = fromOffset
    this.#maxBytes = maxBytes
    this.#endOffset = endOffset
    const over = (): void => {
      if (this.#pending === started) this.#pending = undefined
    }
    started.then(over, over)
    return started
  }
}
