/** What of a group outlives the broker: who was in its last agreed generation, and what each was given. */
import type { MemberProtocol } from './group-door.ts'

export interface StoredMember {
  readonly id: string
  readonly instanceId: string | undefined
  readonly clientId: string
  readonly clientHost: string
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  readonly protocols: readonly MemberProtocol[]
  readonly assignment: Buffer
}

export interface StoredMembership {
  readonly generation: number
  readonly protocolType: string
  /** '' for an empty group. */
  readonly protocol: string
  readonly leader: string
  /** Wall clock; 0 while there are members. */
  readonly emptySinceMs: number
  readonly members: readonly StoredMember[]
}
