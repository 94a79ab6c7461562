/**
 * What happens when a peer does not read what it is sent. Deliveries stop by themselves (`Outgoing.isCongested`); above a
 * limit its requests wait too, because each wants an answer; and after a while of that it is given up.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { type Input, PAUSED_FOR_READER } from './input.ts'
import type { Outgoing } from './outgoing.ts'
import type { AmqpSettings } from './settings.ts'

export class SlowReader {
  readonly #input: Input
  readonly #out: Outgoing
  readonly #clock: Clock
  readonly #settings: AmqpSettings
  readonly #onStalled: () => void
  #stall: Timer | undefined
  #waiters: (() => void)[] = []
  #isClosed = false

  constructor(input: Input, out: Outgoing, clock: Clock, settings: AmqpSettings, onStalled: () => void) {
    this.#input = input
    this.#out = out
    this.#clock = clock
    this.#settings = settings
    this.#onStalled = onStalled
  }

  /** To be called when frames were handled. */
  check(): void {
    // Asked first, because a writer tells of its drain only to those who saw the congestion.
    if (this.#isClosed || !this.#out.isCongested || this.#out.unreadBytes <= this.#settings.unreadBytesMax) return
    this.#input.pause(PAUSED_FOR_READER)
    if (this.#stall === undefined) this.#watch()
  }

  /** Gives more time for more bytes: what a large message on a slow line has achieved is not seen before it is through. */
  #watch(): void {
    const { unreadBytes } = this.#out
    const { stallTimeoutMs, unreadBytesMax } = this.#settings
    this.#stall = this.#clock.after(stallTimeoutMs * Math.ceil(unreadBytes / unreadBytesMax), () => {
      if (this.#out.unreadBytes < unreadBytes) this.#watch()
      else this.#onStalled()
    })
  }

  /** Resolves to true when the peer has caught up, at once when it has; to false when it never will. */
  caughtUp(): Promise<boolean> {
    if (this.#isClosed || !this.#out.isCongested) return Promise.resolve(!this.#isClosed)
    return new Promise((resolve) => this.#waiters.push(() => resolve(!this.#isClosed)))
  }

  drained(): void {
    this.#stall?.cancel()
    this.#stall = undefined
    for (const resolve of this.#waiters.splice(0)) resolve()
    this.#input.resume(PAUSED_FOR_READER)
  }

  close(): void {
    this.#isClosed = true
    this.drained()
  }
}
