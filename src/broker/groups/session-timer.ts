/**
 * The time a member has left to be heard of. Members are heard of every few seconds and hardly ever lost, so hearing
 * from one only moves a number; the timer looks at it when it fires.
 */
import type { Clock, Timer } from '../../base/clock.ts'

export class SessionTimer {
  readonly #clock: Clock
  readonly #expired: () => void
  #deadlineMs = Number.POSITIVE_INFINITY
  /** When the armed timer fires. */
  #armedMs = Number.POSITIVE_INFINITY
  #timer: Timer | undefined

  constructor(clock: Clock, expired: () => void) {
    this.#clock = clock
    this.#expired = expired
  }

  /** From now on: expires in `afterMs`, whatever was said before. */
  touch(afterMs: number): void {
    this.#deadlineMs = this.#clock.monotonicMs() + afterMs
    if (this.#deadlineMs < this.#armedMs) this.#arm()
  }

  /** Does not expire until touched again. */
  hold(): void {
    this.#deadlineMs = Number.POSITIVE_INFINITY
    this.#timer?.cancel()
    this.#timer = undefined
    this.#armedMs = Number.POSITIVE_INFINITY
  }

  #arm(): void {
    this.#timer?.cancel()
    this.#armedMs = this.#deadlineMs
    this.#timer = this.#clock.after(this.#deadlineMs - this.#clock.monotonicMs(), () => this.#fired())
  }

  #fired(): void {
    this.#timer = undefined
    this.#armedMs = Number.POSITIVE_INFINITY
    if (this.#deadlineMs > this.#clock.monotonicMs()) this.#arm()
    else this.#expired()
  }
}
