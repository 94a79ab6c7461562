/** The group APIs over their versions, against a whole broker. */
import { describe, expect, test } from 'vitest'
import { BrokerStage, NO_ID } from '../broker-stage.test-kit.ts'
import type { TestClient } from '../test-kit.ts'
import { turns } from '../test-kit.ts'
import type { Draft } from '../wire/codec.ts'
import { API } from '../wire/schemas/apis.gen.ts'
import { findCoordinatorSchema } from '../wire/schemas/find-coordinator.gen.ts'
import { type JoinGroupRequest, joinGroupSchema } from '../wire/schemas/join-group.gen.ts'

/** A subscription to 't', as consumers send it. */
const SUBSCRIPTION = Buffer.from('0000 00000001 0001 74 ffffffff'.replace(/ /g, ''), 'hex')
const NOTHING = Buffer.alloc(0)

const E = {
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

const versions = (min: number, max: number): number[] => Array.from({ length: max - min + 1 }, (_, at) => min + at)

function joinDraft(version: number, more: Draft<JoinGroupRequest> = {}): Draft<JoinGroupRequest> {
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

interface Joined {
  readonly memberId: string
  readonly generationId: number
}

/** Joins, learning the id first where the version wants that, and syncs: leader of a stable group of one. */
async function stableMember(stage: BrokerStage, client: TestClient, version = 9, groupId = 'g'): Promise<Joined> {
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

describe('finding the coordinator', () => {
  test('it is here, in every version, for groups and transactions', async () => {
    const client = (await BrokerStage.open()).connect()
    const place = { errorCode: 0, nodeId: 1, host: '127.0.0.1', port: 9092 }
    expect(await client.ask(API.FindCoordinator, 0, { key: 'g' })).toMatchObject(place)
    for (const version of versions(1, 3)) {
      const answer = await client.ask(API.FindCoordinator, version, { key: 'g', keyType: version % 2 })
      expect(answer).toMatchObject({ ...place, errorMessage: 'NONE' })
    }
    for (const version of versions(4, findCoordinatorSchema.versionMax)) {
      const answer = await client.ask(API.FindCoordinator, version, { coordinatorKeys: ['a', 'b'], keyType: 1 })
      expect(answer.coordinators).toEqual([
        { key: 'a', ...place, errorMessage: '' },
        { key: 'b', ...place, errorMessage: '' },
      ])
    }
  })

  test('there is none of another type', async () => {
    const client = (await BrokerStage.open()).connect()
    expect(await client.ask(API.FindCoordinator, 3, { key: 'g', keyType: 2 })).toMatchObject({
      errorCode: E.invalidRequest,
      nodeId: -1,
    })
    const { coordinators } = await client.ask(API.FindCoordinator, 6, { coordinatorKeys: ['x'], keyType: 2 })
    expect(coordinators).toMatchObject([{ key: 'x', errorCode: E.invalidRequest, port: -1 }])
  })
})

describe('joining and syncing', () => {
  test.each(versions(joinGroupSchema.versionMin, joinGroupSchema.versionMax))(
    'version %i: a member joins, learns its id first from 4 on, and is told what the version knows',
    async (version) => {
      const stage = await BrokerStage.open()
      const client = stage.connect()
      let memberId = ''
      if (version >= 4) {
        const told = await client.ask(API.JoinGroup, version, joinDraft(version))
        expect(told).toMatchObject({ errorCode: E.memberIdRequired, generationId: -1, leader: '', members: [] })
        expect(told.protocolName).toBe(version >= 7 ? null : '')
        memberId = told.memberId
        expect(memberId).toMatch(/^test-client-/)
      }
      const asked = client.send(API.JoinGroup, version, joinDraft(version, { memberId }))
      await client.quiet()
      stage.clock.advance(300)
      const joined = await client.receive(API.JoinGroup, version, asked)
      expect(joined).toMatchObject({ errorCode: 0, generationId: 1, protocolName: 'range', leader: joined.memberId })
      expect(joined.protocolType).toBe(version >= 7 ? 'consumer' : null)
      expect(joined.members).toEqual([{ memberId: joined.memberId, groupInstanceId: null, metadata: SUBSCRIPTION }])
    },
  )

  test.each(versions(0, 5))('SyncGroup %i gives the assignment and, from 5 on, its protocol', async (version) => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId, generationId } = await stableMember(stage, client)
    const protocol = version >= 5 ? { protocolType: 'consumer', protocolName: 'range' } : {}
    const request = { groupId: 'g', generationId, memberId, assignments: [] }
    expect(await client.ask(API.SyncGroup, version, { ...request, ...protocol })).toMatchObject({
      errorCode: 0,
      assignment: Buffer.from('work'),
      protocolName: version >= 5 ? 'range' : null,
    })
    const wrong = await client.ask(API.SyncGroup, version, { ...request, ...protocol, generationId: 8 })
    expect(wrong).toMatchObject({ errorCode: E.illegalGeneration, assignment: NOTHING })
  })

  test('SyncGroup 5 must say its protocol, and the right one', async () => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId, generationId } = await stableMember(stage, client)
    const request = { groupId: 'g', generationId, memberId, protocolType: 'consumer', assignments: [] }
    expect((await client.ask(API.SyncGroup, 5, request)).errorCode).toBe(E.inconsistentProtocol)
    const other = { ...request, protocolName: 'robin' }
    expect((await client.ask(API.SyncGroup, 5, other)).errorCode).toBe(E.inconsistentProtocol)
  })

  test('what cannot be is told by its code', async () => {
    const client = (await BrokerStage.open()).connect()
    const code = async (more: Draft<JoinGroupRequest>): Promise<number> =>
      (await client.ask(API.JoinGroup, 5, joinDraft(5, more))).errorCode
    expect(await code({ groupId: '' })).toBe(E.invalidGroupId)
    expect(await code({ sessionTimeoutMs: 1000 })).toBe(E.invalidSessionTimeout)
    expect(await code({ protocols: [] })).toBe(E.inconsistentProtocol)
    expect(await code({ memberId: 'stranger' })).toBe(E.unknownMember)
  })

  test('a static member that comes back takes its place over, and version 9 skips the assignment', async () => {
    const stage = await BrokerStage.open()
    const [first, second] = [stage.connect(), stage.connect()]
    const draft = joinDraft(9, { groupInstanceId: 'worker' })
    const asked = first.send(API.JoinGroup, 9, draft)
    await turns()
    stage.clock.advance(300)
    const { memberId, generationId } = await first.receive(API.JoinGroup, 9, asked)
    const sync = { groupId: 'g', generationId, memberId, groupInstanceId: 'worker' }
    await first.ask(API.SyncGroup, 3, { ...sync, assignments: [{ memberId, assignment: Buffer.from('w') }] })
    const again = await second.ask(API.JoinGroup, 9, draft)
    expect(again).toMatchObject({ errorCode: 0, generationId, leader: again.memberId, skipAssignment: true })
    const beat = { groupId: 'g', generationId, memberId, groupInstanceId: 'worker' }
    expect((await first.ask(API.Heartbeat, 3, beat)).errorCode).toBe(E.fencedInstance)
    expect((await second.ask(API.Heartbeat, 4, { ...beat, memberId: again.memberId })).errorCode).toBe(0)
  })

  test('a parked join whose connection is gone holds nobody up', async () => {
    const stage = await BrokerStage.open()
    const [gone, stays] = [stage.connect(), stage.connect()]
    gone.send(API.JoinGroup, 3, joinDraft(3))
    const asked = stays.send(API.JoinGroup, 3, joinDraft(3))
    await turns()
    gone.hangUp()
    await turns()
    stage.clock.advance(600)
    expect((await stays.receive(API.JoinGroup, 3, asked)).members).toHaveLength(1)
  })
})

describe('staying and leaving', () => {
  test.each(versions(0, 4))('Heartbeat %i says whether the generation still is', async (version) => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId, generationId } = await stableMember(stage, client)
    const beat = async (more: object = {}): Promise<number> => {
      const request = { groupId: 'g', generationId, memberId, ...more }
      return (await client.ask(API.Heartbeat, version, request)).errorCode
    }
    expect(await beat()).toBe(0)
    expect(await beat({ generationId: 7 })).toBe(E.illegalGeneration)
    expect(await beat({ memberId: 'x' })).toBe(E.unknownMember)
    expect(await beat({ groupId: 'other' })).toBe(E.unknownMember)
    expect(await beat({ groupId: '' })).toBe(E.invalidGroupId)
    stage.connect().send(API.JoinGroup, 3, joinDraft(3))
    await turns()
    expect(await beat()).toBe(E.rebalance)
  })

  test.each(versions(0, 2))('LeaveGroup %i: one member leaves', async (version) => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId } = await stableMember(stage, client)
    const leave = async (groupId: string): Promise<number> =>
      (await client.ask(API.LeaveGroup, version, { groupId, memberId })).errorCode
    expect(await leave('')).toBe(E.invalidGroupId)
    expect(await leave('g')).toBe(0)
    expect(await leave('g')).toBe(E.unknownMember)
  })

  test.each(versions(3, 5))('LeaveGroup %i: many leave, each with an answer', async (version) => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId } = await stableMember(stage, client)
    const members = [{ memberId }, { memberId: 'x' }, { memberId: '', groupInstanceId: 'i' }]
    const answer = await client.ask(API.LeaveGroup, version, { groupId: 'g', members })
    expect(answer.errorCode).toBe(0)
    expect(answer.members).toEqual([
      { memberId, groupInstanceId: null, errorCode: 0 },
      { memberId: 'x', groupInstanceId: null, errorCode: E.unknownMember },
      { memberId: '', groupInstanceId: 'i', errorCode: E.unknownMember },
    ])
    expect((await client.ask(API.LeaveGroup, version, { groupId: '', members })).errorCode).toBe(E.invalidGroupId)
  })
})

describe('offsets', () => {
  test.each(versions(2, 10))('OffsetCommit %i keeps, and tells what is wrong', async (version) => {
    const stage = await BrokerStage.open()
    const id = await stage.topic('t', 2)
    const client = stage.connect()
    const named = (name: string, topicId: Buffer): object => (version >= 10 ? { topicId } : { name })
    const partitions = [
      { partitionIndex: 1, committedOffset: 42, committedMetadata: 'here' },
      { partitionIndex: 0, committedOffset: 1, committedMetadata: 'x'.repeat(4097) },
      { partitionIndex: 2, committedOffset: 1, committedMetadata: null },
    ]
    const other = { ...named('nope', Buffer.alloc(16, 7)), partitions: partitions.slice(0, 1) }
    const answer = await client.ask(API.OffsetCommit, version, {
      groupId: 'g',
      topics: [{ ...named('t', id), partitions }, other],
    })
    const codes = answer.topics.map((topic) => topic.partitions.map(({ errorCode }) => errorCode))
    expect(codes).toEqual([
      [0, E.metadataTooLarge, E.unknownTopic],
      [version >= 10 ? E.unknownTopicId : E.unknownTopic],
    ])
    expect(answer.topics[0]).toMatchObject(version >= 10 ? { topicId: id } : { name: 't' })
    expect(stage.session.groups.fetchOffsets('g', undefined)).toMatchObject([
      { stream: 't', partitions: [{ partition: 1, offset: 42, metadata: 'here' }] },
    ])
    const strange = await client.ask(API.OffsetCommit, version, {
      groupId: 'nobody',
      generationIdOrMemberEpoch: 3,
      memberId: 'm',
      topics: [{ ...named('t', id), partitions: partitions.slice(0, 1) }],
    })
    expect(strange.topics[0]!.partitions[0]!.errorCode).toBe(version >= 9 ? E.notFound : E.illegalGeneration)
  })

  test.each(versions(1, 7))('OffsetFetch %i: of one group', async (version) => {
    const stage = await BrokerStage.open()
    await stage.topic('t', 2)
    await commitDirectly(stage, 'g', 't', 0, 5)
    const client = stage.connect()
    const asked = [{ name: 't', partitionIndexes: [0, 1] }]
    const answer = await client.ask(API.OffsetFetch, version, { groupId: 'g', topics: asked })
    expect(answer.errorCode).toBe(0)
    expect(answer.topics).toMatchObject([
      {
        name: 't',
        partitions: [
          { partitionIndex: 0, committedOffset: 5, metadata: 'm', errorCode: 0 },
          { partitionIndex: 1, committedOffset: -1, metadata: '', errorCode: 0 },
        ],
      },
    ])
    expect(answer.topics[0]!.partitions[0]!.committedLeaderEpoch).toBe(version >= 5 ? 0 : -1)
    if (version < 2) return
    const everything = await client.ask(API.OffsetFetch, version, { groupId: 'g', topics: null })
    expect(everything.topics).toMatchObject([{ name: 't', partitions: [{ partitionIndex: 0, committedOffset: 5 }] }])
  })

  test.each(versions(8, 10))('OffsetFetch %i: of many groups, by id from 10 on', async (version) => {
    const stage = await BrokerStage.open()
    const id = await stage.topic('t', 2)
    await commitDirectly(stage, 'g', 't', 1, 5)
    const client = stage.connect()
    const topic = version >= 10 ? { topicId: id } : { name: 't' }
    const unknown = version >= 10 ? { topicId: Buffer.alloc(16, 9) } : { name: 'nope' }
    const answer = await client.ask(API.OffsetFetch, version, {
      groups: [
        {
          groupId: 'g',
          topics: [
            { ...topic, partitionIndexes: [1] },
            { ...unknown, partitionIndexes: [0] },
          ],
        },
        { groupId: 'g', topics: null },
        { groupId: 'nobody', topics: null },
      ],
    })
    expect(answer.groups.map(({ groupId, errorCode }) => [groupId, errorCode])).toEqual([
      ['g', 0],
      ['g', 0],
      ['nobody', 0],
    ])
    const [first, every, none] = answer.groups
    expect(first!.topics[0]).toMatchObject({ ...topic, partitions: [{ partitionIndex: 1, committedOffset: 5 }] })
    const missing = { committedOffset: -1, errorCode: version >= 10 ? E.unknownTopicId : 0 }
    expect(first!.topics[1]).toMatchObject({ ...unknown, partitions: [missing] })
    expect(every!.topics).toMatchObject([{ ...topic, partitions: [{ partitionIndex: 1, committedOffset: 5 }] }])
    expect(every!.topics[0]!.topicId).toEqual(version >= 10 ? id : NO_ID)
    expect(none!.topics).toEqual([])
  })

  test('what a transaction may still change is unstable to those who ask for it', async () => {
    const stage = await BrokerStage.open()
    await stage.topic('t')
    await commitDirectly(stage, 'g', 't', 0, 5)
    const offsets = [{ stream: 't', partition: 0, offset: 9, leaderEpoch: -1, metadata: '' }]
    const claim = { memberId: '', instanceId: undefined, generation: -1 }
    await stage.session.groups.stageOffsets({ group: 'g', producerId: 1, ...claim, offsets })
    const client = stage.connect()
    const fetch = async (requireStable: boolean): Promise<object> => {
      const topics = [{ name: 't', partitionIndexes: [0] }]
      const answer = await client.ask(API.OffsetFetch, 7, { groupId: 'g', topics, requireStable })
      return answer.topics[0]!.partitions[0]!
    }
    expect(await fetch(true)).toMatchObject({ committedOffset: -1, errorCode: E.unstable })
    expect(await fetch(false)).toMatchObject({ committedOffset: 5, errorCode: 0 })
    await stage.session.groups.endStaged(1, 'commit')
    expect(await fetch(true)).toMatchObject({ committedOffset: 9, errorCode: 0 })
  })

  test('a deleted topic takes the offsets of its groups along', async () => {
    const stage = await BrokerStage.open()
    await stage.topic('t')
    await commitDirectly(stage, 'g', 't', 0, 5)
    await stage.connect().ask(API.DeleteTopics, 4, { topicNames: ['t'], timeoutMs: 100 })
    await stage.session.durable()
    expect(stage.session.groups.fetchOffsets('g', undefined)).toEqual([])
  })

  test('OffsetDelete forgets what no member reads', async () => {
    const stage = await BrokerStage.open()
    await stage.topic('t')
    await stage.topic('u')
    await commitDirectly(stage, 'g', 't', 0, 5)
    await commitDirectly(stage, 'g', 'u', 0, 6)
    const client = stage.connect()
    await stableMember(stage, client)
    const partitions = [{ partitionIndex: 0 }, { partitionIndex: 3 }]
    const topics = [
      { name: 't', partitions },
      { name: 'u', partitions },
    ]
    const answer = await client.ask(API.OffsetDelete, 0, { groupId: 'g', topics })
    expect(answer.errorCode).toBe(0)
    expect(answer.topics.map((topic) => topic.partitions.map(({ errorCode }) => errorCode))).toEqual([
      [E.subscribed, E.unknownTopic],
      [0, E.unknownTopic],
    ])
    expect((await client.ask(API.OffsetDelete, 0, { groupId: 'nobody', topics })).errorCode).toBe(E.notFound)
  })
})

async function commitDirectly(
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

describe('looking at groups and deleting them', () => {
  test.each(versions(0, 6))('DescribeGroups %i', async (version) => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    const { memberId } = await stableMember(stage, client)
    const asked = version >= 3 ? { includeAuthorizedOperations: true } : {}
    const { groups } = await client.ask(API.DescribeGroups, version, { groups: ['g', 'nobody'], ...asked })
    expect(groups[0]).toMatchObject({
      errorCode: 0,
      groupState: 'Stable',
      protocolType: 'consumer',
      protocolData: 'range',
      members: [
        {
          memberId,
          clientId: 'test-client',
          clientHost: '/127.0.0.1',
          memberMetadata: SUBSCRIPTION,
          memberAssignment: Buffer.from('work'),
        },
      ],
      authorizedOperations: version >= 3 ? 0x0d48 : -2147483648,
    })
    expect(groups[1]).toMatchObject({ groupState: 'Dead', members: [], errorCode: version >= 6 ? E.notFound : 0 })
    expect(groups[1]!.errorMessage).toBe(version >= 6 ? 'Group nobody not found.' : null)
  })

  test('while a group is not stable its members show nothing of what they said', async () => {
    const stage = await BrokerStage.open()
    const client = stage.connect()
    await stableMember(stage, client)
    stage.connect().send(API.JoinGroup, 3, joinDraft(3))
    await turns()
    const { groups } = await client.ask(API.DescribeGroups, 5, { groups: ['g'] })
    expect(groups[0]).toMatchObject({ groupState: 'PreparingRebalance', protocolData: '' })
    expect(groups[0]!.members.map(({ memberMetadata }) => memberMetadata)).toEqual([NOTHING, NOTHING])
  })

  test.each(versions(0, 5))('ListGroups %i, with its filters', async (version) => {
    const stage = await BrokerStage.open()
    await stage.topic('t')
    await commitDirectly(stage, 'simple', 't', 0, 1)
    const client = stage.connect()
    await stableMember(stage, client)
    const { groups } = await client.ask(API.ListGroups, version, {})
    expect(groups.map(({ groupId, protocolType }) => `${groupId} ${protocolType}`).sort()).toEqual([
      'g consumer',
      'simple ',
    ])
    if (version >= 4) {
      const listed = await client.ask(API.ListGroups, version, { statesFilter: ['stable', 'Dead'] })
      expect(listed.groups).toMatchObject([{ groupId: 'g', groupState: 'Stable' }])
    }
    if (version >= 5) {
      expect((await client.ask(API.ListGroups, version, { typesFilter: ['consumer'] })).groups).toEqual([])
      const classic = await client.ask(API.ListGroups, version, { typesFilter: ['Classic'], statesFilter: ['Empty'] })
      expect(classic.groups).toMatchObject([{ groupId: 'simple', groupType: 'classic' }])
    }
  })

  test.each(versions(0, 2))('DeleteGroups %i deletes groups without members', async (version) => {
    const stage = await BrokerStage.open()
    await stage.topic('t')
    await commitDirectly(stage, 'simple', 't', 0, 1)
    const client = stage.connect()
    await stableMember(stage, client)
    const { results } = await client.ask(API.DeleteGroups, version, {
      groupsNames: ['g', 'simple', 'simple', 'nobody'],
    })
    expect(results).toEqual([
      { groupId: 'g', errorCode: E.nonEmpty },
      { groupId: 'simple', errorCode: 0 },
      { groupId: 'nobody', errorCode: E.notFound },
    ])
    expect(stage.session.groups.list().map(({ group }) => group)).toEqual(['g'])
  })
})
