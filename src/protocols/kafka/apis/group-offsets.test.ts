/** The APIs of committed offsets over their versions, against a whole broker. */
import { describe, expect, test } from 'vitest'
import { BrokerStage, NO_ID } from '../broker-stage.test-kit.ts'
import { commitDirectly, E, stableMember, versions } from '../groups.test-kit.ts'
import { API } from '../wire/schemas/apis.gen.ts'

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
