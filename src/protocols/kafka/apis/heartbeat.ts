/** Heartbeat: a member is there, and asks whether its generation still is. */
import type { Api, RequestContext } from '../api.ts'
import { groupCode } from '../group-codes.ts'
import { type HeartbeatRequest, type HeartbeatResponse, heartbeatSchema } from '../wire/schemas/heartbeat.gen.ts'

export const heartbeat: Api<HeartbeatRequest, HeartbeatResponse> = {
  key: heartbeatSchema.key,
  versionMin: heartbeatSchema.versionMin,
  versionMax: heartbeatSchema.versionMax,
  handle,
}

function handle(request: HeartbeatRequest, { session }: RequestContext): HeartbeatResponse {
  const { groupId, memberId, generationId: generation, groupInstanceId } = request
  const member = { memberId, generation, instanceId: groupInstanceId ?? undefined }
  return { errorCode: groupCode(session.groups.heartbeat(groupId, member)) }
}
