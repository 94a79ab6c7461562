/** direct: the routing key equals the binding's. */
import { anything, type ExchangeKind } from '../exchange-kind.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'

export class DirectMatcher<Q> implements Matcher<Q> {
  readonly byKeyAlone = true
  readonly everyKey = true
  readonly #byKey = new Map<string, Set<Binding<Q>>>()

  add(binding: Binding<Q>): void {
    const bindings = this.#byKey.get(binding.routingKey)
    if (bindings === undefined) this.#byKey.set(binding.routingKey, new Set([binding]))
    else bindings.add(binding)
  }

  remove(binding: Binding<Q>): void {
    const bindings = this.#byKey.get(binding.routingKey)
    bindings?.delete(binding)
    if (bindings?.size === 0) this.#byKey.delete(binding.routingKey)
  }

  match(routingKey: string, _message: RoutedMessage, found: Found<Q>): void {
    const bindings = this.#byKey.get(routingKey)
    if (bindings !== undefined) for (const binding of bindings) found.add(binding.destination)
  }
}

export const direct: ExchangeKind = {
  name: 'direct',
  delayed: false,
  checkArguments: anything,
  checkBinding: anything,
  matcher: <Q>() => new DirectMatcher<Q>(),
}
