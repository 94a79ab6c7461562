/**
 * The part of a partition that survives a restart; also what replay builds up. A partition's log holds:
 *
 *     record     one batch at its first offset: a batch of the batch format, or one message in its stored form
 *     control    start:  u8 1 │ f64 the first offset that is kept
 *                begun:  u8 2 │ f64 producer id │ f64 producer epoch      a transaction includes this partition
 *     snapshot   u8 1 version │ f64 × n: next offset, start offset, compacted log (-1: none), compacted up to,
 *                then the producers, transactions, segments and time index as their `encode` writes them
 *
 * f64 = a 64-bit float, big-endian (`number-list.ts`). Markers that end transactions are batches like any other. A
 * snapshot is also how compaction takes effect: see `compaction.ts`. Drawn for people in docs/formats/streams.md.
 */
import { StorageError } from '../../base/errors.ts'
import type { BatchFacts } from '../../message/batch-format.ts'
import { NumberReader, NumberWriter } from './number-list.ts'
import { Producers } from './producer-state.ts'
import { type SegmentLimits, Segments } from './segments.ts'
import { TimeIndex } from './time-index.ts'
import { Transactions } from './transactions.ts'

const START = 1
const BEGUN = 2
const SNAPSHOT_VERSION = 1
const NO_LOG = -1

/** The older part of a compacted partition: its own log, [start offset, endOffset) of the partition. */
export interface CompactedPart {
  readonly log: number
  readonly endOffset: number
}

export class PartitionState {
  nextOffset = 0
  startOffset = 0
  compacted: CompactedPart | undefined = undefined
  readonly producers = new Producers()
  readonly transactions = new Transactions()
  readonly segments = new Segments()
  readonly times = new TimeIndex()

  /** A batch got its place, now or before a restart. True when it closed a segment. */
  took(baseOffset: number, sizeBytes: number, facts: BatchFacts, limits: SegmentLimits, nowMs: number): boolean {
    this.nextOffset = baseOffset + facts.count
    this.times.add(baseOffset, sizeBytes, facts.maxTimestampMs)
    const closed = this.segments.add(baseOffset, sizeBytes, facts.maxTimestampMs, limits)
    if (facts.producerId < 0) return closed
    this.producers.took(facts, baseOffset, nowMs)
    if (facts.marker !== 'none') this.transactions.ended(facts.producerId, facts.marker, baseOffset)
    else if (facts.isTransactional) this.transactions.took(facts.producerId, baseOffset)
    return closed
  }

  /** Everything below is gone. */
  moveStart(offset: number): void {
    this.startOffset = offset
    if (this.compacted !== undefined && this.compacted.endOffset <= offset) this.compacted = undefined
    this.segments.trim(offset, this.nextOffset)
    this.times.trim(offset)
    this.transactions.trim(offset)
  }

  /** A transaction of this producer includes the partition. */
  begin(producerId: number, producerEpoch: number, nowMs: number): void {
    this.producers.began(producerId, producerEpoch, nowMs)
    this.transactions.begin(producerId)
  }

  /**
   * In a transaction only the epoch writes that it was begun with. A later one, which a producer may choose for itself,
   * would make the marker that ends the transaction look old, and here it would never end.
   */
  isOutsider({ isTransactional, producerId, producerEpoch }: BatchFacts): boolean {
    if (!isTransactional || !this.transactions.isBegun(producerId)) return false
    return this.producers.find(producerId)?.epoch !== producerEpoch
  }

  encodeStart(): Buffer {
    const writer = new NumberWriter()
    writer.put(this.startOffset)
    return writer.toBytes(START)
  }

  encodeBegun(producerId: number, producerEpoch: number): Buffer {
    const writer = new NumberWriter()
    writer.put(producerId)
    writer.put(producerEpoch)
    return writer.toBytes(BEGUN)
  }

  /** @throws {StorageError} 'newer-format', 'damaged' */
  applyControl(payload: Buffer, nowMs: number): void {
    const reader = new NumberReader(payload)
    if (payload[0] === START) this.moveStart(reader.take())
    else if (payload[0] === BEGUN) this.begin(reader.take(), reader.take(), nowMs)
    else throw new StorageError('newer-format', `unknown entry ${payload[0]} in the log of a partition`)
  }

  encodeSnapshot(): Buffer {
    const writer = new NumberWriter()
    writer.put(this.nextOffset)
    writer.put(this.startOffset)
    writer.put(this.compacted?.log ?? NO_LOG)
    writer.put(this.compacted?.endOffset ?? 0)
    this.producers.encode(writer)
    this.transactions.encode(writer)
    this.segments.encode(writer)
    this.times.encode(writer)
    return writer.toBytes(SNAPSHOT_VERSION)
  }

  /** @throws {StorageError} 'newer-format', 'damaged' */
  applySnapshot(payload: Buffer): void {
    if (payload[0] !== SNAPSHOT_VERSION) {
      throw new StorageError('newer-format', `a partition's snapshot of version ${payload[0]}`)
    }
    const reader = new NumberReader(payload)
    this.nextOffset = reader.take()
    this.startOffset = reader.take()
    const log = reader.take()
    const endOffset = reader.take()
    this.compacted = log === NO_LOG ? undefined : { log, endOffset }
    this.producers.decode(reader)
    this.transactions.decode(reader)
    this.segments.decode(reader)
    this.times.decode(reader)
  }
}
