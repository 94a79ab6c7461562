/**
 * From a message to the queues it goes to. Walks the graph from one exchange on: bindings to exchanges are followed
 * (cycles are allowed, each queue comes once), and where an exchange matches nothing, its alternate exchange.
 *
 * Answers that depend on the routing key alone are remembered with their exchange until the graph changes, so the
 * usual publish costs one Map lookup and allocates nothing.
 */
import { emptyTable, type FieldTable, type FieldValue } from '../../base/field-value.ts'
import type { Message } from '../../message/message.ts'
import type { Destination, Exchange, Found, RoutedMessage } from './route-graph.ts'

/** All remembered answers of a vhost together. Above it all are forgotten: keys that never repeat must not fill memory. */
export const REMEMBERED_ROUTES_MAX = 32_768

const none: readonly never[] = []

/** Decodes what matchers ask for, the header table at most once a walk. */
class MessageView implements RoutedMessage {
  #message: Message | undefined
  #headers: FieldTable | undefined

  look(message: Message | undefined): void {
    this.#message = message
    this.#headers = undefined
  }

  headers(): FieldTable {
    const message = this.#message
    if (message === undefined) return emptyTable
    this.#headers ??= message.format.headers(message.properties())
    return this.#headers
  }

  header(name: string): FieldValue | undefined {
    return this.#headers?.get(name) ?? this.#message?.format.header(this.#message.properties(), name)
  }

  property(name: string): string | undefined {
    return this.#message?.format.property(this.#message.properties(), name)
  }
}

export class Router<Q> implements Found<Q> {
  readonly #exchanges: ReadonlyMap<string, Exchange<Q>>
  readonly #view = new MessageView()
  /** Exchanges with remembered answers. */
  readonly #remembering = new Set<Exchange<Q>>()
  #rememberedCount = 0
  #visit = 0
  readonly #pending: Exchange<Q>[] = []
  #alone: readonly Q[] = none
  #queues: Q[] = []
  #matched = false

  constructor(exchanges: ReadonlyMap<string, Exchange<Q>>) {
    this.#exchanges = exchanges
  }

  /**
   * The queues a message goes to, each once. The array is shared and never changed afterwards: it may be held across
   * later calls, but not modified.
   */
  route(
    exchange: Exchange<Q>,
    routingKey: string,
    extraKeys: readonly string[] | undefined,
    message: Message,
  ): readonly Q[] {
    if (extraKeys !== undefined && extraKeys.length > 0) return this.#walk(exchange, routingKey, extraKeys, message)
    return exchange.routes.get(routingKey) ?? this.#walk(exchange, routingKey, none, message)
  }

  /** The graph changed: nothing remembered holds any more. */
  forget(): void {
    for (const exchange of this.#remembering) exchange.routes.clear()
    this.#remembering.clear()
    this.#rememberedCount = 0
  }

  get rememberedCount(): number {
    return this.#rememberedCount
  }

  #walk(exchange: Exchange<Q>, routingKey: string, extraKeys: readonly string[], message: Message): readonly Q[] {
    this.#view.look(message)
    this.#visit++
    this.#reachExchange(exchange)
    let byKeyAlone = extraKeys.length === 0
    for (let index = 0; index < this.#pending.length; index++) {
      const at = this.#pending[index]!
      if (!at.matcher.byKeyAlone) byKeyAlone = false
      this.#matched = false
      at.matcher.match(routingKey, this.#view, this)
      if (at.matcher.everyKey) for (const key of extraKeys) at.matcher.match(key, this.#view, this)
      if (!this.#matched && at.alternate !== undefined) {
        const alternate = this.#exchanges.get(at.alternate)
        if (alternate !== undefined) this.#reachExchange(alternate)
      }
    }
    const answer = this.#takeAnswer()
    if (byKeyAlone) this.#remember(exchange, routingKey, answer)
    return answer
  }

  /** For matchers. */
  add(destination: Destination<Q>): void {
    this.#matched = true
    if (destination.kind === 'exchange') return this.#reachExchange(destination)
    if (destination.visit === this.#visit) return
    destination.visit = this.#visit
    if (this.#alone.length === 0) this.#alone = destination.alone
    else {
      if (this.#queues.length === 0) this.#queues.push(this.#alone[0]!)
      this.#queues.push(destination.queue)
    }
  }

  #reachExchange(exchange: Exchange<Q>): void {
    if (exchange.visit === this.#visit) return
    exchange.visit = this.#visit
    this.#pending.push(exchange)
  }

  /** Leaves nothing behind that would keep a deleted queue, or a message, in memory. */
  #takeAnswer(): readonly Q[] {
    const answer = this.#queues.length > 0 ? this.#queues : this.#alone
    if (this.#queues.length > 0) this.#queues = []
    this.#alone = none
    this.#pending.length = 0
    this.#view.look(undefined)
    return answer
  }

  #remember(exchange: Exchange<Q>, routingKey: string, answer: readonly Q[]): void {
    if (this.#rememberedCount >= REMEMBERED_ROUTES_MAX) this.forget()
    this.#rememberedCount++
    this.#remembering.add(exchange)
    exchange.routes.set(routingKey, answer)
  }
}
