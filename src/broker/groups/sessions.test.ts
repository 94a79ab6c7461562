/** Sessions, static members, leaving, lost connections, and what a restart brings back. */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../base/random.ts'
import { defaultGroupSettings } from './group-settings.ts'
import { assigned, GroupBench, joined, joinRequest, REBALANCE_MS, SESSION_MS } from './membership.test-kit.ts'
import { ClassicMembership } from './membership.ts'

const STATIC = { learnsId: true, skipsAssignment: true }

describe('sessions', () => {
  test('a member that is not heard of for its session timeout is out, and the others join again', async () => {
    const bench = new GroupBench()
    const [first, second] = await bench.stable({}, {})
    for (let beat = 0; beat < 3; beat++) {
      await bench.advance(SESSION_MS - 1)
      expect(bench.heartbeat(first!)).toBeUndefined()
      if (beat < 2) expect(bench.heartbeat(second!)).toBeUndefined()
    }
    await bench.advance(1)
    expect(bench.heartbeat(first!)).toBe('rebalance-in-progress')
    expect(bench.heartbeat(second!)).toBe('unknown-member')
    const again = await bench.join({ id: first!.memberId })
    expect(joined(again)).toMatchObject({ generation: 2, leader: first!.memberId })
  })

  test('a commit is a sign of life', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    const claim = { memberId: member!.memberId, instanceId: undefined, generation: 1 }
    for (let commits = 0; commits < 3; commits++) {
      await bench.advance(SESSION_MS - 1)
      expect(bench.membership.checkCommit(claim, false)).toBeUndefined()
    }
  })

  test('a member that waits for assignments is not lost; its session begins when they come', async () => {
    const bench = new GroupBench()
    const asked = [await bench.join({ sessionTimeoutMs: 50_000 }), await bench.join()]
    await bench.advance(0)
    const [leader, follower] = asked.map(joined)
    const sync = await bench.sync(follower!)
    await bench.advance(SESSION_MS * 2)
    await bench.sync(leader!, { [follower!.memberId]: 'B' })
    expect(assigned(sync)).toBe('B')
    await bench.advance(SESSION_MS - 1)
    expect(bench.heartbeat(follower!)).toBeUndefined()
    await bench.advance(SESSION_MS)
    expect(bench.heartbeat(follower!)).toBe('unknown-member')
  })

  test('a heartbeat while assignments are awaited counts, and says nothing is wrong', async () => {
    const bench = new GroupBench()
    const first = await bench.join()
    await bench.advance(0)
    await bench.advance(SESSION_MS - 1)
    expect(bench.heartbeat(joined(first))).toBeUndefined()
    await bench.advance(SESSION_MS - 1)
    expect(bench.membership.state).toBe('completing')
  })

  test('a new member that waits for ever in its first join is let go', async () => {
    const bench = new GroupBench({ newMemberTimeoutMs: 30_000 })
    const [first] = await bench.stable({ sessionTimeoutMs: 1_000_000, rebalanceTimeoutMs: 1_000_000 })
    const fresh = await bench.join()
    await bench.advance(30_000)
    expect(fresh.refusal).toBe('unknown-member')
    expect(joined(await bench.join({ id: first!.memberId })).members).toHaveLength(1)
  })

  test('a heartbeat with another generation, or in the name of nobody, is refused', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    expect(bench.heartbeat({ ...member!, generation: 9 })).toBe('illegal-generation')
    expect(bench.heartbeat({ ...member!, memberId: 'x' })).toBe('unknown-member')
    expect(bench.heartbeat(member!, 'not-static')).toBe('unknown-member')
  })
})

describe('static members', () => {
  test('one that comes back takes over its place at once, and the old id is fenced', async () => {
    const bench = new GroupBench()
    const [leader, worker] = await bench.stable({}, { ...STATIC, instance: 'worker' })
    const again = joined(await bench.join({ ...STATIC, instance: 'worker' }))
    expect(again).toMatchObject({ generation: 1, leader: leader!.memberId, members: [], skipAssignment: false })
    expect(again.memberId).toMatch(/^worker-/)
    expect(again.memberId).not.toBe(worker!.memberId)
    expect(bench.membership.state).toBe('stable')
    expect(assigned(await bench.sync(again, {}, { instance: 'worker' }))).toBe(`work of ${worker!.memberId}`)
    expect(bench.heartbeat(worker!, 'worker')).toBe('fenced-instance')
    expect((await bench.sync(worker!, {}, { instance: 'worker' })).refusal).toBe('fenced-instance')
    expect((await bench.join({ id: worker!.memberId, instance: 'worker' })).refusal).toBe('fenced-instance')
    expect(bench.membership.leave({ memberId: worker!.memberId, instanceId: 'worker' })).toBe('fenced-instance')
    expect(bench.heartbeat(leader!)).toBeUndefined()
  })

  test('a leader that comes back leads on, and is told not to assign anew', async () => {
    const bench = new GroupBench()
    const [leader, other] = await bench.stable({ ...STATIC, instance: 'head' }, { instance: 'other' })
    const again = joined(await bench.join({ ...STATIC, instance: 'head' }))
    expect(again).toMatchObject({ generation: 1, leader: again.memberId, skipAssignment: true })
    expect(again.members.map(({ memberId }) => memberId).sort()).toEqual([again.memberId, other!.memberId].sort())
    expect(assigned(await bench.sync(again, {}, { instance: 'head' }))).toBe(`work of ${leader!.memberId}`)
  })

  test('a leader whose client cannot skip the assignment is shown the old leader', async () => {
    const bench = new GroupBench()
    const [leader] = await bench.stable({ instance: 'head' })
    const again = joined(await bench.join({ instance: 'head' }))
    expect(again).toMatchObject({ leader: leader!.memberId, members: [], skipAssignment: false })
  })

  test('the new id is answered once it is durable', async () => {
    const bench = new GroupBench()
    await bench.stable({ instance: 'head' })
    bench.storesAtOnce = false
    const asked = await bench.join({ instance: 'head' })
    expect(asked.isWaiting).toBe(true)
    await bench.commit()
    expect(bench.stored.at(-1)!.members.map(({ id }) => id)).toEqual([joined(asked).memberId])
    expect(bench.stored.at(-1)!.members[0]!.assignment.toString()).toMatch(/^work of/)
  })

  test('one that comes back so that the group would choose another protocol makes a new round', async () => {
    const bench = new GroupBench()
    await bench.stable({ instance: 'head', protocols: { range: '', robin: '' } })
    const again = await bench.join({ instance: 'head', protocols: { robin: '', range: '' } })
    expect(joined(again)).toMatchObject({ generation: 2, protocol: 'robin' })
  })

  test('one that comes back while the group gathers fences the request of its old self', async () => {
    const bench = new GroupBench()
    await bench.stable({ sessionTimeoutMs: 50_000 })
    const old = await bench.join({ instance: 'worker' })
    const fresh = await bench.join({ instance: 'worker' })
    expect(old.refusal).toBe('fenced-instance')
    expect(fresh.isWaiting).toBe(true)
    await bench.advance(REBALANCE_MS)
    expect(joined(fresh).generation).toBe(2)
  })

  test('one that comes back while assignments are awaited makes a new round', async () => {
    const bench = new GroupBench()
    const asked = [await bench.join(), await bench.join({ instance: 'worker' })]
    await bench.advance(0)
    const sync = await bench.sync(joined(asked[1]!), {}, { instance: 'worker' })
    const fresh = await bench.join({ instance: 'worker' })
    expect(sync.refusal).toBe('fenced-instance')
    expect(fresh.isWaiting).toBe(true)
    expect(bench.heartbeat(joined(asked[0]!))).toBe('rebalance-in-progress')
  })

  test('one that is away while others join again keeps its place until its session ends', async () => {
    const bench = new GroupBench()
    const away = { instance: 'away', sessionTimeoutMs: 200_000, rebalanceTimeoutMs: 20_000 }
    const here = { rebalanceTimeoutMs: 20_000, sessionTimeoutMs: 300_000 }
    const [absent, present] = await bench.stable(away, here)
    const again = await bench.join({ id: present!.memberId, ...here, protocols: { range: 'new' } })
    await bench.advance(20_000)
    expect(joined(again).members.map(({ memberId }) => memberId)).toEqual([absent!.memberId, present!.memberId])
    expect(joined(again).leader).toBe(present!.memberId)
  })

  test('when static members alone are away the group waits for one of them, or for their sessions to end', async () => {
    const bench = new GroupBench()
    const options = { sessionTimeoutMs: 50_000, rebalanceTimeoutMs: 20_000 }
    const [member] = await bench.stable({ instance: 'one', ...options }, options)
    bench.membership.leave({ memberId: bench.membership.describe()[1]!.memberId, instanceId: undefined })
    expect(bench.membership.state).toBe('preparing')
    await bench.advance(20_000)
    expect(bench.membership.state).toBe('preparing')
    expect(bench.membership.generation).toBe(1)
    await bench.advance(30_000)
    expect(bench.membership.state).toBe('empty')
    expect(bench.heartbeat(member!)).toBe('unknown-member')
  })

  test('an administrator removes one by its instance id alone', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({ instance: 'worker' })
    expect(bench.membership.leave({ memberId: '', instanceId: 'nobody' })).toBe('unknown-member')
    expect(bench.membership.leave({ memberId: '', instanceId: undefined })).toBe('unknown-member')
    expect(bench.membership.leave({ memberId: '', instanceId: 'worker' })).toBeUndefined()
    expect(bench.heartbeat(member!)).toBe('unknown-member')
  })
})

describe('leaving', () => {
  test('a leader that leaves makes room for another at once', async () => {
    const bench = new GroupBench()
    const [leader, follower] = await bench.stable({}, {})
    expect(bench.membership.leave({ memberId: leader!.memberId, instanceId: undefined })).toBeUndefined()
    const again = await bench.join({ id: follower!.memberId })
    expect(joined(again)).toMatchObject({ generation: 2, leader: follower!.memberId })
    expect(bench.membership.leave({ memberId: leader!.memberId, instanceId: undefined })).toBe('unknown-member')
  })

  test('a member that leaves while its own requests wait has them answered', async () => {
    const bench = new GroupBench()
    const [first] = await bench.stable({}, {})
    const again = await bench.join({ id: first!.memberId })
    bench.membership.leave({ memberId: first!.memberId, instanceId: undefined })
    await bench.tick()
    expect(again.refusal).toBe('unknown-member')
  })

  test('one that was told its id and leaves before it came is waited for no more', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    const told = await bench.join({ learnsId: true })
    const again = await bench.join({ id: member!.memberId })
    expect(again.isWaiting).toBe(true)
    const memberId = told.answer?.kind === 'refused' ? told.answer.memberId : ''
    expect(bench.membership.leave({ memberId, instanceId: undefined })).toBeUndefined()
    await bench.tick()
    expect(joined(again).generation).toBe(2)
  })
})

describe('lost connections', () => {
  test('a first join whose connection is gone takes its member with it when nobody knows its id', async () => {
    const bench = new GroupBench()
    const [first] = await bench.stable({})
    const fresh = await bench.join()
    fresh.connection.abort()
    await bench.tick()
    expect(fresh.refusal).toBe('unavailable')
    expect(joined(await bench.join({ id: first!.memberId })).members).toHaveLength(1)
  })

  test('a member that knows its id may come back on another connection within its session', async () => {
    const bench = new GroupBench()
    const [first, second] = await bench.stable({ sessionTimeoutMs: 40_000 }, {})
    const lost = await bench.join({ id: second!.memberId, protocols: { range: 'new' } })
    lost.connection.abort()
    await bench.advance(SESSION_MS - 1)
    const found = await bench.join({ id: second!.memberId, protocols: { range: 'new' } })
    expect(found.isWaiting).toBe(true)
    expect(joined(await bench.join({ id: first!.memberId })).generation).toBe(2)
    expect(joined(found).generation).toBe(2)
  })

  test('a member whose waiting join is gone and who does not come back holds nobody up beyond its session', async () => {
    const bench = new GroupBench()
    const [first, second] = await bench.stable({ sessionTimeoutMs: 40_000 }, {})
    const lost = await bench.join({ id: second!.memberId, protocols: { range: 'new' } })
    const waiting = await bench.join({ id: first!.memberId, sessionTimeoutMs: 40_000 })
    // Both are here: the round is over before anybody is gone.
    expect(joined(waiting).generation).toBe(2)
    const sync = await bench.sync(joined(lost))
    sync.connection.abort()
    await bench.advance(SESSION_MS)
    expect(bench.heartbeat(joined(waiting))).toBe('rebalance-in-progress')
    expect(joined(await bench.join({ id: first!.memberId })).members).toHaveLength(1)
  })

  test('a member that asks again on another connection has its older request answered', async () => {
    const bench = new GroupBench()
    const [first] = await bench.stable({}, {})
    const older = await bench.join({ id: first!.memberId })
    const newer = await bench.join({ id: first!.memberId })
    expect(older.refusal).toBe('rebalance-in-progress')
    expect(newer.isWaiting).toBe(true)
  })

  test('a request on a connection that is gone already changes nothing', async () => {
    const bench = new GroupBench()
    const controller = new AbortController()
    controller.abort()
    expect(await bench.membership.join(joinRequest({}, controller.signal))).toMatchObject({ why: 'unavailable' })
    expect(bench.membership.isDeserted).toBe(true)
  })

  test('when the broker goes down everybody who waits is told, and no timer stays', async () => {
    const bench = new GroupBench()
    await bench.stable({}, {})
    const waiting = await bench.join()
    await bench.join({ learnsId: true })
    bench.membership.close()
    await bench.tick()
    expect(waiting.refusal).toBe('unavailable')
    expect(bench.clock.pendingTimerCount).toBe(0)
  })
})

describe('committing', () => {
  const nobody = { memberId: '', instanceId: undefined, generation: -1 }

  test('without a member only into an empty group', async () => {
    const bench = new GroupBench()
    expect(bench.membership.checkCommit(nobody, false)).toBeUndefined()
    await bench.stable({})
    expect(bench.membership.checkCommit(nobody, false)).toBe('unknown-member')
    expect(bench.membership.checkCommit(nobody, true)).toBeUndefined()
  })

  test('a member commits in its generation, also while the group gathers, not while assignments are awaited', async () => {
    const bench = new GroupBench()
    const [member] = await bench.stable({})
    const claim = { memberId: member!.memberId, instanceId: undefined, generation: 1 }
    expect(bench.membership.checkCommit({ ...claim, generation: 2 }, false)).toBe('illegal-generation')
    expect(bench.membership.checkCommit({ ...claim, memberId: 'x' }, false)).toBe('unknown-member')
    await bench.join()
    expect(bench.membership.checkCommit(claim, false)).toBeUndefined()
    await bench.join({ id: member!.memberId })
    expect(bench.membership.checkCommit({ ...claim, generation: 2 }, false)).toBe('rebalance-in-progress')
    expect(bench.membership.checkCommit({ ...claim, generation: 2 }, true)).toBeUndefined()
    expect(bench.membership.checkCommit(claim, true)).toBe('illegal-generation')
  })
})

describe('after a restart', () => {
  test('the members of the stable generation go on without a round, each with a whole session', async () => {
    const before = new GroupBench()
    const [leader, follower] = await before.stable({ protocols: { range: 'a', robin: 'b' } }, { instance: 'worker' })
    const bench = new GroupBench()
    bench.membership.restore(before.stored.at(-1)!)
    expect(bench.membership.state).toBe('stable')
    expect(bench.membership.describe()).toEqual(before.membership.describe())
    await bench.advance(SESSION_MS - 1)
    expect(bench.heartbeat(leader!)).toBeUndefined()
    expect(bench.heartbeat(follower!, 'worker')).toBeUndefined()
    expect(assigned(await bench.sync(leader!))).toBe(`work of ${leader!.memberId}`)
    // Unchanged, so no new round.
    expect(joined(await bench.join({ id: follower!.memberId, instance: 'worker' })).generation).toBe(1)
    expect((await bench.join({ id: leader!.memberId })).isWaiting).toBe(true)
  })

  test('members that do not show themselves are out', async () => {
    const before = new GroupBench()
    await before.stable({})
    const bench = new GroupBench()
    bench.membership.restore(before.stored.at(-1)!)
    await bench.advance(SESSION_MS)
    expect(bench.membership.state).toBe('empty')
    expect(bench.stored.at(-1)).toMatchObject({ generation: 2, members: [] })
  })

  test('a group that was empty stays so, and counts on from its generation', async () => {
    const before = new GroupBench()
    const [member] = await before.stable({})
    before.membership.leave({ memberId: member!.memberId, instanceId: undefined })
    const membership = new ClassicMembership({
      clock: before.clock,
      random: seededRandom(1),
      settings: defaultGroupSettings,
      store: () => {},
      deserted: () => {},
    })
    membership.restore(before.stored.at(-1)!)
    expect(membership).toMatchObject({ state: 'empty', generation: 2, emptySinceMs: before.clock.nowMs() })
  })
})

describe('what members read', () => {
  test('a stream some member named is read; where one could not tell, every stream is', async () => {
    const bench = new GroupBench()
    expect(bench.membership.reads('a')).toBe(false)
    await bench.stable({ streams: ['a'] }, { streams: ['b'] })
    expect(['a', 'b', 'c'].map((stream) => bench.membership.reads(stream))).toEqual([true, true, false])
    await bench.join({})
    expect(bench.membership.reads('c')).toBe(true)
  })
})
