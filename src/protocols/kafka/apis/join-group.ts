/**
 * JoinGroup. What versions change: 0 knows no rebalance timeout; up to 3 a member learns its id only in the answer, later
 * it must come with it; static members from 5 on; no protocol is null from 7 on; 9 may skip the assignment.
 */
import type { JoinAnswer } from '../../../broker/groups/group-door.ts'
import type { Api, RequestContext } from '../api.ts'
import { CONSUMER_PROTOCOL_TYPE, subscribedTopics } from '../consumer-subscription.ts'
import { groupCode } from '../group-codes.ts'
import { type JoinGroupRequest, type JoinGroupResponse, joinGroupSchema } from '../wire/schemas/join-group.gen.ts'

export const joinGroup: Api<JoinGroupRequest, JoinGroupResponse> = {
  key: joinGroupSchema.key,
  versionMin: joinGroupSchema.versionMin,
  versionMax: joinGroupSchema.versionMax,
  handle,
}

async function handle(request: JoinGroupRequest, context: RequestContext): Promise<JoinGroupResponse> {
  const { apiVersion, clientId, clientHost, gone } = context
  const { protocolType } = request
  const isConsumer = protocolType === CONSUMER_PROTOCOL_TYPE
  const answer = await context.session.groups.join({
    group: request.groupId,
    memberId: request.memberId,
    instanceId: request.groupInstanceId ?? undefined,
    clientId,
    clientHost,
    sessionTimeoutMs: request.sessionTimeoutMs,
    rebalanceTimeoutMs: apiVersion >= 1 ? request.rebalanceTimeoutMs : request.sessionTimeoutMs,
    protocolType,
    protocols: request.protocols.map(({ name, metadata }) => ({
      name,
      metadata,
      streams: isConsumer ? subscribedTopics(metadata) : undefined,
    })),
    learnsId: apiVersion >= 4,
    skipsAssignment: apiVersion >= 9,
    gone,
  })
  return responseTo(answer, apiVersion)
}

function responseTo(answer: JoinAnswer, apiVersion: number): JoinGroupResponse {
  if (answer.kind === 'refused') {
    const { why, memberId } = answer
    const protocolName = apiVersion >= 7 ? null : ''
    return { errorCode: groupCode(why), protocolName, leader: '', memberId, members: [] }
  }
  const members = answer.members.map(({ memberId, instanceId, metadata }) => ({
    memberId,
    groupInstanceId: instanceId ?? null,
    metadata,
  }))
  return {
    errorCode: 0,
    generationId: answer.generation,
    protocolType: answer.protocolType,
    protocolName: answer.protocol,
    leader: answer.leader,
    skipAssignment: answer.skipAssignment,
    memberId: answer.memberId,
    members,
  }
}
