/** x-random: one binding, chosen anew for every message. */
import type { Random } from '../../../base/random.ts'
import { anything, type ExchangeKind } from '../exchange-kind.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'

class RandomMatcher<Q> implements Matcher<Q> {
  readonly byKeyAlone = false
  readonly everyKey = false
  readonly #random: Random
  readonly #bindings: Binding<Q>[] = []

  constructor(random: Random) {
    this.#random = random
  }

  add(binding: Binding<Q>): void {
    this.#bindings.push(binding)
  }

  remove(binding: Binding<Q>): void {
    const index = this.#bindings.indexOf(binding)
    if (index >= 0) this.#bindings.splice(index, 1)
  }

  match(_routingKey: string, _message: RoutedMessage, found: Found<Q>): void {
    const chosen = this.#bindings[this.#random.below(this.#bindings.length)]
    if (chosen !== undefined) found.add(chosen.destination)
  }
}

export const randomChoice: ExchangeKind = {
  name: 'x-random',
  delayed: false,
  checkArguments: anything,
  checkBinding: anything,
  matcher: <Q>(_args: unknown, kinds: { random: Random }) => new RandomMatcher<Q>(kinds.random),
}
