/**
 * Who is in a classic group, under which names, and what all of them have in common. Knows no states and no time: the
 * rules stand in `membership.ts`, the rounds in `rebalance.ts`.
 */
import { copyOf } from '../../base/bytes.ts'
import { invariant } from '../../base/errors.ts'
import type { GroupRefusal, JoinAnswer, JoinedMember, MemberProtocol, SyncAnswer } from './group-door.ts'
import type { Parked } from './parked.ts'
import type { SessionTimer } from './session-timer.ts'

const NOTHING = Buffer.alloc(0)

export interface MemberFacts {
  readonly id: string
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly clientHost: string
}

export class Member {
  readonly id: string
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly clientHost: string
  readonly session: SessionTimer
  sessionTimeoutMs = 0
  rebalanceTimeoutMs = 0
  /** Best first. Owned. */
  protocols: readonly MemberProtocol[] = []
  assignment: Buffer = NOTHING
  /** Has not been answered its first join yet. */
  isNew = true
  /** The client knows this member's id before its first join is answered. */
  idIsKnown = true
  parkedJoin: Parked<JoinAnswer> | undefined
  parkedSync: Parked<SyncAnswer> | undefined

  constructor(facts: MemberFacts, session: SessionTimer) {
    this.id = facts.id
    this.instanceId = facts.instanceId
    this.clientId = facts.clientId
    this.clientHost = facts.clientHost
    this.session = session
  }

  get isWaiting(): boolean {
    return this.parkedJoin !== undefined || this.parkedSync !== undefined
  }

  metadata(protocol: string): Buffer {
    return this.protocols.find(({ name }) => name === protocol)?.metadata ?? NOTHING
  }

  matches(protocols: readonly MemberProtocol[]): boolean {
    if (protocols.length !== this.protocols.length) return false
    return protocols.every(({ name, metadata }, index) => {
      const own = this.protocols[index] as MemberProtocol
      return own.name === name && own.metadata.equals(metadata)
    })
  }
}

/** Copies to keep. A name said twice counts once. */
export function ownProtocols(protocols: readonly MemberProtocol[]): MemberProtocol[] {
  const names = new Set<string>()
  const own: MemberProtocol[] = []
  for (const { name, metadata, streams } of protocols) {
    if (names.has(name)) continue
    names.add(name)
    own.push({ name, metadata: copyOf(metadata), streams })
  }
  return own
}

/** Roughly: characters count as bytes. */
export function saidBytes(said: Pick<Member, 'id' | 'instanceId' | 'clientId' | 'protocols'>): number {
  let sizeBytes = said.id.length + (said.instanceId?.length ?? 0) + said.clientId.length
  for (const { name, metadata } of said.protocols) sizeBytes += name.length + metadata.length
  return sizeBytes
}

export class MemberTable {
  /** In the order they came. */
  readonly #byId = new Map<string, Member>()
  readonly #byInstance = new Map<string, Member>()
  /** How many members know each protocol. */
  readonly #support = new Map<string, number>()
  #leader: Member | undefined
  #joinedCount = 0
  #sizeBytes = 0

  get size(): number {
    return this.#byId.size
  }

  get leader(): Member | undefined {
    return this.#leader
  }

  /** What members say, and their names. */
  get sizeBytes(): number {
    return this.#sizeBytes
  }

  /** Members whose join waits. */
  get joinedCount(): number {
    return this.#joinedCount
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id)
  }

  byInstance(instanceId: string): Member | undefined {
    return this.#byInstance.get(instanceId)
  }

  all(): Member[] {
    return [...this.#byId.values()]
  }

  /** The longest any member may take to come back. */
  get rebalanceTimeoutMs(): number {
    let longestMs = 0
    for (const { rebalanceTimeoutMs } of this.#byId.values()) longestMs = Math.max(longestMs, rebalanceTimeoutMs)
    return longestMs
  }

  /** Whether a member is who it says, undefined when it is. */
  check(memberId: string, instanceId: string | undefined): GroupRefusal | undefined {
    if (instanceId !== undefined) {
      const known = this.#byInstance.get(instanceId)
      if (known === undefined) return 'unknown-member'
      if (known.id !== memberId) return 'fenced-instance'
    }
    return this.#byId.has(memberId) ? undefined : 'unknown-member'
  }

  /** The first one leads. */
  add(member: Member): void {
    invariant(!this.#byId.has(member.id), 'a member is added once')
    this.#byId.set(member.id, member)
    if (member.instanceId !== undefined) this.#byInstance.set(member.instanceId, member)
    this.#leader ??= member
    this.#countSupport(member, 1)
  }

  remove(member: Member): void {
    if (!this.#byId.delete(member.id)) return
    invariant(!member.isWaiting, 'nobody leaves with a request unanswered')
    if (member.instanceId !== undefined) this.#byInstance.delete(member.instanceId)
    this.#countSupport(member, -1)
    if (this.#leader === member) this.#leader = this.#byId.values().next().value
    member.session.hold()
  }

  /** A static member came back under a new id: it takes the old one's place, leadership and assignment. */
  replace(old: Member, fresh: Member): void {
    const led = this.#leader === old
    fresh.assignment = old.assignment
    fresh.isNew = old.isNew
    this.remove(old)
    this.add(fresh)
    if (led) this.#leader = fresh
  }

  setProtocols(member: Member, protocols: readonly MemberProtocol[]): void {
    const isIn = this.#byId.get(member.id) === member
    if (isIn) this.#countSupport(member, -1)
    member.protocols = protocols
    if (isIn) this.#countSupport(member, 1)
  }

  parkJoin(member: Member, parked: Parked<JoinAnswer>): void {
    invariant(member.parkedJoin === undefined, 'one join at a time')
    member.parkedJoin = parked
    this.#joinedCount++
  }

  takeJoin(member: Member): Parked<JoinAnswer> | undefined {
    const parked = member.parkedJoin
    if (parked === undefined) return undefined
    member.parkedJoin = undefined
    this.#joinedCount--
    return parked
  }

  /** Every member knows at least one of these. */
  supportsAny(names: readonly string[]): boolean {
    return names.some((name) => (this.#support.get(name) ?? 0) === this.size)
  }

  /** Each member votes for the first of its protocols that everybody knows; the earliest voted for wins a tie. */
  vote(): string {
    const votes = new Map<string, number>()
    for (const { protocols } of this.#byId.values()) {
      const choice = protocols.find(({ name }) => this.#support.get(name) === this.size)
      invariant(choice !== undefined, 'members of a group have a protocol in common')
      votes.set(choice.name, (votes.get(choice.name) ?? 0) + 1)
    }
    let chosen = ''
    for (const [name, count] of votes) if (count > (votes.get(chosen) ?? 0)) chosen = name
    return chosen
  }

  /** Only who has joined can lead. False: nobody who could. */
  electJoinedLeader(): boolean {
    if (this.#leader?.parkedJoin !== undefined) return true
    for (const member of this.#byId.values()) {
      if (member.parkedJoin === undefined) continue
      this.#leader = member
      return true
    }
    return false
  }

  /** After a restart. */
  restoreLeader(id: string): void {
    this.#leader = this.#byId.get(id) ?? this.#leader
  }

  joined(protocol: string): JoinedMember[] {
    return this.all().map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      metadata: member.metadata(protocol),
    }))
  }

  /** @param by 1 for a member that comes, -1 for one that goes */
  #countSupport(member: Member, by: 1 | -1): void {
    this.#sizeBytes += by * saidBytes(member)
    for (const { name } of member.protocols) {
      const count = (this.#support.get(name) ?? 0) + by
      if (count === 0) this.#support.delete(name)
      else this.#support.set(name, count)
    }
  }
}
