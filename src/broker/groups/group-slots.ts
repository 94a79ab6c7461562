/**
 * The groups of one vhost, spread over a fixed number of logs by their names: a log's state is written anew as a whole
 * when space is reclaimed, so each should be small beside all of it, and one day they may have different owners.
 */
import { crc32c } from '../../base/crc32c.ts'
import { invariant } from '../../base/errors.ts'
import type { LogOwner, Shard } from '../shard.ts'
import { Group } from './group.ts'
import type { GroupEntry } from './group-entries.ts'
import { GroupLog, type GroupLogState } from './group-log.ts'
import type { ClassicMembership } from './membership.ts'

export interface GroupSlotsDeps {
  readonly shard: Shard
  readonly firstLog: number
  readonly slotCount: number
  makeMembership(group: string): ClassicMembership
}

class Slot implements GroupLogState {
  readonly groups = new Map<string, Group>()
  readonly log: GroupLog
  readonly #makeMembership: GroupSlotsDeps['makeMembership']

  constructor(log: number, { shard, makeMembership }: GroupSlotsDeps) {
    this.#makeMembership = makeMembership
    this.log = new GroupLog(log, shard, this)
  }

  findOrMake(id: string): Group {
    let group = this.groups.get(id)
    if (group === undefined) {
      group = new Group(id, this.#makeMembership(id))
      this.groups.set(id, group)
    }
    return group
  }

  dropIfBlank(id: string): void {
    if (this.groups.get(id)?.isBlank) this.groups.delete(id)
  }

  apply(entry: GroupEntry): void {
    this.findOrMake(entry.group).apply(entry)
    this.dropIfBlank(entry.group)
  }

  reset(): void {
    this.groups.clear()
  }

  *entries(): IterableIterator<GroupEntry> {
    for (const group of this.groups.values()) yield* group.entries()
  }
}

export class GroupSlots {
  readonly #slots: Slot[] = []
  readonly #firstLog: number

  constructor(deps: GroupSlotsDeps) {
    this.#firstLog = deps.firstLog
    for (let index = 0; index < deps.slotCount; index++) this.#slots.push(new Slot(deps.firstLog + index, deps))
  }

  #slotOf(group: string): Slot {
    return this.#slots[crc32c(Buffer.from(group)) % this.#slots.length] as Slot
  }

  find(id: string): Group | undefined {
    return this.#slotOf(id).groups.get(id)
  }

  findOrMake(id: string): Group {
    return this.#slotOf(id).findOrMake(id)
  }

  /** A group that holds nothing and waits for nobody. */
  dropIfBlank(id: string): void {
    this.#slotOf(id).dropIfBlank(id)
  }

  append(entry: GroupEntry, done: (isDurable: boolean) => void): void {
    this.#slotOf(entry.group).log.append(entry, done)
  }

  logOwner(log: number): LogOwner {
    const slot = this.#slots[log - this.#firstLog]
    invariant(slot !== undefined, `log ${log} is not one of these groups`)
    return slot.log
  }

  *all(): IterableIterator<Group> {
    for (const { groups } of this.#slots) yield* groups.values()
  }
}
