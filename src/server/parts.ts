/**
 * What a server is made of, as it sees its parts. The server is written against these, so that its order of starting and
 * stopping is tested without a disk; the real parts are named in one place only.
 */
import type { Users } from '../access/users.ts'
import type { Clock } from '../base/clock.ts'
import type { StorageError } from '../base/errors.ts'
import type { Random } from '../base/random.ts'
import type { SessionDoor } from '../broker/session.ts'
import type { Config } from '../config/options.ts'
import type { BatchFormat, BatchFormats } from '../message/batch-format.ts'
import type { MessageFormat, MessageFormats } from '../message/message-format.ts'
import type { Protocol, ProtocolContext, Scheme } from '../protocols/protocol.ts'
import type { Storage } from '../storage/contract.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Metrics } from '../telemetry/metrics.ts'

/** What every part gets. */
export interface Surroundings {
  readonly config: Config
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly metrics: Metrics
}

/** The broker as the server sees it: a door for protocols, and an end. */
export interface RunningBroker extends SessionDoor {
  /** Commits what is pending; afterwards the storage may be closed. */
  close(): Promise<void>
}

export interface BrokerNeeds {
  readonly storage: Storage
  /** Of every protocol there is, served or not: what is stored must be understood. */
  readonly formats: MessageFormats
  readonly batches: BatchFormats
  /** Storage failed for good; sessions have been told. */
  onFailure(failure: StorageError): void
}

/** What is the same for all protocols of one server. */
export interface SharedParts {
  /** Of single messages, by whichever protocol they came. */
  readonly formats: MessageFormats
  /** Made once for a storage, and the same over restarts. */
  readonly clusterId: string
}

export interface ProtocolMaker {
  /** Known before anything is started, so that a bad `--listen` is told at once. */
  readonly schemes: readonly Scheme[]
  /** Of single messages; absent for a protocol that knows only batches. */
  readonly format?: MessageFormat
  /** Of whole batches in streams; at most one protocol has one. */
  readonly batchFormat?: BatchFormat
  /** Of the URL's own parameters. @throws {RangeError} saying what they should look like */
  checkListener?(url: URL): void
  make(context: ProtocolContext, config: Config, shared: SharedParts): Protocol
}

export interface ServerParts {
  openStorage(surroundings: Surroundings): Promise<Storage>
  /** Resolves when everything is recovered and clients can be served. */
  openBroker(needs: BrokerNeeds, surroundings: Surroundings): Promise<RunningBroker>
  makeUsers(surroundings: Surroundings): Users
  readonly protocols: readonly ProtocolMaker[]
}
