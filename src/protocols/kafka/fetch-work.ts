/**
 * The work of one fetch request, from the first look at its partitions to its response.
 *
 *     reading ── enough, an error, or no time to wait ──► answered
 *        │ ▲                                                 ▲
 *        ▼ │ a partition moved on                            │
 *     waiting ── time is over, the connection is gone ───────┘
 *
 * While waiting it holds one timer and its place among the listeners of its partitions, nothing else.
 */
import type { Timer } from '../../base/clock.ts'
import type { Partition, ProgressListener } from '../../broker/streams/stream-door.ts'
import type { RequestContext } from './api.ts'
import { FetchPart, type Isolation } from './fetch-part.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import type { FetchableTopicResponse, FetchRequest, FetchResponse, FetchTopic } from './wire/schemas/fetch.gen.ts'

const READ_COMMITTED = 1
const NAMES_BY_ID_FROM = 13

interface TopicParts {
  readonly asked: FetchTopic
  readonly parts: readonly FetchPart[]
}

export class FetchWork implements ProgressListener {
  readonly #context: RequestContext
  readonly #topics: readonly TopicParts[]
  readonly #parts: readonly FetchPart[]
  readonly #bytesMin: number
  readonly #bytesMax: number
  readonly #waitMs: number
  readonly #missingCode: number
  #bytes = 0
  #timer: Timer | undefined
  /** Set while waiting: ends it. */
  #wake: (() => void) | undefined
  #isTimeOver = false

  constructor(request: FetchRequest, context: RequestContext) {
    const { apiVersion, settings } = context
    this.#context = context
    this.#missingCode =
      KAFKA_ERRORS[apiVersion >= NAMES_BY_ID_FROM ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'].code
    this.#bytesMax = Math.max(0, Math.min(request.maxBytes, settings.fetchBytesMax))
    this.#bytesMin = Math.min(request.minBytes, this.#bytesMax)
    this.#waitMs = Math.min(request.maxWaitMs, settings.fetchWaitMsMax)
    const isolation = request.isolationLevel === READ_COMMITTED ? 'committed' : 'uncommitted'
    this.#topics = request.topics.map((asked) => ({ asked, parts: this.#partsOf(asked, isolation) }))
    this.#parts = this.#topics.flatMap(({ parts }) => parts)
  }

  #partsOf(asked: FetchTopic, isolation: Isolation): FetchPart[] {
    const { session, apiVersion } = this.#context
    const isById = apiVersion >= NAMES_BY_ID_FROM
    const name = isById ? session.streams.findById(asked.topicId)?.name : asked.topic
    // A topic that is known may still lack the partition.
    const missingCode = name === undefined ? this.#missingCode : KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code
    return asked.partitions.map((one) => {
      const partition = name === undefined ? undefined : session.streams.partition(name, one.partition)
      return new FetchPart(name ?? '', one, partition, isolation, missingCode)
    })
  }

  async run(): Promise<FetchResponse> {
    for (;;) {
      await this.#read()
      for (const part of this.#parts) part.checkGone(this.#missingCode)
      if (this.#isDue()) break
      // One may have moved on while another was read.
      if (!this.#parts.some((part) => part.hasMore)) await this.#moreOrEnd()
    }
    this.#timer?.cancel()
    return this.#response()
  }

  #isDue(): boolean {
    if (this.#bytes >= this.#bytesMin || this.#isTimeOver || this.#waitMs <= 0) return true
    if (this.#parts.length === 0 || this.#context.gone.aborted) return true
    return this.#parts.some((part) => part.errorCode !== 0)
  }

  async #read(): Promise<void> {
    const { formats } = this.#context
    for (const part of this.#parts) {
      if (!part.hasMore) continue
      const before = part.readBytes
      await part.read(this.#bytesMax - this.#bytes, this.#bytes === 0, formats)
      this.#bytes += part.readBytes - before
    }
  }

  /** Resolves when a partition has more, or when it makes no sense to wait any longer. */
  #moreOrEnd(): Promise<void> {
    const { clock, gone } = this.#context
    return new Promise((resolve) => {
      const end = (): void => {
        this.#isTimeOver = true
        this.#wake?.()
      }
      this.#wake = () => {
        this.#wake = undefined
        gone.removeEventListener('abort', end)
        for (const { partition } of this.#parts) partition?.unlisten(this)
        resolve()
      }
      this.#timer ??= clock.after(this.#waitMs, end)
      gone.addEventListener('abort', end)
      for (const { partition } of this.#parts) partition?.listen(this)
    })
  }

  progressed(_partition: Partition): void {
    this.#wake?.()
  }

  #response(): FetchResponse {
    const responses: FetchableTopicResponse[] = this.#topics.map(({ asked, parts }) => ({
      topic: asked.topic,
      topicId: asked.topicId,
      partitions: parts.map((part) => part.answer()),
    }))
    return { errorCode: 0, sessionId: 0, responses }
  }
}
