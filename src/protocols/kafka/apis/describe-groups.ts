/**
 * DescribeGroups: who is in a group and what each member does. A group that is not there is "Dead", an error only from
 * version 6 on. What members said is shown of a stable group alone.
 */
import type { GroupDescription } from '../../../broker/groups/group-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { DEAD, GROUP_OPERATIONS, groupCode, stateName } from '../group-codes.ts'
import { OPERATIONS_NOT_ASKED } from '../topics.ts'
import {
  type DescribedGroup,
  type DescribeGroupsRequest,
  type DescribeGroupsResponse,
  describeGroupsSchema,
} from '../wire/schemas/describe-groups.gen.ts'

export const describeGroups: Api<DescribeGroupsRequest, DescribeGroupsResponse> = {
  key: describeGroupsSchema.key,
  versionMin: describeGroupsSchema.versionMin,
  versionMax: describeGroupsSchema.versionMax,
  handle,
}

function handle(request: DescribeGroupsRequest, { session, apiVersion }: RequestContext): DescribeGroupsResponse {
  const authorizedOperations = request.includeAuthorizedOperations ? GROUP_OPERATIONS : OPERATIONS_NOT_ASKED
  return {
    groups: request.groups.map((groupId) => {
      const group = session.groups.describe(groupId)
      if (group !== undefined) return { ...described(group), authorizedOperations }
      // As an error it says nothing more; as a dead group it is shown like any other.
      const gone = missing(groupId, apiVersion)
      return gone.errorCode === 0 ? { ...gone, authorizedOperations } : gone
    }),
  }
}

function missing(groupId: string, apiVersion: number): DescribedGroup {
  return {
    errorCode: apiVersion >= 6 ? groupCode('not-found') : 0,
    errorMessage: `Group ${groupId} not found.`,
    groupId,
    groupState: DEAD,
    protocolType: '',
    protocolData: '',
    members: [],
  }
}

function described({ group, state, protocolType, protocol, members }: GroupDescription): DescribedGroup {
  return {
    errorCode: 0,
    errorMessage: null,
    groupId: group,
    groupState: stateName(state),
    protocolType,
    protocolData: state === 'stable' ? protocol : '',
    members: members.map(({ memberId, instanceId, clientId, clientHost, metadata, assignment }) => ({
      memberId,
      groupInstanceId: instanceId ?? null,
      clientId,
      clientHost,
      memberMetadata: metadata,
      memberAssignment: assignment,
    })),
  }
}
