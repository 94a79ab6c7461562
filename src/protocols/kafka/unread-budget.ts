/**
 * How much of what clients were sent and have not read yet is held, over all connections of a server. One that does not
 * read holds one answer, which is bounded; a thousand of them would hold a thousand. The more is held, the smaller the
 * answers to fetches become, down to a size with which everybody still gets on.
 */
const ANSWER_BYTES_MIN = 256 * 1024

export class UnreadBudget {
  readonly #bytesMax: number
  #heldBytes = 0

  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax
  }

  get heldBytes(): number {
    return this.#heldBytes
  }

  /** What the next answer may take. */
  get answerBytesMax(): number {
    return Math.max(ANSWER_BYTES_MIN, this.#bytesMax - this.#heldBytes)
  }

  /** A connection holds `afterBytes`, where it held `beforeBytes`. */
  changed(beforeBytes: number, afterBytes: number): void {
    this.#heldBytes += afterBytes - beforeBytes
  }
}
