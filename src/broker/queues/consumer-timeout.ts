/**
 * x-consumer-timeout: a delivery nobody settles in time goes back to the queue. Off unless a queue asks for it. Where
 * RabbitMQ closes the channel, here only the message is taken back; a late settlement is ignored.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { QueueEntry } from './queue-entry.ts'

export class ConsumerTimeout {
  readonly #clock: Clock
  readonly #timeoutMs: number
  readonly #overdue: (entry: QueueEntry) => void
  /** In the order they fall due, since all have the same time. */
  readonly #dueMs = new Map<QueueEntry, number>()
  #timer: Timer | undefined

  constructor(clock: Clock, timeoutMs: number, overdue: (entry: QueueEntry) => void) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
    this.#overdue = overdue
  }

  started(entry: QueueEntry): void {
    this.#dueMs.set(entry, this.#clock.monotonicMs() + this.#timeoutMs)
    if (this.#timer === undefined) this.#arm()
  }

  ended(entry: QueueEntry): void {
    this.#dueMs.delete(entry)
  }

  cancel(): void {
    this.#timer?.cancel()
    this.#dueMs.clear()
  }

  #arm(): void {
    this.#timer = undefined
    for (const [, dueMs] of this.#dueMs) {
      this.#timer = this.#clock.after(Math.max(0, dueMs - this.#clock.monotonicMs()), () => this.#check())
      return
    }
  }

  #check(): void {
    const nowMs = this.#clock.monotonicMs()
    for (const [entry, dueMs] of this.#dueMs) {
      if (dueMs > nowMs) break
      this.#dueMs.delete(entry)
      this.#overdue(entry)
    }
    this.#arm()
  }
}
