/**
 * Transactions as a protocol sees them. A producer with a transactional id writes to partitions and stages offsets of
 * groups, and then all of it counts or none. Whoever opens the id anew fences every earlier holder: an epoch tells them
 * apart. What a partition does in a transaction stands in `streams/stream-door.ts`, what a group does in
 * `groups/group-door.ts`; here is who may do it and how it ends.
 */
import type { CommitAnswer, StageRequest } from '../groups/group-door.ts'

/** Why a transaction turned a request down. Closed: each protocol has one table from it to its own codes. */
export type TransactionRefusal =
  /** No transactional id, or one too long; too many groups in one transaction. */
  | 'invalid-request'
  | 'invalid-timeout'
  /** The transactional id is not known, or belongs to another producer id. */
  | 'unknown-producer'
  /** A later holder of the transactional id exists, or the transaction ran out of time. */
  | 'fenced'
  /** An earlier change is still under way: try again. */
  | 'concurrent'
  /** Not in the state in which this can be done. */
  | 'invalid-state'
  /** Storage failed, or the broker is going down. */
  | 'unavailable'

/**
 * empty: opened, nothing begun. ongoing: has partitions or groups. committing, aborting: decided, and partitions and
 * groups are being told. committed, aborted: all of them know.
 */
export type TransactionState = 'empty' | 'ongoing' | 'committing' | 'aborting' | 'committed' | 'aborted'

export type TransactionOutcome = 'commit' | 'abort'

export interface ProducerIdentity {
  readonly producerId: number
  readonly producerEpoch: number
}

/** Who speaks, as he thinks he is. */
export interface ProducerClaim extends ProducerIdentity {
  readonly transactionalId: string
}

export interface OpenRequest {
  readonly transactionalId: string
  /** A transaction that lasts longer is aborted. */
  readonly timeoutMs: number
  /** Who the caller was so far, when it goes on after an error; refused when somebody else came since. */
  readonly expected: ProducerIdentity | undefined
}

export type ProducerAnswer =
  | ({ readonly kind: 'producer' } & ProducerIdentity)
  | { readonly kind: 'refused'; readonly why: TransactionRefusal }

export interface EndRequest extends ProducerClaim {
  readonly outcome: TransactionOutcome
  /**
   * The producer gets a new epoch with the end, so that nothing of it that comes late can fall into its next
   * transaction. Then an abort is also fine when nothing was begun.
   */
  readonly renews: boolean
}

/** Partitions of one stream. */
export interface PartitionsOf {
  readonly stream: string
  readonly partitions: readonly number[]
}

export interface TransactionStaging extends ProducerClaim {
  readonly request: Omit<StageRequest, 'producerId'>
  /** Adds the group to the transaction, beginning one if need be; else it must have been added. */
  readonly addsGroup: boolean
}

export type StageAnswer =
  | { readonly kind: 'staged'; readonly offsets: CommitAnswer }
  | { readonly kind: 'refused'; readonly why: TransactionRefusal }

export interface TransactionListing {
  readonly transactionalId: string
  readonly producerId: number
  readonly state: TransactionState
  /** Wall clock, of the newest transaction; -1: there was none. */
  readonly startedMs: number
}

export interface TransactionDescription extends TransactionListing {
  readonly producerEpoch: number
  readonly timeoutMs: number
  readonly partitions: readonly PartitionsOf[]
}

/** The transactions of one vhost. Promises here never reject for the client's fault: the answer says it. */
export interface Transactions {
  /** For a producer without a transactional id: an id nobody ever had. */
  newProducer(): Promise<ProducerAnswer>
  /** Makes the caller the holder of its transactional id; what an earlier holder left open is aborted before it answers. */
  open(request: OpenRequest): Promise<ProducerAnswer>
  /** Undefined: durable, and the partitions take this producer's transactional batches from now on. */
  addPartitions(claim: ProducerClaim, added: readonly PartitionsOf[]): Promise<TransactionRefusal | undefined>
  addGroup(claim: ProducerClaim, group: string): Promise<TransactionRefusal | undefined>
  /** Keeps offsets aside until the end; never lands behind it. */
  stageOffsets(staging: TransactionStaging): Promise<StageAnswer>
  /** Resolves when every partition and group has the outcome, durably. May be repeated with the same outcome. */
  end(request: EndRequest): Promise<ProducerAnswer>
  /** As `addPartitions`, without adding: which of the partitions are in the transaction, in the order asked. */
  check(claim: ProducerClaim, asked: readonly PartitionsOf[]): TransactionRefusal | readonly (readonly boolean[])[]

  /** The partitions take this producer's transactional batches this very moment. */
  hasPartitions(claim: ProducerClaim, asked: readonly PartitionsOf[]): boolean

  list(): readonly TransactionListing[]
  describe(transactionalId: string): TransactionDescription | undefined
}
