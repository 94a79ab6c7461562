/** LeaveGroup: one member up to version 2, then many, each with an answer of its own. */
import type { Api, RequestContext } from '../api.ts'
import { groupCode } from '../group-codes.ts'
import { type LeaveGroupRequest, type LeaveGroupResponse, leaveGroupSchema } from '../wire/schemas/leave-group.gen.ts'

export const leaveGroup: Api<LeaveGroupRequest, LeaveGroupResponse> = {
  key: leaveGroupSchema.key,
  versionMin: leaveGroupSchema.versionMin,
  versionMax: leaveGroupSchema.versionMax,
  handle,
}

function handle(request: LeaveGroupRequest, { session, apiVersion }: RequestContext): LeaveGroupResponse {
  const members =
    apiVersion >= 3
      ? request.members.map(({ memberId, groupInstanceId }) => ({
          memberId,
          instanceId: groupInstanceId ?? undefined,
        }))
      : [{ memberId: request.memberId, instanceId: undefined }]
  const answer = session.groups.leave(request.groupId, members)
  if (typeof answer === 'string') return { errorCode: groupCode(answer), members: [] }
  if (apiVersion < 3) return { errorCode: groupCode(answer[0]) }
  return {
    errorCode: 0,
    members: members.map(({ memberId, instanceId }, index) => ({
      memberId,
      groupInstanceId: instanceId ?? null,
      errorCode: groupCode(answer[index]),
    })),
  }
}
