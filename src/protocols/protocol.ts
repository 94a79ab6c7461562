/**
 * What the server asks of a protocol, and what it hands to one. A protocol owns the connections it has accepted, from
 * their first byte to their last; the server owns listeners, TLS, and the order of starting and stopping.
 */
import type { Socket } from 'node:net'
import type { Users } from '../access/users.ts'
import type { Clock } from '../base/clock.ts'
import type { Random } from '../base/random.ts'
import type { SessionDoor } from '../broker/session.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** What every protocol works with; each adds its own settings. */
export interface ProtocolContext {
  readonly door: SessionDoor
  readonly users: Users
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
}

/** How a URL of `--listen` is served: `amqp://` on 5672, `amqps://` on 5671. */
export interface Scheme {
  /** Without the colon. */
  readonly name: string
  readonly defaultPort: number
  readonly tls: boolean
  /** Names of what its URLs may say besides TLS: `?advertise=host:port`. */
  readonly parameters?: readonly string[]
}

export interface Protocol {
  /** For logs and metrics. */
  readonly name: string
  readonly schemes: readonly Scheme[]

  /**
   * Takes a connected socket over (a TLS socket after its handshake). Sets its handlers, 'error' among them, before it
   * returns; a peer that says nothing is dropped after the handshake timeout.
   * @param listener the URL it came in by, for a protocol whose URLs have parameters
   */
  accept(socket: Socket, listener: URL): void

  /**
   * Says goodbye to every connection and resolves when the last is gone; peers that do not answer are dropped in time.
   * Nothing is accepted any more. Harmless when repeated.
   */
  stop(): Promise<void>
}
