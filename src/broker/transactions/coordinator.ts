/**
 * The transactions of one vhost: finds the record of a transactional id, lets `transaction-record.ts` judge the request,
 * and sees to it that partitions and groups learn what was decided. One request at a time for each transactional id.
 *
 * All or nothing takes two steps, since partitions and groups may live in other shards than this log:
 *
 *     add        which partition or group is in goes to the log, is durable, and only then does the partition take
 *                records, or the group offsets
 *     end        1. the decision goes to the log with all partitions and groups, and is durable
 *                2. every partition writes its marker, every group ends what was staged; all of it is durable
 *                   the log says that it is done, and the producer hears it
 *
 * A crash before 1 leaves the transaction open: its producer goes on, or time runs out and it is aborted. A crash after 1
 * is made good by `recovered`: step 2 may be repeated, partitions and groups take no harm.
 */
import type { Clock, Timer } from '../../base/clock.ts'
import { StorageError } from '../../base/errors.ts'
import type { Groups } from '../groups/group-door.ts'
import type { LogOwner, Shard } from '../shard.ts'
import type { Partition } from '../streams/stream-door.ts'
import type {
  EndRequest,
  OpenRequest,
  PartitionsOf,
  ProducerAnswer,
  ProducerClaim,
  StageAnswer,
  TransactionDescription,
  TransactionListing,
  TransactionRefusal,
  TransactionStaging,
  Transactions,
} from './transaction-door.ts'
import { TransactionLog } from './transaction-log.ts'
import {
  addedGroup,
  addedPartitions,
  checkClaim,
  completed,
  decidedEnd,
  fencedEnd,
  hasAll,
  isDecided,
  isExhausted,
  isExpired,
  isOverdue,
  isUnfinished,
  mayOpen,
  newRecord,
  opened,
  outcomeOf,
  type TransactionRecord,
  type Verdict,
  wantsNewId,
} from './transaction-record.ts'
import type { TransactionSettings } from './transaction-settings.ts'
import { Turn } from './turn.ts'

export interface TransactionCoordinatorDeps {
  readonly shard: Shard
  readonly log: number
  readonly clock: Clock
  readonly settings: TransactionSettings
  /** Never gives an id twice. @throws {StorageError} */
  nextProducerId(): Promise<number>
  findPartition(stream: string, index: number): Partition | undefined
  readonly groups: Pick<Groups, 'stageOffsets' | 'endStaged'>
  /** Work that nobody waits for failed, and not because of storage. */
  failed(error: unknown): void
}

type Refusal = { readonly kind: 'refused'; readonly why: TransactionRefusal }

/** As long as a classic string of the Kafka protocol may be. */
const ID_BYTES_MAX = 32_767
const NONE = -1

const refused = (why: TransactionRefusal): Refusal => ({ kind: 'refused', why })
const ADDED = { kind: 'added' } as const
const producer = ({ producerId, producerEpoch }: TransactionRecord): ProducerAnswer => ({
  kind: 'producer',
  producerId,
  producerEpoch,
})

export class TransactionCoordinator implements Transactions {
  readonly #deps: TransactionCoordinatorDeps
  readonly #log: TransactionLog
  /** Of the ids somebody works on. */
  readonly #turns = new Map<string, Turn>()
  /** Ids whose record is ongoing or ending: for the sweep. */
  readonly #unfinished = new Set<string>()
  #sweepTimer: Timer | undefined
  #expirationTimer: Timer | undefined
  #isClosed = false

  constructor(deps: TransactionCoordinatorDeps) {
    this.#deps = deps
    this.#log = new TransactionLog(deps.log, deps.shard)
  }

  get logOwner(): LogOwner {
    return this.#log
  }

  /** After replay, of partitions and groups too: what was under way goes on. */
  recovered(): void {
    for (const record of this.#log.all()) {
      this.#note(record)
      // The crash may have come between the log and the partition.
      if (record.state === 'ongoing') this.#begin(record)
      if (isDecided(record.state)) this.#unattended(record.transactionalId, (left) => this.#settled(left))
    }
    this.#sweepExpired()
  }

  async newProducer(): Promise<ProducerAnswer> {
    if (this.#isClosed) return refused('unavailable')
    try {
      return { kind: 'producer', producerId: await this.#deps.nextProducerId(), producerEpoch: 0 }
    } catch (error) {
      return unavailable(error)
    }
  }

  async open({ transactionalId, timeoutMs, expected }: OpenRequest): Promise<ProducerAnswer> {
    const { clock, settings } = this.#deps
    if (!isName(transactionalId)) return refused('invalid-request')
    if (!(timeoutMs > 0 && timeoutMs <= settings.timeoutMsMax)) return refused('invalid-timeout')
    return this.#inTurn(transactionalId, async () => {
      const known = this.#log.get(transactionalId)
      let record = known ?? newRecord(transactionalId, await this.#deps.nextProducerId(), clock.nowMs())
      if (!mayOpen(record, expected)) return refused('fenced')
      if (record.state === 'ongoing') {
        const lastEpoch = expected === undefined ? NONE : record.producerEpoch
        record = await this.#conclude(fencedEnd(record, lastEpoch, clock.nowMs()))
      }
      record = await this.#settled(record)
      const freshId = wantsNewId(record, expected) ? await this.#deps.nextProducerId() : NONE
      record = opened(record, expected, timeoutMs, freshId, clock.nowMs())
      await this.#store(record)
      return producer(record)
    })
  }

  async addPartitions(claim: ProducerClaim, added: readonly PartitionsOf[]): Promise<TransactionRefusal | undefined> {
    const answer = await this.#add(
      claim,
      (record) => addedPartitions(record, added, this.#deps.clock.nowMs()),
      (record) => this.#begin(record, added),
    )
    return answer.kind === 'refused' ? answer.why : undefined
  }

  async addGroup(claim: ProducerClaim, group: string): Promise<TransactionRefusal | undefined> {
    const answer = await this.#add(
      claim,
      (record) => this.#withGroup(record, group),
      () => {},
    )
    return answer.kind === 'refused' ? answer.why : undefined
  }

  #withGroup(record: TransactionRecord, group: string): Verdict {
    const { clock, settings } = this.#deps
    if (!isName(group)) return refused('invalid-request')
    return addedGroup(record, group, settings.groupsPerTransactionMax, clock.nowMs())
  }

  #add(
    claim: ProducerClaim,
    judge: (record: TransactionRecord) => Verdict,
    added: (record: TransactionRecord) => void,
  ): Promise<Refusal | typeof ADDED> {
    return this.#inTurnOf(claim, async (record) => {
      const verdict = judge(record)
      if (verdict.kind === 'refused') return verdict
      if (verdict.kind === 'change') await this.#store(verdict.record)
      added(record)
      return ADDED
    })
  }

  async stageOffsets({ request, addsGroup, ...claim }: TransactionStaging): Promise<StageAnswer> {
    return this.#inTurnOf<StageAnswer>(claim, async (record) => {
      if (addsGroup) {
        const verdict = this.#withGroup(record, request.group)
        if (verdict.kind === 'refused') return verdict
        if (verdict.kind === 'change') await this.#store(verdict.record)
      } else if (record.state !== 'ongoing' || !record.groups.has(request.group)) {
        return refused('invalid-state')
      }
      // Inside the turn: the end cannot come before these.
      const offsets = await this.#deps.groups.stageOffsets({ ...request, producerId: claim.producerId })
      return { kind: 'staged', offsets }
    })
  }

  async end(request: EndRequest): Promise<ProducerAnswer> {
    return this.#inTurn<ProducerAnswer>(request.transactionalId, async () => {
      const known = this.#log.get(request.transactionalId)
      if (known === undefined) return refused(isName(request.transactionalId) ? 'unknown-producer' : 'invalid-request')
      const record = await this.#settled(known)
      const wantsId = request.renews && isExhausted(record.producerEpoch)
      const freshId = wantsId ? await this.#deps.nextProducerId() : NONE
      const verdict = decidedEnd(record, request, freshId, this.#deps.clock.nowMs())
      if (verdict.kind === 'refused') return verdict
      return producer(verdict.kind === 'done' ? record : await this.#conclude(verdict.record))
    })
  }

  check(claim: ProducerClaim, asked: readonly PartitionsOf[]): TransactionRefusal | readonly (readonly boolean[])[] {
    const record = this.#log.get(claim.transactionalId)
    const why = checkClaim(record, claim)
    if (record === undefined || why !== undefined) return why ?? 'unknown-producer'
    if (isDecided(record.state)) return 'concurrent'
    return asked.map(({ stream, partitions }) => {
      const known = record.partitions.get(stream)
      return partitions.map((index) => known?.has(index) === true)
    })
  }

  hasPartitions(claim: ProducerClaim, asked: readonly PartitionsOf[]): boolean {
    // Whoever works on it may have begun, and the partitions not heard of it yet.
    if (this.#turns.has(claim.transactionalId)) return false
    const record = this.#log.get(claim.transactionalId)
    if (record === undefined || checkClaim(record, claim) !== undefined) return false
    return record.state === 'ongoing' && asked.every((one) => hasAll(record, one))
  }

  list(): readonly TransactionListing[] {
    return [...this.#log.all()]
  }

  describe(transactionalId: string): TransactionDescription | undefined {
    const record = this.#log.get(transactionalId)
    if (record === undefined) return undefined
    return { ...record, partitions: partitionsOf(record) }
  }

  // ─── what a turn is made of ───

  async #inTurn<Answer extends object>(id: string, work: () => Promise<Answer>): Promise<Answer | Refusal> {
    if (this.#isClosed) return refused('unavailable')
    const { clock, settings } = this.#deps
    const turn = this.#turns.get(id) ?? new Turn(clock, settings.patienceMs)
    this.#turns.set(id, turn)
    try {
      return (await turn.run(work)) ?? refused('concurrent')
    } catch (error) {
      return unavailable(error)
    } finally {
      if (turn.isFree && this.#turns.get(id) === turn) this.#turns.delete(id)
    }
  }

  /** Only for the holder of the id. */
  #inTurnOf<Answer extends object>(
    claim: ProducerClaim,
    work: (record: TransactionRecord) => Promise<Answer>,
  ): Promise<Answer | Refusal> {
    return this.#inTurn<Answer | Refusal>(claim.transactionalId, async () => {
      const known = this.#log.get(claim.transactionalId)
      if (known === undefined) return refused(isName(claim.transactionalId) ? 'unknown-producer' : 'invalid-request')
      const record = await this.#settled(known)
      const why = checkClaim(record, claim)
      return why === undefined ? work(record) : refused(why)
    })
  }

  /** Work of our own, which nobody waits for; what storage refuses now the next sweep tries again. */
  #unattended(id: string, work: (record: TransactionRecord) => Promise<TransactionRecord>): void {
    const done = this.#inTurn(id, async () => {
      const record = this.#log.get(id)
      return record === undefined ? refused('unknown-producer') : work(record)
    })
    done.catch((error: unknown) => this.#deps.failed(error))
  }

  async #store(record: TransactionRecord): Promise<void> {
    this.#put(record)
    await this.#log.durable()
  }

  #put(record: TransactionRecord): void {
    this.#log.put(record)
    this.#note(record)
  }

  #note(record: TransactionRecord): void {
    if (!isUnfinished(record)) {
      this.#unfinished.delete(record.transactionalId)
      return
    }
    this.#unfinished.add(record.transactionalId)
    this.#sweepTimer ??= this.#deps.clock.after(this.#deps.settings.sweepMs, () => this.#sweep())
  }

  /** The partitions take this producer's records from now on: all of the record, or those just added. */
  #begin(record: TransactionRecord, added: readonly PartitionsOf[] = partitionsOf(record)): void {
    for (const { stream, partitions } of added) {
      for (const index of partitions) {
        this.#deps.findPartition(stream, index)?.beginTransaction(record.producerId, record.producerEpoch)
      }
    }
  }

  /** Step 1 and 2 of the end. @param record as it is once the end is decided */
  async #conclude(record: TransactionRecord): Promise<TransactionRecord> {
    await this.#store(record)
    return this.#settled(record)
  }

  /** Step 2, where 1 was done, now or before a crash. */
  async #settled(record: TransactionRecord): Promise<TransactionRecord> {
    if (!isDecided(record.state)) return record
    const { findPartition, groups, clock } = this.#deps
    const { producerId, producerEpoch } = record
    const outcome = outcomeOf(record)
    const told: (Promise<void> | undefined)[] = []
    for (const { stream, partitions } of partitionsOf(record)) {
      for (const index of partitions) {
        told.push(findPartition(stream, index)?.endTransaction(producerId, producerEpoch, outcome))
      }
    }
    if (record.groups.size > 0) told.push(groups.endStaged(producerId, outcome))
    await Promise.all(told)
    const done = completed(record, clock.nowMs())
    // Not waited for: lost in a crash, step 2 is repeated, and nothing later of this id can be durable without it.
    this.#put(done)
    return done
  }

  // ─── time ───

  #sweep(): void {
    const { clock, settings } = this.#deps
    this.#sweepTimer = undefined
    for (const id of this.#unfinished) {
      const record = this.#log.get(id)
      // Who works on it now sees to it.
      if (record === undefined || this.#turns.has(id)) continue
      if (isDecided(record.state)) this.#unattended(id, (left) => this.#settled(left))
      else if (isOverdue(record, clock.nowMs())) this.#unattended(id, (left) => this.#timeOut(left))
    }
    if (this.#unfinished.size > 0) this.#sweepTimer = clock.after(settings.sweepMs, () => this.#sweep())
  }

  async #timeOut(record: TransactionRecord): Promise<TransactionRecord> {
    const nowMs = this.#deps.clock.nowMs()
    return isOverdue(record, nowMs) ? this.#conclude(fencedEnd(record, NONE, nowMs)) : record
  }

  #sweepExpired(): void {
    const { clock, settings, shard } = this.#deps
    if (this.#isClosed || shard.journal.failure !== undefined) return
    for (const record of this.#log.all()) {
      const id = record.transactionalId
      if (!this.#turns.has(id) && isExpired(record, settings.expirationMs, clock.nowMs())) this.#log.forget(id)
    }
    this.#expirationTimer = clock.after(settings.expirationSweepMs, () => this.#sweepExpired())
  }

  /** Nothing more is taken or begun; what is under way ends with the journal. */
  close(): void {
    this.#isClosed = true
    this.#sweepTimer?.cancel()
    this.#expirationTimer?.cancel()
  }
}

function isName(name: string): boolean {
  return name !== '' && Buffer.byteLength(name) <= ID_BYTES_MAX
}

function partitionsOf({ partitions }: TransactionRecord): PartitionsOf[] {
  return [...partitions].map(([stream, indexes]) => ({ stream, partitions: [...indexes] }))
}

function unavailable(error: unknown): Refusal {
  if (error instanceof StorageError) return refused('unavailable')
  throw error
}
