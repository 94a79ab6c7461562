/** One partition of a fetch: what was asked of it, what has been read so far, and what its answer is. */
import type { Partition, StoredBatch } from '../../broker/streams/stream-door.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import { kafkaBytes } from './message-record.ts'
import { epochProblem } from './partitions.ts'
import { refusalOf } from './refusals.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import type { AbortedTransaction, FetchPartition, PartitionData } from './wire/schemas/fetch.gen.ts'

export type Isolation = 'uncommitted' | 'committed'

export class FetchPart {
  readonly topic: string
  readonly partition: Partition | undefined
  /** Other than 0: nothing is read, and the answer is due at once. */
  errorCode = 0
  readonly #asked: FetchPartition
  readonly #isolation: Isolation
  #pieces: Buffer[] = []
  #bytes = 0
  /** Where reading goes on. */
  #next: number
  /** The end that was there when it was last read: nothing is read again before there is more. */
  #endSeen = -1

  /** @param missingCode when there is no such partition */
  constructor(
    topic: string,
    asked: FetchPartition,
    partition: Partition | undefined,
    isolation: Isolation,
    missingCode: number,
  ) {
    this.topic = topic
    this.partition = partition
    this.#asked = asked
    this.#isolation = isolation
    this.#next = asked.fetchOffset
    if (partition === undefined || partition.isGone) this.errorCode = missingCode
    else this.errorCode = epochProblem(partition, asked.currentLeaderEpoch) ?? this.#rangeProblem(partition)
  }

  get readBytes(): number {
    return this.#bytes
  }

  #rangeProblem({ startOffset, highWatermark }: Partition): number {
    const { fetchOffset } = this.#asked
    return fetchOffset < startOffset || fetchOffset > highWatermark ? KAFKA_ERRORS.OFFSET_OUT_OF_RANGE.code : 0
  }

  /** Whether there is something that no `read` has looked at. */
  get hasMore(): boolean {
    const { partition } = this
    if (partition === undefined || this.errorCode !== 0) return false
    const end = this.#endOf(partition)
    return this.#next < end && end > this.#endSeen
  }

  #endOf(partition: Partition): number {
    return this.#isolation === 'committed' ? partition.lastStableOffset : partition.highWatermark
  }

  /**
   * Reads on, as long as its own limit and `bytesLeft` allow; the first batch of a whole answer may break both, so that
   * a large one can never stall a reader (KIP-74).
   */
  async read(bytesLeft: number, isFirst: boolean, formats: MessageFormats): Promise<void> {
    const { partition } = this
    if (partition !== undefined) this.#endSeen = this.#endOf(partition)
    const room = Math.min(bytesLeft, this.#asked.partitionMaxBytes - this.#bytes)
    if (partition === undefined || (room <= 0 && !isFirst)) return
    try {
      const batches = await partition.read(this.#next, Math.max(room, 0), this.#isolation)
      // At least one batch is read, however large: here it may be one too many.
      if (batches.length === 0 || (!isFirst && batches[0]!.bytes.length > room)) return
      this.#take(partition, batches, formats)
    } catch (error) {
      this.errorCode = refusalOf(error, KAFKA_ERRORS.OFFSET_OUT_OF_RANGE.code).code
    }
  }

  #take(partition: Partition, batches: readonly StoredBatch[], formats: MessageFormats): void {
    for (const piece of kafkaBytes(batches, this.topic, partition.leaderEpoch, formats)) {
      this.#pieces.push(piece)
      this.#bytes += piece.length
    }
    const last = batches[batches.length - 1]!
    this.#next = last.baseOffset + last.count
  }

  /** The partition went away while the fetch waited. */
  checkGone(missingCode: number): void {
    if (this.partition?.isGone === true) this.errorCode = missingCode
  }

  answer(): PartitionData {
    const { partition, errorCode } = this
    const { partition: partitionIndex } = this.#asked
    if (partition === undefined || errorCode !== 0) {
      return { ...NOTHING, partitionIndex, errorCode }
    }
    const isCommitted = this.#isolation === 'committed'
    return {
      partitionIndex,
      errorCode: 0,
      highWatermark: partition.highWatermark,
      lastStableOffset: partition.lastStableOffset,
      logStartOffset: partition.startOffset,
      abortedTransactions: isCommitted ? this.#aborted(partition) : null,
      preferredReadReplica: -1,
      records: this.#pieces,
    }
  }

  #aborted(partition: Partition): readonly AbortedTransaction[] {
    return this.#bytes === 0 ? [] : partition.aborted(this.#asked.fetchOffset, this.#next)
  }
}

const NOTHING = {
  highWatermark: -1,
  lastStableOffset: -1,
  logStartOffset: -1,
  abortedTransactions: null,
  preferredReadReplica: -1,
  records: [],
} as const
