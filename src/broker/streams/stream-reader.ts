/**
 * One consumer of a stream: reads all its partitions from where he asked to begin, in turn, and hands him the records as
 * messages, only what is decided (committed, not aborted). Settling gives credit and nothing else: records stay, and
 * where a reader is, he remembers himself.
 *
 *     inactive ──activate──► reading ◄──► waiting for credit (`wake`) or for records (`progressed`)
 *     cancel, or the end of the stream, from anywhere: ended
 *
 * At most one page of messages is in memory for a reader.
 */
import { Refused, StorageError } from '../../base/errors.ts'
import type { BatchFormats } from '../../message/batch-format.ts'
import { type Address, type Message, messageFromBytes } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import type { CancelReason, Consumer, Delivery, Subscription } from '../queues/consumer.ts'
import type { StreamPartition } from './partition.ts'
import type { ProgressListener, StoredBatch } from './stream-door.ts'
import type { StreamFilter } from './stream-filter.ts'
import type { StartOffset } from './stream-offset.ts'

export interface ReaderDeps {
  readonly batches: BatchFormats
  readonly formats: MessageFormats
  /** Storage, or a batch that nobody here can unpack. */
  unreadable(partition: StreamPartition, error: StorageError | Refused): void
}

/** What the consumer asked for. */
export interface ReaderWish {
  readonly exclusive: boolean
  readonly start: StartOffset
  readonly filter: StreamFilter | undefined
}

export interface ReaderHost {
  readonly name: string
  readonly partitions: readonly StreamPartition[]
  left(reader: StreamReader): void
}

const PAGE_BYTES = 64 * 1024

/** A place in a partition; records below `wanted` come along with their batch and are left out. */
interface Position {
  readonly partition: StreamPartition
  next: number
  wanted: number
}

export class StreamDelivery implements Delivery {
  readonly message: Message
  readonly redelivered = false
  readonly deliveryCount = 0
  readonly partition: number
  readonly offset: number

  constructor(message: Message, partition: number, offset: number) {
    this.message = message
    this.partition = partition
    this.offset = offset
  }

  /** Itself: one object a record. */
  get stream(): StreamDelivery {
    return this
  }

  settle(): void {}
}

export class StreamReader implements Subscription, ProgressListener {
  readonly consumer: Consumer
  readonly exclusive: boolean
  readonly #host: ReaderHost
  readonly #deps: ReaderDeps
  readonly #filter: StreamFilter | undefined
  readonly #positions: Position[] = []
  /** Positions that must be looked up first. */
  readonly #lookups: (() => Promise<void>)[] = []
  #page: StreamDelivery[] = []
  #pageAt = 0
  #turn = 0
  #knownAddress: Address | undefined
  #isActive = false
  #isReading = false
  #isAskedAgain = false
  #isEnded = false

  constructor(host: ReaderHost, consumer: Consumer, wish: ReaderWish, deps: ReaderDeps) {
    const { exclusive, start, filter } = wish
    this.#host = host
    this.#filter = filter
    this.consumer = consumer
    this.exclusive = exclusive
    this.#deps = deps
    for (const partition of host.partitions) this.#enter(partition, start)
  }

  /** A partition that came later is read from its beginning. */
  add(partition: StreamPartition): void {
    this.#enter(partition, { kind: 'first' })
    this.#readOn()
  }

  /** What comes from now on is not missed, whatever must be looked up first. */
  #enter(partition: StreamPartition, start: StartOffset): void {
    const { startOffset, highWatermark } = partition
    const position: Position = { partition, next: highWatermark, wanted: 0 }
    this.#positions.push(position)
    partition.listen(this)
    switch (start.kind) {
      case 'next':
        position.wanted = highWatermark
        break
      case 'first':
        position.next = startOffset
        break
      case 'last':
        // The batch with the last record, whole.
        position.next = Math.max(startOffset, partition.lastStableOffset - 1)
        break
      case 'offset':
        place(position, start.offset)
        break
      case 'offsets':
        place(position, start.byPartition.get(partition.index) ?? startOffset)
        break
      case 'time':
        this.#lookups.push(async () => {
          const found = await partition.findByTime(start.timestampMs)
          if (found !== undefined) place(position, found.offset)
        })
    }
  }

  activate(): void {
    if (this.#isEnded) return
    this.#isActive = true
    this.#readOn()
  }

  wake(): void {
    this.#readOn()
  }

  progressed(): void {
    this.#readOn()
  }

  /** Cheap when there is nothing to do. */
  #readOn(): void {
    if (!this.#isActive || this.#isEnded) return
    if (this.#isReading) {
      this.#isAskedAgain = true
      return
    }
    if (!this.#handOut()) return
    this.#isReading = true
    void this.#read()
  }

  /** Rejects only when we are at fault. */
  async #read(): Promise<void> {
    do {
      this.#isAskedAgain = false
      for (let lookup = this.#lookups.pop(); lookup !== undefined; lookup = this.#lookups.pop()) await this.#try(lookup)
      while (!this.#isEnded && this.#handOut() && (await this.#try(() => this.#turnPage()))) {}
    } while (this.#isAskedAgain && !this.#isEnded)
    this.#isReading = false
  }

  async #try<T>(step: () => Promise<T>): Promise<T | undefined> {
    try {
      return await step()
    } catch (error) {
      if (!(error instanceof StorageError || error instanceof Refused)) throw error
      const position = this.#positions[this.#turn]
      if (!this.#isEnded && position !== undefined) this.#deps.unreadable(position.partition, error)
      this.end('unreadable')
      return undefined
    }
  }

  /** True when the page is empty and the consumer may take more. */
  #handOut(): boolean {
    const { consumer } = this
    while (!this.#isEnded && consumer.canTake()) {
      const delivery = this.#page[this.#pageAt]
      if (delivery === undefined) return true
      this.#pageAt++
      consumer.deliver(delivery)
    }
    return false
  }

  /** The next partition that has something; false when none has. */
  async #turnPage(): Promise<boolean> {
    this.#page = []
    this.#pageAt = 0
    for (let tried = 0; tried < this.#positions.length; tried++) {
      this.#turn = (this.#turn + 1) % this.#positions.length
      const position = this.#positions[this.#turn] as Position
      const { partition } = position
      // Retention may have been faster.
      position.next = Math.max(position.next, partition.startOffset)
      if (partition.isGone || position.next >= partition.lastStableOffset) continue
      await this.#load(position, await partition.read(position.next, PAGE_BYTES, 'committed'))
      return true
    }
    return false
  }

  async #load(position: Position, batches: readonly StoredBatch[]): Promise<void> {
    const { partition, wanted } = position
    const { transactions } = partition.state
    const page: StreamDelivery[] = []
    const take = (message: Message, offset: number): void => {
      if (offset < wanted || this.#filter?.wants(message) === false) return
      page.push(new StreamDelivery(message, partition.index, offset))
    }
    for (const { baseOffset, count, bytes } of batches) {
      position.next = baseOffset + count
      const { isTransactional, producerId } = partition.factsOf(bytes)
      if (isTransactional && transactions.isAborted(producerId, baseOffset)) continue
      const format = this.#deps.batches.of(bytes)
      if (format === undefined) {
        take(this.#single(bytes), baseOffset)
        continue
      }
      for (const { index, message } of await format.messages(bytes, this.#host.name)) {
        take(message, baseOffset + index)
      }
    }
    this.#page = page
  }

  /** Owns its bytes: a page must not stay in memory for one message of it. */
  #single(bytes: Buffer): Message {
    const message = messageFromBytes(Buffer.from(bytes), this.#deps.formats, this.#knownAddress)
    this.#knownAddress = message.address
    return message
  }

  cancel(): void {
    if (this.#isEnded) return
    this.#leave()
    this.#host.left(this)
  }

  /** The stream, or the reading of it, is over. */
  end(reason: CancelReason): void {
    if (this.#isEnded) return
    this.cancel()
    this.consumer.cancelled(reason)
  }

  #leave(): void {
    this.#isEnded = true
    this.#page = []
    for (const { partition } of this.#positions) partition.unlisten(this)
  }
}

/** An offset outside of what is kept means the end next to it. */
function place(position: Position, offset: number): void {
  const { startOffset, highWatermark } = position.partition
  position.next = Math.min(Math.max(offset, startOffset), highWatermark)
  position.wanted = position.next
}
