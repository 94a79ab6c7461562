/**
 * One log of groups: appends what its groups change, and lets a change count when it is durable, in order, by the same
 * code that replays it. So nobody sees an offset that a crash could take back, and replay equals the live state.
 *
 * Formats: `group-entries.ts`.
 */
import { Deque } from '../../base/deque.ts'
import { type Entry, EntryKind } from '../../storage/contract.ts'
import type { ConfirmListener } from '../session.ts'
import type { LogOwner, Shard } from '../shard.ts'
import { decodeEntry, decodeSnapshot, encodeEntry, encodeSnapshot, type GroupEntry } from './group-entries.ts'

/** The groups that live in a log. */
export interface GroupLogState {
  apply(entry: GroupEntry): void
  /** Forgets everything, before a snapshot is applied. */
  reset(): void
  /** Everything applied, as entries that make it anew. */
  entries(): Iterable<GroupEntry>
}

interface Pending {
  readonly payload: Buffer
  readonly done: (isDurable: boolean) => void
}

export class GroupLog implements LogOwner, ConfirmListener {
  readonly #log: number
  readonly #shard: Shard
  readonly #state: GroupLogState
  /** Appended and not yet durable, in order. */
  readonly #pending = new Deque<Pending>()

  constructor(log: number, shard: Shard, state: GroupLogState) {
    this.#log = log
    this.#shard = shard
    this.#state = state
  }

  /** `done` is called once: when the entry is durable and counts, or never will be. */
  append(entry: GroupEntry, done: (isDurable: boolean) => void): void {
    if (this.#shard.journal.failure !== undefined) return done(false)
    const payload = encodeEntry(entry)
    const ticket = this.#shard.append(this.#log, EntryKind.control, 0, 0, payload)
    this.#pending.push({ payload, done })
    this.#shard.confirm(ticket, this, 0)
  }

  expect(): void {}

  confirmed(): void {
    const pending = this.#pending.shift()
    if (pending === undefined) return
    this.#state.apply(decodeEntry(pending.payload))
    pending.done(true)
  }

  rejected(): void {
    this.#pending.shift()?.done(false)
  }

  replay(_log: number, entry: Entry): void {
    if (entry.kind === EntryKind.control) return this.#state.apply(decodeEntry(entry.payload))
    this.#state.reset()
    for (const payload of decodeSnapshot(entry.payload)) this.#state.apply(decodeEntry(payload))
  }

  /** Stands for what is applied and for what is pending: a snapshot takes the place of every entry before it. */
  writeSnapshot(log: number): void {
    this.#shard.append(log, EntryKind.snapshot, 0, 0, encodeSnapshot(this.#payloads()))
  }

  *#payloads(): IterableIterator<Buffer> {
    for (const entry of this.#state.entries()) yield encodeEntry(entry)
    for (let index = 0; index < this.#pending.length; index++) yield (this.#pending.at(index) as Pending).payload
  }
}
