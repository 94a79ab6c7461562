/**
 * How the broker hands messages to whoever reads a queue, without knowing his protocol. A protocol implements
 * `Consumer`; the broker implements `Delivery` and `Subscription`.
 */
import type { Message } from '../../message/message.ts'

/**
 * What became of a delivery.
 * accept: done, forget it. requeue: not done, back to its old place. reject: never again, dead-letter it if the queue
 * says so.
 */
export type Outcome = 'accept' | 'requeue' | 'reject'

/** One message handed out, until it is settled. */
export interface Delivery {
  readonly message: Message
  readonly redelivered: boolean
  /** How often it was handed out before and came back: the `x-delivery-count` of quorum queues. */
  readonly deliveryCount: number
  /** Where the record stands, when it comes from a stream. Settling such a delivery only gives credit back. */
  readonly stream?: StreamPlace
  /** Exactly once, and never for a delivery to a consumer without acknowledgements. */
  settle(outcome: Outcome): void
}

export interface StreamPlace {
  readonly partition: number
  readonly offset: number
}

/** unreadable: storage could not give what a stream holds, or nobody here can unpack it. */
export type CancelReason = 'queue-deleted' | 'queue-moved' | 'broker-stopping' | 'unreadable'

export interface Consumer {
  /** Deliveries count as accepted the moment `deliver` returns. */
  readonly noAck: boolean
  /** Higher first; 0 unless asked for. */
  readonly priority: number
  /** For people: listings and logs. */
  readonly tag: string
  /**
   * Whether `deliver` may be called now: credit left, and the peer's socket not congested. Asked before every
   * delivery; when it turns true again the consumer calls `Subscription.wake`.
   */
  canTake(): boolean
  /** Must not throw and must not call back into the queue before it returns. */
  deliver(delivery: Delivery): void
  /** The broker ended the subscription. What is unsettled may still be settled; `Subscription.cancel` is still due. */
  cancelled(reason: CancelReason): void
}

export interface Subscription {
  /** Deliveries begin here, so that a protocol can answer first. */
  activate(): void
  /** `canTake` may have turned true. Cheap; deliveries may happen inside the call. */
  wake(): void
  /** No delivery after this returns. Unsettled deliveries stay out. Ends an auto-delete queue with its last consumer. Harmless when repeated. */
  cancel(): void
}
