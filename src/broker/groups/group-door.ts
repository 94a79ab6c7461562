/**
 * Groups as a protocol sees them. The members of a group share the work of reading streams: a group agrees, generation
 * by generation, on who reads what, and remembers how far it has read. What members say to each other (metadata,
 * assignments) is opaque here.
 *
 * Today there is one way to agree, the classic one, in which a leader among the members assigns. Other kinds of groups
 * (the broker assigns; members share a partition's records) will be further members of `GroupKind`, beside the same
 * offsets.
 */

/** Why a group turned a request down. Closed: each protocol has one table from it to its own codes. */
export type GroupRefusal =
  | 'invalid-group-id'
  | 'invalid-session-timeout'
  /** Come again with the id given in the answer. */
  | 'member-id-required'
  | 'unknown-member'
  | 'illegal-generation'
  /** Another process took over this instance id. */
  | 'fenced-instance'
  | 'inconsistent-protocol'
  /** Join again. */
  | 'rebalance-in-progress'
  | 'group-full'
  /** Metadata or assignments above the limit. */
  | 'too-large'
  | 'not-empty'
  | 'not-found'
  /** A member reads this stream. */
  | 'subscribed'
  | 'offset-metadata-too-large'
  | 'invalid-offset'
  /** Storage failed, or the broker is going down. */
  | 'unavailable'

export type GroupKind = 'classic'

/**
 * empty: nobody. preparing: waits for its members to join. completing: waits for the leader's assignments. stable: works.
 */
export type GroupState = 'empty' | 'preparing' | 'completing' | 'stable'

/** One way to assign that a member knows, best first. */
export interface MemberProtocol {
  readonly name: string
  /** Borrowed until the call returns. */
  readonly metadata: Buffer
  /** The streams this member wants, where the protocol could tell; undefined counts as every stream. */
  readonly streams: readonly string[] | undefined
}

export interface JoinRequest {
  readonly group: string
  /** '' the first time. */
  readonly memberId: string
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocolType: string
  readonly protocols: readonly MemberProtocol[]
  /** The client understands 'member-id-required'. */
  readonly learnsId: boolean
  /** The client understands `skipAssignment`. */
  readonly skipsAssignment: boolean
  readonly gone: AbortSignal
}

export interface JoinedMember {
  readonly memberId: string
  readonly instanceId: string | undefined
  readonly metadata: Buffer
}

export type JoinAnswer =
  | {
      readonly kind: 'joined'
      readonly memberId: string
      readonly generation: number
      readonly protocolType: string
      readonly protocol: string
      readonly leader: string
      /** For the leader alone. */
      readonly members: readonly JoinedMember[]
      /** The leader has nothing to assign: the group goes on as it was. */
      readonly skipAssignment: boolean
    }
  | { readonly kind: 'refused'; readonly why: GroupRefusal; readonly memberId: string }

/** Who speaks, as he thinks he is. */
export interface MemberClaim {
  readonly memberId: string
  readonly instanceId: string | undefined
  /** -1: none. */
  readonly generation: number
}

export interface SyncRequest extends MemberClaim {
  readonly group: string
  /** Undefined: not said. */
  readonly protocolType: string | undefined
  readonly protocol: string | undefined
  /** By member id; empty unless the leader speaks. Borrowed until the call returns. */
  readonly assignments: ReadonlyMap<string, Buffer>
  readonly gone: AbortSignal
}

export type SyncAnswer =
  | {
      readonly kind: 'synced'
      readonly protocolType: string
      readonly protocol: string
      readonly assignment: Buffer
    }
  | { readonly kind: 'refused'; readonly why: GroupRefusal }

export interface LeavingMember {
  /** '' removes by instance id alone, as an administrator does. */
  readonly memberId: string
  readonly instanceId: string | undefined
}

export interface PartitionOffset {
  readonly stream: string
  readonly partition: number
  readonly offset: number
  /** -1: not said. */
  readonly leaderEpoch: number
  readonly metadata: string
}

export interface CommitRequest extends MemberClaim {
  readonly group: string
  readonly offsets: readonly PartitionOffset[]
  /** How long to keep these whatever the group does; undefined: the broker's rule. */
  readonly retentionMs: number | undefined
}

export interface StageRequest extends MemberClaim {
  readonly group: string
  readonly producerId: number
  readonly offsets: readonly PartitionOffset[]
}

/** One per offset asked for, in the same order; undefined: durable. */
export type CommitAnswer = readonly (GroupRefusal | undefined)[]

export interface WantedOffsets {
  readonly stream: string
  readonly partitions: readonly number[]
}

export interface FetchedOffset {
  readonly partition: number
  /** -1: never committed. */
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
  /** A transaction that is not ended yet may change it. */
  readonly isUnstable: boolean
}

export interface FetchedOffsets {
  readonly stream: string
  readonly partitions: readonly FetchedOffset[]
}

export interface GroupListing {
  readonly group: string
  readonly kind: GroupKind
  readonly state: GroupState
  /** '' for a group that only keeps offsets. */
  readonly protocolType: string
}

export interface GroupDescription extends GroupListing {
  /** '' while none is agreed on. */
  readonly protocol: string
  readonly generation: number
  readonly members: readonly DescribedMember[]
}

/** What it said is shown while the group is stable; what it was given last, always. */
export interface DescribedMember extends JoinedMember {
  readonly clientId: string
  readonly clientHost: string
  readonly assignment: Buffer
}

/** The groups of one vhost. Promises here never reject for the client's fault: the answer says it. */
export interface Groups {
  /** Resolves when the group has gathered, at once where nothing changes, or when `gone` is aborted. */
  join(request: JoinRequest): Promise<JoinAnswer>
  /** Resolves when the leader's assignments are durable. */
  sync(request: SyncRequest): Promise<SyncAnswer>
  heartbeat(group: string, member: MemberClaim): GroupRefusal | undefined
  /** One answer per member, or one for all when the group as a whole cannot. */
  leave(group: string, members: readonly LeavingMember[]): GroupRefusal | (GroupRefusal | undefined)[]

  /** All of one request are durable together. 'not-found' for a generation of a group that is not there. */
  commitOffsets(request: CommitRequest): Promise<CommitAnswer>
  /** Every committed offset when `wanted` is undefined. */
  fetchOffsets(group: string, wanted: readonly WantedOffsets[] | undefined): readonly FetchedOffsets[]
  deleteOffsets(group: string, wanted: readonly WantedOffsets[]): Promise<GroupRefusal | DeletedOffsets>

  /** Keeps offsets aside, durably, until the producer's transaction ends. */
  stageOffsets(request: StageRequest): Promise<CommitAnswer>
  /** Commits or drops whatever this producer has staged, in every group; durable when it resolves. May be repeated. */
  endStaged(producerId: number, outcome: 'commit' | 'abort'): Promise<void>

  list(): readonly GroupListing[]
  /** Undefined: there is no such group. */
  describe(group: string): GroupDescription | undefined
  deleteGroup(group: string): Promise<GroupRefusal | undefined>
}

/** Per stream asked for, in the same order: gone for good, or why not. */
export type DeletedOffsets = readonly (Extract<GroupRefusal, 'subscribed'> | undefined)[]
