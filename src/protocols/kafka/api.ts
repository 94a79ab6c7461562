/**
 * What one Kafka API is here: a key, the versions served, and a function from request to response. One file an API in
 * `apis/`, one table of what is served (`apis/served.ts`); what is not in the table is not advertised.
 */
import type { Clock } from '../../base/clock.ts'
import type { Session } from '../../broker/session.ts'
import type { Logger } from '../../telemetry/logger.ts'
import type { KafkaSettings } from './settings.ts'

/** What every handler works with. One object a request. */
export interface RequestContext {
  readonly session: Session
  readonly settings: KafkaSettings
  readonly clock: Clock
  readonly logger: Logger
  readonly apiVersion: number
  /** '' when the client gave none. */
  readonly clientId: string
  /** The peer's address, as group members show it: '/127.0.0.1'. */
  readonly clientHost: string
  /** Where this very client reaches us: the advertised address for it. */
  readonly advertised: { readonly host: string; readonly port: number }
  /** Aborted when the connection is gone: whoever parks a request lets go of it then. */
  readonly gone: AbortSignal
}

/**
 * Request and response are the wire codec's objects of this API, at `context.apiVersion`. Undefined: no response at all
 * (acks=0). Responses leave in the order of requests whatever the order they resolve in.
 */
export interface Api<Request, Response> {
  readonly key: number
  readonly versionMin: number
  readonly versionMax: number
  handle(request: Request, context: RequestContext): Promise<Response | undefined> | Response | undefined
}
