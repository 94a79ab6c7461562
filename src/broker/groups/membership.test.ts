import { describe, expect, test } from 'vitest'
import type { JoinAnswer } from './group-door.ts'
import { type Asked, assigned, GroupBench, joined, REBALANCE_MS, SESSION_MS } from './membership.test-kit.ts'

const refusedId = (asked: Asked<JoinAnswer>): string | undefined =>
  asked.answer?.kind === 'refused' ? asked.answer.memberId : undefined

describe('joining', () => {
  test('the first member of an empty group waits for the initial delay, then leads generation 1', async () => {
    const bench = new GroupBench({ initialRebalanceDelayMs: 3000 })
    const first = await bench.join()
    await bench.advance(2999)
    expect(first.isWaiting).toBe(true)
    expect(bench.membership.state).toBe('preparing')
    await bench.advance(1)
    const answer = joined(first)
    expect(answer).toMatchObject({ generation: 1, protocol: 'range', protocolType: 'consumer', skipAssignment: false })
    expect(answer.leader).toBe(answer.memberId)
    expect(answer.members).toEqual([
      { memberId: answer.memberId, instanceId: undefined, metadata: Buffer.from('anything') },
    ])
    expect(bench.membership.state).toBe('completing')
  })

  test('the initial delay begins again while members come, up to the rebalance timeout', async () => {
    const bench = new GroupBench({ initialRebalanceDelayMs: 3000 })
    const first = await bench.join({ rebalanceTimeoutMs: 8000 })
    await bench.advance(2000)
    const second = await bench.join({ rebalanceTimeoutMs: 8000 })
    await bench.advance(1000)
    expect(first.isWaiting).toBe(true)
    await bench.advance(2000)
    const third = await bench.join({ rebalanceTimeoutMs: 8000 })
    await bench.advance(1000)
    expect(third.isWaiting).toBe(true)
    await bench.join({ rebalanceTimeoutMs: 8000 })
    await bench.advance(2000)
    expect([first, second, third].every(({ answer }) => answer?.kind === 'joined')).toBe(true)
    expect(joined(second).generation).toBe(1)
  })

  test('only the leader is told the members', async () => {
    const bench = new GroupBench()
    const [first, second] = [await bench.join(), await bench.join()]
    await bench.advance(0)
    expect(joined(first).members.map(({ memberId }) => memberId)).toEqual([
      joined(first).memberId,
      joined(second).memberId,
    ])
    expect(joined(second).members).toEqual([])
    expect(joined(second).leader).toBe(joined(first).memberId)
  })

  test('a client that can learn its id is told it first, and joins with it', async () => {
    const bench = new GroupBench()
    const asked = await bench.join({ learnsId: true, clientId: 'app' })
    expect(asked.refusal).toBe('member-id-required')
    const id = refusedId(asked) as string
    expect(id).toMatch(/^app-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/)
    const again = await bench.join({ learnsId: true, id })
    await bench.advance(0)
    expect(joined(again).memberId).toBe(id)
  })

  test('a member that was told its id and does not come back is forgotten after its session', async () => {
    const bench = new GroupBench()
    const id = refusedId(await bench.join({ learnsId: true })) as string
    expect(bench.membership.isDeserted).toBe(false)
    await bench.advance(SESSION_MS)
    expect(bench.desertedCount).toBe(1)
    expect((await bench.join({ id })).refusal).toBe('unknown-member')
  })

  test('a round waits for a member that was told its id', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    const id = refusedId(await bench.join({ learnsId: true })) as string
    const again = await bench.join({ id: member!.memberId })
    expect(again.isWaiting).toBe(true)
    const fresh = await bench.join({ id, learnsId: true })
    expect(joined(again).generation).toBe(2)
    expect(joined(fresh).generation).toBe(2)
  })

  test('a round goes on without a member that was told its id and did not come back', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    await bench.join({ learnsId: true, sessionTimeoutMs: 7000 })
    const again = await bench.join({ id: member!.memberId })
    await bench.advance(7000)
    expect(joined(again).generation).toBe(2)
  })

  test('a member id that nobody gave out is unknown', async () => {
    const bench = new GroupBench()
    expect((await bench.join({ id: 'made-up' })).refusal).toBe('unknown-member')
    await bench.stable({})
    expect((await bench.join({ id: 'made-up' })).refusal).toBe('unknown-member')
  })

  test('the group takes the protocol most members like best among those all know', async () => {
    const bench = new GroupBench()
    const asked = [
      await bench.join({ protocols: { fancy: '', range: '', robin: '' } }),
      await bench.join({ protocols: { robin: '', range: '' } }),
      await bench.join({ protocols: { robin: '', fancier: '', range: '' } }),
    ]
    await bench.advance(0)
    expect(asked.map((one) => joined(one).protocol)).toEqual(['robin', 'robin', 'robin'])
  })

  test('a member with no protocol in common with the others, with none at all or of another type does not fit', async () => {
    const bench = new GroupBench()
    expect((await bench.join({ protocols: {} })).refusal).toBe('inconsistent-protocol')
    expect((await bench.join({ protocolType: '' })).refusal).toBe('inconsistent-protocol')
    await bench.stable({ protocols: { range: '', robin: '' } }, { protocols: { robin: '' } })
    expect((await bench.join({ protocols: { range: '' } })).refusal).toBe('inconsistent-protocol')
    expect((await bench.join({ protocols: { robin: '' }, protocolType: 'connect' })).refusal).toBe(
      'inconsistent-protocol',
    )
    expect(bench.membership.state).toBe('stable')
  })

  test('a full group takes no more members', async () => {
    const bench = new GroupBench({ membersMax: 2 })
    const [first] = await bench.stable({}, {})
    const third = await bench.join()
    expect(third.refusal).toBe('group-full')
    expect(refusedId(third)).toBe('')
    expect(bench.heartbeat(first!)).toBeUndefined()
  })

  test('when a round finds more members than the group may have, the last to come back are turned away', async () => {
    const bench = new GroupBench({ membersMax: 2 })
    const members = await bench.stable({}, {})
    const first = await bench.join({ id: members[0]!.memberId })
    const stranger = await bench.join()
    expect(first.isWaiting).toBe(true)
    const second = await bench.join({ id: members[1]!.memberId })
    expect(second.refusal).toBe('group-full')
    expect(joined(stranger).generation).toBe(2)
    expect(joined(first).generation).toBe(2)
  })
})

describe('limits', () => {
  test('what all members of a group say together has its limit, and who leaves makes room', async () => {
    const bench = new GroupBench({ groupBytesMax: 400 })
    const protocols = { range: 'x'.repeat(150) }
    const [first] = await bench.stable({ protocols }, { protocols: { range: '' } })
    expect((await bench.join({ protocols })).refusal).toBe('too-large')
    bench.membership.leave({ memberId: first!.memberId, instanceId: undefined })
    expect((await bench.join({ protocols })).refusal).toBeUndefined()
  })
})

describe('rounds', () => {
  test('a new member in a stable group makes everybody join again', async () => {
    const bench = new GroupBench()
    const [first] = await bench.stable({})
    const second = await bench.join()
    expect(second.isWaiting).toBe(true)
    expect(bench.heartbeat(first!)).toBe('rebalance-in-progress')
    const again = await bench.join({ id: first!.memberId })
    expect(joined(again)).toMatchObject({ generation: 2, memberId: first!.memberId, leader: first!.memberId })
    expect(joined(second).generation).toBe(2)
  })

  test('who does not join again within the longest rebalance timeout is out', async () => {
    const bench = new GroupBench()
    const [slow, other] = await bench.stable(
      { rebalanceTimeoutMs: 30_000, sessionTimeoutMs: 50_000 },
      { rebalanceTimeoutMs: 5000 },
    )
    const again = await bench.join({ id: other!.memberId, rebalanceTimeoutMs: 5000, protocols: { range: 'new' } })
    await bench.advance(29_999)
    expect(again.isWaiting).toBe(true)
    await bench.advance(1)
    expect(joined(again)).toMatchObject({ generation: 2, leader: other!.memberId })
    expect(joined(again).members).toHaveLength(1)
    expect(bench.heartbeat(slow!)).toBe('unknown-member')
  })

  test('a member that waits in its join is not lost, however long the round takes', async () => {
    const bench = new GroupBench()
    const [first] = await bench.stable({}, { sessionTimeoutMs: 50_000 })
    const again = await bench.join({ id: first!.memberId })
    await bench.advance(SESSION_MS * 3)
    expect(again.isWaiting).toBe(true)
    await bench.advance(REBALANCE_MS)
    expect(joined(again).generation).toBe(2)
  })

  test('a leader that joins makes a new round; a follower with unchanged metadata does not', async () => {
    const bench = new GroupBench()
    const [leader, follower] = await bench.stable({}, {})
    const again = await bench.join({ id: follower!.memberId })
    expect(joined(again)).toEqual(follower)
    expect(bench.membership.state).toBe('stable')
    const changed = await bench.join({ id: leader!.memberId })
    expect(changed.isWaiting).toBe(true)
    expect(bench.heartbeat(follower!)).toBe('rebalance-in-progress')
  })

  test('a follower with changed metadata makes a new round', async () => {
    const bench = new GroupBench()
    const [leader, follower] = await bench.stable({}, {})
    const again = await bench.join({ id: follower!.memberId, protocols: { range: 'something else' } })
    expect(again.isWaiting).toBe(true)
    const led = joined(await bench.join({ id: leader!.memberId }))
    expect(led.generation).toBe(2)
    expect(led.members.map(({ metadata }) => metadata.toString())).toEqual(['anything', 'something else'])
  })

  test('while assignments are awaited, a member that joins again unchanged gets the same answer again', async () => {
    const bench = new GroupBench()
    const [first, second] = [await bench.join(), await bench.join()]
    await bench.advance(0)
    const [leader, follower] = [joined(first), joined(second)]
    expect(joined(await bench.join({ id: leader.memberId }))).toEqual(leader)
    expect(joined(await bench.join({ id: follower.memberId }))).toEqual(follower)
    expect(bench.membership.state).toBe('completing')
  })

  test('while assignments are awaited, a changed member begins a new round and waiting syncs are told', async () => {
    const bench = new GroupBench()
    const [first, second] = [await bench.join(), await bench.join()]
    await bench.advance(0)
    const sync = await bench.sync(joined(second))
    expect(sync.isWaiting).toBe(true)
    await bench.join({ id: joined(first).memberId, protocols: { range: 'new' } })
    expect(sync.refusal).toBe('rebalance-in-progress')
    expect(bench.membership.state).toBe('preparing')
  })

  test('when the last member is gone the group is empty, and its generation goes on from there', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    expect(bench.membership.leave({ memberId: member!.memberId, instanceId: undefined })).toBeUndefined()
    expect(bench.membership.state).toBe('empty')
    expect(bench.membership.emptySinceMs).toBe(bench.clock.nowMs())
    expect(bench.stored.at(-1)).toMatchObject({ generation: 2, members: [], emptySinceMs: bench.clock.nowMs() })
    const fresh = await bench.join({ protocolType: 'connect', protocols: { other: '' } })
    await bench.advance(0)
    expect(joined(fresh)).toMatchObject({ generation: 3, protocolType: 'connect' })
  })
})

describe('syncing', () => {
  test('everybody gets from the leader what is his, once it is durable', async () => {
    const bench = new GroupBench()
    bench.storesAtOnce = false
    const asked = [await bench.join(), await bench.join(), await bench.join()]
    await bench.advance(0)
    const [leader, second, third] = asked.map(joined)
    const early = await bench.sync(second!)
    const led = await bench.sync(leader!, { [leader!.memberId]: 'A', [second!.memberId]: 'B' })
    expect([early.isWaiting, led.isWaiting]).toEqual([true, true])
    expect(bench.membership.state).toBe('completing')
    await bench.commit()
    expect([assigned(led), assigned(early)]).toEqual(['A', 'B'])
    expect(bench.membership.state).toBe('stable')
    // Not named by the leader: nothing to do.
    expect(assigned(await bench.sync(third!))).toBe('')
    expect(assigned(await bench.sync(second!))).toBe('B')
  })

  test('assignments that became durable after the group moved on count for nothing', async () => {
    const bench = new GroupBench()
    bench.storesAtOnce = false
    const first = await bench.join()
    await bench.advance(0)
    const sync = await bench.sync(joined(first), { [joined(first).memberId]: 'A' })
    await bench.join()
    expect(sync.refusal).toBe('rebalance-in-progress')
    await bench.commit()
    expect(bench.membership.state).toBe('preparing')
  })

  test('assignments that storage lost are refused', async () => {
    const bench = new GroupBench()
    bench.storesAtOnce = false
    const first = await bench.join()
    await bench.advance(0)
    const sync = await bench.sync(joined(first), {})
    await bench.commit(false)
    expect(sync.refusal).toBe('unavailable')
  })

  test('a sync with another generation, protocol or type, or by a stranger, is refused', async () => {
    const bench = new GroupBench()
    const first = await bench.join()
    await bench.advance(0)
    const member = joined(first)
    expect((await bench.sync(member, {}, { generation: 7 })).refusal).toBe('illegal-generation')
    expect((await bench.sync(member, {}, { protocol: 'robin' })).refusal).toBe('inconsistent-protocol')
    expect((await bench.sync(member, {}, { protocolType: 'connect' })).refusal).toBe('inconsistent-protocol')
    expect((await bench.sync({ ...member, memberId: 'x' })).refusal).toBe('unknown-member')
    expect((await bench.sync(member, {}, { protocol: 'range', protocolType: 'consumer' })).refusal).toBeUndefined()
  })

  test('a sync while the group gathers is told to join again', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    await bench.join()
    expect((await bench.sync(member!)).refusal).toBe('rebalance-in-progress')
  })

  test('who does not sync within the rebalance timeout is out, and the others begin again', async () => {
    const bench = new GroupBench()
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 100_000 }
    const asked = [await bench.join(options), await bench.join(options)]
    await bench.advance(0)
    const [leader, follower] = asked.map(joined)
    const sync = await bench.sync(follower!)
    await bench.advance(19_999)
    expect(sync.isWaiting).toBe(true)
    await bench.advance(1)
    expect(sync.refusal).toBe('rebalance-in-progress')
    expect(bench.heartbeat(leader!)).toBe('unknown-member')
    const again = await bench.join({ id: follower!.memberId, ...options })
    expect(joined(again)).toMatchObject({ generation: 2, leader: follower!.memberId })
  })

  test('a follower that never syncs does not stay in a stable group', async () => {
    const bench = new GroupBench()
    const options = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 100_000 }
    const asked = [await bench.join(options), await bench.join(options)]
    await bench.advance(0)
    const [leader, follower] = asked.map(joined)
    await bench.sync(leader!)
    expect(bench.membership.state).toBe('stable')
    await bench.advance(20_000)
    expect(bench.heartbeat(follower!)).toBe('unknown-member')
    expect(bench.heartbeat(leader!)).toBe('rebalance-in-progress')
  })
})
