/**
 * What a client fetches again and again, remembered (KIP-227): after one full request it names only what changed, and is
 * answered only what changed. With thousands of partitions that is the difference between kilobytes and megabytes a
 * second of saying nothing.
 *
 *     none ── (0 or id, epoch 0): all named ──► open ── (id, next epoch): changes ──► open, epoch + 1
 *                                                 └── (id, -1), another epoch 0, the connection ends ──► none
 *
 * A session lives with its connection and there is one a connection, so nothing has to be evicted; a client that comes
 * back by another connection is told that its session is not known, and names everything again.
 */
import { idText, NO_ID } from './topics.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'
import type { FetchPartition, FetchRequest, PartitionData } from './wire/schemas/fetch.gen.ts'

const NO_SESSION = 0
const FULL_AND_OPEN = 0
const FULL_AND_CLOSE = -1
const EPOCH_MAX = 2 ** 31 - 1

const NAMES_BY_ID_FROM = 13

/** Who fetches more names it all each time: that costs his bandwidth, not our memory. */
const PARTS_MAX = 20_000

/** One partition that is asked for, with its topic as the client names it. */
export interface AskedPart {
  readonly topic: string
  readonly topicId: Buffer
  readonly asked: FetchPartition
}

interface RememberedPart extends AskedPart {
  /** As the client was last told; -1: it must be told again. */
  highWatermark: number
  logStartOffset: number
}

/** Ids of all connections of a server: a client that confuses two must be told. */
export class FetchSessionIds {
  #last = 0

  next(): number {
    this.#last = this.#last === EPOCH_MAX ? 1 : this.#last + 1
    return this.#last
  }
}

export type Wanted =
  | { readonly kind: 'refused'; readonly errorCode: number }
  /** `sessionId` 0: without a session. */
  | { readonly kind: 'full'; readonly sessionId: number; readonly parts: readonly AskedPart[] }
  | { readonly kind: 'changes'; readonly sessionId: number; readonly parts: readonly AskedPart[] }

export class FetchSession {
  readonly #ids: FetchSessionIds
  #id = NO_SESSION
  #epoch = 0
  #isById = false
  /** In the order they are read: who got something goes to the end, so that nobody starves behind a busy partition. */
  readonly #parts = new Map<string, RememberedPart>()

  constructor(ids: FetchSessionIds) {
    this.#ids = ids
  }

  /** What this request wants, by itself or on top of what is remembered. */
  wanted(request: FetchRequest, apiVersion: number): Wanted {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch !== FULL_AND_OPEN && sessionEpoch !== FULL_AND_CLOSE) return this.#changes(request, apiVersion)
    if (sessionId !== NO_SESSION || sessionEpoch === FULL_AND_OPEN) this.#close()
    const parts = partsOf(request)
    if (sessionEpoch === FULL_AND_CLOSE || parts.length > PARTS_MAX) {
      return { kind: 'full', sessionId: NO_SESSION, parts }
    }
    this.#id = this.#ids.next()
    this.#epoch = 1
    this.#isById = apiVersion >= NAMES_BY_ID_FROM
    for (const part of parts) this.#remember(part)
    return { kind: 'full', sessionId: this.#id, parts }
  }

  #changes(request: FetchRequest, apiVersion: number): Wanted {
    const { sessionId, sessionEpoch } = request
    if (sessionId === NO_SESSION || sessionId !== this.#id) return refused('FETCH_SESSION_ID_NOT_FOUND')
    if (sessionEpoch !== this.#epoch) return refused('INVALID_FETCH_SESSION_EPOCH')
    if (apiVersion >= NAMES_BY_ID_FROM !== this.#isById) return refused('FETCH_SESSION_TOPIC_ID_ERROR')
    this.#epoch = this.#epoch === EPOCH_MAX ? 1 : this.#epoch + 1
    for (const part of partsOf(request)) this.#remember(part)
    for (const { topic, topicId, partitions } of request.forgottenTopicsData) {
      for (const index of partitions) this.#parts.delete(this.#key(topic, topicId, index))
    }
    if (this.#parts.size > PARTS_MAX) {
      this.#close()
      return refused('FETCH_SESSION_ID_NOT_FOUND')
    }
    return { kind: 'changes', sessionId, parts: [...this.#parts.values()] }
  }

  #key(topic: string, topicId: Buffer, index: number): string {
    return `${this.#isById ? idText(topicId) : topic}/${index}`
  }

  #remember({ topic, topicId, asked }: AskedPart): void {
    const key = this.#key(topic, topicId, asked.partition)
    const before = this.#parts.get(key)
    // The request, and the id in it, go when it is answered.
    const own = before?.topicId ?? Buffer.from(topicId)
    const { highWatermark, logStartOffset } = before ?? { highWatermark: -1, logStartOffset: -1 }
    this.#parts.set(key, { topic, topicId: own, asked, highWatermark, logStartOffset })
  }

  /** Notes what the client is about to be told, and whether it has to be: nothing new is left out of an answer. */
  tells(part: AskedPart, answer: PartitionData, hasRecords: boolean): boolean {
    const key = this.#key(part.topic, part.topicId, part.asked.partition)
    const before = this.#parts.get(key)
    if (before === undefined) return true
    const { highWatermark, logStartOffset = -1 } = answer
    const isNew =
      hasRecords ||
      answer.errorCode !== 0 ||
      before.highWatermark !== highWatermark ||
      before.logStartOffset !== logStartOffset
    before.highWatermark = highWatermark
    before.logStartOffset = logStartOffset
    if (hasRecords) {
      this.#parts.delete(key)
      this.#parts.set(key, before)
    }
    return isNew
  }

  #close(): void {
    this.#id = NO_SESSION
    this.#parts.clear()
  }
}

function refused(name: keyof typeof KAFKA_ERRORS): Wanted {
  return { kind: 'refused', errorCode: KAFKA_ERRORS[name].code }
}

function partsOf({ topics }: FetchRequest): AskedPart[] {
  return topics.flatMap(({ topic, topicId, partitions }) =>
    // Remembered, it must not hold on to the request it came in.
    partitions.map((asked) => ({ topic, topicId, asked: { ...asked, replicaDirectoryId: NO_ID } })),
  )
}
