/**
 * Acknowledgements: which deliveries an answer names, and RabbitMQ's rules for tags that name none. In a transaction the
 * deliveries named are set aside until it ends.
 */
import { Refused } from '../../base/errors.ts'
import type { Delivery, Outcome } from '../../broker/queues/consumer.ts'
import type { Deliveries, Taker } from './deliveries.ts'

/** A delivery that was answered inside a transaction. */
export interface Answered {
  readonly tag: number
  readonly delivery: Delivery
  readonly holder: Taker | undefined
  readonly outcome: Outcome
}

/**
 * Tag 0 with `multiple` is everything handed out, and no error when that is nothing. Any other tag must itself be waiting
 * for its answer; with `multiple` all below it are answered too.
 * @param aside takes the answers instead of the queues, for a transaction
 * @throws {Refused} 'precondition-failed' for an unknown tag
 */
export function settle(
  deliveries: Deliveries,
  tag: number,
  multiple: boolean,
  outcome: Outcome,
  aside: Answered[] | undefined,
): void {
  const { unacked } = deliveries
  if (multiple && tag === 0) {
    settleUpTo(deliveries, deliveries.lastTag, outcome, aside)
  } else if (!unacked.has(tag)) {
    throw new Refused('precondition-failed', `unknown delivery tag ${tag}`)
  } else if (multiple) {
    settleUpTo(deliveries, tag, outcome, aside)
  } else {
    answer(deliveries, unacked.take(tag)!, outcome, aside)
  }
  deliveries.wakeRelieved()
}

/** A requeued message may come back within the call, with a tag above `tagMax`: so this ends. */
function settleUpTo(deliveries: Deliveries, tagMax: number, outcome: Outcome, aside: Answered[] | undefined): void {
  const { unacked } = deliveries
  for (let next = unacked.takeFirst(tagMax); next !== undefined; next = unacked.takeFirst(tagMax)) {
    answer(deliveries, next, outcome, aside)
  }
}

function answer(deliveries: Deliveries, delivery: Delivery, outcome: Outcome, aside: Answered[] | undefined): void {
  const { takenTag, takenHolder } = deliveries.unacked
  if (aside !== undefined) {
    aside.push({ tag: takenTag, delivery, holder: takenHolder, outcome })
    return
  }
  deliveries.release(takenHolder)
  delivery.settle(outcome)
}

/** basic.recover: everything goes back and comes again, after `reply` was sent. */
export function recover(deliveries: Deliveries, reply: () => void): void {
  deliveries.hold(() => {
    settleUpTo(deliveries, deliveries.lastTag, 'requeue', undefined)
    reply()
  })
}
