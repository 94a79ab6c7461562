/**
 * Fetch: records from an offset on, by reference from the log to the socket. Waits, when there is too little, until more is
 * durable; what woke it is read from where it stopped. Fetch sessions (KIP-227) are declined, which every client takes:
 * each request names all it wants.
 */
import type { Api, RequestContext } from '../api.ts'
import { FetchWork } from '../fetch-work.ts'
import { KAFKA_ERRORS } from '../wire/errors.ts'
import { type FetchRequest, type FetchResponse, fetchSchema } from '../wire/schemas/fetch.gen.ts'

const NO_SESSION = 0

export const fetch: Api<FetchRequest, FetchResponse> = {
  key: fetchSchema.key,
  versionMin: fetchSchema.versionMin,
  versionMax: fetchSchema.versionMax,
  handle,
}

function handle(request: FetchRequest, context: RequestContext): Promise<FetchResponse> | FetchResponse {
  if (request.sessionId !== NO_SESSION) {
    return { errorCode: KAFKA_ERRORS.FETCH_SESSION_ID_NOT_FOUND.code, sessionId: NO_SESSION, responses: [] }
  }
  return new FetchWork(request, context).run()
}
