/** The queue, as its lanes see it. */
import type { StorageError } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import type { EntryHost } from './queue-entry.ts'
import type { QueueTally } from './queue-limits.ts'

export interface LaneHost extends EntryHost {
  /** Whether persistent messages survive a restart here. */
  readonly durable: boolean
  readonly tally: QueueTally
  /** When a message that enters the queue now must leave it; -1: never. */
  expiryOf(message: Message): number
  /** What was asked of the disk has come, or the disk could not give it. */
  loaded(): void
  damaged(error: StorageError): void
}
