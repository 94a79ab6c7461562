/**
 * One vhost's exchanges, queues and bindings: every check on declaring, binding and deleting, and the way a change
 * takes. A durable change is checked, stored, and takes effect when the metadata store delivers it back; then the call
 * resolves. Anything else takes effect at once. Changes to the same thing take turns (`turns.ts`).
 *
 * Permissions are not checked here; queue names a protocol abbreviates are resolved before.
 */
import { Refused } from '../../base/errors.ts'
import type { FieldTable } from '../../base/field-value.ts'
import { type Random, uniqueSuffix } from '../../base/random.ts'
import type { Message } from '../../message/message.ts'
import type { MetaStore } from '../../storage/contract.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { ManagedQueue, QueueEndWish, QueueFactory } from '../queues/queue-definition.ts'
import type { ExchangeKinds } from '../routing/exchange-kind.ts'
import { exchangeKinds } from '../routing/exchange-kinds.ts'
import type { Exchange, ExchangeDefinition } from '../routing/route-graph.ts'
import type { BindingSpec, ExchangeSpec, QueueCounts, QueueSpec, Session } from '../session.ts'
import { newStream, type StreamChange, type StreamDefinition, type StreamPlan } from '../streams/stream-definition.ts'
import { TopologyChanges } from './changes.ts'
import {
  checkNewExchange,
  checkNewQueue,
  checkSameExchange,
  checkSameQueue,
  countsOf,
  serverNamePrefix,
} from './declarations.ts'
import { LiveTopology } from './live-topology.ts'
import { streamPlan } from './queue-arguments.ts'
import type { QueueIds } from './queue-ids.ts'
import { bindingId, type DestinationKind } from './records.ts'
import { checkNewName, checkNotDefault, checkOwner, cleanName, inUse, isReserved, named, notFound } from './refusals.ts'
import { Turns, turnKeys } from './turns.ts'

export interface TopologyEnvironment<Q extends ManagedQueue> {
  readonly meta: MetaStore
  readonly queues: QueueFactory<Q>
  readonly queueIds: QueueIds
  readonly random: Random
  readonly log: Logger
  /** A change nobody waits for (an auto-delete, an expiry) could not be stored. */
  failed(error: unknown): void
}

export interface ListedBinding extends BindingSpec {
  readonly destinationKind: DestinationKind
}

export class Vhost<Q extends ManagedQueue> {
  readonly name: string
  readonly #environment: TopologyEnvironment<Q>
  readonly #kinds: ExchangeKinds
  readonly #live: LiveTopology<Q>
  readonly #changes: TopologyChanges<Q>
  readonly #turns = new Turns()
  /** Sessions that are over: a declaration of theirs still under way must not make a queue for nobody. */
  readonly #gone = new WeakSet<Session>()
  #isClosed = false

  constructor(name: string, environment: TopologyEnvironment<Q>) {
    this.name = name
    this.#environment = environment
    this.#kinds = exchangeKinds(environment.random)
    this.#live = new LiveTopology<Q>(name, {
      meta: environment.meta,
      kinds: this.#kinds,
      log: environment.log,
      makeQueue: (definition, owner) =>
        environment.queues.create(definition, owner, (queue, wish) => this.#endWished(queue, wish)),
    })
    this.#changes = new TopologyChanges(this.#live, environment.meta)
  }

  /**
   * Rebuilds everything durable from the metadata, making each queue through the factory. Once, before any other verb.
   * @throws {StorageError} 'damaged', 'newer-format'
   */
  recover(): void {
    const { meta } = this.#environment
    for (const key of this.#live.recover()) this.#unattended(meta.delete(key))
  }

  // ─── messages ───

  /** @throws {Refused} 'not-found'; 'access-refused' for an internal exchange */
  exchangeToPublish(name: string): Exchange<Q> {
    const exchange = this.requireExchange(name)
    if (!exchange.definition.internal) return exchange
    throw new Refused('access-refused', `cannot publish to internal ${named('exchange', name, this.name)}`)
  }

  findExchange(name: string): Exchange<Q> | undefined {
    return this.#live.table.exchanges.get(name)
  }

  /** @throws {Refused} 'not-found' */
  requireExchange(name: string): Exchange<Q> {
    const exchange = this.#live.table.exchanges.get(name)
    if (exchange === undefined) throw notFound('exchange', name, this.name)
    return exchange
  }

  /**
   * The queues a message goes to, each once; empty when it is unroutable. The array is shared and never changes: hold
   * it as long as you like, do not modify it.
   * @param extraKeys CC and BCC; undefined when there are none
   */
  route(
    exchange: Exchange<Q>,
    routingKey: string,
    extraKeys: readonly string[] | undefined,
    message: Message,
  ): readonly Q[] {
    return this.#live.table.route(exchange, routingKey, extraKeys, message)
  }

  // ─── exchanges ───

  async declareExchange(spec: ExchangeSpec): Promise<void> {
    this.#kinds.require(spec.type)
    const definition: ExchangeDefinition = { ...spec, name: cleanName('exchange', spec.name), vhost: this.name }
    checkNotDefault(definition.name)
    await this.#turns.run([`x:${definition.name}`], [], () => this.#declareExchange(definition))
  }

  async #declareExchange(definition: ExchangeDefinition): Promise<void> {
    for (;;) {
      const known = this.findExchange(definition.name)
      if (known !== undefined) return checkSameExchange(known.definition, definition)
      this.#checkOpen()
      checkNewExchange(definition, this.#kinds)
      if (await this.#changes.addExchange(definition)) return
    }
  }

  /** Passive declaration. @throws {Refused} 'not-found' */
  checkExchange(name: string): void {
    const clean = cleanName('exchange', name)
    checkNotDefault(clean)
    this.requireExchange(clean)
  }

  /** A missing exchange is no error. */
  async deleteExchange(name: string, options: { ifUnused: boolean }): Promise<void> {
    const clean = cleanName('exchange', name)
    checkNotDefault(clean)
    if (isReserved(clean)) {
      throw new Refused('access-refused', `deletion of system ${named('exchange', clean, this.name)} not allowed`)
    }
    const sources = await this.#turns.run([`x:${clean}`], [], () => {
      const exchange = this.findExchange(clean)
      if (exchange === undefined) return []
      if (options.ifUnused && exchange.outbound.size > 0) throw inUse('exchange', clean, this.name)
      return this.#changes.removeExchange(exchange)
    })
    await this.#sweep(sources)
  }

  /** Auto-delete exchanges go with the last binding that leads from them; that may take others along. */
  async #sweep(sources: readonly Exchange<Q>[]): Promise<void> {
    const pending = [...sources]
    for (let source = pending.pop(); source !== undefined; source = pending.pop()) {
      const exchange = source
      if (!exchange.definition.autoDelete) continue
      const isUnused = (): boolean => exchange.outbound.size === 0 && this.findExchange(exchange.name) === exchange
      if (!isUnused()) continue
      const further = await this.#turns.run([`x:${exchange.name}`], [], () =>
        isUnused() ? this.#changes.removeExchange(exchange) : [],
      )
      pending.push(...further)
    }
  }

  // ─── queues ───

  async declareQueue(spec: QueueSpec, session: Session): Promise<QueueCounts> {
    const given = cleanName('queue', spec.name)
    const name = given === '' ? `${serverNamePrefix(spec)}-${uniqueSuffix(this.#environment.random)}` : given
    return this.#turns.run([`q:${name}`], [], () => this.#declareQueue({ ...spec, name }, given === '', session))
  }

  async #declareQueue(spec: QueueSpec, isServerNamed: boolean, session: Session): Promise<QueueCounts> {
    const owner = spec.exclusive ? session : undefined
    for (;;) {
      const known = this.findQueue(spec.name)
      if (known !== undefined) {
        checkSameQueue(known, spec, owner)
        known.touch()
        return countsOf(known)
      }
      this.#checkOpen()
      if (!isServerNamed) checkNewName('queue', spec.name)
      const type = checkNewQueue(spec, this.name)
      const stream = type === 'stream' ? await this.#planStream(streamPlan(spec.arguments)) : undefined
      const id = await this.#environment.queueIds.next()
      if (this.#gone.has(session)) throw new Refused('not-allowed', 'the session has ended')
      if (!(await this.#changes.addQueue(spec, id, owner, stream))) continue
      // No counts of its own: somebody may already have deleted it again, or published to it.
      return { name: spec.name, readyCount: 0, consumerCount: 0 }
    }
  }

  // ─── streams: queues with partitions and configs ───

  /** @throws {Refused} 'precondition-failed' when the name is taken, by a queue or a stream */
  async createStream(name: string, plan: StreamPlan, args: FieldTable): Promise<void> {
    checkNewName('queue', name)
    await this.#turns.run([`q:${name}`], [], async () => {
      this.#checkOpen()
      const spec = { name, durable: true, exclusive: false, autoDelete: false, arguments: args }
      if (this.findQueue(name) === undefined) {
        const stream = await this.#planStream(plan)
        const id = await this.#environment.queueIds.next()
        if (await this.#changes.addQueue(spec, id, undefined, stream)) return
      }
      throw new Refused('precondition-failed', `${named('queue', name, this.name)} exists already`)
    })
  }

  #planStream(plan: StreamPlan): Promise<StreamDefinition> {
    return newStream(plan, this.#environment.random, () => this.#environment.queueIds.next())
  }

  /** @throws {Refused} 'not-found', and what `change` throws */
  async changeStream(name: string, change: StreamChange): Promise<void> {
    await this.#turns.run([`q:${name}`], [], async () => {
      for (;;) {
        const definition = this.findQueue(name)?.definition
        if (definition?.stream === undefined) throw notFound('queue', name, this.name)
        const stream = await change(definition.stream, () => this.#environment.queueIds.next())
        if (await this.#changes.changeStream(definition, stream)) return
      }
    })
  }

  findQueue(name: string): Q | undefined {
    return this.#live.table.queues.get(name)?.queue
  }

  /** @throws {Refused} 'not-found'; 'resource-locked' for another session's exclusive queue */
  requireQueue(name: string, session: Session | undefined): Q {
    const clean = cleanName('queue', name)
    const queue = this.findQueue(clean)
    if (queue === undefined) throw notFound('queue', clean, this.name)
    checkOwner(queue, session)
    return queue
  }

  /** Passive declaration. @throws {Refused} 'not-found', 'resource-locked' */
  checkQueue(name: string, session: Session | undefined): QueueCounts {
    const queue = this.requireQueue(name, session)
    queue.touch()
    return countsOf(queue)
  }

  /** A missing queue is no error: 0. Resolves to the ready messages it held. */
  async deleteQueue(
    name: string,
    options: { ifUnused: boolean; ifEmpty: boolean },
    session: Session | undefined,
  ): Promise<number> {
    const clean = cleanName('queue', name)
    let readyCount = 0
    const sources = await this.#turns.run([`q:${clean}`], [], () => {
      const node = this.#live.table.queues.get(clean)
      if (node === undefined) return []
      checkOwner(node.queue, session)
      if (options.ifUnused && node.queue.consumerCount > 0) throw inUse('queue', clean, this.name)
      readyCount = node.queue.readyCount
      if (options.ifEmpty && readyCount > 0) {
        throw new Refused('precondition-failed', `${named('queue', clean, this.name)} not empty`)
      }
      return this.#changes.removeQueue(node)
    })
    await this.#sweep(sources)
    return readyCount
  }

  /**
   * The session's exclusive queues are gone for everybody when this returns; it resolves when what went with them
   * (auto-delete exchanges) is gone too. Declarations of the session still under way will be refused.
   */
  async deleteExclusiveOf(session: Session): Promise<void> {
    this.#gone.add(session)
    const sources: Exchange<Q>[] = []
    for (const node of this.#live.exclusiveOf(session)) {
      for (const binding of node.inbound) sources.push(binding.source)
      this.#live.dropQueue(node)
    }
    await this.#sweep(sources)
  }

  /** It may have been used again, or deleted and made anew, before its turn came. */
  #endWished(queue: Q, _wish: QueueEndWish): void {
    const name = queue.definition.name
    const removed = this.#turns.run([`q:${name}`], [], () => {
      const node = this.#live.table.queues.get(name)
      return node?.queue === queue && queue.consumerCount === 0 ? this.#changes.removeQueue(node) : []
    })
    this.#unattended(removed.then((sources) => this.#sweep(sources)))
  }

  // ─── bindings ───

  async bindQueue(spec: BindingSpec, session: Session | undefined): Promise<void> {
    return this.#bind('queue', this.#cleanBinding('queue', spec), session)
  }

  async unbindQueue(spec: BindingSpec, session: Session | undefined): Promise<void> {
    return this.#unbind('queue', this.#cleanBinding('queue', spec), session)
  }

  async bindExchange(spec: BindingSpec): Promise<void> {
    return this.#bind('exchange', this.#cleanBinding('exchange', spec), undefined)
  }

  async unbindExchange(spec: BindingSpec): Promise<void> {
    return this.#unbind('exchange', this.#cleanBinding('exchange', spec), undefined)
  }

  #cleanBinding(kind: DestinationKind, spec: BindingSpec): BindingSpec {
    const source = cleanName('exchange', spec.source)
    const destination = cleanName(kind, spec.destination)
    if (kind === 'exchange') checkNotDefault(destination)
    checkNotDefault(source)
    return { ...spec, source, destination }
  }

  async #bind(kind: DestinationKind, spec: BindingSpec, session: Session | undefined): Promise<void> {
    const { source: from, destination: to, routingKey, arguments: args } = spec
    const id = bindingId(kind, to, routingKey, args)
    await this.#turns.run([`b:${from}/${id}`], turnKeys(kind, spec), async () => {
      const source = this.requireExchange(from)
      const destination = this.#live.find(kind, to)
      if (destination === undefined) throw notFound(kind, to, this.name)
      const { type, arguments: exchangeArguments } = source.definition
      this.#kinds.require(type).checkBinding(routingKey, args, exchangeArguments, this.#kinds)
      if (destination.kind === 'queue') checkOwner(destination.queue, session)
      if (source.outbound.has(id)) return
      this.#checkOpen()
      await this.#changes.addBinding(source, destination, routingKey, args)
    })
  }

  /** Whatever is missing, it is not bound: no error. */
  async #unbind(kind: DestinationKind, spec: BindingSpec, session: Session | undefined): Promise<void> {
    const id = bindingId(kind, spec.destination, spec.routingKey, spec.arguments)
    const sources = await this.#turns.run([`b:${spec.source}/${id}`], turnKeys(kind, spec), async () => {
      const binding = this.findExchange(spec.source)?.outbound.get(id)
      if (binding === undefined) return []
      if (binding.destination.kind === 'queue') checkOwner(binding.destination.queue, session)
      await this.#changes.removeBinding(binding)
      return [binding.source]
    })
    await this.#sweep(sources)
  }

  // ─── listings ───

  *queues(): IterableIterator<Q> {
    for (const node of this.#live.table.queues.values()) yield node.queue
  }

  *exchanges(): IterableIterator<Exchange<Q>> {
    yield* this.#live.table.exchanges.values()
  }

  /** Those that were made; the default exchange's are implied by the queues. */
  *bindings(): IterableIterator<ListedBinding> {
    for (const { source, destination, routingKey, arguments: args } of this.#live.table.bindings()) {
      const { kind: destinationKind, name } = destination
      yield { source: source.name, destination: name, destinationKind, routingKey, arguments: args }
    }
  }

  // ─── end ───

  /** Deletes everything in it, also from the metadata; nothing new is taken from now on. */
  async clear(): Promise<void> {
    this.#isClosed = true
    await this.#turns.idle()
    await this.#changes.removeAll()
    this.close()
  }

  /** Follows the metadata no longer. Queues are left to whoever stops the broker. */
  close(): void {
    this.#isClosed = true
    this.#live.close()
  }

  #checkOpen(): void {
    if (this.#isClosed) throw new Refused('not-allowed', `vhost '${this.name}' is being deleted`)
  }

  #unattended(work: Promise<unknown>): void {
    work.catch((error: unknown) => this.#environment.failed(error))
  }
}
