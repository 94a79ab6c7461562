/**
 * What one Kafka API is here: a key, the versions served, and a function from request to response. One file an API in
 * `apis/`, one table of what is served (`apis/served.ts`); what is not in the table is not advertised.
 */
import type { Clock } from '../../base/clock.ts'
import type { Session } from '../../broker/session.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { AdvertisedAddress } from './advertised.ts'
import type { FetchSession } from './fetch-session.ts'
import type { Login } from './login.ts'
import type { KafkaSettings } from './settings.ts'
import type { UnreadBudget } from './unread-budget.ts'

/** What every handler works with. One object a request. */
export interface RequestContext {
  readonly session: Session
  readonly settings: KafkaSettings
  readonly clock: Clock
  /** Of single messages, which other protocols put between the batches of a topic. */
  readonly formats: MessageFormats
  readonly logger: Logger
  readonly apiVersion: number
  /** '' when the client gave none. */
  readonly clientId: string
  /** The peer's address, as group members show it: '/127.0.0.1'. */
  readonly clientHost: string
  /** Where this very client reaches us: the advertised address for it. */
  readonly advertised: AdvertisedAddress
  /** Who the client is; changed by the SASL requests only. */
  readonly login: Login
  /** What this connection fetches again and again. */
  readonly fetchSession: FetchSession
  /** How large an answer may be, as things are. */
  readonly unread: UnreadBudget
  /** Aborted when the connection is gone: whoever parks a request lets go of it then. */
  readonly gone: AbortSignal
}

/**
 * Request and response are the wire codec's objects of this API, at `context.apiVersion`. Undefined: no response at all
 * (acks=0). Responses leave in the order of requests whatever the order they resolve in. A handler that throws ends the
 * connection: what a client can be told is told in the response, by its code.
 */
export interface Api<Request, Response> {
  readonly key: number
  readonly versionMin: number
  readonly versionMax: number
  handle(request: Request, context: RequestContext): Promise<Response | undefined> | Response | undefined
}

/** The connection must end although the request was understood, because there is no response to tell it in (acks=0). */
export class HangUp extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'HangUp'
  }
}
