/** For tests of the APIs: a whole broker in memory behind the connections of a stage, and short ways to produce and fetch. */
import { onTestFinished } from 'vitest'
import { ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import { Broker } from '../../broker/broker.ts'
import type { Session } from '../../broker/session.ts'
import { BatchFormats } from '../../message/batch-format.ts'
import { MessageFormats } from '../../message/message-format.ts'
import { MemoryStorage } from '../../storage/engines/memory/memory-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import { kafkaBatchFormat } from './kafka-batch-format.ts'
import { recordMessageFormat } from './record-message.ts'
import { Stage, type StageOptions, type TestClient } from './test-kit.ts'
import { type BatchOptions, encodeBatch, type RecordToWrite } from './wire/batch-writer.ts'
import type { Decoded, Draft, ResponseOf } from './wire/codec.ts'
import { API } from './wire/schemas/apis.gen.ts'
import type { FetchRequest } from './wire/schemas/fetch.gen.ts'

export const NO_ID = Buffer.alloc(16)

export class BrokerStage extends Stage {
  readonly broker: Broker
  readonly storage: MemoryStorage
  /** A session of somebody else, to look from the other side. */
  readonly session: Session

  static async open(options: StageOptions = {}): Promise<BrokerStage> {
    const clock = new ManualClock()
    const storage = new MemoryStorage()
    const formats = options.formats ?? new MessageFormats()
    formats.register(recordMessageFormat)
    const batches = new BatchFormats()
    batches.register(kafkaBatchFormat)
    const broker = await Broker.open({
      storage,
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
    const stage = new BrokerStage(broker, storage, { ...options, clock, formats })
    onTestFinished(() => broker.close())
    return stage
  }

  private constructor(broker: Broker, storage: MemoryStorage, options: StageOptions) {
    super({ ...options, door: broker })
    this.broker = broker
    this.storage = storage
    const owner = { flow: () => {}, ended: () => {} }
    this.session = broker.openSession({ user: 'guest', vhost: '/', peer: 'test', owner })
  }

  async topic(name: string, partitionCount = 1, configs: Readonly<Record<string, string>> = {}): Promise<Buffer> {
    const made = await this.session.streams.create({ name, partitionCount, configs: new Map(Object.entries(configs)) })
    return made.id
  }
}

export function record(value: string | null, given: Partial<RecordToWrite> = {}): RecordToWrite {
  const bytes = value === null ? null : Buffer.from(value)
  return { timestampMs: 1_700_000_000_000, key: null, value: bytes, headers: [], ...given }
}

export function batchOf(values: readonly string[], options: BatchOptions = {}): Buffer {
  return encodeBatch(
    values.map((value) => record(value)),
    options,
  )
}

export type Produced = Decoded<ResponseOf<typeof API.Produce>>['responses'][number]['partitionResponses'][number]
export type Fetched = Decoded<ResponseOf<typeof API.Fetch>>['responses'][number]['partitions'][number]

/** Into one partition. */
export async function produceTo(
  client: TestClient,
  topic: string,
  records: Buffer | null,
  { version = 9, acks = -1, partition = 0 } = {},
): Promise<Produced> {
  const partitionData = [{ index: partition, records }]
  const response = await client.ask(API.Produce, version, {
    acks,
    timeoutMs: 1000,
    topicData: [{ name: topic, partitionData }],
  })
  return response.responses[0]!.partitionResponses[0]!
}

export interface FetchOptions {
  readonly version?: number
  readonly partition?: number
  readonly fetchOffset?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly partitionMaxBytes?: number
  readonly isolationLevel?: number
  readonly topicId?: Buffer
}

export function fetchRequest(topic: string, options: FetchOptions = {}): Draft<FetchRequest> {
  const { version = 11, partition = 0, fetchOffset = 0, partitionMaxBytes = 1 << 20 } = options
  const one = { partition, fetchOffset, partitionMaxBytes }
  return {
    maxWaitMs: options.maxWaitMs ?? 0,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 1 << 24,
    isolationLevel: options.isolationLevel ?? 0,
    topics: [version >= 13 ? { topicId: options.topicId ?? NO_ID, partitions: [one] } : { topic, partitions: [one] }],
  }
}

/** From one partition. */
export async function fetchFrom(client: TestClient, topic: string, options: FetchOptions = {}): Promise<Fetched> {
  const response = await client.ask(API.Fetch, options.version ?? 11, fetchRequest(topic, options))
  return response.responses[0]!.partitions[0]!
}
