/** What a queue is given to live with, and the few words others exchange with it. */
import type { Clock } from '../../base/clock.ts'
import type { StorageError } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import type { Shard } from '../shard.ts'
import type { MessageMemory } from './message-memory.ts'
import type { QueueDefinition } from './queue-definition.ts'

/** Why a message died; the words of RabbitMQ's x-death. */
export type DeathReason = 'rejected' | 'expired' | 'maxlen' | 'delivery_limit'

export interface QueueDeps {
  readonly shard: Shard
  readonly memory: MessageMemory
  readonly formats: MessageFormats
  readonly clock: Clock
  /** Sends a dead message on, if the queue has somewhere to send it. */
  deadLetter(queue: QueueDefinition, message: Message, reason: DeathReason): void
  /** Storage could not give back what the queue holds. */
  damaged(queue: QueueDefinition, error: StorageError): void
  /** It is deleted: nothing of it is known any more. */
  ended(queue: QueueDefinition): void
}

/** Told when a queue that was full has room again. */
export interface RoomListener {
  roomIn(queueName: string): void
}
