/**
 * One after the other, with a limit on the wait. Work on a transactional id goes to storage and back, sometimes to other
 * shards; what comes meanwhile waits for its turn, since many clients do not come back by themselves. But not for ever:
 * storage may hang, and then they had better hear that they are to come back.
 */
import type { Clock } from '../../base/clock.ts'

export class Turn {
  readonly #clock: Clock
  readonly #patienceMs: number
  readonly #waiting: (() => void)[] = []
  #isTaken = false

  constructor(clock: Clock, patienceMs: number) {
    this.#clock = clock
    this.#patienceMs = patienceMs
  }

  get isFree(): boolean {
    return !this.#isTaken
  }

  /** Does the work when all earlier work has ended. Undefined: it was not begun, because that took too long. */
  async run<Result extends object>(work: () => Promise<Result>): Promise<Result | undefined> {
    if (this.#isTaken && !(await this.#wait())) return undefined
    this.#isTaken = true
    try {
      return await work()
    } finally {
      const next = this.#waiting.shift()
      // Handed on without a gap: nobody may slip in between.
      if (next === undefined) this.#isTaken = false
      else next()
    }
  }

  #wait(): Promise<boolean> {
    return new Promise((resolve) => {
      const go = (): void => {
        timer.cancel()
        resolve(true)
      }
      const timer = this.#clock.after(this.#patienceMs, () => {
        this.#waiting.splice(this.#waiting.indexOf(go), 1)
        resolve(false)
      })
      this.#waiting.push(go)
    })
  }
}
