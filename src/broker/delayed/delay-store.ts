/**
 * Messages that wait for their moment: what was published to an x-delayed-message exchange with an `x-delay`. Each lies
 * in the store's own log from its publish on, so it survives a restart and costs 16 bytes of memory, whatever its size.
 * When it is due it is read back and routed as if published then. No message waits for another.
 *
 * A log of this kind holds the same entries as a queue's lane (`queues/lane-state.ts`).
 */
import type { Clock } from '../../base/clock.ts'
import { StorageError } from '../../base/errors.ts'
import { integerOf, long } from '../../base/field-value.ts'
import {
  type Message,
  makeMessage,
  messageFromBytes,
  storedBodyBytes,
  storedPersistent,
} from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import { type Entry, EntryKind, type StoredRecord } from '../../storage/contract.ts'
import { LaneChanges, LaneState } from '../queues/lane-state.ts'
import { EarliestTimer } from '../queues/queue-timers.ts'
import type { ConfirmListener } from '../session.ts'
import type { GroupWriter, LogOwner, Shard } from '../shard.ts'
import { DueHeap } from './due-heap.ts'

export interface DelayStoreDeps {
  readonly log: number
  readonly shard: Shard
  readonly formats: MessageFormats
  readonly clock: Clock
  /** Routes a message whose time has come. */
  release(message: Message): void
  damaged(error: StorageError): void
}

const READ_BYTES = 256 * 1024
/** Reads under way at once while many messages come due together. */
const RELEASE_BATCH = 64

/** The delay a message asks for, in milliseconds; 0 when it asks for none. Any integer type, up to 64 bits. */
export function delayOf(message: Message): number {
  const delayMs = integerOf(message.format.header(message.properties(), 'x-delay'))
  return delayMs === undefined || delayMs <= 0 ? 0 : delayMs
}

export class DelayStore implements GroupWriter, LogOwner {
  readonly #deps: DelayStoreDeps
  readonly #state = new LaneState()
  readonly #changes = new LaneChanges()
  readonly #heap = new DueHeap()
  readonly #timer: EarliestTimer
  #dirty = false
  #releasing = false
  #ended = false

  constructor(deps: DelayStoreDeps) {
    this.#deps = deps
    this.#timer = new EarliestTimer(deps.clock, () => void this.#releaseDue())
  }

  /** How many messages wait. */
  get count(): number {
    return this.#heap.length
  }

  add(message: Message, delayMs: number, confirms: ConfirmListener | undefined, sequence: number): void {
    const state = this.#state
    const offset = state.nextOffset++
    const ticket = this.#deps.shard.append(this.#deps.log, EntryKind.record, offset, 1, message.bytes)
    if (message.persistent) {
      state.persistentCount++
      state.persistentBytes += message.bodyBytes
    }
    if (confirms !== undefined) {
      confirms.expect(sequence)
      if (message.persistent) this.#deps.shard.confirm(ticket, confirms, sequence)
      else confirms.confirmed(sequence)
    }
    this.#expect(message.publishedMs + delayMs, offset)
  }

  #expect(dueMs: number, offset: number): void {
    this.#heap.push(dueMs, offset)
    this.#timer.note(dueMs)
  }

  async #releaseDue(): Promise<void> {
    if (this.#releasing) return
    this.#releasing = true
    try {
      while (!this.#ended && this.#heap.firstDueMs <= this.#deps.clock.nowMs()) await this.#releaseSome()
    } catch (error) {
      // Closing is no failure: what is due stays in the log for the next start.
      if (!(error instanceof StorageError)) throw error
      if (error.code !== 'closed' && error.code !== 'fenced') this.#deps.damaged(error)
    } finally {
      this.#releasing = false
    }
    if (this.#heap.length > 0 && !this.#ended) this.#timer.note(this.#heap.firstDueMs)
  }

  async #releaseSome(): Promise<void> {
    const { log, shard, formats, clock } = this.#deps
    await shard.roomToCopy()
    const offsets: number[] = []
    while (offsets.length < RELEASE_BATCH && this.#heap.firstDueMs <= clock.nowMs()) offsets.push(this.#heap.pop())
    const reads = await Promise.allSettled(offsets.map((offset) => shard.readOne(log, offset)))
    if (this.#ended) return
    for (const read of reads) {
      if (read.status === 'rejected') continue
      const record = read.value
      const message = messageFromBytes(Buffer.from(record.payload), formats)
      // Routed first, settled after: a crash in between brings it twice rather than never.
      this.#deps.release(released(message, clock.nowMs()))
      this.#settled(record.baseOffset, message)
    }
    // One that cannot be read must not keep the others from leaving.
    for (const read of reads) if (read.status === 'rejected') throw read.reason
  }

  #settled(offset: number, message: Message): void {
    this.#state.settled.add(offset, offset + 1)
    this.#changes.settled(offset, offset + 1)
    if (message.persistent) {
      this.#state.persistentCount--
      this.#state.persistentBytes -= message.bodyBytes
      this.#changes.persistentCount++
      this.#changes.persistentBytes += message.bodyBytes
    }
    if (this.#dirty) return
    this.#dirty = true
    this.#deps.shard.markDirty(this)
  }

  /** After `end` too: what was routed before it is in the same group, and must not be routed again. */
  writeChanges(): void {
    this.#dirty = false
    if (this.#changes.isEmpty) return
    const { log, shard } = this.#deps
    const settled = this.#changes.encodeSettled(0)
    if (settled) shard.append(log, EntryKind.control, 0, 0, settled)
    this.#changes.forEachSettled((from, to) => shard.journal.discard(log, from, to))
    this.#changes.clear()
  }

  writeSnapshot(log: number): void {
    this.writeChanges()
    this.#deps.shard.append(log, EntryKind.snapshot, 0, 0, this.#state.encodeSnapshot())
  }

  replay(_log: number, entry: Entry): void {
    const state = this.#state
    if (entry.kind === EntryKind.control) return state.applyControl(entry.payload)
    if (entry.kind === EntryKind.snapshot) return state.applySnapshot(entry.payload)
    state.nextOffset = Math.max(state.nextOffset, entry.baseOffset + entry.count)
    if (!storedPersistent(entry.payload)) return
    state.persistentCount++
    state.persistentBytes += storedBodyBytes(entry.payload)
  }

  /** After replay: says again what storage may forget, and finds out in the background what is due when. */
  async recovered(): Promise<void> {
    const { log, shard } = this.#deps
    const bornAt = this.#state.nextOffset
    for (const [from, to] of this.#state.settled) shard.journal.discard(log, from, to)
    for (let from = 0; from < bornAt && !this.#ended; ) {
      const records = await shard.read(log, from, READ_BYTES)
      if (records.length === 0) break
      for (const record of records) {
        from = record.baseOffset + record.count
        if (record.baseOffset < bornAt) this.#recover(record)
      }
    }
  }

  #recover(record: StoredRecord): void {
    if (this.#state.settled.contains(record.baseOffset)) return
    const message = messageFromBytes(record.payload, this.#deps.formats)
    if (message.persistent) this.#expect(message.publishedMs + delayOf(message), record.baseOffset)
    else this.#settled(record.baseOffset, message)
  }

  end(): void {
    this.#ended = true
    this.#timer.cancel()
  }
}

/** As published now, with the delay turned negative: it is served, and must not delay again further on. */
function released(message: Message, nowMs: number): Message {
  const properties = message.properties()
  const headers = new Map(message.format.headers(properties))
  headers.set('x-delay', long(-delayOf(message)))
  const head = {
    format: message.format,
    address: message.address,
    persistent: message.persistent,
    priority: message.priority < 0 ? undefined : message.priority,
    publishedMs: nowMs,
    expirationMs: message.expirationMs < 0 ? undefined : message.expirationMs,
  }
  return makeMessage(head, message.format.change(properties, { headers }), message.body())
}
