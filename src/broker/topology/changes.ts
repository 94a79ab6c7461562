/**
 * Changes to one vhost's topology, checked before: what is durable is stored, and takes effect when the metadata store
 * delivers it back; anything else takes effect at once. A promise here resolves when the change is in effect.
 */
import type { FieldTable } from '../../base/field-value.ts'
import type { MetaStore } from '../../storage/contract.ts'
import { isConflict, overtaken } from '../id-blocks.ts'
import type { ManagedQueue, QueueDefinition } from '../queues/queue-definition.ts'
import type { Binding, Destination, Exchange, ExchangeDefinition, QueueNode } from '../routing/route-graph.ts'
import type { QueueSpec, Session } from '../session.ts'
import type { StreamDefinition } from '../streams/stream-definition.ts'
import type { LiveTopology } from './live-topology.ts'
import { queueSettings } from './queue-arguments.ts'
import {
  bindingId,
  bindingPrefix,
  bindingToText,
  exchangeKey,
  exchangePrefix,
  exchangeToText,
  queueFromText,
  queueKey,
  queuePrefix,
  queueToText,
} from './records.ts'

export class TopologyChanges<Q extends ManagedQueue> {
  readonly #live: LiveTopology<Q>
  readonly #meta: MetaStore

  constructor(live: LiveTopology<Q>, meta: MetaStore) {
    this.#live = live
    this.#meta = meta
  }

  /** False: another broker made one of that name first, and it is in view now. */
  async addExchange(definition: ExchangeDefinition): Promise<boolean> {
    if (definition.durable) {
      return this.#putNew(exchangeKey(this.#live.vhost, definition.name), exchangeToText(definition))
    }
    this.#live.table.addExchange(definition)
    return true
  }

  /** False: as for exchanges. An exclusive queue is never durable, whatever was asked. */
  async addQueue(
    spec: QueueSpec,
    id: number,
    owner: Session | undefined,
    stream: StreamDefinition | undefined,
  ): Promise<boolean> {
    const { vhost } = this.#live
    const { name, durable, exclusive, autoDelete, arguments: args } = spec
    if (durable && !exclusive) {
      const record = { id, autoDelete, arguments: args, ...(stream && { stream }) }
      return this.#putNew(queueKey(vhost, name), queueToText(record))
    }
    const settings = queueSettings(args)
    this.#live.addQueue({ vhost, name, durable: false, exclusive, autoDelete, arguments: args, settings, id }, owner)
    return true
  }

  /** Stores a stream anew. False: another broker changed it meanwhile, and that is in view now. */
  async changeStream(definition: QueueDefinition, stream: StreamDefinition): Promise<boolean> {
    const { id, name, autoDelete, arguments: args } = definition
    const key = queueKey(this.#live.vhost, name)
    const entry = this.#meta.get(key)
    // Somebody else's deletion, or another queue of that name.
    if (entry === undefined || queueFromText(entry.value).id !== id) return false
    try {
      await this.#meta.put(key, queueToText({ id, autoDelete, arguments: args, stream }), entry.revision)
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
      await overtaken(this.#meta, key, entry.revision)
      return false
    }
  }

  async addBinding(
    source: Exchange<Q>,
    destination: Destination<Q>,
    routingKey: string,
    args: FieldTable,
  ): Promise<void> {
    const id = bindingId(destination.kind, destination.name, routingKey, args)
    const key = this.#live.keyOf({ id, source, destination, routingKey, arguments: args })
    if (key === undefined) return this.#live.addBinding(source, destination, routingKey, args)
    const { kind, name } = destination
    const text = bindingToText({ source: source.name, kind, destination: name, routingKey, arguments: args })
    await this.#meta.put(key, text)
  }

  async removeBinding(binding: Binding<Q>): Promise<void> {
    const key = this.#live.keyOf(binding)
    if (key === undefined) this.#live.table.removeBinding(binding)
    else await this.#meta.delete(key)
  }

  /** Returns the exchanges that lost a binding. */
  async removeExchange(exchange: Exchange<Q>): Promise<Exchange<Q>[]> {
    const inbound = [...exchange.inbound]
    if (exchange.definition.durable) {
      const bindings = [...exchange.outbound.values(), ...inbound]
      await this.#delete(exchangeKey(this.#live.vhost, exchange.name), bindings)
    } else this.#live.table.removeExchange(exchange)
    return inbound.map((binding) => binding.source)
  }

  /** Returns the exchanges that lost a binding. */
  async removeQueue(node: QueueNode<Q>): Promise<Exchange<Q>[]> {
    const inbound = [...node.inbound]
    if (!node.queue.definition.durable) this.#live.dropQueue(node)
    else {
      this.#live.hideQueue(node)
      try {
        await this.#delete(queueKey(this.#live.vhost, node.name), inbound)
      } catch (error) {
        this.#live.showQueue(node, inbound)
        throw error
      }
    }
    return inbound.map((binding) => binding.source)
  }

  async removeAll(): Promise<void> {
    const { vhost } = this.#live
    const prefixes = [exchangePrefix(vhost), queuePrefix(vhost), bindingPrefix(vhost)]
    const keys = prefixes.flatMap((prefix) => this.#meta.list(prefix).map((entry) => entry.key))
    await Promise.all(keys.map((key) => this.#meta.delete(key)))
    for (const node of [...this.#live.table.queues.values()]) this.#live.dropQueue(node)
  }

  /** The thing first: bindings that are left behind by a crash lead nowhere, and recovery drops them. */
  async #delete(key: string, bindings: readonly Binding<Q>[]): Promise<void> {
    const bindingKeys = bindings.map((binding) => this.#live.keyOf(binding)).filter((stored) => stored !== undefined)
    await Promise.all([key, ...bindingKeys].map((each) => this.#meta.delete(each)))
  }

  async #putNew(key: string, value: string): Promise<boolean> {
    try {
      await this.#meta.put(key, value, 0)
      return true
    } catch (error) {
      if (!isConflict(error)) throw error
      await overtaken(this.#meta, key, undefined)
      return false
    }
  }
}
