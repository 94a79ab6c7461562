import { afterEach, describe, expect, test } from 'vitest'
import { StorageError } from '../../base/errors.ts'
import { seededRandom } from '../../base/random.ts'
import { CoordinatorBench, groupWorlds, offsetsOf } from './coordinator.test-kit.ts'
import type { JoinAnswer } from './group-door.ts'
import type { GroupSettings } from './group-settings.ts'
import { type Joined, joinRequest, SESSION_MS } from './membership.test-kit.ts'

const DAY_MS = 24 * 3600 * 1000
const forever = new AbortController().signal
const open: CoordinatorBench[] = []

afterEach(async () => {
  for (const bench of open.splice(0)) await bench.close()
})

async function benchOn(name: string, settings: Partial<GroupSettings> = {}): Promise<CoordinatorBench> {
  const world = groupWorlds.find((candidate) => candidate.name === name)
  if (world === undefined) throw new Error(`no world ${name}`)
  const bench = await CoordinatorBench.open(world.make(), settings)
  open.push(bench)
  return bench
}

const memory = (settings: Partial<GroupSettings> = {}): Promise<CoordinatorBench> => benchOn('memory', settings)

/** One stable member of the group 'jobs'. */
async function member(bench: CoordinatorBench, options: Parameters<typeof joinRequest>[0] = {}): Promise<Joined> {
  const joining = bench.groups.join(joinRequest(options, forever))
  bench.clock.advance(0)
  const joined = joinedBy(await joining)
  const { memberId, generation } = joined
  await bench.groups.sync({
    group: 'jobs',
    memberId,
    generation,
    instanceId: options.instance,
    protocolType: undefined,
    protocol: undefined,
    assignments: new Map([[memberId, Buffer.from('all of it')]]),
    gone: forever,
  })
  return joined
}

function joinedBy(answer: JoinAnswer): Joined {
  if (answer.kind !== 'joined') throw new Error(answer.why)
  return answer
}

describe.each(groupWorlds.map(({ name }) => name))('groups on %s', (world) => {
  test('committed offsets come back after a restart, with all that was said about them', async () => {
    const bench = await benchOn(world)
    const offsets = [{ stream: 'jobs', partition: 3, offset: 42, leaderEpoch: 5, metadata: 'where I was: ✓' }]
    expect(await bench.commit('jobs', {}, { offsets })).toEqual([undefined])
    await bench.commit('others', { 'logs 0': 1, 'logs 1': 2, 'mails 0': -2 })
    await bench.commit('others', { 'logs 1': 7 })
    await bench.restart()
    expect(bench.groups.fetchOffsets('jobs', [{ stream: 'jobs', partitions: [3, 4] }])).toEqual([
      {
        stream: 'jobs',
        partitions: [
          { partition: 3, offset: 42, leaderEpoch: 5, metadata: 'where I was: ✓', isUnstable: false },
          { partition: 4, offset: -1, leaderEpoch: -1, metadata: '', isUnstable: false },
        ],
      },
    ])
    expect(bench.committed('others')).toEqual({ 'logs 0': 1, 'logs 1': 7, 'mails 0': -2 })
  })

  test('an offset is seen when it is durable, not before', async () => {
    const bench = await benchOn(world)
    const before = bench.journal.committed
    const committing = bench.commit('jobs', { 'jobs 0': 5 })
    expect(bench.committed('jobs')).toEqual({})
    await committing
    expect(bench.journal.committed).toBeGreaterThan(before)
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 5 })
  })

  test('a snapshot stands also for what was on its way when it was written', async () => {
    const bench = await benchOn(world)
    await bench.commit('jobs', { 'jobs 0': 1 })
    await bench.stage('jobs', 9, { 'jobs 1': 100 })
    const late = [bench.commit('jobs', { 'jobs 0': 2 }), bench.stage('jobs', 9, { 'jobs 2': 200 })]
    bench.snapshotAll()
    await Promise.all(late)
    await bench.restart()
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 2 })
    await bench.groups.endStaged(9, 'commit')
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 2, 'jobs 1': 100, 'jobs 2': 200 })
  })

  test('members of a stable group go on after a restart as if nothing had been', async () => {
    const bench = await benchOn(world)
    const { memberId, generation } = await member(bench, { streams: ['jobs'], protocols: { range: 'a', robin: 'b' } })
    const before = bench.groups.describe('jobs')
    expect(before).toMatchObject({ state: 'stable', protocol: 'range', protocolType: 'consumer' })
    bench.snapshotAll()
    await bench.restart()
    expect(bench.groups.describe('jobs')).toEqual(before)
    expect(bench.groups.heartbeat('jobs', { memberId, generation, instanceId: undefined })).toBeUndefined()
    expect(await bench.commit('jobs', { 'jobs 0': 3 }, { memberId, generation })).toEqual([undefined])
    bench.clock.advance(SESSION_MS)
    expect(bench.groups.describe('jobs')).toMatchObject({ state: 'empty', members: [] })
  })

  test('thousands of commits later a restart finds the newest of each', async () => {
    const bench = await benchOn(world)
    const random = seededRandom(5)
    const model = new Map<string, Record<string, number>>()
    let last: Promise<unknown> = Promise.resolve()
    for (let round = 0; round < 3000; round++) {
      const group = `group ${random.below(20)}`
      const name = `jobs ${random.below(30)}`
      model.set(group, { ...model.get(group), [name]: round })
      last = bench.commit(group, { [name]: round })
      if (round % 100 === 99) await last
    }
    await last
    await bench.restart()
    for (const [group, offsets] of model) expect(bench.committed(group)).toEqual(sorted(offsets))
  })

  test('when another owner takes the shard nothing is promised any more', async () => {
    const bench = await benchOn(world)
    await bench.commit('jobs', { 'jobs 0': 1 })
    await bench.stage('jobs', 5, { 'jobs 0': 2 })
    const joining = bench.groups.join(joinRequest({}, forever))
    bench.clock.advance(0)
    const { memberId, generation } = joinedBy(await joining)
    const successor = await bench.storage.claim(0)
    expect(await bench.commit('others', { 'jobs 0': 5 })).toEqual(['unavailable'])
    const assignments = new Map([[memberId, Buffer.from('all')]])
    const said = { instanceId: undefined, protocolType: undefined, protocol: undefined, gone: forever }
    const sync = await bench.groups.sync({ group: 'jobs', memberId, generation, assignments, ...said })
    expect(sync).toEqual({ kind: 'refused', why: 'unavailable' })
    await expect(bench.groups.endStaged(5, 'commit')).rejects.toThrow(StorageError)
    await expect(bench.groups.deleteGroup('others')).resolves.toBe('not-found')
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
    await successor.close()
  })

  test('a deleted group is gone for good, and so are the offsets of a deleted stream', async () => {
    const bench = await benchOn(world)
    await bench.commit('old', { 'jobs 0': 1 })
    await bench.commit('jobs', { 'jobs 0': 1, 'logs 0': 2, 'mails 1': 3 })
    await bench.stage('jobs', 4, { 'logs 5': 1 })
    expect(await bench.groups.deleteGroup('old')).toBeUndefined()
    expect(await bench.groups.deleteGroup('old')).toBe('not-found')
    bench.groups.forgetStream('logs')
    bench.streams.delete('mails')
    await bench.restart()
    expect(bench.groups.list().map(({ group }) => group)).toEqual(['jobs'])
    await bench.groups.endStaged(4, 'commit')
    await bench.commit('jobs', { 'jobs 0': 9 })
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 9 })
  })
})

const sorted = (offsets: Record<string, number>): Record<string, number> =>
  Object.fromEntries(Object.entries(offsets).sort(([a], [b]) => (a < b ? -1 : 1)))

describe('who may commit', () => {
  test('anybody into a group nobody is in; into another only its members', async () => {
    const bench = await memory()
    expect(await bench.commit('jobs', { 'jobs 0': 1 }, { memberId: 'x', generation: 3 })).toEqual(['not-found'])
    expect(await bench.commit('jobs', { 'jobs 0': 1 })).toEqual([undefined])
    const { memberId, generation } = await member(bench)
    expect(await bench.commit('jobs', { 'jobs 0': 2, 'jobs 1': 2 })).toEqual(['unknown-member', 'unknown-member'])
    expect(await bench.commit('jobs', { 'jobs 0': 2 }, { memberId, generation: 9 })).toEqual(['illegal-generation'])
    expect(await bench.commit('jobs', { 'jobs 0': 2 }, { memberId, generation })).toEqual([undefined])
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 2 })
  })

  test('one offset with too long a text or an impossible number does not spoil the others', async () => {
    const bench = await memory({ offsetMetadataBytesMax: 6 })
    const [first, second, third] = offsetsOf({ 'jobs 0': 1, 'jobs 1': 2, 'jobs 2': 2 ** 60 })
    const offsets = [{ ...first!, metadata: '✓✓' }, { ...second!, metadata: '✓✓✓' }, third!]
    expect(await bench.commit('jobs', {}, { offsets })).toEqual([
      undefined,
      'offset-metadata-too-large',
      'invalid-offset',
    ])
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
  })
})

describe('staged offsets', () => {
  test('they count when the transaction commits, in every group, and are unstable until then', async () => {
    const bench = await memory()
    await bench.commit('a', { 'jobs 0': 1 })
    await bench.stage('a', 7, { 'jobs 0': 10 })
    await bench.stage('b', 7, { 'jobs 0': 20 })
    await bench.stage('b', 8, { 'jobs 1': 30 })
    expect(bench.committed('a')).toEqual({ 'jobs 0': 1 })
    expect([bench.isUnstable('a', 'jobs', 0), bench.isUnstable('a', 'jobs', 1)]).toEqual([true, false])
    const ending = bench.groups.endStaged(7, 'commit')
    await Promise.all([ending, bench.groups.endStaged(7, 'commit')])
    expect([bench.committed('a'), bench.committed('b')]).toEqual([{ 'jobs 0': 10 }, { 'jobs 0': 20 }])
    expect([bench.isUnstable('a', 'jobs', 0), bench.isUnstable('b', 'jobs', 1)]).toEqual([false, true])
  })

  test('an abort drops them, also after a restart', async () => {
    const bench = await memory()
    await bench.stage('a', 7, { 'jobs 0': 10 })
    await bench.restart()
    expect(bench.isUnstable('a', 'jobs', 0)).toBe(true)
    await bench.groups.endStaged(7, 'abort')
    expect(bench.committed('a')).toEqual({})
    expect(bench.isUnstable('a', 'jobs', 0)).toBe(false)
    await bench.restart()
    expect(bench.groups.list()).toEqual([])
  })

  test('a plain commit that came after the staging stays, also over snapshots', async () => {
    for (const restarts of [false, true]) {
      const bench = await memory()
      await bench.commit('a', { 'jobs 1': 5 })
      await bench.stage('a', 7, { 'jobs 0': 10, 'jobs 1': 11 })
      await bench.commit('a', { 'jobs 0': 3 })
      await bench.stage('a', 8, { 'jobs 0': 20 })
      bench.snapshotAll()
      if (restarts) await bench.restart()
      await bench.groups.endStaged(7, 'commit')
      expect(bench.committed('a')).toEqual({ 'jobs 0': 3, 'jobs 1': 11 })
      await bench.groups.endStaged(8, 'commit')
      expect(bench.committed('a')).toEqual({ 'jobs 0': 20, 'jobs 1': 11 })
    }
  })

  test('ending what is still on its way to storage ends it all the same', async () => {
    const bench = await memory()
    const staging = bench.stage('a', 7, { 'jobs 0': 10 })
    const ending = bench.groups.endStaged(7, 'commit')
    await Promise.all([staging, ending])
    expect(bench.committed('a')).toEqual({ 'jobs 0': 10 })
    expect(bench.isUnstable('a', 'jobs', 0)).toBe(false)
  })
})

describe('deleting', () => {
  test('a group with members is not deleted; one that was merely told its id does not count', async () => {
    const bench = await memory()
    await bench.groups.join(joinRequest({ learnsId: true }, forever))
    expect(await bench.groups.deleteGroup('jobs')).toBeUndefined()
    await member(bench)
    expect(await bench.groups.deleteGroup('jobs')).toBe('not-empty')
    expect(await bench.groups.deleteGroup('nobody')).toBe('not-found')
  })

  test('offsets of a stream that a member reads are not deleted', async () => {
    const bench = await memory()
    await bench.commit('jobs', { 'jobs 0': 1, 'jobs 1': 2, 'logs 0': 3 })
    await member(bench, { streams: ['jobs'] })
    const wanted = [
      { stream: 'jobs', partitions: [0] },
      { stream: 'logs', partitions: [0, 1] },
    ]
    expect(await bench.groups.deleteOffsets('jobs', wanted)).toEqual(['subscribed', undefined])
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1, 'jobs 1': 2 })
    expect(await bench.groups.deleteOffsets('nobody', wanted)).toBe('not-found')
  })

  test('of members that are no consumers nobody can tell what they read', async () => {
    const bench = await memory()
    await bench.commit('jobs', { 'jobs 0': 1 })
    await member(bench, { protocolType: 'connect' })
    expect(await bench.groups.deleteOffsets('jobs', [{ stream: 'jobs', partitions: [0] }])).toBe('not-empty')
  })
})

describe('forgetting what nobody uses', () => {
  test('offsets of a group that never had members go when they are old enough', async () => {
    const bench = await memory()
    await bench.commit('jobs', { 'jobs 0': 1 })
    bench.clock.advance(4 * DAY_MS)
    await bench.commit('jobs', { 'jobs 1': 1 })
    bench.clock.advance(3 * DAY_MS)
    await bench.settled()
    expect(bench.committed('jobs')).toEqual({ 'jobs 1': 1 })
    bench.clock.advance(4 * DAY_MS)
    await bench.settled()
    expect(bench.groups.list()).toEqual([])
  })

  test('offsets of a group that had members are counted from when it became empty', async () => {
    const bench = await memory()
    const { memberId, generation } = await member(bench)
    await bench.commit('jobs', { 'jobs 0': 1 }, { memberId, generation })
    const claim = { memberId, generation, instanceId: undefined }
    for (let beats = 0; beats < 30; beats++) {
      bench.clock.advance(SESSION_MS - 1)
      expect(bench.groups.heartbeat('jobs', claim)).toBeUndefined()
    }
    expect(bench.groups.leave('jobs', [{ memberId, instanceId: undefined }])).toEqual([undefined])
    await bench.settled()
    await bench.restart()
    bench.clock.advance(7 * DAY_MS - 1000)
    await bench.settled()
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
    bench.clock.advance(1000 + bench.settings.sweepMs)
    await bench.settled()
    expect(bench.groups.list()).toEqual([])
  })

  test('while consumers are there, offsets of streams they do not read go, others stay', async () => {
    const bench = await memory({ sessionTimeoutMsMax: 100 * DAY_MS })
    await bench.commit('jobs', { 'jobs 0': 1, 'logs 0': 2 })
    await member(bench, { streams: ['jobs'], sessionTimeoutMs: 50 * DAY_MS })
    bench.clock.advance(8 * DAY_MS)
    await bench.settled()
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
  })

  test('a commit that said how long it is to be kept is kept that long', async () => {
    const bench = await memory()
    await bench.commit('jobs', { 'jobs 0': 1 }, { retentionMs: 20 * DAY_MS })
    await bench.commit('jobs', { 'jobs 1': 1 }, { retentionMs: 1000 })
    bench.clock.advance(10 * DAY_MS)
    await bench.settled()
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
  })

  test('what a transaction may still change stays', async () => {
    const bench = await memory()
    await bench.commit('jobs', { 'jobs 0': 1 })
    await bench.stage('jobs', 3, { 'jobs 0': 2 })
    bench.clock.advance(20 * DAY_MS)
    await bench.settled()
    expect(bench.committed('jobs')).toEqual({ 'jobs 0': 1 })
  })
})

describe('requests that make no sense', () => {
  test('a group needs a name, a session a sensible length, and metadata has its limit', async () => {
    const bench = await memory({ memberBytesMax: 100 })
    const request = joinRequest({}, forever)
    const why = async (given: object): Promise<unknown> => {
      const answer = await bench.groups.join({ ...request, ...given })
      return answer.kind === 'refused' ? answer.why : answer.kind
    }
    expect(await why({ group: '' })).toBe('invalid-group-id')
    expect(await why({ sessionTimeoutMs: 5999 })).toBe('invalid-session-timeout')
    expect(await why({ sessionTimeoutMs: 1_800_001 })).toBe('invalid-session-timeout')
    expect(await why({ protocols: [{ name: 'range', metadata: Buffer.alloc(99) }] })).toBe('too-large')
    expect(await why({ memberId: 'x' })).toBe('unknown-member')
    expect(bench.groups.heartbeat('', { memberId: '', instanceId: undefined, generation: 0 })).toBe('invalid-group-id')
    expect(bench.groups.heartbeat('x', { memberId: '', instanceId: undefined, generation: 0 })).toBe('unknown-member')
    expect(bench.groups.leave('', [])).toBe('invalid-group-id')
    expect(bench.groups.leave('x', [{ memberId: 'm', instanceId: undefined }])).toEqual(['unknown-member'])
    expect(bench.groups.list()).toEqual([])
  })

  test('when the broker goes down, whoever waits is told and nothing is taken any more', async () => {
    const bench = await memory()
    const waiting = bench.groups.join(joinRequest({}, forever))
    bench.groups.close()
    expect(await waiting).toMatchObject({ why: 'unavailable' })
    expect(await bench.commit('jobs', { 'jobs 0': 1 })).toEqual(['unavailable'])
    expect(await bench.groups.join(joinRequest({}, forever))).toMatchObject({ why: 'unavailable' })
  })
})
