/** topic: the binding's key is a pattern for the routing key. */
import { anything, type ExchangeKind } from '../exchange-kind.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'
import { type Matches, TopicPatterns } from '../topic-pattern.ts'

class TopicMatcher<Q> implements Matcher<Q>, Matches<Binding<Q>> {
  readonly byKeyAlone = true
  readonly everyKey = true
  readonly #patterns = new TopicPatterns<Binding<Q>>()
  #found: Found<Q> | undefined

  add(binding: Binding<Q>): void {
    this.#patterns.add(binding.routingKey, binding)
  }

  remove(binding: Binding<Q>): void {
    this.#patterns.remove(binding.routingKey, binding)
  }

  match(routingKey: string, _message: RoutedMessage, found: Found<Q>): void {
    this.#found = found
    this.#patterns.match(routingKey, this)
  }

  matched(binding: Binding<Q>): void {
    this.#found?.add(binding.destination)
  }
}

export const topic: ExchangeKind = {
  name: 'topic',
  delayed: false,
  checkArguments: anything,
  checkBinding: anything,
  matcher: <Q>() => new TopicMatcher<Q>(),
}
