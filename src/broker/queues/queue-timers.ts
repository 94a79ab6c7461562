/**
 * The clocks of one queue, each at most one timer however many messages there are: the next moment a message at the
 * head may have expired, and the end of a queue that nobody uses (x-expires).
 */
import type { Clock, Timer } from '../../base/clock.ts'

/** Fires once at the earliest of all moments noted since it last fired. */
export class EarliestTimer {
  readonly #clock: Clock
  readonly #fire: () => void
  #timer: Timer | undefined
  #dueMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock, fire: () => void) {
    this.#clock = clock
    this.#fire = fire
  }

  /** @param atMs wall clock */
  note(atMs: number): void {
    if (atMs >= this.#dueMs) return
    this.#timer?.cancel()
    this.#dueMs = atMs
    this.#timer = this.#clock.after(Math.max(0, atMs - this.#clock.nowMs()), () => {
      this.#timer = undefined
      this.#dueMs = Number.POSITIVE_INFINITY
      this.#fire()
    })
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    this.#dueMs = Number.POSITIVE_INFINITY
  }
}

/** Fires `afterMs` after the last `touch`, unless held back. */
export class IdleTimer {
  readonly #clock: Clock
  readonly #afterMs: number
  readonly #fire: () => void
  #timer: Timer | undefined
  #held = false

  constructor(clock: Clock, afterMs: number, fire: () => void) {
    this.#clock = clock
    this.#afterMs = afterMs
    this.#fire = fire
  }

  touch(): void {
    this.#timer?.cancel()
    this.#timer = this.#held ? undefined : this.#clock.after(this.#afterMs, this.#fire)
  }

  /** While held it never fires. */
  hold(held: boolean): void {
    this.#held = held
    this.touch()
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#timer = undefined
  }
}
