/**
 * A member of a consumer group that follows a topic through every life of the broker, commits as it goes, and complains of
 * whatever it should not see: a record again whose commit was answered, or a record left out.
 */
import type { Consumer, Kafka } from 'kafkajs'

const COMMIT_EVERY = 7

export class Follower {
  readonly complaints: string[] = []
  readCount = 0
  committedCount = 0
  /** How often it was given partitions. */
  joinCount = 0
  readonly #consumer: Consumer
  readonly #topic: string
  /** Partition -> the offset behind the last one read, and the last one whose commit was answered. */
  readonly #next = new Map<number, number>()
  readonly #committed = new Map<number, number>()
  /** Partitions of which the next record may be one that was read already. */
  readonly #resuming = new Set<number>()
  readonly #unanswered = new Set<{ partition: number; offset: number }>()

  constructor(kafka: Kafka, topic: string) {
    this.#topic = topic
    this.#consumer = kafka.consumer({
      groupId: `${topic}.followers`,
      sessionTimeout: 6000,
      rebalanceTimeout: 6000,
      heartbeatInterval: 300,
      maxWaitTimeInMs: 100,
      retry: { initialRetryTime: 30, maxRetryTime: 150, retries: 1000 },
    })
  }

  async start(): Promise<void> {
    this.#consumer.on('consumer.group_join', ({ payload }) => {
      this.joinCount++
      for (const partition of payload.memberAssignment[this.#topic] ?? []) this.#resuming.add(partition)
    })
    await this.#consumer.connect()
    await this.#consumer.subscribe({ topics: [this.#topic], fromBeginning: true })
    await this.#consumer.run({
      autoCommit: false,
      eachMessage: async ({ partition, message }) => {
        this.#judge(partition, Number(message.offset))
        this.readCount++
        if (this.readCount % COMMIT_EVERY === 0) await this.#commit(partition, Number(message.offset) + 1)
      },
    })
  }

  stop(): Promise<void> {
    return this.#consumer.disconnect()
  }

  /** What the group has at least, by partition. */
  get committed(): ReadonlyMap<number, number> {
    for (const { partition, offset } of this.#unanswered) this.#lower(partition, offset)
    return this.#committed
  }

  #judge(partition: number, offset: number): void {
    const next = this.#next.get(partition) ?? 0
    const first = this.#resuming.has(partition) ? (this.#committed.get(partition) ?? 0) : next
    if (offset < first || offset > next) {
      this.complaints.push(`partition ${partition}: read ${offset}, expected ${first} to ${next}`)
    }
    this.#resuming.delete(partition)
    this.#next.set(partition, offset + 1)
  }

  async #commit(partition: number, offset: number): Promise<void> {
    const attempt = { partition, offset }
    this.#unanswered.add(attempt)
    try {
      await this.#consumer.commitOffsets([{ topic: this.#topic, partition, offset: String(offset) }])
      this.#committed.set(partition, offset)
      this.committedCount++
    } catch {
      // Lost with the broker, or with the place in the group: then it may be read again.
      this.#lower(partition, offset)
    } finally {
      this.#unanswered.delete(attempt)
    }
  }

  /**
   * kafkajs repeats a commit by itself, and behind a rebalance it may do so while later ones of ours are answered: what
   * has no answer may be the last that counted.
   */
  #lower(partition: number, offset: number): void {
    const committed = this.#committed.get(partition)
    if (committed !== undefined && offset < committed) this.#committed.set(partition, offset)
  }
}
