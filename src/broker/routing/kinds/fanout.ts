/** fanout: every binding, whatever the key. */
import { anything, type ExchangeKind } from '../exchange-kind.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'

class FanoutMatcher<Q> implements Matcher<Q> {
  readonly byKeyAlone = true
  readonly everyKey = false
  readonly #bindings = new Set<Binding<Q>>()

  add(binding: Binding<Q>): void {
    this.#bindings.add(binding)
  }

  remove(binding: Binding<Q>): void {
    this.#bindings.delete(binding)
  }

  match(_routingKey: string, _message: RoutedMessage, found: Found<Q>): void {
    for (const binding of this.#bindings) found.add(binding.destination)
  }
}

export const fanout: ExchangeKind = {
  name: 'fanout',
  delayed: false,
  checkArguments: anything,
  checkBinding: anything,
  matcher: <Q>() => new FanoutMatcher<Q>(),
}
