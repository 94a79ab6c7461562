/**
 * What the channels of a connection share with it. Plain state and a few collaborators, so that channels need not know
 * the connection itself.
 */
import type { Clock } from '../../base/clock.ts'
import type { Random } from '../../base/random.ts'
import type { Session } from '../../broker/session.ts'
import type { Outgoing } from './outgoing.ts'
import type { AmqpSettings } from './settings.ts'
import type { NameCache } from './wire/name-cache.ts'

export interface ConnectionContext {
  readonly session: Session
  readonly out: Outgoing
  readonly settings: AmqpSettings
  readonly clock: Clock
  readonly random: Random
  /** Shared by all connections. */
  readonly names: NameCache
  /** The name in UTF-8, as a user-id property must hold it. */
  readonly userBytes: Buffer
  /** The client understands basic.cancel from us. */
  readonly tellsCancels: boolean
  /** Announced body bytes of messages that are not whole yet, over all channels. */
  arrivingBytes: number
  /** Messages that wait for the commit of their transaction, over all channels. */
  transactionBytes: number
  /** A publish has begun: its frames may be stopped behind this one. */
  publishing(): void
  /** Resolves to true when the peer has read most of what it was sent, to false when it never will. */
  caughtUp(): Promise<boolean>
}
