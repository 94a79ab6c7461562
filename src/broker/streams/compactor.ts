/**
 * One compaction after another, in the background: memory for one set of keys at a time, and the disk for one rewriting.
 * What compaction does is in `compaction.ts`; here is only when.
 */
import type { Timer } from '../../base/clock.ts'
import { Refused, StorageError } from '../../base/errors.ts'
import { type CompactionDeps, compact } from './compaction.ts'
import type { StreamPartition } from './partition.ts'

/** As in Kafka (log.cleaner.backoff.ms): small segments must not have all of it written anew with each of them. */
const REST_MS = 15_000

export class Compactor {
  readonly #deps: CompactionDeps
  readonly #failed: (partition: StreamPartition, error: StorageError | Refused) => void
  /** When a partition was last compacted. */
  readonly #compactedMs = new WeakMap<StreamPartition, number>()
  /** Offered while they rested: looked at when that is over, for it may be the last offer in a long time. */
  readonly #resting = new Map<StreamPartition, Timer>()
  /** In order, each once. */
  readonly #waiting = new Set<StreamPartition>()
  #working: Promise<void> | undefined
  #isStopped = false

  constructor(deps: CompactionDeps, failed: (partition: StreamPartition, error: StorageError | Refused) => void) {
    this.#deps = deps
    this.#failed = failed
  }

  /** Resolves when nothing is under way. */
  idle(): Promise<void> {
    return this.#working ?? Promise.resolve()
  }

  /** It may be worth compacting. */
  offer(partition: StreamPartition): void {
    if (this.#isStopped || this.#resting.has(partition)) return
    const { clock } = this.#deps
    const restedMs = clock.monotonicMs() - (this.#compactedMs.get(partition) ?? Number.NEGATIVE_INFINITY)
    if (restedMs < REST_MS) {
      this.#resting.set(
        partition,
        clock.after(REST_MS - restedMs, () => this.#rested(partition)),
      )
      return
    }
    this.#waiting.add(partition)
    this.#working ??= this.#work()
  }

  #rested(partition: StreamPartition): void {
    this.#resting.delete(partition)
    this.offer(partition)
  }

  /** Rejects only when we are at fault. */
  async #work(): Promise<void> {
    // Never inside somebody's append.
    await new Promise(setImmediate)
    for (const partition of this.#waiting) {
      this.#waiting.delete(partition)
      try {
        // Another pass when one did not get through all that waits.
        while (!this.#isStopped && (await compact(partition, this.#deps))) {}
        this.#compactedMs.set(partition, this.#deps.clock.monotonicMs())
      } catch (error) {
        if (!(error instanceof StorageError || error instanceof Refused)) throw error
        if (this.#isStopped || isEnd(error)) break
        this.#failed(partition, error)
      }
    }
    this.#working = undefined
  }

  stop(): void {
    this.#isStopped = true
    this.#waiting.clear()
    for (const timer of this.#resting.values()) timer.cancel()
    this.#resting.clear()
  }
}

/** The broker goes down: what was begun is swept away at the next start. */
function isEnd(error: StorageError | Refused): boolean {
  return error instanceof StorageError && (error.code === 'closed' || error.code === 'fenced')
}
