/**
 * What a lane writes to its log beside the messages, and reads back at replay. A lane's log holds:
 *
 *     record     one message at its offset, in the stored form of `message/message.ts`
 *     control    settled:  u8 1 │ u48 delivered up to │ u32 persistent count │ u48 their body bytes │ n × (u48 from, u48 to)
 *                returned: u8 2 │ n × (u48 offset, u32 delivery count)
 *     snapshot   u8 1 version │ u8 may expire │ u48 next offset │ u48 delivered up to │ u48 persistent count │ u48 their body bytes
 *                │ u32 n │ n × (u48 from, u48 to) settled │ u32 m │ m × (u48 offset, u32 delivery count)
 *
 * All big-endian, ranges half-open. "Persistent" counts what is unsettled and survives a restart.
 */
import { StorageError } from '../../base/errors.ts'
import { RangeSet } from '../../base/range-set.ts'
import type { QueueEntry } from './queue-entry.ts'

const SETTLED = 1
const RETURNED = 2
const SNAPSHOT_VERSION = 1
const RANGE_BYTES = 12
const COUNT_BYTES = 10
const SETTLED_HEAD_BYTES = 17
const SNAPSHOT_HEAD_BYTES = 26

/** The part of a lane that survives a restart; also what replay builds up. */
export class LaneState {
  nextOffset = 0
  /** No offset at or above this was ever handed out, as far as the journal knows. */
  deliveredUpTo = 0
  /** Unsettled messages that survive a restart. */
  persistentCount = 0
  persistentBytes = 0
  /** Some message was given a time to live of its own: after a restart the head must be looked at. */
  mayExpire = false
  settled = new RangeSet()
  /** Unsettled messages that came back at least once. */
  deliveryCounts = new Map<number, number>()

  /** Takes a settled range out of the delivery counts; cheap when nothing ever came back. */
  forgetCounts(from: number, to: number): void {
    if (this.deliveryCounts.size === 0) return
    if (to - from === 1) {
      this.deliveryCounts.delete(from)
      return
    }
    for (const offset of this.deliveryCounts.keys())
      if (offset >= from && offset < to) this.deliveryCounts.delete(offset)
  }

  applyControl(payload: Buffer): void {
    const kind = payload[0]
    if (kind === SETTLED) {
      this.deliveredUpTo = Math.max(this.deliveredUpTo, payload.readUIntBE(1, 6))
      this.persistentCount -= payload.readUInt32BE(7)
      this.persistentBytes -= payload.readUIntBE(11, 6)
      for (let at = SETTLED_HEAD_BYTES; at < payload.length; at += RANGE_BYTES) {
        const from = payload.readUIntBE(at, 6)
        const to = payload.readUIntBE(at + 6, 6)
        this.settled.add(from, to)
        this.forgetCounts(from, to)
        // Messages that were never stored had offsets too: given again, they would be settled before they exist.
        if (to > this.nextOffset) this.nextOffset = to
      }
      if (this.deliveredUpTo > this.nextOffset) this.nextOffset = this.deliveredUpTo
    } else if (kind === RETURNED) {
      for (let at = 1; at < payload.length; at += COUNT_BYTES) {
        this.deliveryCounts.set(payload.readUIntBE(at, 6), payload.readUInt32BE(at + 6))
      }
    } else {
      throw new StorageError('newer-format', `unknown entry ${kind} in the log of a queue`)
    }
  }

  applySnapshot(payload: Buffer): void {
    if (payload[0] !== SNAPSHOT_VERSION) {
      throw new StorageError('newer-format', `a queue's snapshot of version ${payload[0]}`)
    }
    this.mayExpire = payload[1] === 1
    this.nextOffset = payload.readUIntBE(2, 6)
    this.deliveredUpTo = payload.readUIntBE(8, 6)
    this.persistentCount = payload.readUIntBE(14, 6)
    this.persistentBytes = payload.readUIntBE(20, 6)
    this.settled = new RangeSet()
    this.deliveryCounts.clear()
    let at = SNAPSHOT_HEAD_BYTES
    const rangesEnd = at + 4 + payload.readUInt32BE(at) * RANGE_BYTES
    for (at += 4; at < rangesEnd; at += RANGE_BYTES) {
      this.settled.add(payload.readUIntBE(at, 6), payload.readUIntBE(at + 6, 6))
    }
    const countsEnd = at + 4 + payload.readUInt32BE(at) * COUNT_BYTES
    for (at += 4; at < countsEnd; at += COUNT_BYTES) {
      this.deliveryCounts.set(payload.readUIntBE(at, 6), payload.readUInt32BE(at + 6))
    }
  }

  encodeSnapshot(): Buffer {
    const rangeCount = this.settled.rangeCount
    const bytes = Buffer.alloc(
      SNAPSHOT_HEAD_BYTES + 8 + rangeCount * RANGE_BYTES + this.deliveryCounts.size * COUNT_BYTES,
    )
    bytes[0] = SNAPSHOT_VERSION
    bytes[1] = this.mayExpire ? 1 : 0
    bytes.writeUIntBE(this.nextOffset, 2, 6)
    bytes.writeUIntBE(this.deliveredUpTo, 8, 6)
    bytes.writeUIntBE(this.persistentCount, 14, 6)
    bytes.writeUIntBE(this.persistentBytes, 20, 6)
    let at = SNAPSHOT_HEAD_BYTES
    at = bytes.writeUInt32BE(rangeCount, at)
    for (const [from, to] of this.settled) {
      bytes.writeUIntBE(from, at, 6)
      bytes.writeUIntBE(to, at + 6, 6)
      at += RANGE_BYTES
    }
    at = bytes.writeUInt32BE(this.deliveryCounts.size, at)
    for (const [offset, count] of this.deliveryCounts) {
      bytes.writeUIntBE(offset, at, 6)
      bytes.writeUInt32BE(count, at + 6)
      at += COUNT_BYTES
    }
    return bytes
  }
}

/** Ready messages that lie in storage only: one place and four numbers, however many they are. */
export class Backlog {
  /** They lie at or above this offset. */
  from = 0
  count = 0
  bytes = 0
  /** Of these, what survives a restart. */
  persistentCount = 0
  persistentBytes = 0

  add(entry: QueueEntry): void {
    if (this.count === 0) this.from = entry.offset
    this.count++
    this.bytes += entry.bodyBytes
    if (!entry.persistent) return
    this.persistentCount++
    this.persistentBytes += entry.bodyBytes
  }

  take(entry: QueueEntry): void {
    this.count--
    this.bytes -= entry.bodyBytes
    if (!entry.persistent) return
    this.persistentCount--
    this.persistentBytes -= entry.bodyBytes
  }

  /** After a restart everything is backlog, and all of it persistent. */
  restore(count: number, bytes: number): void {
    this.from = 0
    this.count = this.persistentCount = count
    this.bytes = this.persistentBytes = bytes
  }

  clear(): void {
    this.count = this.persistentCount = 0
    this.bytes = this.persistentBytes = 0
  }
}

/**
 * Settlements and returns since the last seal, gathered so that a thousand acknowledgements are one small entry.
 * Neighbours merge while they come in order; order does not matter otherwise.
 */
export class LaneChanges {
  #ranges: number[] = []
  #returned = new Map<number, number>()
  persistentCount = 0
  persistentBytes = 0

  get isEmpty(): boolean {
    return this.#ranges.length === 0 && this.#returned.size === 0
  }

  get rangeCount(): number {
    return this.#ranges.length / 2
  }

  settled(from: number, to: number): void {
    const ranges = this.#ranges
    const last = ranges.length - 1
    if (last > 0 && ranges[last] === from) ranges[last] = to
    else ranges.push(from, to)
    if (this.#returned.size > 0 && to - from === 1) this.#returned.delete(from)
  }

  returned(offset: number, deliveryCount: number): void {
    this.#returned.set(offset, deliveryCount)
  }

  /** Calls `fn` for each settled range since the last `clear`. */
  forEachSettled(fn: (from: number, to: number) => void): void {
    const ranges = this.#ranges
    for (let index = 0; index < ranges.length; index += 2) fn(ranges[index] as number, ranges[index + 1] as number)
  }

  /** Undefined when nothing was settled. */
  encodeSettled(deliveredUpTo: number): Buffer | undefined {
    const ranges = this.#ranges
    if (ranges.length === 0) return undefined
    const bytes = Buffer.allocUnsafe(SETTLED_HEAD_BYTES + ranges.length * 6)
    bytes[0] = SETTLED
    bytes.writeUIntBE(deliveredUpTo, 1, 6)
    bytes.writeUInt32BE(this.persistentCount, 7)
    bytes.writeUIntBE(this.persistentBytes, 11, 6)
    let at = SETTLED_HEAD_BYTES
    for (const offset of ranges) at = bytes.writeUIntBE(offset, at, 6)
    return bytes
  }

  /** Undefined when nothing came back. */
  encodeReturned(): Buffer | undefined {
    if (this.#returned.size === 0) return undefined
    const bytes = Buffer.allocUnsafe(1 + this.#returned.size * COUNT_BYTES)
    bytes[0] = RETURNED
    let at = 1
    for (const [offset, count] of this.#returned) {
      bytes.writeUIntBE(offset, at, 6)
      bytes.writeUInt32BE(count, at + 6)
      at += COUNT_BYTES
    }
    return bytes
  }

  clear(): void {
    this.#ranges.length = 0
    this.#returned.clear()
    this.persistentCount = 0
    this.persistentBytes = 0
  }
}
