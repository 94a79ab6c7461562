/** What tests of the group APIs share: joins as consumers send them, and codes by name. */
import { expect } from 'vitest'
import type { BrokerStage } from './broker-stage.test-kit.ts'
import { type TestClient, turns } from './test-kit.ts'
import type { Draft } from './wire/codec.ts'
import { API } from './wire/schemas/apis.gen.ts'
import type { JoinGroupRequest } from './wire/schemas/join-group.gen.ts'

/** A subscription to 't', as consumers send it. */
export const SUBSCRIPTION = Buffer.from('0000 00000001 0001 74 ffffffff'.replace(/ /g, ''), 'hex')
export const NOTHING = Buffer.alloc(0)

/** Codes. */
export const E = {
  unknownTopic: 3,
  metadataTooLarge: 12,
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  invalidGroupId: 24,
  unknownMember: 25,
  invalidSessionTimeout: 26,
  rebalance: 27,
  invalidRequest: 42,
  nonEmpty: 68,
  notFound: 69,
  memberIdRequired: 79,
  fencedInstance: 82,
  subscribed: 86,
  unstable: 88,
  unknownTopicId: 100,
}

export const versions = (min: number, max: number): number[] =>
  Array.from({ length: max - min + 1 }, (_, at) => min + at)

export function joinDraft(version: number, more: Draft<JoinGroupRequest> = {}): Draft<JoinGroupRequest> {
  return {
    groupId: 'g',
    sessionTimeoutMs: 10_000,
    ...(version >= 1 ? { rebalanceTimeoutMs: 20_000 } : {}),
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
    ...more,
  }
}

export interface Joined {
  readonly memberId: string
  readonly generationId: number
}

/** Joins, learning the id first where the version wants that, and syncs: leader of a stable group of one. */
export async function stableMember(
  stage: BrokerStage,
  client: TestClient,
  version = 9,
  groupId = 'g',
): Promise<Joined> {
  let memberId = ''
  if (version >= 4) memberId = (await client.ask(API.JoinGroup, version, joinDraft(version, { groupId }))).memberId
  const asked = client.send(API.JoinGroup, version, joinDraft(version, { memberId, groupId }))
  await turns()
  stage.clock.advance(300)
  const joined = await client.receive(API.JoinGroup, version, asked)
  expect(joined.errorCode).toBe(0)
  const { generationId } = joined
  const assignments = [{ memberId: joined.memberId, assignment: Buffer.from('work') }]
  const synced = await client.ask(API.SyncGroup, 3, { groupId, generationId, memberId: joined.memberId, assignments })
  expect(synced).toMatchObject({ errorCode: 0, assignment: Buffer.from('work') })
  return { memberId: joined.memberId, generationId }
}

/** As a program that manages its partitions itself. */
export async function commitDirectly(
  stage: BrokerStage,
  group: string,
  stream: string,
  partition: number,
  offset: number,
): Promise<void> {
  await stage.session.groups.commitOffsets({
    group,
    memberId: '',
    instanceId: undefined,
    generation: -1,
    retentionMs: undefined,
    offsets: [{ stream, partition, offset, leaderEpoch: 0, metadata: 'm' }],
  })
}
