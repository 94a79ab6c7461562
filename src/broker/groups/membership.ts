/**
 * Who may do what in a classic group, and what the group answers: joins, syncs, heartbeats, leaving, and members that are
 * not heard of any more. The rounds themselves stand in `rebalance.ts`, offsets in `offsets.ts`.
 *
 * A member's session runs from its last sign of life (heartbeat, commit, an answer to its join or sync). It stands still
 * while a request of the member waits here, because the group is the one who is late. A waiting request whose connection
 * is gone waits no more: the session runs from then, and a member that cannot know its id is out at once.
 */
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type {
  DescribedMember,
  GroupRefusal,
  GroupState,
  JoinAnswer,
  JoinRequest,
  LeavingMember,
  MemberClaim,
  SyncAnswer,
  SyncRequest,
} from './group-door.ts'
import type { GroupSettings } from './group-settings.ts'
import { Member, ownProtocols, saidBytes } from './member-table.ts'
import { Parked } from './parked.ts'
import { Rebalance } from './rebalance.ts'
import { SessionTimer } from './session-timer.ts'
import type { StoredMembership } from './stored-group.ts'

export interface MembershipDeps {
  readonly clock: Clock
  readonly random: Random
  readonly settings: GroupSettings
  store(membership: StoredMembership, done: (isDurable: boolean) => void): void
  /** The one who was on the way into this empty group will not come. */
  deserted(): void
}

const refusedJoin = (why: GroupRefusal, memberId: string): JoinAnswer => ({ kind: 'refused', why, memberId })
const refusedSync = (why: GroupRefusal): SyncAnswer => ({ kind: 'refused', why })

export class ClassicMembership {
  readonly #deps: MembershipDeps
  readonly #rebalance: Rebalance

  constructor(deps: MembershipDeps) {
    this.#deps = deps
    this.#rebalance = new Rebalance(deps)
  }

  get state(): GroupState {
    return this.#rebalance.state
  }

  get generation(): number {
    return this.#rebalance.generation
  }

  /** '' where nobody was ever a member. */
  get protocolType(): string {
    return this.#rebalance.protocolType
  }

  get protocol(): string {
    return this.#rebalance.protocol
  }

  /** Wall clock; 0 while there are members, or when there never were any. */
  get emptySinceMs(): number {
    return this.#rebalance.emptySinceMs
  }

  /** Nobody is here, and nobody was told to come back. */
  get isDeserted(): boolean {
    return this.state === 'empty' && this.#rebalance.pending.size === 0
  }

  join(request: JoinRequest): Promise<JoinAnswer> | JoinAnswer {
    if (request.gone.aborted) return refusedJoin('unavailable', request.memberId)
    if (!this.#hasRoomFor(request.memberId)) {
      this.#turnAway(request.memberId)
      return refusedJoin('group-full', '')
    }
    if (!this.#takes(request)) return refusedJoin('inconsistent-protocol', request.memberId)
    if (this.#rebalance.members.sizeBytes + saidBytes({ ...request, id: '' }) > this.#deps.settings.groupBytesMax) {
      return refusedJoin('too-large', request.memberId)
    }
    if (request.memberId !== '') return this.#joinAgain(request)
    if (request.instanceId !== undefined) return this.#joinStatic(request, request.instanceId)
    const memberId = this.#newId(request.clientId)
    if (!request.learnsId) return this.#addMember(request, memberId)
    this.#expect(memberId, request.sessionTimeoutMs)
    return refusedJoin('member-id-required', memberId)
  }

  /** While a round gathers only who has joined counts: the last ones to come back find the group full. */
  #hasRoomFor(memberId: string): boolean {
    const { members, pending, state } = this.#rebalance
    const { membersMax } = this.#deps.settings
    const known = members.get(memberId)
    if (memberId === '' && pending.size >= membersMax) return false
    if (state === 'preparing') return known?.parkedJoin !== undefined || members.joinedCount < membersMax
    if (known !== undefined || pending.has(memberId)) return true
    return members.size + pending.size < membersMax
  }

  #turnAway(memberId: string): void {
    if (this.#forgetPending(memberId)) return this.#rebalance.pendingLeft()
    const member = this.#rebalance.members.get(memberId)
    if (member !== undefined) this.#remove(member, 'group-full')
  }

  #takes({ protocolType, protocols }: JoinRequest): boolean {
    const names = protocols.map(({ name }) => name)
    if (this.state === 'empty') return protocolType !== '' && names.length > 0
    return protocolType === this.protocolType && this.#rebalance.members.supportsAny(names)
  }

  #newId(name: string): string {
    // As long as a UUID, and as hard to guess: knowing the id is all that makes a member.
    const text = this.#deps.random.bytes(16).toString('hex')
    return `${name}-${text.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-')}`
  }

  #expect(memberId: string, withinMs: number): void {
    const timer = this.#deps.clock.after(withinMs, () => {
      this.#rebalance.pending.delete(memberId)
      this.#rebalance.pendingLeft()
      this.#tellIfDeserted()
    })
    this.#rebalance.pending.set(memberId, timer)
  }

  #forgetPending(memberId: string): boolean {
    this.#rebalance.pending.get(memberId)?.cancel()
    return this.#rebalance.pending.delete(memberId)
  }

  #joinStatic(request: JoinRequest, instanceId: string): Promise<JoinAnswer> | JoinAnswer {
    const memberId = this.#newId(instanceId)
    const old = this.#rebalance.members.byInstance(instanceId)
    if (old === undefined) return this.#addMember(request, memberId)
    return this.#replaceStatic(request, old, memberId)
  }

  #addMember(request: JoinRequest, memberId: string): Promise<JoinAnswer> {
    const member = this.#makeMember(request, memberId)
    member.idIsKnown = request.memberId !== ''
    this.#update(member, request)
    this.#rebalance.members.add(member)
    const promise = this.#parkJoin(member, request)
    this.#rebalance.memberCame(request.protocolType)
    return promise
  }

  #makeMember(facts: Pick<JoinRequest, 'instanceId' | 'clientId' | 'clientHost'>, id: string): Member {
    const session = new SessionTimer(this.#deps.clock, () => this.#remove(member, 'unknown-member'))
    const member = new Member({ ...facts, id }, session)
    return member
  }

  #update(member: Member, request: JoinRequest): void {
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
    this.#rebalance.members.setProtocols(member, ownProtocols(request.protocols))
  }

  #parkJoin(member: Member, request: JoinRequest): Promise<JoinAnswer> {
    const { members } = this.#rebalance
    // The same member on another connection: the older request has nobody to wait for it.
    members.takeJoin(member)?.answer(refusedJoin('rebalance-in-progress', member.id))
    const parked = new Parked<JoinAnswer>(request.gone, () => this.#joinGone(member))
    members.parkJoin(member, parked)
    if (member.isNew) member.session.touch(this.#deps.settings.newMemberTimeoutMs)
    else member.session.hold()
    return parked.promise
  }

  #joinGone(member: Member): void {
    this.#rebalance.members.takeJoin(member)?.answer(refusedJoin('unavailable', member.id))
    if (member.idIsKnown || member.instanceId !== undefined) member.session.touch(member.sessionTimeoutMs)
    else this.#remove(member, 'unavailable')
  }

  #joinAgain(request: JoinRequest): Promise<JoinAnswer> | JoinAnswer {
    const { members } = this.#rebalance
    const { memberId, instanceId } = request
    if (instanceId === undefined && this.#forgetPending(memberId)) return this.#addMember(request, memberId)
    const refusal = members.check(memberId, instanceId)
    if (refusal !== undefined) return refusedJoin(refusal, memberId)
    const member = members.get(memberId) as Member
    member.idIsKnown = true
    const isLeader = members.leader === member
    if (this.state === 'completing' && member.matches(request.protocols)) {
      // The answer to its join was lost.
      this.#signOfLife(member)
      return this.#rebalance.joinAnswer(member, isLeader)
    }
    if (this.state === 'stable' && !isLeader && member.matches(request.protocols)) {
      this.#signOfLife(member)
      return this.#rebalance.joinAnswer(member, false)
    }
    // The leader asks for a round by joining: it saw something that members cannot tell, such as new partitions.
    this.#update(member, request)
    return this.#rejoin(member, request)
  }

  #rejoin(member: Member, request: JoinRequest): Promise<JoinAnswer> {
    const promise = this.#parkJoin(member, request)
    this.#rebalance.prepareOrComplete()
    return promise
  }

  /**
   * A static member whose process was started again. The generation goes on under the new id, so that nobody is
   * disturbed; as in Kafka this looks at the protocol only, a changed subscription shows in the next round.
   */
  #replaceStatic(request: JoinRequest, old: Member, memberId: string): Promise<JoinAnswer> | JoinAnswer {
    const { members } = this.#rebalance
    const leaderBefore = members.leader?.id ?? ''
    members.takeJoin(old)?.answer(refusedJoin('fenced-instance', old.id))
    old.parkedSync?.answer(refusedSync('fenced-instance'))
    old.parkedSync = undefined
    this.#rebalance.synced(old.id)
    const member = this.#makeMember(request, memberId)
    members.setProtocols(member, old.protocols)
    members.replace(old, member)
    this.#update(member, request)
    member.session.touch(member.sessionTimeoutMs)
    const goesOn = this.state === 'stable' && members.vote() === this.protocol
    if (!goesOn) return this.#rejoin(member, request)
    return this.#goOnAs(member, request, leaderBefore)
  }

  /** Answers when the new id is durable: after a restart the old one must not be the one that is known. */
  #goOnAs(member: Member, request: JoinRequest, leaderBefore: string): Promise<JoinAnswer> {
    const { members } = this.#rebalance
    const isLeader = members.leader === member
    const answer = this.#rebalance.joinAnswer(member, isLeader && request.skipsAssignment)
    const assignments = new Map(members.all().map(({ id, assignment }) => [id, assignment]))
    return new Promise((resolve) => {
      this.#deps.store(this.#rebalance.stored(assignments), (isDurable) => {
        if (!isDurable || answer.kind === 'refused') return resolve(refusedJoin('unavailable', member.id))
        // A client that cannot skip the assignment must not take itself for the leader: it would assign anew.
        if (request.skipsAssignment) resolve({ ...answer, skipAssignment: isLeader })
        else resolve({ ...answer, leader: leaderBefore })
      })
    })
  }

  sync(request: SyncRequest): Promise<SyncAnswer> | SyncAnswer {
    const { members } = this.#rebalance
    if (request.gone.aborted) return refusedSync('unavailable')
    const refusal = this.#checkClaim(request)
    if (refusal !== undefined) return refusedSync(refusal)
    const { protocolType, protocol } = request
    if (protocolType !== undefined && protocolType !== this.protocolType) return refusedSync('inconsistent-protocol')
    if (protocol !== undefined && protocol !== this.protocol) return refusedSync('inconsistent-protocol')
    const member = members.get(request.memberId) as Member
    if (this.state === 'preparing') return refusedSync('rebalance-in-progress')
    this.#rebalance.synced(member.id)
    if (this.state === 'stable') {
      this.#signOfLife(member)
      return {
        kind: 'synced',
        protocolType: this.protocolType,
        protocol: this.protocol,
        assignment: member.assignment,
      }
    }
    member.parkedSync?.answer(refusedSync('rebalance-in-progress'))
    const parked = new Parked<SyncAnswer>(request.gone, () => this.#syncGone(member))
    member.parkedSync = parked
    member.session.hold()
    if (members.leader === member) this.#rebalance.assign(request.assignments)
    return parked.promise
  }

  #syncGone(member: Member): void {
    member.parkedSync?.answer(refusedSync('unavailable'))
    member.parkedSync = undefined
    member.session.touch(member.sessionTimeoutMs)
  }

  #checkClaim({ memberId, instanceId, generation }: MemberClaim): GroupRefusal | undefined {
    const refusal = this.#rebalance.members.check(memberId, instanceId)
    if (refusal !== undefined) return refusal
    return generation === this.generation ? undefined : 'illegal-generation'
  }

  #signOfLife(member: Member): void {
    if (!member.isWaiting) member.session.touch(member.sessionTimeoutMs)
  }

  heartbeat(claim: MemberClaim): GroupRefusal | undefined {
    const refusal = this.#checkClaim(claim)
    if (refusal !== undefined) return refusal
    this.#signOfLife(this.#rebalance.members.get(claim.memberId) as Member)
    return this.state === 'preparing' ? 'rebalance-in-progress' : undefined
  }

  /** Whether offsets may be committed by this one; says a sign of life when they may. */
  checkCommit(claim: MemberClaim, isTransactional: boolean): GroupRefusal | undefined {
    const { memberId, instanceId, generation } = claim
    if (generation < 0 && this.state === 'empty') return undefined
    if (generation >= 0 || memberId !== '' || instanceId !== undefined) {
      const refusal = this.#checkClaim(claim)
      if (refusal !== undefined) return refusal
      this.#signOfLife(this.#rebalance.members.get(memberId) as Member)
    } else if (!isTransactional && this.state !== 'empty') return 'unknown-member'
    return !isTransactional && this.state === 'completing' ? 'rebalance-in-progress' : undefined
  }

  leave({ memberId, instanceId }: LeavingMember): GroupRefusal | undefined {
    const { members } = this.#rebalance
    if (memberId === '') {
      const member = instanceId === undefined ? undefined : members.byInstance(instanceId)
      if (member === undefined) return 'unknown-member'
      this.#remove(member, 'unknown-member')
      return undefined
    }
    if (this.#forgetPending(memberId)) {
      this.#rebalance.pendingLeft()
      this.#tellIfDeserted()
      return undefined
    }
    const refusal = members.check(memberId, instanceId)
    if (refusal === undefined) this.#remove(members.get(memberId) as Member, 'unknown-member')
    return refusal
  }

  /** Whoever waits as this member is told why it waits no more. */
  #remove(member: Member, why: GroupRefusal): void {
    const { members } = this.#rebalance
    members.takeJoin(member)?.answer(refusedJoin(why, ''))
    member.parkedSync?.answer(refusedSync(why))
    member.parkedSync = undefined
    members.remove(member)
    this.#rebalance.memberLeft(member.id)
  }

  #tellIfDeserted(): void {
    if (this.isDeserted) this.#deps.deserted()
  }

  /** A member reads this stream, or may, as far as can be told. */
  reads(stream: string): boolean {
    const { members, protocol } = this.#rebalance
    return members.all().some(({ protocols }) => {
      const chosen = protocols.find(({ name }) => name === protocol) ?? protocols[0]
      return chosen?.streams === undefined || chosen.streams.includes(stream)
    })
  }

  describe(): DescribedMember[] {
    const { members, protocol, state } = this.#rebalance
    const shown = state === 'stable' ? protocol : ''
    return members.all().map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: member.metadata(shown),
      assignment: member.assignment,
    }))
  }

  /** After a restart: the members of the last stable generation go on, each with a whole session to show itself. */
  restore(stored: StoredMembership): void {
    const { members } = this.#rebalance
    for (const facts of stored.members) {
      const member = this.#makeMember(facts, facts.id)
      member.isNew = false
      member.sessionTimeoutMs = facts.sessionTimeoutMs
      member.rebalanceTimeoutMs = facts.rebalanceTimeoutMs
      member.protocols = facts.protocols
      member.assignment = facts.assignment
      members.add(member)
      member.session.touch(member.sessionTimeoutMs)
    }
    this.#rebalance.restore(stored)
  }

  close(): void {
    this.#rebalance.close()
  }
}
