/** headers: the binding's arguments are compared with the message's headers. */
import { anything, type ExchangeKind } from '../exchange-kind.ts'
import { checkHeadersMatch, HeadersMatch } from '../headers-match.ts'
import type { Binding, Found, Matcher, RoutedMessage } from '../route-graph.ts'

class HeadersMatcher<Q> implements Matcher<Q> {
  readonly byKeyAlone = false
  readonly everyKey = false
  readonly #matches = new Map<Binding<Q>, HeadersMatch>()

  add(binding: Binding<Q>): void {
    this.#matches.set(binding, new HeadersMatch(binding.arguments))
  }

  remove(binding: Binding<Q>): void {
    this.#matches.delete(binding)
  }

  match(_routingKey: string, message: RoutedMessage, found: Found<Q>): void {
    if (this.#matches.size === 0) return
    const headers = message.headers()
    for (const [binding, match] of this.#matches) if (match.matches(headers)) found.add(binding.destination)
  }
}

export const headers: ExchangeKind = {
  name: 'headers',
  delayed: false,
  checkArguments: anything,
  checkBinding: (_routingKey, args) => checkHeadersMatch(args),
  matcher: <Q>() => new HeadersMatcher<Q>(),
}
