/** A classic group alone, with a clock that tests move and a store that tests confirm. */
import { ManualClock } from '../../base/clock.ts'
import { seededRandom } from '../../base/random.ts'
import type { GroupRefusal, JoinAnswer, JoinRequest, SyncAnswer } from './group-door.ts'
import { defaultGroupSettings, type GroupSettings } from './group-settings.ts'
import { ClassicMembership } from './membership.ts'
import type { StoredMembership } from './stored-group.ts'

export type Joined = Extract<JoinAnswer, { kind: 'joined' }>

/** A request under way. */
export class Asked<Answer extends { readonly kind: string }> {
  answer: Answer | undefined
  readonly connection = new AbortController()

  get isWaiting(): boolean {
    return this.answer === undefined
  }

  get refusal(): GroupRefusal | undefined {
    const answer: { readonly kind: string; readonly why?: GroupRefusal } | undefined = this.answer
    return answer?.kind === 'refused' ? answer.why : undefined
  }
}

export interface JoinOptions {
  readonly id?: string
  readonly instance?: string
  readonly protocols?: Readonly<Record<string, string>>
  readonly protocolType?: string
  readonly sessionTimeoutMs?: number
  readonly rebalanceTimeoutMs?: number
  readonly learnsId?: boolean
  readonly skipsAssignment?: boolean
  readonly clientId?: string
  readonly streams?: readonly string[]
}

export const SESSION_MS = 10_000
export const REBALANCE_MS = 60_000

export function joinRequest(options: JoinOptions, gone: AbortSignal): JoinRequest {
  const protocols = Object.entries(options.protocols ?? { range: 'anything' })
  return {
    group: 'jobs',
    memberId: options.id ?? '',
    instanceId: options.instance,
    clientId: options.clientId ?? 'client',
    clientHost: '/127.0.0.1',
    sessionTimeoutMs: options.sessionTimeoutMs ?? SESSION_MS,
    rebalanceTimeoutMs: options.rebalanceTimeoutMs ?? REBALANCE_MS,
    protocolType: options.protocolType ?? 'consumer',
    protocols: protocols.map(([name, text]) => ({ name, metadata: Buffer.from(text), streams: options.streams })),
    learnsId: options.learnsId ?? false,
    skipsAssignment: options.skipsAssignment ?? false,
    gone,
  }
}

export class GroupBench {
  readonly clock = new ManualClock()
  readonly membership: ClassicMembership
  /** What was stored, newest last. */
  readonly stored: StoredMembership[] = []
  desertedCount = 0
  /** False keeps what is stored waiting for `commit`. */
  storesAtOnce = true
  #uncommitted: ((isDurable: boolean) => void)[] = []

  constructor(settings: Partial<GroupSettings> = {}) {
    this.membership = new ClassicMembership({
      clock: this.clock,
      random: seededRandom(7),
      settings: { ...defaultGroupSettings, initialRebalanceDelayMs: 0, ...settings },
      store: (membership, done) => {
        this.stored.push(membership)
        if (this.storesAtOnce) done(true)
        else this.#uncommitted.push(done)
      },
      deserted: () => {
        this.desertedCount++
      },
    })
  }

  async commit(isDurable = true): Promise<void> {
    for (const done of this.#uncommitted.splice(0)) done(isDurable)
    await this.tick()
  }

  /** Answers given so far have arrived. */
  async tick(): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
  }

  async advance(ms: number): Promise<void> {
    this.clock.advance(ms)
    await this.tick()
  }

  async join(options: JoinOptions = {}): Promise<Asked<JoinAnswer>> {
    const asked = new Asked<JoinAnswer>()
    void Promise.resolve(this.membership.join(joinRequest(options, asked.connection.signal))).then((answer) => {
      asked.answer = answer
    })
    await this.tick()
    return asked
  }

  async sync(
    member: Joined,
    assignments: Readonly<Record<string, string>> = {},
    said: { instance?: string; protocol?: string; protocolType?: string; generation?: number } = {},
  ): Promise<Asked<SyncAnswer>> {
    const asked = new Asked<SyncAnswer>()
    const request = {
      group: 'jobs',
      memberId: member.memberId,
      instanceId: said.instance,
      generation: said.generation ?? member.generation,
      protocolType: said.protocolType,
      protocol: said.protocol,
      assignments: new Map(Object.entries(assignments).map(([id, text]) => [id, Buffer.from(text)])),
      gone: asked.connection.signal,
    }
    void Promise.resolve(this.membership.sync(request)).then((answer) => {
      asked.answer = answer
    })
    await this.tick()
    return asked
  }

  heartbeat(member: Joined, instance?: string): GroupRefusal | undefined {
    const { memberId, generation } = member
    return this.membership.heartbeat({ memberId, generation, instanceId: instance })
  }

  /** Members that join together, in a stable generation: the first one leads. */
  async stable(...options: JoinOptions[]): Promise<Joined[]> {
    const asked: Asked<JoinAnswer>[] = []
    for (const option of options) asked.push(await this.join(option))
    await this.advance(0)
    const members = asked.map(joined)
    await this.assignAll(members)
    return members
  }

  async assignAll(members: readonly Joined[]): Promise<void> {
    const assignments = Object.fromEntries(members.map(({ memberId }) => [memberId, `work of ${memberId}`]))
    for (const member of members) await this.sync(member, member.members.length > 0 ? assignments : {})
  }
}

export function joined(asked: Asked<JoinAnswer>): Joined {
  if (asked.answer?.kind !== 'joined') throw new Error(`not joined: ${JSON.stringify(asked.answer)}`)
  return asked.answer
}

export function assigned(asked: Asked<SyncAnswer>): string {
  if (asked.answer?.kind !== 'synced') throw new Error(`not synced: ${JSON.stringify(asked.answer)}`)
  return asked.answer.assignment.toString()
}
