/**
 * The broker: joins storage, topology, queues and sessions, and brings them up and down in order. It knows no protocol,
 * no socket and no file.
 *
 * Coming up: claim the shard (every earlier owner is fenced), read the definitions, replay the journal into the queues,
 * say again what storage may forget. From then on sessions may be opened.
 */
import type { Clock } from '../base/clock.ts'
import { Refused, type StorageError } from '../base/errors.ts'
import { textsOf } from '../base/field-value.ts'
import type { Random } from '../base/random.ts'
import type { BatchFormats } from '../message/batch-format.ts'
import type { Message } from '../message/message.ts'
import type { MessageFormats } from '../message/message-format.ts'
import type { Storage } from '../storage/contract.ts'
import type { Logger } from '../telemetry/logger.ts'
import { ClientSession } from './client-session.ts'
import { delayOf } from './delayed/delay-store.ts'
import { DelayStores } from './delayed/delay-stores.ts'
import { DiskAlarm } from './disk-alarm.ts'
import { FlowControl } from './flow.ts'
import { GroupCoordinators } from './groups/group-coordinators.ts'
import { defaultGroupSettings, type GroupSettings } from './groups/group-settings.ts'
import { Mailboxes } from './mailboxes.ts'
import { deadLetter, isCycle } from './queues/dead-letter.ts'
import { MessageMemory } from './queues/message-memory.ts'
import { Queue } from './queues/queue.ts'
import { LANES_PER_QUEUE, type QueueDefinition, type QueueEndWish } from './queues/queue-definition.ts'
import type { DeathReason, QueueDeps } from './queues/queue-deps.ts'
import type { Session, SessionDoor, SessionEnd, SessionRequest } from './session.ts'
import { type LogOwner, Shard } from './shard.ts'
import { Compactor } from './streams/compactor.ts'
import { Stream, type StreamDeps } from './streams/stream.ts'
import { StreamCatalog } from './streams/stream-catalog.ts'
import { StreamKeeper } from './streams/stream-keeper.ts'
import { StreamTable } from './streams/stream-table.ts'
import type { Target } from './target.ts'
import { QueueIds } from './topology/queue-ids.ts'
import type { Vhost } from './topology/vhost.ts'
import { Vhosts } from './topology/vhosts.ts'
import { TransactionCoordinators } from './transactions/transaction-coordinators.ts'
import { defaultTransactionSettings, type TransactionSettings } from './transactions/transaction-settings.ts'

export interface BrokerOptions {
  readonly storage: Storage
  /** Filled by the protocols before the broker opens: stored messages must be understood. */
  readonly formats: MessageFormats
  /** Likewise, for what streams hold. */
  readonly batches: BatchFormats
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly messageMemoryBytes: number
  readonly diskFreeBytesMin: number
  /** Only what differs from the defaults. */
  readonly groups?: Partial<GroupSettings>
  readonly transactions?: Partial<TransactionSettings>
  /** Made when they are missing. */
  readonly vhosts: readonly string[]
  /** Storage failed for good: nothing can be promised any more. Sessions have been told. */
  onFailure(failure: StorageError): void
}

export class Broker implements SessionDoor {
  readonly #options: BrokerOptions
  readonly #shard: Shard
  readonly #flow: FlowControl
  readonly #vhosts: Vhosts<Target>
  readonly #delays: DelayStores
  readonly #groups: GroupCoordinators
  readonly #transactions: TransactionCoordinators
  readonly #mailboxes: Mailboxes
  readonly #diskAlarm: DiskAlarm
  readonly #sessions = new Set<ClientSession>()
  readonly #queuesById = new Map<number, Queue>()
  readonly #queueDeps: QueueDeps
  /** Partitions by the log they write to. */
  readonly #logOwners = new Map<number, LogOwner>()
  readonly #streams = new StreamTable()
  readonly #catalogs = new WeakMap<Vhost<Target>, StreamCatalog>()
  readonly #streamDeps: StreamDeps
  readonly #keeper: StreamKeeper
  readonly #compactor: Compactor
  #ended: SessionEnd | undefined

  /** @throws {StorageError} when the storage cannot be claimed or read */
  static async open(options: BrokerOptions): Promise<Broker> {
    const journal = await options.storage.claim(0)
    const broker = new Broker(options, (findOwner) => new Shard(journal, findOwner))
    await broker.#recover()
    return broker
  }

  private constructor(options: BrokerOptions, makeShard: (findOwner: (log: number) => LogOwner | undefined) => Shard) {
    const { storage, clock, formats, logger } = options
    this.#options = options
    this.#shard = makeShard((log) => this.#ownerOf(log))
    this.#flow = new FlowControl([this.#shard.journal])
    this.#mailboxes = new Mailboxes(options.random)
    this.#delays = new DelayStores(storage.meta)
    this.#groups = new GroupCoordinators(storage.meta)
    this.#transactions = new TransactionCoordinators(storage.meta)
    this.#diskAlarm = new DiskAlarm(storage, this.#flow, clock, options.diskFreeBytesMin)
    this.#queueDeps = {
      shard: this.#shard,
      memory: new MessageMemory(options.messageMemoryBytes),
      formats,
      clock,
      deadLetter: (queue, message, reason) => this.#deadLetter(queue, message, reason),
      damaged: (queue, error) => logger.error('queue is damaged', { queue: queue.name, vhost: queue.vhost, error }),
      ended: (queue) => this.#queuesById.delete(queue.id),
    }
    this.#compactor = this.#makeCompactor()
    this.#keeper = new StreamKeeper(this.#streams, clock, this.#compactor)
    this.#streamDeps = {
      shard: this.#shard,
      batches: options.batches,
      formats,
      clock,
      owners: this.#logOwners,
      changed: (partition) => this.#keeper.look(partition),
      unreadable: ({ stream, index }, error) =>
        logger.error('a partition cannot be read', { stream, partition: index, error }),
      ended: (stream) => this.#streamEnded(stream),
    }
    this.#vhosts = new Vhosts<Target>({
      meta: storage.meta,
      queues: { create: (definition, owner, onEndWish) => this.#makeQueue(definition, owner, onEndWish) },
      random: options.random,
      log: logger,
      failed: (error) => logger.error('a change of the topology could not be stored', { error }),
    })
    this.#shard.journal.onFailure((failure) => this.#storageFailed(failure))
  }

  #makeCompactor(): Compactor {
    const { storage, clock, formats, batches, logger } = this.#options
    const ids = new QueueIds(storage.meta)
    const deps = { shard: this.#shard, owners: this.#logOwners, nextId: () => ids.next(), clock, formats, batches }
    return new Compactor(deps, ({ stream, index }, error) =>
      logger.error('a partition cannot be compacted', { stream, partition: index, error }),
    )
  }

  /** Resolves when no compaction is under way: for who must know, such as tests. */
  compactionIdle(): Promise<void> {
    return this.#compactor.idle()
  }

  async #recover(): Promise<void> {
    this.#vhosts.recover()
    for (const name of this.#options.vhosts) await this.#vhosts.create(name)
    for (const vhost of this.#vhosts.all()) {
      await this.#openDelays(vhost)
      await this.#openGroups(vhost.name)
      await this.#openTransactions(vhost.name)
    }
    await this.#shard.replay()
    for (const queue of this.#queuesById.values()) queue.recovered()
    for (const stream of this.#streams.all()) for (const partition of stream.partitions) partition.recovered()
    for (const [vhost, groups] of this.#groups.all()) {
      const streams = this.#streams.of(vhost)
      groups.recovered((name) => streams.has(name))
    }
    this.#transactions.recovered()
    for (const store of this.#delays.all()) {
      store
        .recovered()
        .catch((error: unknown) => this.#options.logger.error('delayed messages cannot be read', { error }))
    }
    this.#keeper.start()
    void this.#diskAlarm.watch()
  }

  async #openDelays(vhost: Vhost<Target>): Promise<void> {
    const { formats, clock, logger } = this.#options
    await this.#delays.open(vhost.name, {
      shard: this.#shard,
      formats,
      clock,
      release: (message) => this.#release(vhost, message),
      damaged: (error) => logger.error('delayed messages cannot be read', { vhost: vhost.name, error }),
    })
  }

  async #openGroups(vhost: string): Promise<void> {
    const { clock, random } = this.#options
    const settings = { ...defaultGroupSettings, ...this.#options.groups }
    await this.#groups.open(vhost, { shard: this.#shard, clock, random, settings })
  }

  async #openTransactions(vhost: string): Promise<void> {
    const { clock, logger } = this.#options
    const streams = this.#streams.of(vhost)
    await this.#transactions.open(vhost, {
      shard: this.#shard,
      clock,
      settings: { ...defaultTransactionSettings, ...this.#options.transactions },
      findPartition: (stream, index) => streams.get(stream)?.partitions[index],
      groups: this.#groups.get(vhost),
      failed: (error) => logger.error('a transaction cannot be ended', { vhost, error }),
    })
  }

  #streamEnded(stream: Stream): void {
    this.#streams.remove(stream)
    const { vhost, name } = stream.definition
    this.#groups.find(vhost)?.forgetStream(name)
  }

  #makeQueue(
    definition: QueueDefinition,
    owner: Session | undefined,
    onEndWish: (queue: Target, wish: QueueEndWish) => void,
  ): Target {
    if (definition.stream !== undefined) {
      const stream = new Stream(definition, definition.stream, this.#streamDeps)
      this.#streams.add(stream)
      this.#keeper.begin()
      return stream
    }
    const queue = new Queue(definition, owner, this.#queueDeps, onEndWish)
    this.#queuesById.set(definition.id, queue)
    return queue
  }

  #ownerOf(log: number): LogOwner | undefined {
    const id = Math.floor(log / LANES_PER_QUEUE)
    const owner = this.#queuesById.get(id) ?? this.#logOwners.get(log) ?? this.#delays.byId(id)
    return owner ?? this.#groups.logOwner(log) ?? this.#transactions.logOwner(log)
  }

  #streamsOf(vhost: Vhost<Target>): StreamCatalog {
    let catalog = this.#catalogs.get(vhost)
    if (catalog === undefined) {
      catalog = new StreamCatalog(vhost, this.#streams)
      this.#catalogs.set(vhost, catalog)
    }
    return catalog
  }

  /** A delayed message's moment has come: it goes where its exchange sends it now. */
  #release(vhost: Vhost<Target>, message: Message): void {
    const exchange = vhost.findExchange(message.address.exchange)
    if (exchange === undefined) return
    const carbonCopies = textsOf(message.format.header(message.properties(), 'CC'))
    const extraKeys = carbonCopies.length > 0 ? carbonCopies : undefined
    for (const queue of vhost.route(exchange, message.address.routingKey, extraKeys, message)) {
      queue.enqueue(message, undefined, 0)
    }
  }

  #deadLetter(queue: QueueDefinition, message: Message, reason: DeathReason): void {
    const { vhost: vhostName, name, settings } = queue
    const { deadLetterExchange, deadLetterRoutingKey } = settings
    const vhost = this.#vhosts.find(vhostName)
    if (deadLetterExchange === undefined || vhost === undefined) return
    // Nothing can be written any more, not even that it died: the next start finds it where it was.
    if (this.#shard.journal.failure) return
    const exchange = vhost.findExchange(deadLetterExchange)
    // As in RabbitMQ: without its exchange a dead letter is dropped.
    if (exchange === undefined) return
    const letter = deadLetter(message, {
      queue: name,
      reason,
      atMs: this.#options.clock.nowMs(),
      routingKey: deadLetterRoutingKey,
      exchange: deadLetterExchange,
    })
    const delayMs = exchange.delayed ? delayOf(letter.message) : 0
    if (delayMs > 0) return this.#delays.get(vhostName).add(letter.message, delayMs, undefined, 0)
    const { routingKey } = letter.message.address
    for (const target of vhost.route(exchange, routingKey, letter.extraKeys, letter.message)) {
      if (reason === 'rejected' || !isCycle(letter, target.name)) target.enqueue(letter.message, undefined, 0)
    }
  }

  openSession(request: SessionRequest): Session {
    if (this.#ended) throw new Refused('internal-error', 'the broker is going down')
    const vhost = this.#vhosts.get(request.vhost)
    const session = new ClientSession(request, {
      vhost,
      streams: this.#streamsOf(vhost),
      groups: this.#groups.get(request.vhost),
      transactions: this.#transactions.get(request.vhost),
      delays: this.#delays.get(request.vhost),
      mailboxes: this.#mailboxes,
      flow: this.#flow,
      shards: [this.#shard],
      closed: (closed) => this.#sessions.delete(closed),
    })
    this.#sessions.add(session)
    return session
  }

  #storageFailed(failure: StorageError): void {
    if (this.#ended) return
    this.#options.logger.error('storage failed: nothing is accepted any more', { error: failure })
    this.#end({ kind: 'storage-failed', message: failure.message })
    this.#options.onFailure(failure)
  }

  #end(reason: SessionEnd): void {
    this.#ended = reason
    for (const [, groups] of this.#groups.all()) groups.close()
    this.#transactions.close()
    for (const session of [...this.#sessions]) session.end(reason)
  }

  /**
   * Tells every session, and commits what is pending. The protocols must have closed their sessions before `close`
   * resolves for what they hold to be handed back.
   */
  endSessions(): void {
    if (!this.#ended) this.#end({ kind: 'shutdown' })
  }

  /** After the last session. The storage itself is closed by whoever opened it. */
  async close(): Promise<void> {
    this.endSessions()
    this.#diskAlarm.stop()
    this.#keeper.stop()
    for (const store of this.#delays.all()) store.end()
    for (const queue of this.#queuesById.values()) queue.stop()
    this.#vhosts.close()
    await this.#shard.journal.close()
  }
}
