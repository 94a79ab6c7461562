/**
 * The exchanges, queues and bindings of one vhost, in memory: keeps the graph consistent and the router's answers
 * fresh. Knows no rule of who may change what (`topology/`), and nothing of storage.
 */
import { invariant } from '../../base/errors.ts'
import { type FieldTable, textOf } from '../../base/field-value.ts'
import type { Message } from '../../message/message.ts'
import type { ExchangeKinds } from './exchange-kind.ts'
import { DefaultMatcher } from './kinds/default-exchange.ts'
import type { Binding, Destination, Exchange, ExchangeDefinition, Matcher, QueueNode } from './route-graph.ts'
import { Router } from './router.ts'

export const DEFAULT_EXCHANGE = ''

const none: readonly never[] = []

export class RoutingTable<Q> {
  readonly #kinds: ExchangeKinds
  readonly #exchanges = new Map<string, Exchange<Q>>()
  readonly #queues = new Map<string, QueueNode<Q>>()
  readonly #router = new Router<Q>(this.#exchanges)
  readonly #default: Exchange<Q>

  /** @param defaultDefinition of the exchange named '' */
  constructor(kinds: ExchangeKinds, defaultDefinition: ExchangeDefinition) {
    this.#kinds = kinds
    this.#default = this.#place(defaultDefinition, new DefaultMatcher(this.#queues), false)
  }

  get exchanges(): ReadonlyMap<string, Exchange<Q>> {
    return this.#exchanges
  }

  get queues(): ReadonlyMap<string, QueueNode<Q>> {
    return this.#queues
  }

  /** The queues a message goes to, each once. The array is shared: not to be modified. */
  route(
    exchange: Exchange<Q>,
    routingKey: string,
    extraKeys: readonly string[] | undefined,
    message: Message,
  ): readonly Q[] {
    if (exchange === this.#default && extraKeys === undefined) return this.#queues.get(routingKey)?.alone ?? none
    return this.#router.route(exchange, routingKey, extraKeys, message)
  }

  addExchange(definition: ExchangeDefinition): Exchange<Q> {
    invariant(!this.#exchanges.has(definition.name), `exchange '${definition.name}' is there already`)
    const kind = this.#kinds.require(definition.type)
    // It may be the alternate of one that is there.
    this.#router.forget()
    return this.#place(definition, kind.matcher(definition.arguments, this.#kinds), kind.delayed)
  }

  #place(definition: ExchangeDefinition, matcher: Matcher<Q>, delayed: boolean): Exchange<Q> {
    const exchange: Exchange<Q> = {
      kind: 'exchange',
      name: definition.name,
      definition,
      delayed,
      alternate: textOf(definition.arguments.get('alternate-exchange')),
      matcher,
      inbound: new Set(),
      outbound: new Map(),
      routes: new Map(),
      visit: 0,
    }
    this.#exchanges.set(definition.name, exchange)
    return exchange
  }

  /** Its bindings go with it, in both directions. */
  removeExchange(exchange: Exchange<Q>): Binding<Q>[] {
    invariant(exchange !== this.#default, 'the default exchange stays')
    const bindings = new Set([...exchange.outbound.values(), ...exchange.inbound])
    for (const binding of bindings) this.removeBinding(binding)
    this.#exchanges.delete(exchange.name)
    this.#router.forget()
    return [...bindings]
  }

  addQueue(name: string, queue: Q): QueueNode<Q> {
    invariant(!this.#queues.has(name), `queue '${name}' is there already`)
    // Nothing remembered can lead to it yet: the default exchange's answers are not.
    const node: QueueNode<Q> = { kind: 'queue', name, queue, alone: [queue], inbound: new Set(), visit: 0 }
    this.#queues.set(name, node)
    return node
  }

  /** Its bindings go with it. */
  removeQueue(node: QueueNode<Q>): Binding<Q>[] {
    const bindings = [...node.inbound]
    for (const binding of bindings) this.removeBinding(binding)
    this.#queues.delete(node.name)
    return bindings
  }

  /** @param id unique among the bindings of `source` */
  addBinding(
    id: string,
    source: Exchange<Q>,
    destination: Destination<Q>,
    routingKey: string,
    args: FieldTable,
  ): Binding<Q> {
    invariant(!source.outbound.has(id), `binding ${id} of '${source.name}' is there already`)
    const binding: Binding<Q> = { id, source, destination, routingKey, arguments: args }
    source.outbound.set(id, binding)
    destination.inbound.add(binding)
    source.matcher.add(binding)
    this.#router.forget()
    return binding
  }

  removeBinding(binding: Binding<Q>): void {
    if (!binding.source.outbound.delete(binding.id)) return
    binding.destination.inbound.delete(binding)
    binding.source.matcher.remove(binding)
    this.#router.forget()
  }

  *bindings(): IterableIterator<Binding<Q>> {
    for (const exchange of this.#exchanges.values()) yield* exchange.outbound.values()
  }
}
