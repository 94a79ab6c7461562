/** Watches the free space where data goes, and raises an alarm before a write must fail. */
import type { Clock, Timer } from '../base/clock.ts'
import type { Storage } from '../storage/contract.ts'
import type { FlowControl } from './flow.ts'

const CHECK_EVERY_MS = 10_000
/** While the alarm is up, people are waiting. */
const CHECK_EVERY_MS_LOW = 1_000
/** RabbitMQ's words: clients show or match them. */
const REASON = 'low on disk'

export class DiskAlarm {
  readonly #storage: Storage
  readonly #flow: FlowControl
  readonly #clock: Clock
  readonly #limitBytes: number
  #timer: Timer | undefined
  #stopped = false

  constructor(storage: Storage, flow: FlowControl, clock: Clock, limitBytes: number) {
    this.#storage = storage
    this.#flow = flow
    this.#clock = clock
    this.#limitBytes = limitBytes
  }

  /** Looks now, then again and again. Never rejects: an engine that cannot tell raises no alarm. */
  async watch(): Promise<void> {
    const freeBytes = await this.#storage.freeBytes().catch(() => undefined)
    if (this.#stopped) return
    const low = freeBytes !== undefined && freeBytes < this.#limitBytes
    this.#flow.setAlarm('disk', low ? REASON : undefined)
    this.#timer = this.#clock.after(low ? CHECK_EVERY_MS_LOW : CHECK_EVERY_MS, () => void this.watch())
  }

  stop(): void {
    this.#stopped = true
    this.#timer?.cancel()
  }
}
