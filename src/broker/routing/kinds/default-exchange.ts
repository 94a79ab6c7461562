/** The default exchange: every queue is bound to it by its own name. Not a kind to declare; each vhost has one. */
import type { Found, Matcher, QueueNode, RoutedMessage } from '../route-graph.ts'

export class DefaultMatcher<Q> implements Matcher<Q> {
  /** Not to be remembered: the answer changes with each new queue, and is one lookup anyway. */
  readonly byKeyAlone = false
  readonly everyKey = true
  readonly #queues: ReadonlyMap<string, QueueNode<Q>>

  constructor(queues: ReadonlyMap<string, QueueNode<Q>>) {
    this.#queues = queues
  }

  add(): void {}

  remove(): void {}

  match(routingKey: string, _message: RoutedMessage, found: Found<Q>): void {
    const queue = this.#queues.get(routingKey)
    if (queue !== undefined) found.add(queue)
  }
}
