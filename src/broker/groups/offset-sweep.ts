/**
 * Drops offsets nobody has used for long, and groups of which nothing is left. As Kafka counts:
 *
 *     a commit that said how long         from its commit
 *     an empty group that had members     from when it became empty, or the commit where that is later
 *     a group that never had members      from the commit
 *     a stable group of consumers         from the commit, and only of streams no member reads
 *     any other group with members        never
 *
 * What a transaction may still change stays.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import type { Group } from './group.ts'
import type { StoredOffset } from './group-entries.ts'
import type { GroupSettings } from './group-settings.ts'
import type { GroupSlots } from './group-slots.ts'

export class OffsetSweep {
  readonly #clock: Clock
  readonly #settings: GroupSettings
  readonly #slots: GroupSlots
  #timer: Timer | undefined

  constructor({ clock, settings }: { clock: Clock; settings: GroupSettings }, slots: GroupSlots) {
    this.#clock = clock
    this.#settings = settings
    this.#slots = slots
  }

  start(): void {
    this.#timer = this.#clock.after(this.#settings.sweepMs, () => {
      for (const group of [...this.#slots.all()]) this.#look(group)
      this.start()
    })
  }

  stop(): void {
    this.#timer?.cancel()
  }

  #look(group: Group): void {
    const { offsets, membership } = group
    const all = [...offsets.all()]
    const expired = all.filter((offset) => this.#isExpired(group, offset))
    if (expired.length === all.length && offsets.producers().length === 0 && membership.isDeserted) {
      return this.#slots.append({ kind: 'removed', group: group.id }, () => {})
    }
    if (expired.length > 0) {
      const partitions = expired.map(({ stream, partition }) => ({ stream, partition }))
      this.#slots.append({ kind: 'forgotten', group: group.id, partitions }, () => {})
    }
  }

  #isExpired({ offsets, membership }: Group, offset: StoredOffset): boolean {
    if (offsets.isUnstable(offset.stream, offset.partition)) return false
    const nowMs = this.#clock.nowMs()
    if (offset.expiresMs > 0) return nowMs >= offset.expiresMs
    const { state } = membership
    const readsOn = state !== 'stable' || membership.protocolType !== 'consumer' || membership.reads(offset.stream)
    if (state !== 'empty' && readsOn) return false
    return nowMs >= Math.max(offset.committedMs, membership.emptySinceMs) + this.#settings.offsetsRetentionMs
  }
}
