/** For tests of what only a whole broker does, streams above all: one in memory behind the connection of a stage. */
import { onTestFinished } from 'vitest'
import { type PlainRecord, plainBatch, plainBatches } from '../../../test/support/broker/plain-batches.ts'
import { plainFormat } from '../../../test/support/broker/plain-format.ts'
import { ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { Broker } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import type { Partition } from '../../broker/streams/stream-door.ts'
import { BatchFormats } from '../../message/batch-format.ts'
import { MessageFormats } from '../../message/message-format.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { amqpMessageFormat } from './message-format.ts'
import { Stage } from './test-kit.ts'

export class BrokerStage extends Stage {
  /** Of somebody who speaks another protocol. */
  readonly other: Session

  private constructor(broker: Broker, clock: ManualClock) {
    super({ door: broker, clock })
    const owner = { flow: () => {}, ended: () => {} }
    this.other = broker.openSession({ user: 'guest', vhost: '/', peer: 'test', owner })
  }

  static async open(): Promise<BrokerStage> {
    const clock = new ManualClock()
    const formats = new MessageFormats()
    formats.register(amqpMessageFormat)
    formats.register(plainFormat)
    const batches = new BatchFormats()
    batches.register(plainBatches)
    const broker = await Broker.open({
      storage: new MemoryStorage(),
      formats,
      batches,
      clock,
      random: seededRandom(1),
      logger: silentLogger,
      messageMemoryBytes: 1 << 20,
      diskFreeBytesMin: 0,
      vhosts: ['/'],
      onFailure: () => {},
    })
    const stage = new BrokerStage(broker, clock)
    onTestFinished(() => broker.close())
    await stage.open()
    await stage.channel()
    return stage
  }

  /** With so many partitions, as the other protocol makes it. */
  async stream(name: string, partitionCount = 1): Promise<void> {
    await this.other.streams.create({ name, partitionCount, configs: new Map() })
  }

  partition(name: string, index = 0): Partition {
    const partition = this.other.streams.partition(name, index)
    if (partition === undefined) throw new Error(`no partition ${index} of ${name}`)
    return partition
  }

  /** One batch, as the other protocol writes it. */
  async append(partition: Partition, records: readonly PlainRecord[]): Promise<void> {
    const bytes = plainBatch(records)
    partition.append(bytes, plainBatches.facts(bytes), undefined, 0)
    await this.other.durable()
  }
}
