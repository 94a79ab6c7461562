/**
 * Streams as a protocol sees them; Kafka calls a stream "topic". A stream keeps its records, readers have offsets. The
 * verbs here take and give whole batches as bytes (`message/batch-format.ts`); what is in them is the protocols' affair.
 */
import type { BatchFacts, TimedOffset } from '../../message/batch-format.ts'
import type { ConfirmListener } from '../confirm-listener.ts'

export interface StreamSpec {
  readonly name: string
  readonly partitionCount: number
  /** Only what was asked for; everything else is the default. Names and values as Kafka's topic configs. */
  readonly configs: ReadonlyMap<string, string>
  /** Made by the broker for itself; absent: no. */
  readonly isInternal?: boolean
}

/** A stream as it is now. A new object after every change. */
export interface StreamInfo {
  readonly name: string
  /** 16 bytes; another one when a stream of the same name is made anew. */
  readonly id: Buffer
  readonly partitionCount: number
  readonly configs: ReadonlyMap<string, string>
  /** Made by the broker for itself; clients may not write to it. */
  readonly isInternal: boolean
}

/** Every setting a stream has, for describing and validating. */
export interface StreamSetting {
  readonly name: string
  readonly type: 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list'
  readonly default: string
  readonly meaning: string
}

export interface Streams {
  /** All names Kafka allows, and that no queue has taken. */
  list(): readonly StreamInfo[]
  find(name: string): StreamInfo | undefined
  findById(id: Buffer): StreamInfo | undefined
  readonly settings: readonly StreamSetting[]
  /** @throws {Refused} 'precondition-failed' for an unknown setting or a bad value; the text says which */
  checkConfigs(configs: ReadonlyMap<string, string>): void
  /** @throws {Refused} 'precondition-failed' exists already (as queue or stream), or bad configs */
  create(spec: StreamSpec): Promise<StreamInfo>
  /** @throws {Refused} 'not-found' */
  delete(name: string): Promise<void>
  /** Only more. @throws {Refused} 'not-found', 'precondition-failed' */
  addPartitions(name: string, partitionCount: number): Promise<StreamInfo>
  /** Replaces all configs. @throws {Refused} 'not-found', 'precondition-failed' */
  setConfigs(name: string, configs: ReadonlyMap<string, string>): Promise<StreamInfo>
  /** Undefined when there is no such stream or partition. The object stays the same for the partition's life. */
  partition(name: string, index: number): Partition | undefined
}

export type AppendResult =
  | { readonly kind: 'appended'; readonly baseOffset: number }
  /** The very batch was appended before: its place then. Durable like the first when its confirm comes. */
  | { readonly kind: 'duplicate'; readonly baseOffset: number }
  | { readonly kind: 'refused'; readonly why: AppendRefusal }

export type AppendRefusal =
  | 'out-of-order-sequence'
  | 'invalid-producer-epoch'
  /** Not part of an open transaction although it says so, or the other way round. */
  | 'invalid-transaction-state'
  | 'storage-failed'

export interface StoredBatch {
  readonly baseOffset: number
  readonly count: number
  /** A batch of the batch format, or a single message in its stored form. Not to be changed. */
  readonly bytes: Buffer
}

/** Told when there is more to read: the high watermark, or the last stable offset, moved; or the partition is gone. */
export interface ProgressListener {
  progressed(partition: Partition): void
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
}

export interface Partition {
  readonly stream: string
  readonly index: number
  /** The first offset kept. */
  readonly startOffset: number
  /** One past the last durable record; nothing at or above it is ever read. */
  readonly highWatermark: number
  /** Nothing at or above it is decided: the first offset of the oldest open transaction, else the high watermark. */
  readonly lastStableOffset: number
  /** Never goes back. 0 on a single node. */
  readonly leaderEpoch: number
  /** The stream was deleted, or its owner is elsewhere now. */
  readonly isGone: boolean
  /** Bytes kept, roughly. */
  readonly storedBytes: number

  /**
   * Appends one batch, stamped with its offset inside the call, or tells why not. Keeps `bytes`: they must own their
   * memory. `confirms.expect(sequence)` is called inside for everything but a refusal.
   */
  append(bytes: Buffer, facts: BatchFacts, confirms: ConfirmListener | undefined, sequence: number): AppendResult
  /** Appends one message as it is (AMQP): any offset, no producer. */
  appendMessage(bytes: Buffer, confirms: ConfirmListener | undefined, sequence: number): void

  /**
   * Whole batches from the one that contains `fromOffset` on, below the high watermark (or the last stable offset), at
   * least one however large. Empty at the end.
   * @throws {Refused} 'precondition-failed' below the start or above the end; {StorageError} 'damaged'
   */
  read(fromOffset: number, maxBytes: number, isolation: 'uncommitted' | 'committed'): Promise<StoredBatch[]>
  /** Aborted transactions with records in [fromOffset, toOffset), by first offset. */
  aborted(fromOffset: number, toOffset: number): readonly AbortedTransaction[]
  /** The first record at or after a moment. */
  findByTime(timestampMs: number): Promise<TimedOffset | undefined>
  /** The record with the newest timestamp. */
  newest(): Promise<TimedOffset | undefined>
  /** Records below are gone for good when this resolves. @returns the start offset then */
  deleteBefore(offset: number): Promise<number>

  listen(listener: ProgressListener): void
  unlisten(listener: ProgressListener): void

  /** What is known of idempotent writers, for describing. */
  producers(): readonly ProducerInfo[]

  /** A transaction of this producer now includes this partition: from here on its transactional appends are taken. */
  beginTransaction(producerId: number, producerEpoch: number): void
  /** Ends it with a marker; resolves when that is durable. Harmless when it is not open. */
  endTransaction(producerId: number, producerEpoch: number, outcome: 'commit' | 'abort'): Promise<void>
}

export interface ProducerInfo {
  readonly producerId: number
  readonly producerEpoch: number
  readonly lastSequence: number
  readonly lastTimestampMs: number
  /** -1: no open transaction. */
  readonly transactionStartOffset: number
}
