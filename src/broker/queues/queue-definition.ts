/**
 * What a queue is, apart from what is in it: the declaration as the client made it, and the settings read from its
 * arguments once. Stored as metadata for durable queues; nothing here changes during a queue's life.
 */
import type { FieldTable } from '../../base/field-value.ts'
import type { Session } from '../session.ts'
import type { StreamDefinition } from '../streams/stream-definition.ts'

/** What happens to a publish that would make the queue longer than it may be. */
export type Overflow = 'drop-head' | 'reject-publish' | 'reject-publish-dlx' | 'block'

export interface QueueSettings {
  readonly type: 'classic' | 'quorum' | 'stream'
  /** x-message-ttl; undefined: none. 0: deliver at once or never. */
  readonly messageTtlMs: number | undefined
  /** x-expires */
  readonly expiresMs: number | undefined
  readonly maxLength: number | undefined
  /** Bodies of ready messages. */
  readonly maxLengthBytes: number | undefined
  readonly overflow: Overflow
  /** Undefined: no dead-lettering. '' is the default exchange. */
  readonly deadLetterExchange: string | undefined
  readonly deadLetterRoutingKey: string | undefined
  /** Deliveries that may come back before the message is dead-lettered; undefined: no limit. */
  readonly deliveryLimit: number | undefined
  /** 0: no priorities, one lane. */
  readonly maxPriority: number
  readonly singleActiveConsumer: boolean
  /** x-consumer-timeout; undefined: off, our default. A late delivery goes back to the queue. */
  readonly consumerTimeoutMs: number | undefined
}

export interface QueueDefinition {
  readonly vhost: string
  readonly name: string
  readonly durable: boolean
  readonly exclusive: boolean
  readonly autoDelete: boolean
  readonly arguments: FieldTable
  readonly settings: QueueSettings
  /**
   * Never used twice. Lane `p` of the queue writes to log `id * LANES_PER_QUEUE + p`. Queues that do not survive a
   * restart get one too: their backlog goes to disk when memory is short.
   */
  readonly id: number
  /** What it is as a stream; absent for all other types. */
  readonly stream?: StreamDefinition
}

/** x-max-priority goes to 255, and 0 is a lane of its own. */
export const LANES_PER_QUEUE = 256

/** A queue as the topology sees it. */
export interface ManagedQueue {
  readonly definition: QueueDefinition
  /** The session that owns an exclusive queue. */
  readonly owner: Session | undefined
  readonly readyCount: number
  readonly consumerCount: number
  /** Any use by a client that is neither consume nor get, such as declaring it again: starts `expiresMs` anew. */
  touch(): void
  /** What can change of a stored definition did: only streams have such things. */
  redefine?(definition: QueueDefinition): void
  /** Ends it: consumers are cancelled with 'queue-deleted', what it held is dropped, never dead-lettered. */
  end(): void
}

/** Why a queue asks the topology to delete it. */
export type QueueEndWish = 'unused' | 'expired'

export interface QueueFactory<Q extends ManagedQueue> {
  create(definition: QueueDefinition, owner: Session | undefined, onEndWish: (queue: Q, wish: QueueEndWish) => void): Q
}
