/** One group: who is in it, how far it has read, and what a restart would find of it. */
import type { GroupEntry } from './group-entries.ts'
import type { ClassicMembership } from './membership.ts'
import { GroupOffsets } from './offsets.ts'
import type { StoredMembership } from './stored-group.ts'

export class Group {
  readonly id: string
  /** The one way to agree there is today; other kinds of groups will stand in its place, beside the same offsets. */
  readonly membership: ClassicMembership
  readonly offsets = new GroupOffsets()
  /** As the log has it; the live membership may be rounds ahead. */
  stored: StoredMembership | undefined

  constructor(id: string, membership: ClassicMembership) {
    this.id = id
    this.membership = membership
  }

  /** Nothing would be lost with it. */
  get isBlank(): boolean {
    return this.stored === undefined && this.offsets.isEmpty && this.membership.isDeserted
  }

  apply(entry: GroupEntry): void {
    switch (entry.kind) {
      case 'offsets':
        return this.offsets.commit(entry.offsets)
      case 'members':
        this.stored = entry.membership
        return
      case 'removed':
        this.stored = undefined
        return this.offsets.clear()
      case 'forgotten':
        return this.offsets.forget(entry.partitions)
      case 'staged':
        return this.offsets.stage(entry.producerId, entry.offsets)
      case 'ended':
        return this.offsets.end(entry.producerId, entry.outcome)
    }
  }

  *entries(): IterableIterator<GroupEntry> {
    if (this.stored !== undefined) yield { kind: 'members', group: this.id, membership: this.stored }
    yield* this.offsets.entries(this.id)
  }
}
