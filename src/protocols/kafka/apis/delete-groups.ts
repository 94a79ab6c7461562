/** DeleteGroups: a group without members, with all its offsets. */
import type { Api, RequestContext } from '../api.ts'
import { groupCode } from '../group-codes.ts'
import { refusalOf } from '../refusals.ts'
import {
  type DeleteGroupsRequest,
  type DeleteGroupsResponse,
  deleteGroupsSchema,
} from '../wire/schemas/delete-groups.gen.ts'

export const deleteGroups: Api<DeleteGroupsRequest, DeleteGroupsResponse> = {
  key: deleteGroupsSchema.key,
  versionMin: deleteGroupsSchema.versionMin,
  versionMax: deleteGroupsSchema.versionMax,
  handle,
}

async function handle(request: DeleteGroupsRequest, context: RequestContext): Promise<DeleteGroupsResponse> {
  // A group named twice is deleted once.
  const names = [...new Set(request.groupsNames)]
  const codes = await Promise.all(names.map((groupId) => deleted(groupId, context)))
  return { throttleTimeMs: 0, results: names.map((groupId, index) => ({ groupId, errorCode: codes[index] as number })) }
}

async function deleted(groupId: string, { session }: RequestContext): Promise<number> {
  try {
    return groupCode(await session.groups.deleteGroup(groupId))
  } catch (error) {
    return refusalOf(error).code
  }
}
