/**
 * The groups of one vhost: finds or makes the group a request speaks of, asks it, and keeps what it says durable. Rules
 * of membership stand in `membership.ts`; which bytes are kept stands in `group-entries.ts`.
 */
import type { Clock } from '../../base/clock.ts'
import { StorageError } from '../../base/errors.ts'
import type { Random } from '../../base/random.ts'
import { textSize } from '../../base/text.ts'
import type { LogOwner, Shard } from '../shard.ts'
import type { Group } from './group.ts'
import type {
  CommitAnswer,
  CommitRequest,
  DeletedOffsets,
  FetchedOffset,
  FetchedOffsets,
  GroupDescription,
  GroupListing,
  GroupRefusal,
  Groups,
  JoinAnswer,
  JoinRequest,
  LeavingMember,
  MemberClaim,
  PartitionOffset,
  StageRequest,
  SyncAnswer,
  SyncRequest,
  WantedOffsets,
} from './group-door.ts'
import type { GroupEntry, StoredOffset } from './group-entries.ts'
import type { GroupSettings } from './group-settings.ts'
import { GroupSlots } from './group-slots.ts'
import { saidBytes } from './member-table.ts'
import { ClassicMembership } from './membership.ts'
import { OffsetSweep } from './offset-sweep.ts'

/** Either way: what fits an entry of the log. */
const OFFSET_MAX = 2 ** 52 - 1

export interface GroupCoordinatorDeps {
  readonly shard: Shard
  readonly firstLog: number
  readonly slotCount: number
  readonly clock: Clock
  readonly random: Random
  readonly settings: GroupSettings
}

export class GroupCoordinator implements Groups {
  readonly #deps: GroupCoordinatorDeps
  readonly #slots: GroupSlots
  readonly #sweep: OffsetSweep
  /** The groups in which a producer has staged offsets, as the log has it: ahead of what is durable. */
  readonly #stagedIn = new Map<number, Set<string>>()
  /** Ends that are not durable yet: who asks again waits for the same. */
  readonly #ending = new Map<number, Promise<void>>()
  #isClosed = false

  constructor(deps: GroupCoordinatorDeps) {
    this.#deps = deps
    this.#slots = new GroupSlots({ ...deps, makeMembership: (group) => this.#makeMembership(group) })
    this.#sweep = new OffsetSweep(deps, this.#slots)
  }

  #makeMembership(group: string): ClassicMembership {
    const { clock, random, settings } = this.#deps
    return new ClassicMembership({
      clock,
      random,
      settings,
      store: (membership, done) => this.#slots.append({ kind: 'members', group, membership }, done),
      deserted: () => this.#slots.dropIfBlank(group),
    })
  }

  logOwner(log: number): LogOwner {
    return this.#slots.logOwner(log)
  }

  /** After replay: the members that were there go on from here. Offsets of streams that ended meanwhile are dropped. */
  recovered(streamExists: (stream: string) => boolean): void {
    const gone = new Set<string>()
    for (const group of this.#slots.all()) {
      if (group.stored !== undefined) group.membership.restore(group.stored)
      for (const producerId of group.offsets.producers()) this.#noteStaged(producerId, group.id)
      for (const stream of group.offsets.everyStream()) if (!streamExists(stream)) gone.add(stream)
    }
    for (const stream of gone) this.forgetStream(stream)
    this.#sweep.start()
  }

  async join(request: JoinRequest): Promise<JoinAnswer> {
    const { settings } = this.#deps
    const refused = (why: GroupRefusal): JoinAnswer => ({ kind: 'refused', why, memberId: request.memberId })
    if (this.#isClosed) return refused('unavailable')
    if (request.group === '') return refused('invalid-group-id')
    const { sessionTimeoutMs } = request
    if (sessionTimeoutMs < settings.sessionTimeoutMsMin || sessionTimeoutMs > settings.sessionTimeoutMsMax) {
      return refused('invalid-session-timeout')
    }
    if (saidBytes({ ...request, id: request.memberId }) > settings.memberBytesMax) return refused('too-large')
    if (request.memberId !== '' && this.#slots.find(request.group) === undefined) return refused('unknown-member')
    const { membership } = this.#slots.findOrMake(request.group)
    const answer = membership.join({ ...request, rebalanceTimeoutMs: Math.max(0, request.rebalanceTimeoutMs) })
    this.#slots.dropIfBlank(request.group)
    return answer
  }

  async sync(request: SyncRequest): Promise<SyncAnswer> {
    const refused = (why: GroupRefusal): SyncAnswer => ({ kind: 'refused', why })
    if (this.#isClosed) return refused('unavailable')
    if (request.group === '') return refused('invalid-group-id')
    let assignedBytes = 0
    for (const [memberId, assignment] of request.assignments) assignedBytes += memberId.length + assignment.length
    if (assignedBytes > this.#deps.settings.memberBytesMax) return refused('too-large')
    const group = this.#slots.find(request.group)
    return group === undefined ? refused('unknown-member') : group.membership.sync(request)
  }

  heartbeat(groupId: string, member: MemberClaim): GroupRefusal | undefined {
    if (this.#isClosed) return 'unavailable'
    if (groupId === '') return 'invalid-group-id'
    const group = this.#slots.find(groupId)
    return group === undefined ? 'unknown-member' : group.membership.heartbeat(member)
  }

  leave(groupId: string, members: readonly LeavingMember[]): GroupRefusal | (GroupRefusal | undefined)[] {
    if (this.#isClosed) return 'unavailable'
    if (groupId === '') return 'invalid-group-id'
    const group = this.#slots.find(groupId)
    return members.map((member) => (group === undefined ? 'unknown-member' : group.membership.leave(member)))
  }

  commitOffsets(request: CommitRequest): Promise<CommitAnswer> {
    const { retentionMs } = request
    const nowMs = this.#deps.clock.nowMs()
    const expiresMs = retentionMs === undefined ? 0 : Math.min(nowMs + retentionMs, Number.MAX_SAFE_INTEGER)
    const why = this.#checkCommit(request, false)
    return this.#keep(request, why, expiresMs, (offsets) => ({ kind: 'offsets', group: request.group, offsets }))
  }

  stageOffsets(request: StageRequest): Promise<CommitAnswer> {
    const { group, producerId } = request
    const why = this.#checkCommit(request, true)
    return this.#keep(request, why, 0, (offsets) => {
      this.#noteStaged(producerId, group)
      return { kind: 'staged', group, producerId, offsets }
    })
  }

  #checkCommit(request: MemberClaim & { readonly group: string }, isTransactional: boolean): GroupRefusal | undefined {
    if (this.#isClosed) return 'unavailable'
    const group = this.#slots.find(request.group)
    if (group !== undefined) return group.membership.checkCommit(request, isTransactional)
    return request.generation < 0 ? undefined : 'not-found'
  }

  /** One entry for all of a request's offsets: they count together or not at all. */
  #keep(
    request: { readonly offsets: readonly PartitionOffset[] },
    why: GroupRefusal | undefined,
    expiresMs: number,
    toEntry: (offsets: readonly StoredOffset[]) => GroupEntry,
  ): Promise<CommitAnswer> {
    const committedMs = this.#deps.clock.nowMs()
    const taken: StoredOffset[] = []
    const answer = request.offsets.map((offset) => {
      const refusal = why ?? this.#offsetProblem(offset)
      if (refusal === undefined) {
        taken.push({ ...offset, leaderEpoch: Math.max(-1, offset.leaderEpoch), committedMs, expiresMs })
      }
      return refusal
    })
    if (taken.length === 0) return Promise.resolve(answer)
    return new Promise((resolve) => {
      this.#slots.append(toEntry(taken), (isDurable) => {
        resolve(isDurable ? answer : answer.map((refusal) => refusal ?? 'unavailable'))
      })
    })
  }

  #offsetProblem({ offset, partition, metadata }: PartitionOffset): GroupRefusal | undefined {
    if (textSize(metadata) > this.#deps.settings.offsetMetadataBytesMax) return 'offset-metadata-too-large'
    return Math.abs(offset) <= OFFSET_MAX && partition >= 0 ? undefined : 'invalid-offset'
  }

  #noteStaged(producerId: number, group: string): void {
    const known = this.#stagedIn.get(producerId)
    if (known === undefined) this.#stagedIn.set(producerId, new Set([group]))
    else known.add(group)
  }

  async endStaged(producerId: number, outcome: 'commit' | 'abort'): Promise<void> {
    const groups = this.#stagedIn.get(producerId)
    if (groups === undefined) return this.#ending.get(producerId)
    this.#stagedIn.delete(producerId)
    // All appended in one go, so that one commit of the journal holds the whole end.
    const ends = [...groups].map((group) => this.#append({ kind: 'ended', group, producerId, outcome }))
    const ending = Promise.all(ends).then(() => {})
    this.#ending.set(producerId, ending)
    await ending.finally(() => {
      if (this.#ending.get(producerId) === ending) this.#ending.delete(producerId)
    })
  }

  /** @throws {StorageError} */
  #append(entry: GroupEntry): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#slots.append(entry, (isDurable) => {
        if (isDurable) resolve()
        else reject(this.#deps.shard.journal.failure ?? new StorageError('closed', 'the journal was closed'))
      })
    })
  }

  fetchOffsets(groupId: string, wanted: readonly WantedOffsets[] | undefined): readonly FetchedOffsets[] {
    const group = this.#slots.find(groupId)
    const names = wanted ?? group?.offsets.streams().map((stream) => everyPartition(group, stream)) ?? []
    return names.map(({ stream, partitions }) => ({
      stream,
      partitions: partitions.map((partition) => fetched(group, stream, partition)),
    }))
  }

  async deleteOffsets(groupId: string, wanted: readonly WantedOffsets[]): Promise<GroupRefusal | DeletedOffsets> {
    if (this.#isClosed) return 'unavailable'
    const group = this.#slots.find(groupId)
    if (group === undefined) return 'not-found'
    const { membership, offsets } = group
    // Only of consumers can it be told what they read.
    if (membership.state !== 'empty' && membership.protocolType !== 'consumer') return 'not-empty'
    const answer = wanted.map(({ stream }) => (membership.reads(stream) ? 'subscribed' : undefined))
    const partitions = wanted
      .filter((_, index) => answer[index] === undefined)
      .flatMap(({ stream, partitions }) => partitions.map((partition) => ({ stream, partition })))
      .filter(({ stream, partition }) => offsets.mentions(stream, partition))
    if (partitions.length > 0) await this.#append({ kind: 'forgotten', group: groupId, partitions })
    return answer
  }

  /** A stream is gone: so is how far anybody has read it. Nobody waits for it: a restart does it again. */
  forgetStream(stream: string): void {
    for (const group of this.#slots.all()) {
      const partitions = group.offsets.mentioned(stream)
      if (partitions.length > 0) this.#slots.append({ kind: 'forgotten', group: group.id, partitions }, () => {})
    }
  }

  list(): readonly GroupListing[] {
    return [...this.#slots.all()].map(listed)
  }

  describe(groupId: string): GroupDescription | undefined {
    const group = this.#slots.find(groupId)
    if (group === undefined) return undefined
    const { membership } = group
    return {
      ...listed(group),
      protocol: membership.protocol,
      generation: membership.generation,
      members: membership.describe(),
    }
  }

  async deleteGroup(groupId: string): Promise<GroupRefusal | undefined> {
    if (this.#isClosed) return 'unavailable'
    const group = this.#slots.find(groupId)
    if (group === undefined) return 'not-found'
    if (group.membership.state !== 'empty') return 'not-empty'
    await this.#append({ kind: 'removed', group: groupId })
    return undefined
  }

  /** Everybody who waits is told; nothing is taken any more. */
  close(): void {
    this.#isClosed = true
    this.#sweep.stop()
    for (const group of this.#slots.all()) group.membership.close()
  }
}

function everyPartition(group: Group, stream: string): WantedOffsets {
  return { stream, partitions: group.offsets.partitions(stream) }
}

function fetched(group: Group | undefined, stream: string, partition: number): FetchedOffset {
  const stored = group?.offsets.get(stream, partition)
  return {
    partition,
    offset: stored?.offset ?? -1,
    leaderEpoch: stored?.leaderEpoch ?? -1,
    metadata: stored?.metadata ?? '',
    isUnstable: group?.offsets.isUnstable(stream, partition) ?? false,
  }
}

function listed({ id, membership }: Group): GroupListing {
  return { group: id, kind: 'classic', state: membership.state, protocolType: membership.protocolType }
}
