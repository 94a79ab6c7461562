/**
 * Heartbeats of one connection, both ways: a frame when we were silent for half the interval, and the news that the peer
 * was silent for two. Any traffic counts.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Input } from './input.ts'
import type { Outgoing } from './outgoing.ts'

const SILENT_INTERVALS_MAX = 2

export class Heartbeats {
  readonly #clock: Clock
  readonly #halfMs: number
  readonly #input: Input
  readonly #out: Outgoing
  readonly #onSilence: () => void
  #timer: Timer
  #isWholeInterval = false
  #silentCount = 0

  constructor(clock: Clock, intervalMs: number, input: Input, out: Outgoing, onSilence: () => void) {
    this.#clock = clock
    this.#halfMs = intervalMs / 2
    this.#input = input
    this.#out = out
    this.#onSilence = onSilence
    this.#timer = clock.after(this.#halfMs, this.#tick)
  }

  readonly #tick = (): void => {
    if (!this.#out.tookWriting()) this.#out.heartbeat()
    if (this.#isWholeInterval) {
      this.#silentCount = this.#input.tookReading() ? 0 : this.#silentCount + 1
      if (this.#silentCount >= SILENT_INTERVALS_MAX) return this.#onSilence()
    }
    this.#isWholeInterval = !this.#isWholeInterval
    this.#timer = this.#clock.after(this.#halfMs, this.#tick)
  }

  stop(): void {
    this.#timer.cancel()
  }
}
