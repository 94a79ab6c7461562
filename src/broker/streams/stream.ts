/**
 * A stream: partitions under one name. To the topology it is a queue that messages are routed to and that is read
 * without being emptied; to protocols that know streams it is what `stream-door.ts` says.
 */
import { Refused } from '../../base/errors.ts'
import type { Message } from '../../message/message.ts'
import type { ConfirmListener } from '../confirm-listener.ts'
import type { Consumer, Delivery, Subscription } from '../queues/consumer.ts'
import { LANES_PER_QUEUE, type QueueDefinition } from '../queues/queue-definition.ts'
import type { RoomListener } from '../queues/queue-deps.ts'
import type { ConsumeSpec, Session } from '../session.ts'
import type { Target } from '../target.ts'
import { type PartitionDeps, StreamPartition } from './partition.ts'
import { PartitionChoice, type Partitioner } from './partition-choice.ts'
import type { StreamDefinition } from './stream-definition.ts'
import type { StreamInfo } from './stream-door.ts'
import { streamFilterOf } from './stream-filter.ts'
import { startOffsetOf } from './stream-offset.ts'
import { type ReaderDeps, type ReaderHost, StreamReader } from './stream-reader.ts'
import { keepingRules, partitionerOf } from './stream-settings.ts'

export interface StreamDeps extends PartitionDeps, ReaderDeps {
  ended(stream: Stream): void
}

export class Stream implements Target, ReaderHost {
  readonly owner: Session | undefined = undefined
  /** It takes whatever comes; retention makes room. */
  readonly full = false
  readonly #deps: StreamDeps
  readonly #choice = new PartitionChoice()
  readonly #partitions: StreamPartition[] = []
  readonly #readers = new Set<StreamReader>()
  #definition: QueueDefinition
  #stream: StreamDefinition
  #info: StreamInfo
  #partitioner: Partitioner = 'murmur2'
  #isEnded = false

  constructor(definition: QueueDefinition, stream: StreamDefinition, deps: StreamDeps) {
    this.#deps = deps
    this.#definition = definition
    this.#stream = stream
    this.#info = this.#describe()
    this.#openPartitions()
  }

  get definition(): QueueDefinition {
    return this.#definition
  }

  get name(): string {
    return this.#definition.name
  }

  get stream(): StreamDefinition {
    return this.#stream
  }

  get info(): StreamInfo {
    return this.#info
  }

  get partitions(): readonly StreamPartition[] {
    return this.#partitions
  }

  /** Records kept and readable. */
  get readyCount(): number {
    let count = 0
    for (const partition of this.#partitions) count += partition.highWatermark - partition.startOffset
    return count
  }

  get consumerCount(): number {
    return this.#readers.size
  }

  #describe(): StreamInfo {
    const { id, configs, partitionIds, isInternal } = this.#stream
    return { name: this.name, id, partitionCount: partitionIds.length, configs, isInternal }
  }

  #openPartitions(): void {
    const rules = keepingRules(this.#stream.configs)
    this.#partitioner = partitionerOf(this.#stream.configs)
    const { partitionIds } = this.#stream
    for (const partition of this.#partitions) partition.setRules(rules)
    for (let index = this.#partitions.length; index < partitionIds.length; index++) {
      const log = (partitionIds[index] as number) * LANES_PER_QUEUE
      const partition = new StreamPartition(this.name, index, log, rules, this.#deps)
      this.#partitions.push(partition)
      for (const reader of this.#readers) reader.add(partition)
    }
  }

  /** Its record changed: more partitions, other configs. */
  redefine(definition: QueueDefinition): void {
    if (definition.stream === undefined) return
    this.#definition = definition
    this.#stream = definition.stream
    this.#info = this.#describe()
    this.#openPartitions()
  }

  enqueue(message: Message, confirms: ConfirmListener | undefined, sequence: number): void {
    if (this.#isEnded) return
    if (this.#stream.isInternal) {
      confirms?.expect(sequence)
      confirms?.rejected(sequence)
      return
    }
    const index = this.#choice.choose(message, this.#partitions.length, this.#partitioner)
    ;(this.#partitions[index] as StreamPartition).appendMessage(message.bytes, confirms, sequence)
  }

  subscribe(consumer: Consumer, exclusive: boolean, spec: ConsumeSpec): Subscription {
    if (consumer.noAck) throw this.#notImplemented('automatic acknowledgement')
    const start = startOffsetOf(spec.arguments, this.#deps.clock.nowMs())
    const filter = streamFilterOf(spec.arguments)
    if (!spec.prefetchCount) {
      throw new Refused('precondition-failed', `consumer prefetch count is not set for '${this.#described()}'`)
    }
    const readers = [...this.#readers]
    if (readers.some((reader) => reader.exclusive) || (exclusive && readers.length > 0)) {
      throw new Refused('access-refused', `${this.#described()} in exclusive use`)
    }
    const reader = new StreamReader(this, consumer, { exclusive, start, filter }, this.#deps)
    this.#readers.add(reader)
    return reader
  }

  left(reader: StreamReader): void {
    this.#readers.delete(reader)
  }

  async get(_noAck: boolean): Promise<{ delivery: Delivery; remaining: number } | undefined> {
    throw this.#notImplemented('basic.get')
  }

  purge(): number {
    throw this.#notImplemented('queue.purge')
  }

  #notImplemented(what: string): Refused {
    return new Refused('not-implemented', `${what} not supported by stream queues ${this.#described()}`)
  }

  #described(): string {
    return `queue '${this.name}' in vhost '${this.#definition.vhost}'`
  }

  /** Streams have no x-expires. */
  touch(): void {}

  /** Never full, so nobody waits. */
  onRoom(_listener: RoomListener): void {}

  end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const partition of this.#partitions) partition.end()
    for (const reader of [...this.#readers]) reader.end('queue-deleted')
    this.#deps.ended(this)
  }
}
