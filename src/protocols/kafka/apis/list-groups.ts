/** ListGroups: every group, from version 4 on of certain states only, from 5 on of certain types. Filters ignore case. */
import type { Api, RequestContext } from '../api.ts'
import { stateName } from '../group-codes.ts'
import {
  type ListedGroup,
  type ListGroupsRequest,
  type ListGroupsResponse,
  listGroupsSchema,
} from '../wire/schemas/list-groups.gen.ts'

export const listGroups: Api<ListGroupsRequest, ListGroupsResponse> = {
  key: listGroupsSchema.key,
  versionMin: listGroupsSchema.versionMin,
  versionMax: listGroupsSchema.versionMax,
  handle,
}

function handle(request: ListGroupsRequest, { session }: RequestContext): ListGroupsResponse {
  const groups: ListedGroup[] = []
  for (const { group, protocolType, state, kind } of session.groups.list()) {
    const groupState = stateName(state)
    if (!passes(request.statesFilter, groupState) || !passes(request.typesFilter, kind)) continue
    groups.push({ groupId: group, protocolType, groupState, groupType: kind })
  }
  return { errorCode: 0, groups }
}

/** An empty filter lets everything through. */
function passes(filter: readonly string[], value: string): boolean {
  return filter.length === 0 || filter.some((wanted) => wanted.toLowerCase() === value.toLowerCase())
}
