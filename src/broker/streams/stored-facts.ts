/** The facts of what lies in a partition's log, be it a batch of the batch format or a single message. */
import { StorageError } from '../../base/errors.ts'
import type { BatchFacts, BatchFormats } from '../../message/batch-format.ts'
import { storedPublishedMs } from '../../message/message.ts'

const STORED_MESSAGE = 1

export class StoredFacts {
  readonly #batches: BatchFormats
  /** Single messages have all facts but the time in common. */
  readonly #message: BatchFacts = {
    count: 1,
    maxTimestampMs: 0,
    producerId: -1,
    producerEpoch: -1,
    baseSequence: -1,
    isTransactional: false,
    marker: 'none',
  }

  constructor(batches: BatchFormats) {
    this.#batches = batches
  }

  /** Borrowed until the next call. @throws {StorageError} 'damaged', 'newer-format' */
  of(bytes: Buffer): BatchFacts {
    const format = this.#batches.of(bytes)
    if (format !== undefined) return format.facts(bytes)
    if (bytes[0] !== STORED_MESSAGE) {
      throw new StorageError('newer-format', `a stored batch that begins with ${bytes[0]}`)
    }
    return this.ofMessage(bytes)
  }

  /** Borrowed until the next call. */
  ofMessage(bytes: Buffer): BatchFacts {
    this.#message.maxTimestampMs = storedPublishedMs(bytes)
    return this.#message
  }
}
