/**
 * The rounds of a classic group. Each round ends in a generation: a number, a protocol and a set of members.
 *
 *     empty ──join──► preparing ──all joined, or time is up──► completing ──leader's sync is durable──► stable
 *       ▲                │  ▲                                      │                                      │
 *       └─nobody joined──┘  └────a join, a leave, a lost member────┴──────────────────────────────────────┘
 *
 * preparing   Joins wait. From empty the round gathers for the initial delay, again and again while new members come, up
 *             to the longest rebalance timeout. Else it ends when everybody known has joined, at the latest after the
 *             longest rebalance timeout: who has not joined by then is out, except static members, who are expected back.
 * completing  The joins are answered; syncs wait for the leader's. Who has not synced after the longest rebalance timeout
 *             is out, and a new round begins.
 *
 * This file moves a group through its rounds; who may ask for what stands in `membership.ts`.
 */
import { copyOf } from '../../base/bytes.ts'
import type { Clock, Timer } from '../../base/clock.ts'
import type { GroupRefusal, GroupState, JoinAnswer } from './group-door.ts'
import type { GroupSettings } from './group-settings.ts'
import { type Member, MemberTable } from './member-table.ts'
import type { StoredMembership } from './stored-group.ts'

export interface RebalanceDeps {
  readonly clock: Clock
  readonly settings: GroupSettings
  /** Makes this what a restart finds; `done` tells when it is durable, or that it never will be. */
  store(membership: StoredMembership, done: (isDurable: boolean) => void): void
}

const NOTHING = Buffer.alloc(0)

export class Rebalance {
  readonly members = new MemberTable()
  /** Ids given out to members that have not come back with them yet. */
  readonly pending = new Map<string, Timer>()
  readonly #deps: RebalanceDeps
  /** Who has joined this generation and not synced. */
  readonly #unsynced = new Set<string>()
  #state: GroupState = 'empty'
  #cameFromEmpty = false
  #generation = 0
  #protocolType = ''
  #protocol = ''
  #emptySinceMs = 0
  #joinTimer: Timer | undefined
  #syncTimer: Timer | undefined
  #newMemberCame = false
  /** The generation whose assignments are on their way to storage. */
  #storing = -1

  constructor(deps: RebalanceDeps) {
    this.#deps = deps
  }

  get state(): GroupState {
    return this.#state
  }

  get generation(): number {
    return this.#generation
  }

  /** '' before the first member. */
  get protocolType(): string {
    return this.#protocolType
  }

  /** '' unless agreed on. */
  get protocol(): string {
    return this.#protocol
  }

  /** Wall clock; 0 while there are members, or when there never were any. */
  get emptySinceMs(): number {
    return this.#emptySinceMs
  }

  /** A new member is in the table, its join parked. */
  memberCame(protocolType: string): void {
    if (this.members.size === 1) this.#protocolType = protocolType
    if (this.#state === 'preparing' && this.#cameFromEmpty) this.#newMemberCame = true
    this.prepareOrComplete()
  }

  /** A member is out of the table, or a pending one will not come. */
  memberLeft(memberId: string): void {
    this.synced(memberId)
    if (this.#state === 'stable' || this.#state === 'completing') this.prepare()
    else this.#tryComplete()
  }

  pendingLeft(): void {
    this.#tryComplete()
  }

  prepareOrComplete(): void {
    if (this.#state === 'preparing') this.#tryComplete()
    else this.prepare()
  }

  /** Begins a round. */
  prepare(): void {
    const fromEmpty = this.#state === 'empty'
    if (this.#state === 'completing') {
      this.#refuseSyncs('rebalance-in-progress')
      for (const member of this.members.all()) member.assignment = NOTHING
    }
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
    this.#unsynced.clear()
    this.#state = 'preparing'
    this.#cameFromEmpty = fromEmpty
    this.#newMemberCame = false
    if (fromEmpty) {
      const delayMs = this.#deps.settings.initialRebalanceDelayMs
      this.#gather(delayMs, Math.max(this.members.rebalanceTimeoutMs - delayMs, 0))
    } else if (this.#allJoined) this.#complete()
    else this.#completeAfter(this.members.rebalanceTimeoutMs)
  }

  /** The first round of a group: time for others to come, so that they need not disturb it at once. */
  #gather(delayMs: number, remainingMs: number): void {
    this.#joinTimer?.cancel()
    this.#joinTimer = this.#deps.clock.after(delayMs, () => {
      if (!this.#newMemberCame || remainingMs === 0) return this.#complete()
      this.#newMemberCame = false
      const nextMs = Math.min(this.#deps.settings.initialRebalanceDelayMs, remainingMs)
      this.#gather(nextMs, Math.max(remainingMs - nextMs, 0))
    })
  }

  #completeAfter(delayMs: number): void {
    this.#joinTimer?.cancel()
    this.#joinTimer = this.#deps.clock.after(delayMs, () => this.#complete())
  }

  get #allJoined(): boolean {
    return this.members.joinedCount === this.members.size && this.pending.size === 0
  }

  #tryComplete(): void {
    if (this.#state === 'preparing' && !this.#cameFromEmpty && this.#allJoined) this.#complete()
  }

  #complete(): void {
    const { members } = this
    this.#joinTimer?.cancel()
    this.#joinTimer = undefined
    for (const member of members.all()) {
      if (member.parkedJoin === undefined && member.instanceId === undefined) members.remove(member)
    }
    // Static members alone, none of them back: the group waits until one is, or their sessions end.
    if (members.size > 0 && !members.electJoinedLeader()) return this.#completeAfter(members.rebalanceTimeoutMs)
    this.#generation++
    this.#storing = -1
    if (members.size === 0) return this.#becomeEmpty()
    this.#emptySinceMs = 0
    this.#protocol = members.vote()
    this.#state = 'completing'
    for (const member of members.all()) {
      member.isNew = false
      this.#unsynced.add(member.id)
      members.takeJoin(member)?.answer(this.joinAnswer(member, member === members.leader))
      member.session.touch(member.sessionTimeoutMs)
    }
    this.#syncTimer = this.#deps.clock.after(members.rebalanceTimeoutMs, () => this.#syncTimeIsUp())
  }

  #becomeEmpty(): void {
    this.#state = 'empty'
    this.#protocol = ''
    this.#emptySinceMs = this.#deps.clock.nowMs()
    this.#deps.store(this.stored(new Map()), () => {})
  }

  #syncTimeIsUp(): void {
    this.#syncTimer = undefined
    for (const id of this.#unsynced) {
      const member = this.members.get(id)
      if (member !== undefined) this.members.remove(member)
    }
    this.prepare()
  }

  /** This member's sync has come, or will not. */
  synced(memberId: string): void {
    if (!this.#unsynced.delete(memberId) || this.#unsynced.size > 0) return
    this.#syncTimer?.cancel()
    this.#syncTimer = undefined
  }

  /**
   * The leader has spoken: its assignments count when they are durable, unless the group has moved on by then.
   * Borrows the assignments.
   */
  assign(assignments: ReadonlyMap<string, Buffer>): void {
    const generation = this.#generation
    if (this.#storing === generation) return
    this.#storing = generation
    const own = new Map<string, Buffer>()
    for (const [id, assignment] of assignments) own.set(id, copyOf(assignment))
    this.#deps.store(this.stored(own), (isDurable) => {
      if (this.#state !== 'completing' || this.#generation !== generation) return
      this.#storing = -1
      if (!isDurable) return this.#refuseSyncs('unavailable')
      this.#state = 'stable'
      for (const member of this.members.all()) {
        member.assignment = own.get(member.id) ?? NOTHING
        this.#answerSync(member)
      }
    })
  }

  #answerSync(member: Member): void {
    const parked = member.parkedSync
    if (parked === undefined) return
    member.parkedSync = undefined
    const { protocolType, protocol } = this
    parked.answer({ kind: 'synced', protocolType, protocol, assignment: member.assignment })
    member.session.touch(member.sessionTimeoutMs)
  }

  #refuseSyncs(why: GroupRefusal): void {
    for (const member of this.members.all()) {
      const parked = member.parkedSync
      if (parked === undefined) continue
      member.parkedSync = undefined
      parked.answer({ kind: 'refused', why })
      member.session.touch(member.sessionTimeoutMs)
    }
  }

  /** The generation as it is, for one member. */
  joinAnswer(member: Member, withMembers: boolean): JoinAnswer {
    const { protocol, protocolType, generation } = this
    return {
      kind: 'joined',
      memberId: member.id,
      generation,
      protocolType,
      protocol,
      leader: this.members.leader?.id ?? '',
      members: withMembers ? this.members.joined(protocol) : [],
      skipAssignment: false,
    }
  }

  stored(assignments: ReadonlyMap<string, Buffer>): StoredMembership {
    return {
      generation: this.#generation,
      protocolType: this.#protocolType,
      protocol: this.#protocol,
      leader: this.members.leader?.id ?? '',
      emptySinceMs: this.#emptySinceMs,
      members: this.members.all().map((member) => ({
        id: member.id,
        instanceId: member.instanceId,
        clientId: member.clientId,
        clientHost: member.clientHost,
        sessionTimeoutMs: member.sessionTimeoutMs,
        rebalanceTimeoutMs: member.rebalanceTimeoutMs,
        protocols: member.protocols,
        assignment: assignments.get(member.id) ?? NOTHING,
      })),
    }
  }

  /** After a restart, when the members of the last stable generation are in the table. */
  restore(stored: StoredMembership): void {
    this.#generation = stored.generation
    this.#protocolType = stored.protocolType
    this.#protocol = stored.protocol
    this.#emptySinceMs = stored.emptySinceMs
    this.#state = stored.members.length === 0 ? 'empty' : 'stable'
    this.members.restoreLeader(stored.leader)
  }

  /** Nothing moves any more; everybody who waits is told. */
  close(): void {
    this.#joinTimer?.cancel()
    this.#syncTimer?.cancel()
    for (const timer of this.pending.values()) timer.cancel()
    this.pending.clear()
    for (const member of this.members.all()) {
      this.members.takeJoin(member)?.answer({ kind: 'refused', why: 'unavailable', memberId: member.id })
      member.parkedSync?.answer({ kind: 'refused', why: 'unavailable' })
      member.parkedSync = undefined
      member.session.hold()
    }
  }
}
