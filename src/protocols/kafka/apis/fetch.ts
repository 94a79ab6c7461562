/**
 * Fetch: records from an offset on, by reference from the log to the socket. Waits, when there is too little, until more is
 * durable; what woke it is read from where it stopped. With a fetch session only what is new is answered.
 */
import type { Api, RequestContext } from '../api.ts'
import type { FetchPart } from '../fetch-part.ts'
import type { Wanted } from '../fetch-session.ts'
import { FetchWork } from '../fetch-work.ts'
import {
  type FetchableTopicResponse,
  type FetchRequest,
  type FetchResponse,
  fetchSchema,
  type PartitionData,
} from '../wire/schemas/fetch.gen.ts'

export const fetch: Api<FetchRequest, FetchResponse> = {
  key: fetchSchema.key,
  versionMin: fetchSchema.versionMin,
  versionMax: fetchSchema.versionMax,
  handle,
}

async function handle(request: FetchRequest, context: RequestContext): Promise<FetchResponse> {
  const wanted = context.fetchSession.wanted(request, context.apiVersion)
  if (wanted.kind === 'refused') return { errorCode: wanted.errorCode, sessionId: 0, responses: [] }
  const found = await new FetchWork(request, wanted.parts, context).run()
  return { errorCode: 0, sessionId: wanted.sessionId, responses: answers(wanted, found, context) }
}

function answers(
  wanted: Exclude<Wanted, { kind: 'refused' }>,
  found: readonly FetchPart[],
  { fetchSession }: RequestContext,
): FetchableTopicResponse[] {
  const responses: FetchableTopicResponse[] = []
  let partitions: PartitionData[] = []
  let last: FetchableTopicResponse | undefined
  for (const [index, part] of found.entries()) {
    const asked = wanted.parts[index]!
    const answer = part.answer()
    const isTold = wanted.sessionId === 0 || fetchSession.tells(asked, answer, part.readBytes > 0)
    if (wanted.kind === 'changes' && !isTold) continue
    const { topic, topicId } = asked
    if (last === undefined || last.topic !== topic || !last.topicId!.equals(topicId)) {
      partitions = []
      last = { topic, topicId, partitions }
      responses.push(last)
    }
    partitions.push(answer)
  }
  return responses
}
