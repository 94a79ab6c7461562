/**
 * Batches of a stream. A partition's log holds them as the writer sent them: a whole batch of a batch format, or one
 * message in its own stored form (`message.ts`), told apart by the first byte. Who reads in another form converts; nothing
 * is converted for a reader of the same form.
 *
 *     first byte 1   one message, the stored form of `message.ts`
 *     first byte 0   a Kafka record batch v2: its base offset comes first, and offsets stay below 2^53
 */
import type { Message } from './message.ts'

/** What a partition must know of a batch. Read once when it comes in and once at replay. */
export interface BatchFacts {
  /** Offsets it takes; at least 1. */
  count: number
  /** Of its newest record. */
  maxTimestampMs: number
  /** -1: the writer is not idempotent. */
  producerId: number
  producerEpoch: number
  /** Of the first record; -1 without a producer id. */
  baseSequence: number
  isTransactional: boolean
  /** A marker of the broker's own that ends a transaction, no data. */
  marker: 'none' | 'commit' | 'abort'
}

export interface TimedOffset {
  readonly offset: number
  readonly timestampMs: number
}

export interface BatchFormat {
  /** The first byte of every stored batch. */
  readonly firstByte: number
  /** Borrows `bytes`. @throws {StorageError} 'damaged' when they are no batch of this format */
  facts(bytes: Buffer): BatchFacts
  /** Writes the offset the batch got into it; before it is appended, never after. */
  stamp(bytes: Buffer, baseOffset: number): void
  /** The end of a transaction, as one batch of one record. */
  marker(kind: 'commit' | 'abort', producerId: number, producerEpoch: number, timestampMs: number): Buffer
  /** The first record at or after `timestampMs`, looking inside; undefined when there is none. */
  firstAtOrAfter(bytes: Buffer, baseOffset: number, timestampMs: number): Promise<TimedOffset | undefined>
  /**
   * The records as messages, each with its place in the batch: `offset` = base offset + `index`. Compressed batches are
   * unpacked. Empty for markers.
   * @throws {Refused} 'not-implemented' for a compression this Node cannot unpack
   */
  messages(bytes: Buffer, topic: string): Promise<readonly { readonly index: number; readonly message: Message }[]>
  /**
   * The key of each record by its place (distance from the base offset), for compaction; undefined for a record without
   * a key, and where compaction took one out.
   */
  keys(bytes: Buffer): Promise<readonly (Buffer | undefined)[]>
  /** Places of the records without a value: they say that their key is deleted; for compaction. */
  tombstones(bytes: Buffer): Promise<ReadonlySet<number>>
  /** The batch with only the records at these places, offsets unchanged; for compaction. */
  keep(bytes: Buffer, indexes: ReadonlySet<number>): Promise<Buffer>
}

/** The one batch format there is, once a protocol registered it. */
export class BatchFormats {
  #format: BatchFormat | undefined

  register(format: BatchFormat): void {
    this.#format = format
  }

  /** Undefined for a single message, or when no protocol brought a batch format. */
  of(bytes: Buffer): BatchFormat | undefined {
    return this.#format?.firstByte === bytes[0] ? this.#format : undefined
  }

  get format(): BatchFormat | undefined {
    return this.#format
  }
}
