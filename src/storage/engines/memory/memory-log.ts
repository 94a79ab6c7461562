/**
 * One log in memory: what replay needs (the newest snapshot and what came after, discarded records included) and the
 * records that were not discarded. Keeps only what is committed.
 */
import { RangeSet } from '../../../base/range-set.ts'
import { type Entry, EntryKind, type StoredRecord } from '../../contract.ts'

/** An entry with its place in the order of all appends. */
export interface PlacedEntry extends Entry {
  readonly place: number
}

interface HeldRecord {
  readonly entry: PlacedEntry
  dead: boolean
}

const endOf = (record: HeldRecord): number => record.entry.baseOffset + record.entry.count

export class MemoryLog {
  /** The newest snapshot, if any, and the control entries since. */
  #state: PlacedEntry[] = []
  /** Of these, and of discarded records that replay still needs. */
  #stateBytes = 0
  #records: HeldRecord[] = []
  #recordBytes = 0
  #discarded = new RangeSet()

  /**
   * Control entries gather until the owner writes a snapshot. A large snapshot is asked for anew only when twice as much
   * has gathered on top of it.
   */
  wantsSnapshot(stateBytesMax: number): boolean {
    const first = this.#state[0]
    const snapshotBytes = first?.kind === EntryKind.snapshot ? first.payload.length : 0
    return this.#stateBytes > stateBytesMax + 3 * snapshotBytes
  }

  get storedBytes(): number {
    return this.#recordBytes
  }

  add(entry: PlacedEntry): void {
    if (entry.kind === EntryKind.record) {
      this.#records.push({ entry, dead: false })
      this.#recordBytes += entry.payload.length
      return
    }
    if (entry.kind === EntryKind.snapshot) {
      this.#state = []
      this.#stateBytes = 0
      this.#sweep()
    }
    this.#state.push(entry)
    this.#stateBytes += entry.payload.length
  }

  /** What a replay hands over, unordered. */
  collect(into: PlacedEntry[]): void {
    const snapshot = this.#state[0]
    const from = snapshot?.kind === EntryKind.snapshot ? snapshot.place : 0
    into.push(...this.#state)
    for (const record of this.#records) if (record.entry.place > from) into.push(record.entry)
  }

  read(fromOffset: number, maxBytes: number): StoredRecord[] {
    const found: StoredRecord[] = []
    let bytes = 0
    for (let index = this.#findRecord(fromOffset); index < this.#records.length; index++) {
      const { entry, dead } = this.#records[index] as HeldRecord
      if (dead) continue
      bytes += entry.payload.length
      if (found.length > 0 && bytes > maxBytes) break
      found.push({ baseOffset: entry.baseOffset, count: entry.count, payload: entry.payload })
    }
    return found
  }

  discard(fromOffset: number, toOffset: number): void {
    this.#discarded.add(fromOffset, toOffset)
    for (let index = this.#findRecord(fromOffset); index < this.#records.length; index++) {
      const record = this.#records[index] as HeldRecord
      if (record.entry.baseOffset >= toOffset) break
      if (record.dead || !this.#discarded.covers(record.entry.baseOffset, endOf(record))) continue
      record.dead = true
      this.#recordBytes -= record.entry.payload.length
      this.#stateBytes += record.entry.payload.length
    }
  }

  /** A snapshot stands for what is dead now. */
  #sweep(): void {
    this.#records = this.#records.filter((record) => !record.dead)
    const first = this.#records[0]
    // Nothing below the first record can be asked about again, and nothing at all when there is none.
    if (first === undefined) this.#discarded.clear()
    else this.#discarded.removeBelow(first.entry.baseOffset)
  }

  /** Index of the first record that ends behind `offset`. */
  #findRecord(offset: number): number {
    let low = 0
    let high = this.#records.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (endOf(this.#records[middle] as HeldRecord) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}
