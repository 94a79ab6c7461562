/**
 * What messages are routed over: exchanges, queues and the bindings between them, as plain linked nodes. Only the
 * shapes; `routing-table.ts` builds and changes the graph, `router.ts` walks it.
 */
import type { FieldTable, FieldValue } from '../../base/field-value.ts'
import type { ExchangeSpec } from '../session.ts'

export interface ExchangeDefinition extends ExchangeSpec {
  readonly vhost: string
}

export interface QueueNode<Q> {
  readonly kind: 'queue'
  readonly name: string
  readonly queue: Q
  /** The answer of every route that leads to this queue alone: made once, so that such a route allocates nothing. */
  readonly alone: readonly Q[]
  readonly inbound: Set<Binding<Q>>
  /** The last walk that came by. */
  visit: number
}

export interface Exchange<Q> {
  readonly kind: 'exchange'
  readonly name: string
  readonly definition: ExchangeDefinition
  /** Messages with a delay wait before they are routed: the publisher sees to it. */
  readonly delayed: boolean
  /** The exchange that gets what nothing here matched; it need not exist. */
  readonly alternate: string | undefined
  readonly matcher: Matcher<Q>
  readonly inbound: Set<Binding<Q>>
  /** By binding id. */
  readonly outbound: Map<string, Binding<Q>>
  /** The router's answers by routing key, as long as the graph stays as it is. */
  readonly routes: Map<string, readonly Q[]>
  visit: number
}

export type Destination<Q> = QueueNode<Q> | Exchange<Q>

export interface Binding<Q> {
  /** Unique among the bindings of its source. */
  readonly id: string
  readonly source: Exchange<Q>
  readonly destination: Destination<Q>
  readonly routingKey: string
  readonly arguments: FieldTable
}

/** The bindings of one exchange, arranged for its kind's way of matching. */
export interface Matcher<Q> {
  /** The answer depends on the routing key and the bindings alone: it may be remembered. */
  readonly byKeyAlone: boolean
  /** Further routing keys of a message (CC, BCC) are looked up too; else only the first counts. */
  readonly everyKey: boolean
  /** Each binding once. */
  add(binding: Binding<Q>): void
  /** Only a binding that was added. */
  remove(binding: Binding<Q>): void
  /** Tells `found` every destination, some perhaps more than once. */
  match(routingKey: string, message: RoutedMessage, found: Found<Q>): void
}

export interface Found<Q> {
  add(destination: Destination<Q>): void
}

/** What a matcher may ask about a message; decoded only when asked. */
export interface RoutedMessage {
  headers(): FieldTable
  header(name: string): FieldValue | undefined
  property(name: string): string | undefined
}
