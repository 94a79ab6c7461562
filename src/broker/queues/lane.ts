/**
 * A lane: one ordered log and a cursor. A queue has one, or one per priority. It knows the order and the place of
 * messages (memory or disk), what is settled, and what to write about it; it knows no consumer and no limit.
 *
 *     offsets   0 ........ settled ........ │ out, returned │ head (in memory) │ backlog (on disk only) │ next
 *                                             few, anywhere   from here on in order ─────────────────►
 *
 * Nothing is held for a message of the backlog. While there is a backlog, new messages join it; without one they stay
 * in memory as long as the budget allows. What comes back after a delivery waits in a heap by offset, before the head.
 */

import { Deque } from '../../base/deque.ts'
import { invariant, StorageError } from '../../base/errors.ts'
import { type Message, storedBodyBytes, storedExpires, storedPersistent } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import { type Entry, EntryKind, type StoredRecord, type Ticket } from '../../storage/contract.ts'
import type { GroupWriter, Shard } from '../shard.ts'
import type { LaneHost } from './lane-host.ts'
import { LaneReader } from './lane-reader.ts'
import { Backlog, LaneChanges, LaneState } from './lane-state.ts'
import type { MessageMemory } from './message-memory.ts'
import { OffsetHeap } from './offset-heap.ts'
import { LANES_PER_QUEUE } from './queue-definition.ts'
import { QueueEntry } from './queue-entry.ts'

const NO_TICKET = -1
/** One sequential read of the backlog. */
const LOAD_BYTES = 256 * 1024
/** While message memory is short, a lane still gets this much, or nothing would ever move. */
const LOAD_BYTES_SCARCE = 32 * 1024
/** The next read starts when the head is shorter than this. */
const LOAD_BELOW_COUNT = 64
/** Settlements nobody needs to know soon are written when they make more ranges than this. */
const UNWRITTEN_RANGES_MAX = 256

export class Lane implements GroupWriter {
  readonly log: number
  readonly host: LaneHost
  readonly #level: number
  readonly #shard: Shard
  readonly #memory: MessageMemory
  readonly #reader: LaneReader
  readonly #state = new LaneState()
  readonly #changes = new LaneChanges()
  readonly #head = new Deque<QueueEntry>()
  readonly #returned = new OffsetHeap()
  readonly #backlog = new Backlog()
  /** Records below were written by an earlier life: what is not persistent among them died with it. */
  #bornAt = 0
  #everStored = false
  #dirty = false
  #loading = false
  /** Storage could not give what it should hold: nothing more is asked of it, nothing is skipped. */
  #broken = false
  #ended = false
  /** The ticket of the last `admit`; NO_TICKET when nothing had to be written. */
  lastTicket: Ticket = NO_TICKET

  constructor(log: number, host: LaneHost, shard: Shard, memory: MessageMemory, formats: MessageFormats) {
    this.log = log
    this.host = host
    this.#level = log % LANES_PER_QUEUE
    this.#shard = shard
    this.#memory = memory
    this.#reader = new LaneReader(log, shard, formats)
  }

  get readyCount(): number {
    return this.#head.length + this.#returned.length + this.#backlog.count
  }

  /** Some message here may carry its own time to live. */
  get mayExpire(): boolean {
    return this.#state.mayExpire && this.readyCount > 0
  }

  /** Gives a message its place and writes it down if it must survive. The entry is neither ready nor out yet. */
  admit(message: Message): QueueEntry {
    const state = this.#state
    const offset = state.nextOffset++
    const persistent = this.host.durable && message.persistent
    const expiresAtMs = this.host.expiryOf(message)
    const entry = new QueueEntry(this.host, this.#level, offset, message, persistent, persistent, expiresAtMs)
    if (message.expirationMs >= 0) state.mayExpire = true
    if (persistent) {
      state.persistentCount++
      state.persistentBytes += entry.bodyBytes
      this.#write(entry, message)
    } else {
      this.lastTicket = NO_TICKET
    }
    this.#memory.take(entry.heldBytes)
    return entry
  }

  #write(entry: QueueEntry, message: Message): void {
    this.#everStored = true
    this.lastTicket = this.#shard.append(this.log, EntryKind.record, entry.offset, 1, message.bytes)
  }

  /** A just admitted entry that nobody took at once becomes the last ready one. */
  queueUp(entry: QueueEntry): void {
    const tally = this.host.tally
    tally.readyCount++
    tally.readyBytes += entry.bodyBytes
    if (this.#backlog.count === 0 && !this.#memory.full) {
      this.#head.push(entry)
      return
    }
    if (!entry.stored) this.#write(entry, entry.message)
    this.#backlog.add(entry)
    this.#letGo(entry)
  }

  /** A just admitted entry goes straight to a consumer. */
  handOutDirectly(entry: QueueEntry): void {
    this.#markOut(entry)
  }

  /** The first ready entry if its message is in memory; otherwise undefined, and loading begins if there is one. */
  peek(): QueueEntry | undefined {
    const returned = this.#returned.peek()
    if (returned !== undefined) {
      if (returned.held !== undefined) return returned
      this.#reload(returned)
      return undefined
    }
    const entry = this.#head.peek()
    if (entry === undefined && this.#backlog.count > 0) this.#load()
    return entry
  }

  /** Takes out the entry `peek` just gave. */
  shift(): QueueEntry {
    const entry = this.#returned.length > 0 ? this.#returned.pop() : this.#head.shift()
    invariant(entry?.held !== undefined, 'shift of a lane with nothing in memory')
    const tally = this.host.tally
    tally.readyCount--
    tally.readyBytes -= entry.bodyBytes
    if (this.#backlog.count > 0 && this.#head.length < LOAD_BELOW_COUNT) this.#load()
    this.#markOut(entry)
    return entry
  }

  #markOut(entry: QueueEntry): void {
    entry.state = 'out'
    const tally = this.host.tally
    tally.outCount++
    tally.outBytes += entry.bodyBytes
    if (entry.offset >= this.#state.deliveredUpTo) this.#state.deliveredUpTo = entry.offset + 1
  }

  /** After a delivery or a return: when memory is short, a message that can be read again need not wait in it. */
  relieve(entry: QueueEntry): void {
    if (entry.stored && entry.state !== 'gone' && this.#memory.full) this.#letGo(entry)
  }

  /** Nothing is to be done for this entry any more: its lane has ended, or another stands for its message. */
  forget(entry: QueueEntry): void {
    entry.state = 'gone'
    this.#letGo(entry)
  }

  /** The entry is done, whatever became of it. */
  settle(entry: QueueEntry): void {
    this.#leaveOut(entry)
    entry.state = 'gone'
    if (entry.persistent) {
      this.#state.persistentCount--
      this.#state.persistentBytes -= entry.bodyBytes
    }
    this.#letGo(entry)
    const persistentBytes = entry.persistent ? entry.bodyBytes : 0
    this.#noteSettled(entry.offset, entry.offset + 1, entry.persistent ? 1 : 0, persistentBytes, entry.stored)
  }

  /** The entry returns to its old place. */
  requeue(entry: QueueEntry): void {
    this.#leaveOut(entry)
    entry.state = 'ready'
    entry.redelivered = true
    entry.deliveryCount++
    const tally = this.host.tally
    tally.readyCount++
    tally.readyBytes += entry.bodyBytes
    if (entry.persistent) {
      this.#state.deliveryCounts.set(entry.offset, entry.deliveryCount)
      this.#changes.returned(entry.offset, entry.deliveryCount)
      this.#markDirty()
    }
    this.#returned.push(entry)
  }

  #leaveOut(entry: QueueEntry): void {
    invariant(entry.state === 'out', `settling a delivery that is ${entry.state}`)
    const tally = this.host.tally
    tally.outCount--
    tally.outBytes -= entry.bodyBytes
  }

  #letGo(entry: QueueEntry): void {
    if (entry.held === undefined) return
    entry.held = undefined
    this.#memory.give(entry.heldBytes)
  }

  #noteSettled(from: number, to: number, persistentCount: number, persistentBytes: number, stored: boolean): void {
    // A lane that never wrote anything has nothing to take back.
    if (!this.#everStored) return
    const changes = this.#changes
    this.#state.settled.add(from, to)
    this.#state.forgetCounts(from, to)
    changes.settled(from, to)
    changes.persistentCount += persistentCount
    changes.persistentBytes += persistentBytes
    // What has no record can wait for what has one, but must not gather for ever where nothing has one any more.
    if (stored || changes.rangeCount > UNWRITTEN_RANGES_MAX) this.#markDirty()
  }

  #markDirty(): void {
    if (this.#dirty || this.#ended) return
    this.#dirty = true
    this.#shard.markDirty(this)
  }

  writeChanges(): void {
    this.#dirty = false
    if (this.#ended || this.#changes.isEmpty) return
    const changes = this.#changes
    if (this.host.durable) {
      const settled = changes.encodeSettled(this.#state.deliveredUpTo)
      if (settled) this.#shard.append(this.log, EntryKind.control, 0, 0, settled)
      const returned = changes.encodeReturned()
      if (returned) this.#shard.append(this.log, EntryKind.control, 0, 0, returned)
    }
    changes.forEachSettled((from, to) => this.#shard.journal.discard(this.log, from, to))
    changes.clear()
  }

  writeSnapshot(): void {
    if (this.#ended) return
    this.writeChanges()
    this.#shard.append(this.log, EntryKind.snapshot, 0, 0, this.#state.encodeSnapshot())
  }

  /** Drops every ready message. Returns how many. */
  purge(): number {
    const count = this.readyCount
    const tally = this.host.tally
    for (const entry of this.#returned.drain()) this.#dropReady(entry)
    for (let entry = this.#head.shift(); entry !== undefined; entry = this.#head.shift()) this.#dropReady(entry)
    const backlog = this.#backlog
    if (backlog.count > 0) {
      tally.readyCount -= backlog.count
      tally.readyBytes -= backlog.bytes
      this.#state.persistentCount -= backlog.persistentCount
      this.#state.persistentBytes -= backlog.persistentBytes
      this.#noteSettled(backlog.from, this.#state.nextOffset, backlog.persistentCount, backlog.persistentBytes, true)
      backlog.clear()
    }
    return count
  }

  #dropReady(entry: QueueEntry): void {
    const tally = this.host.tally
    tally.readyCount--
    tally.readyBytes -= entry.bodyBytes
    this.#markOut(entry)
    this.settle(entry)
  }

  /** The queue is gone: nothing is kept, nothing is written but that. Settling what is out stays harmless. */
  end(): void {
    this.#ended = true
    for (const entry of this.#returned.drain()) this.#letGo(entry)
    for (let entry = this.#head.shift(); entry !== undefined; entry = this.#head.shift()) this.#letGo(entry)
    this.#backlog.clear()
    if (this.#everStored && !this.#shard.journal.failure) this.#shard.journal.endLog(this.log)
  }

  replay(entry: Entry): void {
    this.#everStored = true
    const state = this.#state
    switch (entry.kind) {
      case EntryKind.record:
        state.nextOffset = Math.max(state.nextOffset, entry.baseOffset + entry.count)
        if (storedPersistent(entry.payload)) {
          state.persistentCount++
          state.persistentBytes += storedBodyBytes(entry.payload)
          if (storedExpires(entry.payload)) state.mayExpire = true
        }
        break
      case EntryKind.control:
        state.applyControl(entry.payload)
        break
      case EntryKind.snapshot:
        state.applySnapshot(entry.payload)
    }
  }

  /** After replay: all that survived is backlog, and storage hears again what it may forget. */
  recovered(): void {
    const state = this.#state
    for (const [from, to] of state.settled) this.#shard.journal.discard(this.log, from, to)
    this.#bornAt = state.nextOffset
    this.#backlog.restore(state.persistentCount, state.persistentBytes)
    this.host.tally.readyCount += state.persistentCount
    this.host.tally.readyBytes += state.persistentBytes
  }

  #load(): void {
    if (this.#loading || this.#ended || this.#broken) return
    this.#loading = true
    const maxBytes = this.#memory.full ? LOAD_BYTES_SCARCE : LOAD_BYTES
    this.#reader
      .page(this.#backlog.from, maxBytes, () => this.#backlog.count > 0)
      .then(
        (records) => {
          this.#loading = false
          // A purge, or the end, may have emptied the backlog meanwhile.
          if (!this.#ended && this.#backlog.count > 0) for (const record of records) this.#takeFromBacklog(record)
          this.host.loaded()
        },
        (error: unknown) => this.#readFailed(error),
      )
  }

  #takeFromBacklog(record: StoredRecord): void {
    const state = this.#state
    const backlog = this.#backlog
    const offset = record.baseOffset
    if (offset < backlog.from) return
    // Offsets without a record held what did not survive: they are settled, so that one range covers all.
    if (offset > backlog.from) state.settled.add(backlog.from, offset)
    backlog.from = offset + 1
    if (offset < this.#bornAt && !storedPersistent(record.payload)) {
      this.#noteSettled(offset, offset + 1, 0, 0, true)
      return
    }
    const message = this.#reader.message(record)
    const persistent = this.host.durable && message.persistent
    const entry = new QueueEntry(this.host, this.#level, offset, message, persistent, true, this.host.expiryOf(message))
    if (state.deliveryCounts.size > 0) entry.deliveryCount = state.deliveryCounts.get(offset) ?? 0
    entry.redelivered = entry.deliveryCount > 0 || offset < state.deliveredUpTo
    this.#memory.take(entry.heldBytes)
    backlog.take(entry)
    this.#head.push(entry)
  }

  /** Brings one returned message back into memory. */
  #reload(entry: QueueEntry): void {
    if (this.#loading || this.#ended || this.#broken) return
    this.#loading = true
    this.load(entry).then(
      () => {
        this.#loading = false
        this.host.loaded()
      },
      (error: unknown) => this.#readFailed(error),
    )
  }

  /** Reads the message of an entry that was let go. @throws {StorageError} */
  async load(entry: QueueEntry): Promise<void> {
    if (entry.held !== undefined) return
    const message = await this.#reader.one(entry.offset)
    if (entry.held !== undefined || entry.state === 'gone' || this.#ended) return
    entry.held = message
    this.#memory.take(entry.heldBytes)
  }

  /**
   * Takes back a delivery over the head of who has it: his entry is dead from here on, a new one stands for the
   * message. Undefined when it was settled meanwhile.
   */
  async withdraw(entry: QueueEntry): Promise<QueueEntry | undefined> {
    await this.load(entry)
    if (entry.state !== 'out' || this.#ended) return undefined
    const { offset, message, persistent, stored, expiresAtMs } = entry
    const again = new QueueEntry(this.host, this.#level, offset, message, persistent, stored, expiresAtMs)
    again.state = 'out'
    again.deliveryCount = entry.deliveryCount
    this.#memory.take(again.heldBytes)
    this.forget(entry)
    return again
  }

  #readFailed(error: unknown): void {
    this.#loading = false
    if (this.#ended) return
    if (!(error instanceof StorageError)) throw error
    if (error.code === 'closed' || error.code === 'fenced') return
    this.#broken = true
    this.host.damaged(error)
  }
}
