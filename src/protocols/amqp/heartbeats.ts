/**
 * Heartbeats of one connection, both ways: a frame when we were silent for half the interval, and the news that the peer
 * was silent for two. Any traffic counts. Sends and closes through its host.
 */
import type { Clock, Timer } from '../../base/clock.ts'

export interface HeartbeatHost {
  /** Whether anything was sent since this was last asked. */
  tookWriting(): boolean
  /** Whether anything came since this was last asked, or nothing could, because we do not read. */
  tookReading(): boolean
  sendHeartbeat(): void
  peerIsSilent(): void
}

const SILENT_INTERVALS_MAX = 2

export class Heartbeats {
  readonly #clock: Clock
  readonly #host: HeartbeatHost
  readonly #halfMs: number
  #timer: Timer
  #isWholeInterval = false
  #silentCount = 0

  constructor(clock: Clock, intervalMs: number, host: HeartbeatHost) {
    this.#clock = clock
    this.#host = host
    this.#halfMs = intervalMs / 2
    this.#timer = clock.after(this.#halfMs, this.#tick)
  }

  readonly #tick = (): void => {
    if (!this.#host.tookWriting()) this.#host.sendHeartbeat()
    if (this.#isWholeInterval) {
      this.#silentCount = this.#host.tookReading() ? 0 : this.#silentCount + 1
      if (this.#silentCount >= SILENT_INTERVALS_MAX) return this.#host.peerIsSilent()
    }
    this.#isWholeInterval = !this.#isWholeInterval
    this.#timer = this.#clock.after(this.#halfMs, this.#tick)
  }

  stop(): void {
    this.#timer.cancel()
  }
}
