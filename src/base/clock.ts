/**
 * Time as an argument. `Date.now`, `setTimeout` and their kin stand only in this file, so that everything above can be
 * tested with a `ManualClock` and no test ever sleeps.
 */

/** A pending timer; cancelling twice, or after it fired, is harmless. */
export interface Timer {
  cancel(): void
}

export interface Clock {
  /** Wall clock, milliseconds since the epoch: for what is stored or shown. May jump. */
  nowMs(): number
  /** Milliseconds that never go back: for measuring and for deadlines inside this process. */
  monotonicMs(): number
  /** Runs `fn` once after `delayMs` (any size: delays beyond 2^31 ms are chained). Does not keep the process alive. */
  after(delayMs: number, fn: () => void): Timer
}

/** `setTimeout` fires at once for delays that do not fit a signed 32-bit integer. */
const TIMEOUT_MS_MAX = 2 ** 31 - 1

class SystemTimer implements Timer {
  #dueMs: number
  #fn: () => void
  #handle: NodeJS.Timeout | undefined

  constructor(delayMs: number, fn: () => void) {
    this.#dueMs = performance.now() + delayMs
    this.#fn = fn
    this.#arm(delayMs)
  }

  #arm(delayMs: number): void {
    this.#handle = setTimeout(
      () => {
        const leftMs = this.#dueMs - performance.now()
        if (leftMs > 1) return this.#arm(leftMs)
        this.#handle = undefined
        this.#fn()
      },
      Math.min(Math.max(delayMs, 0), TIMEOUT_MS_MAX),
    )
    this.#handle.unref()
  }

  cancel(): void {
    if (this.#handle !== undefined) clearTimeout(this.#handle)
    this.#handle = undefined
  }
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, fn) => new SystemTimer(delayMs, fn),
}

interface ManualTimer extends Timer {
  dueMs: number
  order: number
  fn: () => void
}

/** A clock for tests: time moves only by `advance`, and timers fire in due order inside it. */
export class ManualClock implements Clock {
  #nowMs: number
  #monotonicMs = 0
  #order = 0
  #timers = new Set<ManualTimer>()

  constructor(startMs = 1_700_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#monotonicMs
  }

  after(delayMs: number, fn: () => void): Timer {
    const timer: ManualTimer = {
      dueMs: this.#monotonicMs + Math.max(delayMs, 0),
      order: this.#order++,
      fn,
      cancel: () => this.#timers.delete(timer),
    }
    this.#timers.add(timer)
    return timer
  }

  get pendingTimerCount(): number {
    return this.#timers.size
  }

  /** Moves time forward, firing every timer that comes due, in order, each at its own moment. */
  advance(ms: number): void {
    const endMs = this.#monotonicMs + ms
    for (;;) {
      let next: ManualTimer | undefined
      for (const timer of this.#timers) {
        if (timer.dueMs > endMs) continue
        if (!next || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)) next = timer
      }
      if (!next) break
      this.#timers.delete(next)
      this.#move(Math.max(next.dueMs, this.#monotonicMs))
      next.fn()
    }
    this.#move(endMs)
  }

  #move(monotonicMs: number): void {
    this.#nowMs += monotonicMs - this.#monotonicMs
    this.#monotonicMs = monotonicMs
  }
}
