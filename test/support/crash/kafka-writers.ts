/**
 * Kafka programs that write while the broker dies and lives again, and what each of them knows in the end: that the broker
 * said yes, that it said no, or that the answer was lost. They use kafkajs; kafka-run.ts judges what they know.
 */
import type { Kafka, Producer } from 'kafkajs'

export const PARTITIONS = [0, 1] as const
const BATCH_COUNT = 5
/** Every so many transactions one is aborted, and every so many carries an offset. */
const ABORT_EVERY = 4
const OFFSET_EVERY = 3
/** Comes back at once to a broker that is there again, and does not give up on one that is not. */
const PERSISTENT = { initialRetryTime: 30, maxRetryTime: 150, retries: 1000 }
/** An answer that was lost stays lost. */
const ONCE = { retries: 0 }

export type Writer = {
  readonly name: string
  /** Successes so far. */
  readonly doneCount: number
  /** Resolves when it has come to its end behind `stop`. @throws what the broker must never answer */
  run(): Promise<void>
  stop(): void
}

/** Sends each record once, with acks=all, and knows the offset of every record it got an answer for. */
export class PlainWriter implements Writer {
  readonly name = 'plain'
  /** `partition/offset` -> text */
  readonly confirmed = new Map<string, string>()
  readonly #kafka: Kafka
  readonly #topic: string
  #sequence = 0
  #stopped = false

  constructor(kafka: Kafka, topic: string) {
    this.#kafka = kafka
    this.#topic = topic
  }

  get doneCount(): number {
    return this.confirmed.size
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      // Its own retries would send twice what was only not answered.
      await withProducer(this.#kafka.producer({ retry: ONCE }), (producer) => this.#write(producer))
    }
  }

  stop(): void {
    this.#stopped = true
  }

  async #write(producer: Producer): Promise<void> {
    while (!this.#stopped) {
      const partition = PARTITIONS[this.#sequence % PARTITIONS.length] ?? 0
      const texts = Array.from({ length: BATCH_COUNT }, () => `plain ${this.#sequence++}`)
      const messages = texts.map((value) => ({ partition, value }))
      const [answer] = await producer.send({ topic: this.#topic, acks: -1, messages })
      const base = Number(answer?.baseOffset)
      for (const [index, text] of texts.entries()) this.confirmed.set(`${partition}/${base + index}`, text)
    }
  }
}

/** One idempotent producer for the whole run, which repeats what was not answered until it is. */
export class OnceWriter implements Writer {
  readonly name = 'idempotent'
  doneCount = 0
  readonly #kafka: Kafka
  readonly #topic: string
  #stopped = false

  constructor(kafka: Kafka, topic: string) {
    this.#kafka = kafka
    this.#topic = topic
  }

  async run(): Promise<void> {
    const producer = this.#kafka.producer({ idempotent: true, maxInFlightRequests: 1, retry: PERSISTENT })
    await producer.connect()
    while (!this.#stopped) {
      const messages = Array.from({ length: BATCH_COUNT }, (_, index) => {
        return { partition: 0, value: `once ${this.doneCount + index}` }
      })
      await producer.send({ topic: this.#topic, acks: -1, messages })
      this.doneCount += BATCH_COUNT
    }
    await producer.disconnect()
  }

  stop(): void {
    this.#stopped = true
  }
}

export type Fate = 'committed' | 'aborted' | 'unknown'

/** Transactions over all partitions, some with an offset, some aborted. One that fails is left to the next to abort. */
export class TransactionWriter implements Writer {
  readonly name = 'transactional'
  doneCount = 0
  /** By the number of the transaction. */
  readonly fates: Fate[] = []
  readonly groupId: string
  readonly #kafka: Kafka
  readonly #topic: string
  readonly #transactionalId: string
  #stopped = false

  constructor(kafka: Kafka, topic: string) {
    this.#kafka = kafka
    this.#topic = topic
    this.#transactionalId = `${topic}.writer`
    this.groupId = `${topic}.group`
  }

  async run(): Promise<void> {
    const { length } = PARTITIONS
    while (!this.#stopped) {
      const options = { transactionalId: this.#transactionalId, idempotent: true, maxInFlightRequests: 1 }
      await withProducer(
        this.#kafka.producer({ ...options, retry: { ...PERSISTENT, retries: 20 } }),
        async (producer) => {
          while (!this.#stopped) await this.#transact(producer, length)
        },
      )
    }
    // The last one may be open: whoever asks for its id anew ends it, so that readers come to the end.
    await withProducer(
      this.#kafka.producer({ transactionalId: this.#transactionalId, idempotent: true }),
      async (heir) => {
        await (await heir.transaction()).abort()
      },
    )
  }

  stop(): void {
    this.#stopped = true
  }

  async #transact(producer: Producer, partitionCount: number): Promise<void> {
    const number = this.fates.length
    // Until the end is asked for, nothing of it may ever be seen.
    this.fates.push('aborted')
    const transaction = await producer.transaction()
    const messages = Array.from({ length: partitionCount * 2 }, (_, index) => {
      return { partition: index % partitionCount, value: `transaction ${number}` }
    })
    await transaction.send({ topic: this.#topic, acks: -1, messages })
    if (number % OFFSET_EVERY === 0) {
      const topics = [{ topic: this.#topic, partitions: [{ partition: 0, offset: String(number) }] }]
      await transaction.sendOffsets({ consumerGroupId: this.groupId, topics })
    }
    if (number % ABORT_EVERY === 0) await transaction.abort()
    else {
      this.fates[number] = 'unknown'
      await transaction.commit()
      this.fates[number] = 'committed'
    }
    this.doneCount++
  }

  /** Whether that transaction carried its number as an offset. */
  static hasOffset(number: number): boolean {
    return number % OFFSET_EVERY === 0
  }
}

/** A failure is the broker going away: what it means is judged by what can be read in the end. */
async function withProducer(producer: Producer, work: (producer: Producer) => Promise<void>): Promise<void> {
  try {
    await producer.connect()
    await work(producer)
  } catch {
    // The next producer finds out when the broker is back.
    await new Promise((resolve) => setTimeout(resolve, 30))
  } finally {
    await producer.disconnect().catch(() => {})
  }
}
