/**
 * A message's place in one queue, from the moment it is in memory until it is settled. The same object is the
 * `Delivery` a consumer gets, so a message on its way costs one object beside the message itself.
 *
 *     ready ──shift──► out ──settle('accept')──► gone
 *       ▲               ├───settle('reject')───► gone (dead-lettered where the queue says so)
 *       └───────────────┴───settle('requeue')
 */
import { invariant } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import type { Delivery, Outcome } from './consumer.ts'

export type EntryState = 'ready' | 'out' | 'gone'

/** Where settlements go. */
export interface EntryHost {
  settle(entry: QueueEntry, outcome: Outcome): void
}

export class QueueEntry implements Delivery {
  readonly host: EntryHost
  /** Of the lane it is in. */
  readonly level: number
  readonly offset: number
  /** Undefined while the message lies in storage only. */
  held: Message | undefined
  readonly bodyBytes: number
  /** Bytes of the message memory this entry accounts for while `held`. */
  readonly heldBytes: number
  readonly persistent: boolean
  /** Its record is in the journal, so the message can be let go and read again. */
  stored: boolean
  redelivered = false
  deliveryCount = 0
  /** -1: never. */
  readonly expiresAtMs: number
  state: EntryState = 'ready'

  constructor(
    host: EntryHost,
    level: number,
    offset: number,
    message: Message,
    persistent: boolean,
    stored: boolean,
    expiresAtMs: number,
  ) {
    this.host = host
    this.level = level
    this.offset = offset
    this.held = message
    this.bodyBytes = message.bodyBytes
    this.heldBytes = message.bytes.length + ENTRY_OVERHEAD_BYTES
    this.persistent = persistent
    this.stored = stored
    this.expiresAtMs = expiresAtMs
  }

  get message(): Message {
    invariant(this.held !== undefined, 'a delivery without its message')
    return this.held
  }

  settle(outcome: Outcome): void {
    this.host.settle(this, outcome)
  }
}

/** What an entry and its message weigh beside the bytes, roughly, measured on Node 20. */
export const ENTRY_OVERHEAD_BYTES = 350

/** A delivery that is settled already, for a reader who does not acknowledge. */
export function takenFor(entry: QueueEntry): Delivery {
  const { message, redelivered, deliveryCount } = entry
  return { message, redelivered, deliveryCount, settle: () => {} }
}
