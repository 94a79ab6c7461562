/** The APIs of membership over their versions, against a whole broker. */
import { describe, expect, test } from 'vitest'
import { BrokerStage } from '../broker-stage.test-kit.ts'
import { commitDirectly, E, joinDraft, NOTHING, SUBSCRIPTION, stableMember, versions } from '../groups.test-kit.ts'
import { turns } from '../test-kit.ts'
import type { Draft } from '../wire/codec.ts'
import { API } from '../wire/schemas/apis.gen.ts'
import { findCoordinatorSchema } from '../wire/schemas/find-coordinator.gen.ts'
import { type JoinGroupRequest, joinGroupSchema } from '../wire/schemas/join-group.gen.ts'

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
    expect(groups[0]!.members.map(({ memberAssignment }) => memberAssignment)).toEqual([Buffer.from('work'), NOTHING])
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
