/**
 * The work of one fetch, from the first look at its partitions until there is enough to answer with.
 *
 *     reading ── enough, an error, or no time to wait ──► done
 *        │ ▲                                               ▲
 *        ▼ │ a partition moved on                          │
 *     waiting ── time is over, the connection is gone ─────┘
 *
 * While waiting it holds one timer and its place among the listeners of its partitions, nothing else.
 */
import type { Timer } from '../../base/clock.ts'
import type { Partition, ProgressListener } from '../../broker/streams/stream-door.ts'
import type { RequestContext } from './api.ts'
import { FetchPart, type Isolation } from './fetch-part.ts'
import type { AskedPart } from './fetch-session.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import type { FetchRequest } from './wire/schemas/fetch.gen.ts'

const READ_COMMITTED = 1
const NAMES_BY_ID_FROM = 13

export class FetchWork implements ProgressListener {
  readonly #context: RequestContext
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

  constructor(request: FetchRequest, asked: readonly AskedPart[], context: RequestContext) {
    const { apiVersion, settings, unread } = context
    this.#context = context
    this.#missingCode =
      KAFKA_ERRORS[apiVersion >= NAMES_BY_ID_FROM ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION'].code
    this.#bytesMax = Math.max(0, Math.min(request.maxBytes, settings.fetchBytesMax, unread.answerBytesMax))
    this.#bytesMin = Math.min(request.minBytes, this.#bytesMax)
    this.#waitMs = Math.min(request.maxWaitMs, settings.fetchWaitMsMax)
    const isolation = request.isolationLevel === READ_COMMITTED ? 'committed' : 'uncommitted'
    this.#parts = asked.map((one) => this.#partOf(one, isolation))
  }

  #partOf({ topic, topicId, asked }: AskedPart, isolation: Isolation): FetchPart {
    const { session, apiVersion } = this.#context
    const isById = apiVersion >= NAMES_BY_ID_FROM
    const name = isById ? session.streams.findById(topicId)?.name : topic
    const partition = name === undefined ? undefined : session.streams.partition(name, asked.partition)
    // A topic that is known may still lack the partition.
    const missingCode = name === undefined ? this.#missingCode : KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code
    return new FetchPart(name ?? '', asked, partition, isolation, missingCode)
  }

  /** Resolves to what there is for each partition, in the order asked. */
  async run(): Promise<readonly FetchPart[]> {
    for (;;) {
      await this.#read()
      for (const part of this.#parts) part.checkGone(this.#missingCode)
      if (this.#isDue()) break
      // One may have moved on while another was read.
      if (!this.#parts.some((part) => part.hasMore)) await this.#moreOrEnd()
    }
    this.#timer?.cancel()
    return this.#parts
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
}
