/**
 * How much may be read from all peers together in one turn of the event loop. Reading is cheaper than what it sets off:
 * without this a fast publisher would be read two megabytes a turn while its consumers are sent a few hundred kilobytes,
 * and a backlog would grow that nobody's speed explains. Who comes too late in a turn is read first in the next one.
 */
const BYTES_A_TURN = 256 * 1024

export class ReadBudget {
  readonly #bytesPerTurn: number
  #leftBytes: number
  #waiting: (() => void)[] = []
  #isCounting = false

  constructor(bytesPerTurn = BYTES_A_TURN) {
    this.#bytesPerTurn = bytesPerTurn
    this.#leftBytes = bytesPerTurn
  }

  /** @returns whether the reader should stop now, and ask `wait` for its next turn */
  spend(byteCount: number): boolean {
    this.#leftBytes -= byteCount
    if (!this.#isCounting) {
      this.#isCounting = true
      setImmediate(this.#nextTurn)
    }
    return this.#leftBytes <= 0
  }

  /** `resume` is called once, in the next turn. */
  wait(resume: () => void): void {
    this.#waiting.push(resume)
  }

  readonly #nextTurn = (): void => {
    this.#isCounting = false
    this.#leftBytes = this.#bytesPerTurn
    const waiting = this.#waiting
    if (waiting.length === 0) return
    this.#waiting = []
    for (const resume of waiting) resume()
  }
}

export const sharedReadBudget = new ReadBudget()
