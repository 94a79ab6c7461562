/** A broker with streams over any storage, a manual clock and the plain batch format; restarts at will. */
import { ManualClock } from '../../../src/base/clock.ts'
import { emptyTable, type FieldTable } from '../../../src/base/field-value.ts'
import { seededRandom } from '../../../src/base/random.ts'
import { Broker } from '../../../src/broker/broker.ts'
import type { Session } from '../../../src/broker/session.ts'
import type { AppendResult, Partition, Streams } from '../../../src/broker/streams/stream-door.ts'
import { BatchFormats } from '../../../src/message/batch-format.ts'
import { makeMessage } from '../../../src/message/message.ts'
import { MessageFormats } from '../../../src/message/message-format.ts'
import type { Storage } from '../../../src/storage/contract.ts'
import { MemoryStorage } from '../../../src/storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../../../src/telemetry/logger.ts'
import { type PlainRecord, plainBatch, plainBatches, valuesOf, type Writer } from './plain-batches.ts'
import { plainFormat, plainProperties } from './plain-format.ts'
import { Answers } from './queue-bench.ts'

export class StreamBench {
  readonly clock: ManualClock
  storage: Storage
  broker!: Broker
  session!: Session
  #starts = 0

  private constructor(storage: Storage, clock: ManualClock) {
    this.storage = storage
    this.clock = clock
  }

  static async open(storage: Storage = new MemoryStorage(), clock = new ManualClock()): Promise<StreamBench> {
    const bench = new StreamBench(storage, clock)
    await bench.start()
    return bench
  }

  async start(): Promise<void> {
    const formats = new MessageFormats()
    formats.register(plainFormat)
    const batches = new BatchFormats()
    batches.register(plainBatches)
    this.broker = await Broker.open({
      storage: this.storage,
      formats,
      batches,
      clock: this.clock,
      // Another life draws other numbers.
      random: seededRandom(++this.#starts),
      logger: silentLogger,
      messageMemoryBytes: 1 << 20,
      diskFreeBytesMin: 0,
      vhosts: ['/'],
      onFailure: () => {},
    })
    const owner = { flow: () => {}, ended: () => {} }
    this.session = this.broker.openSession({ user: 'guest', vhost: '/', peer: 'test', owner })
  }

  get streams(): Streams {
    return this.session.streams
  }

  async restart(): Promise<void> {
    await this.broker.close()
    await this.start()
  }

  /** The old broker is not asked to stop: what it had not committed is lost. */
  async kill(): Promise<void> {
    await this.start()
  }

  async create(name: string, partitionCount = 1, configs: Record<string, string> = {}): Promise<Partition> {
    await this.streams.create({ name, partitionCount, configs: new Map(Object.entries(configs)) })
    return this.partition(name)
  }

  partition(name: string, index = 0): Partition {
    const partition = this.streams.partition(name, index)
    if (partition === undefined) throw new Error(`no partition ${index} of ${name}`)
    return partition
  }

  /** Appends one batch and waits for its answer. */
  async append(
    partition: Partition,
    records: readonly (string | PlainRecord)[],
    writer?: Writer,
  ): Promise<AppendResult> {
    const result = this.appendNow(partition, records, writer)
    await this.session.durable()
    return result
  }

  appendNow(
    partition: Partition,
    records: readonly (string | PlainRecord)[],
    writer?: Writer,
    answers = new Answers(),
  ): AppendResult {
    const nowMs = this.clock.nowMs()
    const whole = records.map((record): PlainRecord => (typeof record === 'string' ? [null, record, nowMs] : record))
    const bytes = plainBatch(whole, writer)
    return partition.append(bytes, plainBatches.facts(bytes), answers, 1)
  }

  publish(exchange: string, key: string, body: string, headers: FieldTable = emptyTable, answers?: Answers): string {
    const head = {
      format: plainFormat,
      address: this.session.address(exchange, key),
      persistent: true,
      priority: undefined,
      publishedMs: this.clock.nowMs(),
      expirationMs: undefined,
    }
    return this.session.publish(makeMessage(head, plainProperties(headers), Buffer.from(body)), undefined, answers, 1)
  }
}

/** Everything readable: `offset:value`, batch after batch. */
export async function contentOf(partition: Partition, isolation: 'uncommitted' | 'committed' = 'uncommitted') {
  const found: string[] = []
  for (let next = partition.startOffset; ; ) {
    const batches = await partition.read(next, 200, isolation)
    if (batches.length === 0) return found
    for (const { baseOffset, count, bytes } of batches) {
      if (bytes[0] === 0) found.push(`${baseOffset}:${valuesOf(bytes).join(',')}`)
      else found.push(`${baseOffset}:message`)
      next = baseOffset + count
    }
  }
}
