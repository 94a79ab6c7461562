/**
 * The topology of one vhost as it stands in memory. What is durable changes here only by records that the metadata
 * store delivers, be they of this broker or another's; what is not durable is put in and taken out directly.
 */
import { StorageError } from '../../base/errors.ts'
import { emptyTable, type FieldTable } from '../../base/field-value.ts'
import type { MetaChange, MetaStore } from '../../storage/contract.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ManagedQueue, QueueDefinition } from '../queues/queue-definition.ts'
import type { ExchangeKinds } from '../routing/exchange-kind.ts'
import type { Binding, Destination, Exchange, ExchangeDefinition, QueueNode } from '../routing/route-graph.ts'
import { DEFAULT_EXCHANGE, RoutingTable } from '../routing/routing-table.ts'
import type { Session } from '../session.ts'
import { queueSettings } from './queue-arguments.ts'
import {
  type BindingRecord,
  bindingFromText,
  bindingId,
  bindingKey,
  bindingPrefix,
  type DestinationKind,
  exchangeFromText,
  exchangePrefix,
  queueFromText,
  queuePrefix,
  unescaped,
} from './records.ts'

/** Exchanges that every vhost has; they are never stored. */
const systemExchanges: readonly (readonly [name: string, type: string, internal: boolean])[] = [
  ['amq.direct', 'direct', false],
  ['amq.fanout', 'fanout', false],
  ['amq.headers', 'headers', false],
  ['amq.match', 'headers', false],
  ['amq.rabbitmq.trace', 'topic', true],
  ['amq.topic', 'topic', false],
]

export interface LiveTopologyOptions<Q> {
  readonly meta: MetaStore
  readonly kinds: ExchangeKinds
  readonly log: Logger
  makeQueue(definition: QueueDefinition, owner: Session | undefined): Q
}

export class LiveTopology<Q extends ManagedQueue> {
  readonly vhost: string
  readonly table: RoutingTable<Q>
  readonly #options: LiveTopologyOptions<Q>
  readonly #exclusive = new Map<Session, Set<QueueNode<Q>>>()
  readonly #leaving = new Map<string, QueueNode<Q>>()
  readonly #stops: (() => void)[] = []

  constructor(vhost: string, options: LiveTopologyOptions<Q>) {
    this.vhost = vhost
    this.#options = options
    this.table = new RoutingTable<Q>(options.kinds, systemExchange(vhost, DEFAULT_EXCHANGE, 'direct', false))
    for (const [name, type, internal] of systemExchanges) {
      this.table.addExchange(systemExchange(vhost, name, type, internal))
    }
  }

  /**
   * Rebuilds what is stored and follows it from now on. Returns the keys of bindings that lead from or to nothing: left
   * by a deletion that a crash cut short.
   * @throws {StorageError} 'damaged', 'newer-format'
   */
  recover(): string[] {
    const { meta } = this.#options
    const orphans: string[] = []
    for (const { key, value } of meta.list(exchangePrefix(this.vhost))) this.#putExchange(key, value)
    for (const { key, value } of meta.list(queuePrefix(this.vhost))) this.#putQueue(key, value)
    for (const { key, value } of meta.list(bindingPrefix(this.vhost))) if (!this.#putBinding(value)) orphans.push(key)
    this.#stops.push(
      meta.watch(exchangePrefix(this.vhost), (change) => this.#exchangeChanged(change)),
      meta.watch(queuePrefix(this.vhost), (change) => this.#queueChanged(change)),
      meta.watch(bindingPrefix(this.vhost), (change) => this.#bindingChanged(change)),
    )
    return orphans
  }

  addQueue(definition: QueueDefinition, owner: Session | undefined): QueueNode<Q> {
    const node = this.table.addQueue(definition.name, this.#options.makeQueue(definition, owner))
    if (owner !== undefined) {
      const owned = this.#exclusive.get(owner)
      if (owned === undefined) this.#exclusive.set(owner, new Set([node]))
      else owned.add(node)
    }
    return node
  }

  /** Out of everybody's sight first, then ended: its consumers hear of it when it is gone. */
  dropQueue(node: QueueNode<Q>): void {
    this.table.removeQueue(node)
    const { owner } = node.queue
    const owned = owner === undefined ? undefined : this.#exclusive.get(owner)
    if (owner !== undefined && owned?.delete(node) && owned.size === 0) this.#exclusive.delete(owner)
    node.queue.end()
  }

  /**
   * A stored queue that is being deleted: out of everybody's sight from now on, so that nothing comes to it, and nobody,
   * after it was found empty or unused. It ends when the metadata store delivers its deletion.
   */
  hideQueue(node: QueueNode<Q>): void {
    this.table.removeQueue(node)
    this.#leaving.set(node.name, node)
  }

  /** Its deletion could not be stored: it is there again, with the bindings it had, as far as their sources are. */
  showQueue(node: QueueNode<Q>, inbound: readonly Binding<Q>[]): void {
    if (!this.#leaving.delete(node.name)) return
    const again = this.table.addQueue(node.name, node.queue)
    for (const { source, routingKey, arguments: args } of inbound) {
      if (this.table.exchanges.get(source.name) === source) this.addBinding(source, again, routingKey, args)
    }
  }

  exclusiveOf(session: Session): QueueNode<Q>[] {
    return [...(this.#exclusive.get(session) ?? [])]
  }

  isDurable(end: Destination<Q>): boolean {
    return end.kind === 'queue' ? end.queue.definition.durable : end.definition.durable
  }

  find(kind: DestinationKind, name: string): Destination<Q> | undefined {
    return kind === 'queue' ? this.table.queues.get(name) : this.table.exchanges.get(name)
  }

  addBinding(source: Exchange<Q>, destination: Destination<Q>, routingKey: string, args: FieldTable): void {
    const id = bindingId(destination.kind, destination.name, routingKey, args)
    if (!source.outbound.has(id)) this.table.addBinding(id, source, destination, routingKey, args)
  }

  /** The key a binding is stored under; undefined when it is not stored. */
  keyOf(binding: Binding<Q>): string | undefined {
    if (!this.isDurable(binding.source) || !this.isDurable(binding.destination)) return undefined
    return bindingKey(this.vhost, binding.source.name, binding.id)
  }

  /** Follows the metadata no longer; what is in memory stays. */
  close(): void {
    for (const stop of this.#stops.splice(0)) stop()
  }

  #exchangeChanged(change: MetaChange): void {
    if (change.kind === 'put') return this.#putExchange(change.entry.key, change.entry.value)
    const exchange = this.table.exchanges.get(this.#nameIn(exchangePrefix(this.vhost), change.key))
    if (exchange !== undefined) this.table.removeExchange(exchange)
  }

  #putExchange(key: string, value: string): void {
    const name = this.#nameIn(exchangePrefix(this.vhost), key)
    if (this.table.exchanges.has(name)) return
    const definition = exchangeFromText(this.vhost, name, value)
    if (this.#options.kinds.find(definition.type) === undefined) {
      throw new StorageError('newer-format', `metadata ${key} holds an exchange of unknown type '${definition.type}'`)
    }
    this.table.addExchange(definition)
  }

  #queueChanged(change: MetaChange): void {
    if (change.kind === 'put') return this.#putQueue(change.entry.key, change.entry.value)
    const name = this.#nameIn(queuePrefix(this.vhost), change.key)
    const leaving = this.#leaving.get(name)
    if (leaving !== undefined) {
      this.#leaving.delete(name)
      return leaving.queue.end()
    }
    const node = this.table.queues.get(name)
    if (node !== undefined) this.dropQueue(node)
  }

  #putQueue(key: string, value: string): void {
    const name = this.#nameIn(queuePrefix(this.vhost), key)
    const record = queueFromText(value)
    const known = this.table.queues.get(name)
    const settings = queueSettings(record.arguments)
    const definition = { vhost: this.vhost, name, durable: true, exclusive: false, settings, ...record }
    if (known?.queue.definition.id === record.id) return known.queue.redefine?.(definition)
    // Deleted and made anew elsewhere: the old one's messages are not the new one's.
    if (known !== undefined) this.dropQueue(known)
    this.addQueue(definition, undefined)
  }

  #bindingChanged(change: MetaChange): void {
    if (change.kind === 'put') return void this.#putBinding(change.entry.value)
    const place = change.key.slice(bindingPrefix(this.vhost).length)
    const slash = place.indexOf('/')
    const source = this.table.exchanges.get(unescaped(place.slice(0, slash)))
    const binding = source?.outbound.get(place.slice(slash + 1))
    if (binding !== undefined) this.table.removeBinding(binding)
  }

  /** False: an end is missing. */
  #putBinding(value: string): boolean {
    const record: BindingRecord = bindingFromText(value)
    const source = this.table.exchanges.get(record.source)
    const destination = this.find(record.kind, record.destination)
    if (source === undefined || destination === undefined) {
      const { kind, destination: name, routingKey } = record
      this.#options.log.warn('a binding without an end is dropped', {
        vhost: this.vhost,
        source: record.source,
        destination: `${kind} ${name}`,
        routingKey,
      })
      return false
    }
    this.addBinding(source, destination, record.routingKey, record.arguments)
    return true
  }

  #nameIn(prefix: string, key: string): string {
    return unescaped(key.slice(prefix.length))
  }
}

function systemExchange(vhost: string, name: string, type: string, internal: boolean): ExchangeDefinition {
  return { vhost, name, type, durable: true, autoDelete: false, internal, arguments: emptyTable }
}
