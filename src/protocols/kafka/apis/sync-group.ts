/** SyncGroup: the leader brings the assignments, everybody gets his. From version 5 on it says which protocol it means. */
import type { Api, RequestContext } from '../api.ts'
import { groupCode } from '../group-codes.ts'
import { type SyncGroupRequest, type SyncGroupResponse, syncGroupSchema } from '../wire/schemas/sync-group.gen.ts'

export const syncGroup: Api<SyncGroupRequest, SyncGroupResponse> = {
  key: syncGroupSchema.key,
  versionMin: syncGroupSchema.versionMin,
  versionMax: syncGroupSchema.versionMax,
  handle,
}

const NOTHING = Buffer.alloc(0)

async function handle(request: SyncGroupRequest, context: RequestContext): Promise<SyncGroupResponse> {
  const { protocolType, protocolName } = request
  if (context.apiVersion >= 5 && (protocolType === null || protocolName === null)) {
    return { errorCode: groupCode('inconsistent-protocol'), assignment: NOTHING }
  }
  const answer = await context.session.groups.sync({
    group: request.groupId,
    memberId: request.memberId,
    instanceId: request.groupInstanceId ?? undefined,
    generation: request.generationId,
    protocolType: protocolType ?? undefined,
    protocol: protocolName ?? undefined,
    assignments: new Map(request.assignments.map(({ memberId, assignment }) => [memberId, assignment])),
    gone: context.gone,
  })
  if (answer.kind === 'refused') return { errorCode: groupCode(answer.why), assignment: NOTHING }
  const { assignment } = answer
  return { errorCode: 0, protocolType: answer.protocolType, protocolName: answer.protocol, assignment }
}
