/**
 * Back-pressure for the whole broker: which world-wide reasons there are for publishers to wait, and who must be told
 * when that changes. Two strengths: an alarm is said to clients (`blocked`), a full journal buffer only makes sessions
 * hold their breath for a moment (`hold`).
 */
import type { Journal } from '../storage/contract.ts'

/** Bytes appended and not yet durable above which publishers hold, and below which they go on. */
const HOLD_ABOVE_BYTES = 32 * 1024 * 1024
const RELEASE_BELOW_BYTES = 8 * 1024 * 1024

/** A session, as flow control sees it. */
export interface Throttled {
  /** Called when an alarm went up or down, or a hold ended. */
  flowChanged(): void
}

export class FlowControl {
  readonly #journals: readonly Journal[]
  readonly #alarms = new Map<string, string>()
  readonly #sessions = new Set<Throttled>()
  readonly #held = new Set<Throttled>()

  constructor(journals: readonly Journal[]) {
    this.#journals = journals
    for (const journal of journals) {
      journal.onCommit(() => this.#release())
      journal.onStall((stalled) => this.setAlarm('storage', stalled && 'low on disk'))
    }
  }

  /** What to tell a client that must wait; undefined when nothing is wrong. */
  get alarm(): string | undefined {
    for (const reason of this.#alarms.values()) return reason
    return undefined
  }

  /** @param reason undefined takes the alarm down */
  setAlarm(name: string, reason: string | undefined): void {
    if (this.#alarms.get(name) === reason) return
    if (reason === undefined) this.#alarms.delete(name)
    else this.#alarms.set(name, reason)
    for (const session of this.#sessions) session.flowChanged()
  }

  add(session: Throttled): void {
    this.#sessions.add(session)
  }

  remove(session: Throttled): void {
    this.#sessions.delete(session)
    this.#held.delete(session)
  }

  /** After a publish: whether this session should hold now. It hears `flowChanged` when it may go on. */
  shouldHold(session: Throttled): boolean {
    for (const journal of this.#journals) {
      if (journal.pendingBytes <= HOLD_ABOVE_BYTES) continue
      this.#held.add(session)
      return true
    }
    return false
  }

  isHeld(session: Throttled): boolean {
    return this.#held.has(session)
  }

  #release(): void {
    if (this.#held.size === 0) return
    for (const journal of this.#journals) if (journal.pendingBytes > RELEASE_BELOW_BYTES) return
    const held = [...this.#held]
    this.#held.clear()
    for (const session of held) session.flowChanged()
  }
}
