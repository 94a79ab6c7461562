/**
 * Looks after the streams in the background: lets old segments go, hands partitions that may need it to compaction, and
 * forgets idempotent writers nobody has seen for a day. Every few minutes for all, and at once for a partition whose
 * segment was closed or whose settings changed.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Compactor } from './compactor.ts'
import type { StreamPartition } from './partition.ts'
import { retainedFrom } from './retention.ts'
import type { StreamTable } from './stream-table.ts'

/** As in Kafka: log.retention.check.interval.ms. */
const LOOK_EVERY_MS = 5 * 60_000
/** As in Kafka: producer.id.expiration.ms. */
const WRITER_FORGOTTEN_MS = 24 * 3_600_000

export class StreamKeeper {
  readonly #table: StreamTable
  readonly #clock: Clock
  readonly #compactor: Compactor
  #timer: Timer | undefined
  /** A replay, or an end, is no time for changes. */
  #isAwake = false

  constructor(table: StreamTable, clock: Clock, compactor: Compactor) {
    this.#table = table
    this.#clock = clock
    this.#compactor = compactor
  }

  /** After replay: looks at everything now, then again and again. */
  start(): void {
    this.#isAwake = true
    this.#round()
  }

  /** There is a stream: rounds begin, unless they have. */
  begin(): void {
    if (this.#isAwake) this.#timer ??= this.#clock.after(LOOK_EVERY_MS, () => this.#round())
  }

  #round(): void {
    this.#timer = undefined
    const unseenSinceMs = this.#clock.nowMs() - WRITER_FORGOTTEN_MS
    for (const stream of this.#table.all()) {
      for (const partition of stream.partitions) {
        partition.expireProducers(unseenSinceMs)
        this.look(partition)
      }
    }
    if (!this.#table.isEmpty) this.begin()
  }

  /** Something about this partition changed that may matter. */
  look(partition: StreamPartition): void {
    if (!this.#isAwake || partition.isGone) return
    partition.dropBefore(retainedFrom(partition, partition.rules, this.#clock.nowMs()))
    if (partition.rules.compacts) this.#compactor.offer(partition)
  }

  stop(): void {
    this.#isAwake = false
    this.#timer?.cancel()
    this.#compactor.stop()
  }
}
