/**
 * All there is to know of one transactional id, and how a request changes it. Plain functions from a record to the next:
 * no time, no storage. The rules are those of Apache Kafka's transaction coordinator.
 *
 *     (open) ──► empty ──add──► ongoing ──end: commit──► committing ──all told──► committed ──┐
 *                  ▲               │                                                          │
 *                  │               └──end: abort, out of time, opened anew──► aborting ──► aborted
 *                  └───────────────────────────open──────────────────────────────────────────┤
 *                                  ongoing ◄──────────────────add─────────────────────────────┘
 *
 * Whoever opens an id gets the next epoch. Epochs end at 32766; then the id gets a new producer id, which begins at 0.
 * 32767 is only ever used in markers.
 */
import type {
  EndRequest,
  PartitionsOf,
  ProducerClaim,
  ProducerIdentity,
  TransactionOutcome,
  TransactionRefusal,
  TransactionState,
} from './transaction-door.ts'

export interface TransactionRecord {
  readonly transactionalId: string
  readonly state: TransactionState
  readonly producerId: number
  /** -1 until the id is opened the first time. */
  readonly producerEpoch: number
  /** The epoch before this one, when the same holder went on; -1 when it changed hands. Tells a repeated request. */
  readonly lastEpoch: number
  /** The producer id before this one, once epochs were used up; -1: none. */
  readonly previousProducerId: number
  /** While a transaction ends: the producer id that follows; -1: the same. */
  readonly nextProducerId: number
  readonly timeoutMs: number
  /** Wall clock, of the newest transaction; -1: there was none. */
  readonly startedMs: number
  /** Wall clock. */
  readonly changedMs: number
  readonly partitions: ReadonlyMap<string, ReadonlySet<number>>
  readonly groups: ReadonlySet<string>
}

export type Verdict =
  | { readonly kind: 'refused'; readonly why: TransactionRefusal }
  /** As asked for already. */
  | { readonly kind: 'done' }
  | { readonly kind: 'change'; readonly record: TransactionRecord }

/** The last epoch handed out. */
const EPOCH_LAST = 32_766
const NONE = -1
const NOTHING: ReadonlyMap<string, ReadonlySet<number>> = new Map()
const NOBODY: ReadonlySet<string> = new Set()

const refused = (why: TransactionRefusal): Verdict => ({ kind: 'refused', why })
const DONE: Verdict = { kind: 'done' }

export function newRecord(transactionalId: string, producerId: number, nowMs: number): TransactionRecord {
  return {
    transactionalId,
    state: 'empty',
    producerId,
    producerEpoch: NONE,
    lastEpoch: NONE,
    previousProducerId: NONE,
    nextProducerId: NONE,
    timeoutMs: 0,
    startedMs: NONE,
    changedMs: nowMs,
    partitions: NOTHING,
    groups: NOBODY,
  }
}

/** Partitions or groups wait for an end, or for the news of it. */
export function isUnfinished({ state }: TransactionRecord): boolean {
  return state === 'ongoing' || isDecided(state)
}

export function isDecided(state: TransactionState): boolean {
  return state === 'committing' || state === 'aborting'
}

export function isOverdue(record: TransactionRecord, nowMs: number): boolean {
  return record.state === 'ongoing' && record.startedMs + record.timeoutMs < nowMs
}

export function isExpired(record: TransactionRecord, expirationMs: number, nowMs: number): boolean {
  return !isUnfinished(record) && record.changedMs + expirationMs <= nowMs
}

/** No further epoch can be handed out under this producer id. */
export function isExhausted(epoch: number): boolean {
  return epoch >= EPOCH_LAST
}

// ─── opening ───

/** Whoever says who he was must be the holder, or repeat what made him the holder. */
export function mayOpen(record: TransactionRecord, expected: ProducerIdentity | undefined): boolean {
  if (expected === undefined || record.producerEpoch === NONE) return true
  const { producerId, producerEpoch } = expected
  const isPrevious = producerId === record.previousProducerId && isExhausted(producerEpoch)
  if (producerId !== record.producerId && !isPrevious) return false
  if (producerId === record.producerId && producerEpoch === record.producerEpoch) return true
  // A repeated request finds nothing begun: its sender has not heard of the new epoch yet.
  return producerEpoch === record.lastEpoch && producerEpoch !== NONE && record.state !== 'ongoing'
}

function isRepeated(record: TransactionRecord, expected: ProducerIdentity | undefined): boolean {
  return expected !== undefined && record.producerEpoch !== NONE && expected.producerEpoch === record.lastEpoch
}

/** Opening needs a new producer id. */
export function wantsNewId(record: TransactionRecord, expected: ProducerIdentity | undefined): boolean {
  const last = isRepeated(record, expected) ? EPOCH_LAST + 1 : EPOCH_LAST
  return record.producerEpoch >= last
}

/** @param freshId used where `wantsNewId`. The record must be neither ongoing nor ending, and `mayOpen`. */
export function opened(
  record: TransactionRecord,
  expected: ProducerIdentity | undefined,
  timeoutMs: number,
  freshId: number,
  nowMs: number,
): TransactionRecord {
  const next = { ...emptied(record), state: 'empty' as const, timeoutMs, startedMs: NONE, changedMs: nowMs }
  const lastEpoch = expected === undefined ? NONE : record.producerEpoch
  if (wantsNewId(record, expected)) {
    return { ...next, producerId: freshId, previousProducerId: record.producerId, producerEpoch: 0, lastEpoch }
  }
  if (isRepeated(record, expected)) return next
  return { ...next, producerEpoch: record.producerEpoch + 1, lastEpoch }
}

// ─── the work of a transaction ───

export function checkClaim(
  record: TransactionRecord | undefined,
  claim: ProducerClaim,
): TransactionRefusal | undefined {
  if (record === undefined || record.producerId !== claim.producerId) return 'unknown-producer'
  if (record.producerEpoch !== claim.producerEpoch) return 'fenced'
  return undefined
}

export function addedPartitions(record: TransactionRecord, added: readonly PartitionsOf[], nowMs: number): Verdict {
  if (added.every((one) => hasAll(record, one))) return DONE
  const partitions = new Map(record.partitions)
  for (const { stream, partitions: indexes } of added) {
    partitions.set(stream, new Set([...(partitions.get(stream) ?? []), ...indexes]))
  }
  return { kind: 'change', record: { ...begun(record, nowMs), partitions } }
}

export function hasAll(record: TransactionRecord, { stream, partitions }: PartitionsOf): boolean {
  const known = record.partitions.get(stream)
  return partitions.every((index) => known?.has(index) === true)
}

export function addedGroup(record: TransactionRecord, group: string, groupsMax: number, nowMs: number): Verdict {
  if (record.groups.has(group)) return DONE
  if (record.groups.size >= groupsMax) return refused('invalid-request')
  return { kind: 'change', record: { ...begun(record, nowMs), groups: new Set([...record.groups, group]) } }
}

function begun(record: TransactionRecord, nowMs: number): TransactionRecord {
  const startedMs = record.state === 'ongoing' ? record.startedMs : nowMs
  return { ...record, state: 'ongoing', startedMs, changedMs: nowMs }
}

// ─── the end ───

/** What to answer to a wish to end. `change` has the record as it is when the end is decided. */
export function decidedEnd(record: TransactionRecord, request: EndRequest, freshId: number, nowMs: number): Verdict {
  return request.renews ? renewingEnd(record, request, freshId, nowMs) : plainEnd(record, request, nowMs)
}

function plainEnd(record: TransactionRecord, request: EndRequest, nowMs: number): Verdict {
  const why = checkClaim(record, request)
  if (why !== undefined) return refused(why)
  if (record.state === 'ongoing') return { kind: 'change', record: decided(record, request.outcome, nowMs) }
  return record.state === endOf(request.outcome) ? DONE : refused('invalid-state')
}

function renewingEnd(record: TransactionRecord, request: EndRequest, freshId: number, nowMs: number): Verdict {
  const { producerId, producerEpoch, outcome } = request
  const isAfterNewId =
    producerId === record.previousProducerId && producerEpoch === EPOCH_LAST && record.producerEpoch === 0
  if (producerId !== record.producerId && !isAfterNewId) return refused('unknown-producer')
  const isRepeat = isAfterNewId || (record.lastEpoch === producerEpoch && record.producerEpoch === producerEpoch + 1)
  if (!isRepeat && record.producerEpoch !== producerEpoch) return refused('fenced')
  if (isRepeat) {
    if (record.state === 'ongoing') return refused('fenced')
    return record.state === endOf(outcome) ? DONE : refused('invalid-state')
  }
  // Nothing was begun: there is nothing to commit, and an abort is only for the new epoch.
  if (record.state !== 'ongoing' && outcome === 'commit') return refused('invalid-state')
  const next = decided(record, outcome, nowMs)
  return {
    kind: 'change',
    record: {
      ...next,
      startedMs: record.state === 'ongoing' ? record.startedMs : nowMs,
      producerEpoch: producerEpoch + 1,
      lastEpoch: producerEpoch,
      nextProducerId: isExhausted(producerEpoch) ? freshId : NONE,
    },
  }
}

/** Nobody who was in the transaction can go on: out of time, or opened anew. @param last as in `lastEpoch` */
export function fencedEnd(record: TransactionRecord, lastEpoch: number, nowMs: number): TransactionRecord {
  return { ...decided(record, 'abort', nowMs), producerEpoch: record.producerEpoch + 1, lastEpoch }
}

function decided(record: TransactionRecord, outcome: TransactionOutcome, nowMs: number): TransactionRecord {
  return { ...record, state: outcome === 'commit' ? 'committing' : 'aborting', changedMs: nowMs }
}

const endOf = (outcome: TransactionOutcome): TransactionState => (outcome === 'commit' ? 'committed' : 'aborted')

export function outcomeOf({ state }: TransactionRecord): TransactionOutcome {
  return state === 'committing' ? 'commit' : 'abort'
}

/** Every partition and group has been told. */
export function completed(record: TransactionRecord, nowMs: number): TransactionRecord {
  const next = { ...emptied(record), state: endOf(outcomeOf(record)), changedMs: nowMs }
  if (record.nextProducerId === NONE) return next
  const { producerId, nextProducerId } = record
  return { ...next, producerId: nextProducerId, previousProducerId: producerId, nextProducerId: NONE, producerEpoch: 0 }
}

function emptied(record: TransactionRecord): TransactionRecord {
  return { ...record, partitions: NOTHING, groups: NOBODY }
}
