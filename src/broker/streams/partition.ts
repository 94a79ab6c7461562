/**
 * One partition of a stream: an ordered, kept log. It gives batches their offsets, judges idempotent writers, follows
 * transactions, and reads back what is durable. It unpacks no batch; what is in one it knows from the batch's facts.
 *
 *     0 ...... start ───── kept ───── last stable ── undecided ── high watermark ── not yet durable ── next
 *              │ compacted log │ own log ────────────────────────────────────────────────────────────►
 *
 * Nothing is held for a batch but its share of the segments and the time index. The state that survives a restart is in
 * `partition-state.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import { invariant, Refused } from '../../base/errors.ts'
import type { BatchFacts, BatchFormats, TimedOffset } from '../../message/batch-format.ts'
import { type Entry, EntryKind, type StoredRecord } from '../../storage/contract.ts'
import type { ConfirmListener } from '../confirm-listener.ts'
import type { LogOwner, Shard } from '../shard.ts'
import { type CompactedPart, PartitionState } from './partition-state.ts'
import { TAKE } from './producer-state.ts'
import { SharedReads } from './shared-reads.ts'
import { StoredFacts } from './stored-facts.ts'
import type {
  AbortedTransaction,
  AppendRefusal,
  AppendResult,
  Partition,
  ProducerInfo,
  ProgressListener,
  StoredBatch,
} from './stream-door.ts'
import type { KeepingRules } from './stream-settings.ts'
import { firstSince, newestOf } from './time-search.ts'

export interface PartitionDeps {
  readonly shard: Shard
  readonly batches: BatchFormats
  readonly clock: Clock
  /** Whose state is in which log. */
  readonly owners: Map<number, LogOwner>
  /** A segment is full, or the rules are others: retention or compaction may have something to do. */
  changed(partition: StreamPartition): void
}

/** The whole state of a compacted log is its records. */
const NOTHING_MORE = Buffer.from([1])

export class StreamPartition implements Partition, LogOwner, ConfirmListener {
  readonly stream: string
  readonly index: number
  readonly log: number
  readonly leaderEpoch = 0
  readonly #deps: PartitionDeps
  readonly #state = new PartitionState()
  readonly #listeners = new Set<ProgressListener>()
  readonly #reads = new SharedReads((fromOffset, maxBytes) => this.readStored(fromOffset, maxBytes))
  readonly #facts: StoredFacts
  #rules: KeepingRules
  #highWatermark = 0
  #gone = false
  #telling = false
  /** Storage was told to forget below these, in the own log and in the compacted one. */
  #ownForgotten = 0
  #compactedForgotten = 0

  constructor(stream: string, index: number, log: number, rules: KeepingRules, deps: PartitionDeps) {
    this.stream = stream
    this.index = index
    this.log = log
    this.#rules = rules
    this.#deps = deps
    this.#facts = new StoredFacts(deps.batches)
    deps.owners.set(log, this)
  }

  get startOffset(): number {
    return this.#state.startOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get lastStableOffset(): number {
    // Retention does not wait for those who never end their transactions.
    return Math.max(this.startOffset, this.#state.transactions.stableBelow(this.#highWatermark))
  }

  get isGone(): boolean {
    return this.#gone
  }

  get storedBytes(): number {
    return this.#state.segments.sizeBytes
  }

  get rules(): KeepingRules {
    return this.#rules
  }

  /** For retention and compaction, which live beside this class. */
  get state(): PartitionState {
    return this.#state
  }

  setRules(rules: KeepingRules): void {
    this.#rules = rules
    this.#deps.changed(this)
  }

  append(bytes: Buffer, facts: BatchFacts, confirms: ConfirmListener | undefined, sequence: number): AppendResult {
    if (this.#gone || this.#deps.shard.journal.failure) return refused('storage-failed')
    if (facts.producerId >= 0) {
      if (this.#state.isOutsider(facts)) return refused('invalid-producer-epoch')
      const verdict = this.#state.producers.judge(facts)
      if (typeof verdict === 'string') return refused(verdict)
      if (verdict !== TAKE) {
        this.#confirmAll(confirms, sequence)
        return { kind: 'duplicate', baseOffset: verdict }
      }
    }
    if (facts.isTransactional !== this.#state.transactions.isBegun(facts.producerId)) {
      return refused('invalid-transaction-state')
    }
    const baseOffset = this.#state.nextOffset
    const format = this.#deps.batches.of(bytes)
    invariant(format !== undefined, 'a batch of no known format')
    format.stamp(bytes, baseOffset)
    this.#store(bytes, facts, confirms, sequence)
    return { kind: 'appended', baseOffset }
  }

  appendMessage(bytes: Buffer, confirms: ConfirmListener | undefined, sequence: number): void {
    if (this.#gone || this.#deps.shard.journal.failure) {
      confirms?.expect(sequence)
      confirms?.rejected(sequence)
      return
    }
    this.#store(bytes, this.#facts.ofMessage(bytes), confirms, sequence)
  }

  #store(bytes: Buffer, facts: BatchFacts, confirms: ConfirmListener | undefined, sequence: number): void {
    const { shard, clock } = this.#deps
    const state = this.#state
    const baseOffset = state.nextOffset
    const ticket = shard.append(this.log, EntryKind.record, baseOffset, facts.count, bytes)
    const closed = state.took(baseOffset, bytes.length, facts, this.#rules, clock.nowMs())
    // The watermark first: who is confirmed may read what he wrote.
    shard.confirm(ticket, this, state.nextOffset)
    if (confirms !== undefined) {
      confirms.expect(sequence)
      shard.confirm(ticket, confirms, sequence)
    }
    if (closed) this.#deps.changed(this)
  }

  /** Confirms once everything appended so far is durable. */
  #confirmAll(confirms: ConfirmListener | undefined, sequence: number): void {
    if (confirms === undefined) return
    const { journal } = this.#deps.shard
    confirms.expect(sequence)
    if (journal.appended <= journal.committed) confirms.confirmed(sequence)
    else this.#deps.shard.confirm(journal.appended, confirms, sequence)
  }

  // ─── durability: this partition waits for its own appends ───

  expect(): void {}

  confirmed(endOffset: number): void {
    this.#highWatermark = endOffset
    this.#state.transactions.durableUpTo(endOffset)
    if (this.#telling || this.#listeners.size === 0) return
    // Once for all batches of a group.
    this.#telling = true
    this.#deps.shard.afterCommit(() => this.#tellProgress())
  }

  /** What is not durable never will be: the watermark stays where it is. */
  rejected(): void {}

  #tellProgress(): void {
    this.#telling = false
    for (const listener of this.#listeners) listener.progressed(this)
  }

  listen(listener: ProgressListener): void {
    this.#listeners.add(listener)
  }

  unlisten(listener: ProgressListener): void {
    this.#listeners.delete(listener)
  }

  // ─── reading ───

  async read(fromOffset: number, maxBytes: number, isolation: 'uncommitted' | 'committed'): Promise<StoredBatch[]> {
    const limit = isolation === 'committed' ? this.lastStableOffset : this.#highWatermark
    if (fromOffset < this.startOffset || fromOffset > this.#highWatermark) {
      throw new Refused(
        'precondition-failed',
        `offset ${fromOffset} is outside of ${this.stream}-${this.index}: ${this.startOffset} to ${this.#highWatermark}`,
      )
    }
    if (this.#gone || fromOffset >= limit) return []
    const batches: StoredBatch[] = []
    for (const { baseOffset, count, payload } of await this.#reads.read(fromOffset, maxBytes, limit)) {
      if (baseOffset >= limit) break
      batches.push({ baseOffset, count, bytes: payload })
    }
    return batches
  }

  /** Batches from the one with `fromOffset` on, durable ones, be they decided or not. @throws {StorageError} */
  async readStored(fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    for (;;) {
      const compacted = this.#state.compacted
      const moved = (): boolean => this.#state.compacted !== compacted && fromOffset < this.#compactedEnd()
      try {
        const records = await this.#readOnce(compacted, fromOffset, maxBytes)
        if (!moved()) return records
      } catch (error) {
        // The log that was read may have been replaced under way.
        if (!moved()) throw error
      }
    }
  }

  async #readOnce(part: CompactedPart | undefined, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    const { shard } = this.#deps
    if (part === undefined || fromOffset >= part.endOffset) return shard.read(this.log, fromOffset, maxBytes)
    const records = await shard.read(part.log, fromOffset, maxBytes)
    return records.length > 0 ? records : shard.read(this.log, part.endOffset, maxBytes)
  }

  #compactedEnd(): number {
    return this.#state.compacted?.endOffset ?? 0
  }

  aborted(fromOffset: number, toOffset: number): readonly AbortedTransaction[] {
    return this.#state.transactions.aborted(fromOffset, toOffset)
  }

  findByTime(timestampMs: number): Promise<TimedOffset | undefined> {
    return firstSince(this, this.#deps.batches, timestampMs)
  }

  newest(): Promise<TimedOffset | undefined> {
    return newestOf(this, this.#deps.batches)
  }

  // ─── removal ───

  async deleteBefore(offset: number): Promise<number> {
    if (offset > this.#highWatermark) {
      throw new Refused('precondition-failed', `offset ${offset} is above the high watermark ${this.#highWatermark}`)
    }
    this.dropBefore(offset)
    await this.#deps.shard.flushed()
    return this.startOffset
  }

  /** As `deleteBefore`, for who need not wait. */
  dropBefore(offset: number): void {
    const state = this.#state
    if (this.#gone || offset <= state.startOffset) return
    const { compacted } = state
    state.moveStart(offset)
    this.#deps.shard.append(this.log, EntryKind.control, 0, 0, state.encodeStart())
    if (compacted !== undefined && state.compacted === undefined) this.#endCompacted(compacted.log)
    this.#forget()
  }

  /** The older part of the partition is in another log from now on, and the state was changed to say so. */
  switchTo(part: CompactedPart): void {
    const previous = this.#state.compacted
    this.#state.compacted = part
    this.#deps.shard.append(this.log, EntryKind.snapshot, 0, 0, this.#state.encodeSnapshot())
    if (previous !== undefined) this.#endCompacted(previous.log)
    this.#compactedForgotten = 0
    this.#forget()
  }

  #endCompacted(log: number): void {
    this.#deps.owners.delete(log)
    if (!this.#deps.shard.journal.failure) this.#deps.shard.journal.endLog(log)
  }

  /** Tells storage what will not be asked for any more. */
  #forget(): void {
    const { journal } = this.#deps.shard
    const { compacted, startOffset } = this.#state
    const ownFloor = Math.max(startOffset, this.#compactedEnd())
    if (ownFloor > this.#ownForgotten) journal.discard(this.log, this.#ownForgotten, ownFloor)
    this.#ownForgotten = ownFloor
    if (compacted === undefined || startOffset <= this.#compactedForgotten) return
    journal.discard(compacted.log, this.#compactedForgotten, startOffset)
    this.#compactedForgotten = startOffset
  }

  // ─── writers ───

  producers(): readonly ProducerInfo[] {
    return [...this.#state.producers.all()].map((producer) => ({
      producerId: producer.id,
      producerEpoch: producer.epoch,
      lastSequence: Math.max(-1, producer.lastSequence),
      lastTimestampMs: producer.lastTimestampMs,
      transactionStartOffset: this.#state.transactions.startOf(producer.id),
    }))
  }

  /** Forgets idempotent writers that were not seen since. */
  expireProducers(seenBeforeMs: number): void {
    const { producers, transactions } = this.#state
    if (producers.size > 0) producers.expire(seenBeforeMs, (id) => transactions.isBegun(id))
  }

  beginTransaction(producerId: number, producerEpoch: number): void {
    if (this.#gone) return
    const known = this.#state.producers.find(producerId)
    if (this.#state.transactions.isBegun(producerId) && known !== undefined && known.epoch >= producerEpoch) return
    this.#state.begin(producerId, producerEpoch, this.#deps.clock.nowMs())
    const begun = this.#state.encodeBegun(producerId, producerEpoch)
    this.#deps.shard.append(this.log, EntryKind.control, 0, 0, begun)
  }

  async endTransaction(producerId: number, producerEpoch: number, outcome: 'commit' | 'abort'): Promise<void> {
    if (this.#gone) return
    const { shard, batches, clock } = this.#deps
    const known = this.#state.producers.find(producerId)
    const isFenced = known !== undefined && producerEpoch < known.epoch
    if (!isFenced && this.#state.transactions.isBegun(producerId)) {
      const { format } = batches
      invariant(format !== undefined, 'a transaction without a batch format')
      const marker = format.marker(outcome, producerId, producerEpoch, clock.nowMs())
      format.stamp(marker, this.#state.nextOffset)
      this.#store(marker, format.facts(marker), undefined, 0)
    }
    // Its marker may be on its way from an earlier call.
    await shard.flushed()
  }

  // ─── restart and end ───

  replay(log: number, entry: Entry): void {
    // A compacted log is its records; that they count says the snapshot in the own log.
    if (log !== this.log) return
    const nowMs = this.#deps.clock.nowMs()
    const { compacted } = this.#state
    switch (entry.kind) {
      case EntryKind.record:
        this.#state.took(entry.baseOffset, entry.payload.length, this.factsOf(entry.payload), this.#rules, nowMs)
        break
      case EntryKind.control:
        this.#state.applyControl(entry.payload, nowMs)
        break
      case EntryKind.snapshot:
        this.#state.applySnapshot(entry.payload)
    }
    const now = this.#state.compacted
    if (now === compacted) return
    if (compacted !== undefined) this.#deps.owners.delete(compacted.log)
    if (now !== undefined) this.#deps.owners.set(now.log, this)
  }

  /** Borrowed until the next call. @throws {StorageError} 'damaged', 'newer-format' */
  factsOf(bytes: Buffer): BatchFacts {
    return this.#facts.of(bytes)
  }

  /** After replay: all there is is durable, and storage hears again what it may forget. */
  recovered(): void {
    const state = this.#state
    this.#highWatermark = state.nextOffset
    state.transactions.durableUpTo(state.nextOffset)
    this.#forget()
  }

  writeSnapshot(log: number): void {
    if (this.#gone) return
    const state = log === this.log ? this.#state.encodeSnapshot() : NOTHING_MORE
    this.#deps.shard.append(log, EntryKind.snapshot, 0, 0, state)
  }

  /** The stream is deleted: nothing is kept. */
  end(): void {
    if (this.#gone) return
    this.#gone = true
    const { owners, shard } = this.#deps
    owners.delete(this.log)
    if (this.#state.compacted !== undefined) this.#endCompacted(this.#state.compacted.log)
    if (!shard.journal.failure) shard.journal.endLog(this.log)
    this.#tellProgress()
    this.#listeners.clear()
  }
}

function refused(why: AppendRefusal): AppendResult {
  return { kind: 'refused', why }
}
