import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { committedOffset, committedValues, isUnstable, MINUTE, TestProducer } from './test-kit.ts'
import { defaultTransactionSettings } from './transaction-settings.ts'

let bench: StreamBench
let producer: TestProducer

beforeEach(async () => {
  bench = await StreamBench.open()
  await bench.create('source')
  await bench.create('t', 2)
  producer = new TestProducer(bench, 'bank')
})

afterEach(() => bench.broker.close())

const stateOf = (id = 'bank') => bench.session.transactions.describe(id)?.state

/** Lets work that nobody waits for go through storage. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('transactions: opening a transactional id', () => {
  test('the first opening gives a new producer id and epoch 0, every further one the next epoch', async () => {
    expect(await producer.open()).toMatchObject({ kind: 'producer', producerEpoch: 0 })
    const { producerId } = producer
    expect(await producer.open()).toEqual({ kind: 'producer', producerId, producerEpoch: 1 })
    const other = new TestProducer(bench, 'shop')
    await other.open()
    expect(other.producerId).not.toBe(producerId)
    expect(stateOf()).toBe('empty')
  })

  test('an id that is empty or too long, and a timeout outside the limits, are refused', async () => {
    const { transactions } = producer
    const open = (transactionalId: string, timeoutMs: number) =>
      transactions.open({ transactionalId, timeoutMs, expected: undefined })
    expect(await open('', MINUTE)).toEqual({ kind: 'refused', why: 'invalid-request' })
    expect(await open('x'.repeat(32_768), MINUTE)).toEqual({ kind: 'refused', why: 'invalid-request' })
    expect(await open('bank', 0)).toEqual({ kind: 'refused', why: 'invalid-timeout' })
    expect(await open('bank', 15 * MINUTE + 1)).toEqual({ kind: 'refused', why: 'invalid-timeout' })
    expect(await open('bank', 15 * MINUTE)).toMatchObject({ kind: 'producer' })
  })

  test('an open transaction is aborted first, and its old holder is fenced everywhere', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['lost'])
    await producer.addGroupAndStage('readers', 7)
    const successor = new TestProducer(bench, 'bank')
    expect(await successor.open()).toEqual({ kind: 'producer', producerId: producer.producerId, producerEpoch: 2 })
    expect(await committedValues(bench, 't')).toEqual([])
    expect(bench.partition('t').lastStableOffset).toBe(2)
    expect(committedOffset(bench, 'readers')).toBe(-1)
    expect(isUnstable(bench, 'readers')).toBe(false)
    expect(producer.write('t', 0, ['zombie'])).toEqual({ kind: 'refused', why: 'invalid-producer-epoch' })
    expect(await producer.add('t', 1)).toBe('fenced')
    expect(await producer.transactions.addGroup(producer.claim, 'readers')).toBe('fenced')
    expect(await producer.stage('readers', 8)).toEqual({ kind: 'refused', why: 'fenced' })
    expect(await producer.end('commit')).toEqual({ kind: 'refused', why: 'fenced' })
  })

  test('who goes on after an error keeps the id, and a repeated request gets the same answer', async () => {
    await producer.open()
    const before = producer.identity
    expect(await producer.open({ expected: before })).toMatchObject({ producerEpoch: 1 })
    expect(await producer.open({ expected: before })).toMatchObject({ producerEpoch: 1 })
    expect(await producer.open({ expected: { ...before, producerEpoch: 1 } })).toMatchObject({ producerEpoch: 2 })
    expect(await producer.open({ expected: before })).toEqual({ kind: 'refused', why: 'fenced' })
  })

  test('who was fenced cannot go on, and does not abort what his successor has open', async () => {
    await producer.open()
    const zombie = producer.copy()
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['kept'])
    expect(await zombie.open({ expected: zombie.identity })).toEqual({ kind: 'refused', why: 'fenced' })
    expect(stateOf()).toBe('ongoing')
    await producer.end('commit')
    expect(await committedValues(bench, 't')).toEqual(['kept'])
  })

  test('who goes on in the middle of a transaction has it aborted, and one repeated request is the same again', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['lost'])
    const expected = producer.identity
    expect(await producer.open({ expected })).toMatchObject({ producerEpoch: 1 })
    expect(await producer.open({ expected })).toMatchObject({ producerEpoch: 1 })
    await producer.add('t', 0)
    expect(producer.write('t', 0, ['kept']).kind).toBe('appended')
    await producer.end('commit')
    expect(await committedValues(bench, 't')).toEqual(['kept'])
  })

  test('an unknown id with an identity of its own begins anew', async () => {
    const expected = { producerId: 4711, producerEpoch: 5 }
    expect(await producer.open({ expected })).toMatchObject({ kind: 'producer', producerEpoch: 0 })
    expect(producer.producerId).not.toBe(4711)
  })

  test('a producer without a transactional id gets an id nobody ever had, over restarts too', async () => {
    const seen = new Set<number>()
    for (let start = 0; start < 3; start++) {
      for (let count = 0; count < 5; count++) {
        const answer = await bench.session.transactions.newProducer()
        expect(answer).toMatchObject({ kind: 'producer', producerEpoch: 0 })
        if (answer.kind === 'producer') seen.add(answer.producerId)
      }
      await producer.open()
      seen.add(producer.producerId)
      await bench.kill()
    }
    expect(seen.size).toBe(16)
  })
})

describe('transactions: partitions and groups', () => {
  test('a partition takes transactional records only when it was added', async () => {
    await producer.open()
    expect(producer.write('t', 0, ['early'])).toEqual({ kind: 'refused', why: 'invalid-transaction-state' })
    expect(await producer.add('t', 0)).toBeUndefined()
    expect(producer.write('t', 0, ['a'])).toEqual({ kind: 'appended', baseOffset: 0 })
    expect(producer.write('t', 1, ['b'])).toEqual({ kind: 'refused', why: 'invalid-transaction-state' })
  })

  test('an epoch that nobody gave out cannot write in it, and keeps nobody from its end', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['a'])
    const forger = producer.copy()
    forger.producerEpoch += 7
    for (let write = 0; write < 2; write++) {
      expect(forger.write('t', 0, ['forged'])).toEqual({ kind: 'refused', why: 'invalid-producer-epoch' })
    }
    expect(producer.write('t', 0, ['b']).kind).toBe('appended')
    await producer.end('commit')
    expect(await committedValues(bench, 't')).toEqual(['a', 'b'])
  })

  test('adding the same again is fine, and a commit shows the records of all partitions', async () => {
    await producer.open()
    await producer.add('t', 0)
    expect(await producer.add('t', 0)).toBeUndefined()
    expect(await producer.add('t', 0, 1)).toBeUndefined()
    producer.write('t', 0, ['a'])
    producer.write('t', 1, ['b'])
    expect(bench.session.transactions.describe('bank')).toMatchObject({
      state: 'ongoing',
      startedMs: bench.clock.nowMs(),
      timeoutMs: MINUTE,
      partitions: [{ stream: 't', partitions: [0, 1] }],
    })
    expect(await committedValues(bench, 't', 0)).toEqual([])
    expect(await producer.end('commit')).toMatchObject({ kind: 'producer', producerEpoch: 0 })
    expect(stateOf()).toBe('committed')
    expect(bench.session.transactions.describe('bank')?.partitions).toEqual([])
    expect([await committedValues(bench, 't', 0), await committedValues(bench, 't', 1)]).toEqual([['a'], ['b']])
    expect(bench.partition('t').highWatermark).toBe(2)
  })

  test('an abort hides the records of all partitions, and the next transaction follows with the same epoch', async () => {
    await producer.open()
    await producer.add('t', 0, 1)
    producer.write('t', 0, ['a'])
    producer.write('t', 1, ['b'])
    await producer.end('abort')
    expect(stateOf()).toBe('aborted')
    await producer.add('t', 1)
    producer.write('t', 1, ['c'])
    await producer.end('commit')
    expect([await committedValues(bench, 't', 0), await committedValues(bench, 't', 1)]).toEqual([[], ['c']])
  })

  test('an unknown id, and another producer id than the holder has, are told apart from an old epoch', async () => {
    expect(await producer.add('t', 0)).toBe('unknown-producer')
    expect(await producer.end('commit')).toEqual({ kind: 'refused', why: 'unknown-producer' })
    await producer.open()
    const stranger = producer.copy()
    stranger.producerId += 1
    expect(await stranger.add('t', 0)).toBe('unknown-producer')
    expect(await stranger.end('commit')).toEqual({ kind: 'refused', why: 'unknown-producer' })
    const future = producer.copy()
    future.producerEpoch += 1
    expect(await future.add('t', 0)).toBe('fenced')
  })

  test('a stream deleted in the middle does not keep the transaction from its end', async () => {
    await bench.create('gone')
    await producer.open()
    await producer.add('gone', 0)
    await producer.add('t', 0)
    producer.write('gone', 0, ['a'])
    producer.write('t', 0, ['b'])
    await bench.streams.delete('gone')
    expect(await producer.end('commit')).toMatchObject({ kind: 'producer' })
    expect(await committedValues(bench, 't')).toEqual(['b'])
  })

  test('offsets are staged for a group of the transaction only, and count from its commit on', async () => {
    await producer.open()
    expect(await producer.stage('readers', 3)).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(await producer.transactions.addGroup(producer.claim, 'readers')).toBeUndefined()
    expect(await producer.stage('others', 3)).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(await producer.stage('readers', 3)).toEqual({ kind: 'staged', offsets: [undefined] })
    expect([committedOffset(bench, 'readers'), isUnstable(bench, 'readers')]).toEqual([-1, true])
    await producer.end('commit')
    expect([committedOffset(bench, 'readers'), isUnstable(bench, 'readers')]).toEqual([3, false])
  })

  test('staging may add the group, beginning the transaction', async () => {
    await producer.open()
    expect(await producer.stage('readers', 3, true)).toEqual({ kind: 'staged', offsets: [undefined] })
    expect(stateOf()).toBe('ongoing')
    await producer.end('abort')
    expect([committedOffset(bench, 'readers'), isUnstable(bench, 'readers')]).toEqual([-1, false])
  })

  test('what the group has against the offsets is answered as the group says it', async () => {
    await producer.open()
    await producer.transactions.addGroup(producer.claim, 'readers')
    const offsets = [{ stream: 's', partition: 0, offset: 1, leaderEpoch: -1, metadata: '' }]
    const request = { group: 'readers', memberId: 'm', instanceId: undefined, generation: 4, offsets }
    const answer = await producer.transactions.stageOffsets({ ...producer.claim, addsGroup: false, request })
    expect(answer).toEqual({ kind: 'staged', offsets: ['not-found'] })
  })

  test('no more groups than allowed, and none without a name', async () => {
    await producer.open()
    const add = (group: string) => producer.transactions.addGroup(producer.claim, group)
    expect(await add('')).toBe('invalid-request')
    const { groupsPerTransactionMax } = defaultTransactionSettings
    await Promise.all(Array.from({ length: groupsPerTransactionMax }, (_, index) => add(`group ${index}`)))
    expect(await add('group 0')).toBeUndefined()
    expect(await add('one more')).toBe('invalid-request')
  })

  test('checking says which partitions are in', async () => {
    await producer.open()
    await producer.add('t', 1)
    const asked = [{ stream: 't', partitions: [0, 1] }]
    expect(producer.transactions.check(producer.claim, asked)).toEqual([[false, true]])
    const has = (...partitions: number[]) =>
      producer.transactions.hasPartitions(producer.claim, [{ stream: 't', partitions }])
    expect([has(1), has(0, 1)]).toEqual([true, false])
    const adding = producer.add('t', 0)
    expect(has(1)).toBe(false)
    await adding
    expect(has(0, 1)).toBe(true)
    expect(producer.transactions.check({ ...producer.claim, producerEpoch: 9 }, asked)).toBe('fenced')
    expect(producer.transactions.check({ ...producer.claim, transactionalId: 'x' }, asked)).toBe('unknown-producer')
  })
})

describe('transactions: ending', () => {
  test('nothing begun cannot be ended', async () => {
    await producer.open()
    expect(await producer.end('commit')).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(await producer.end('abort')).toEqual({ kind: 'refused', why: 'invalid-state' })
  })

  test('a repeated end is answered alike and writes nothing, the other outcome is refused', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['a'])
    await producer.end('commit')
    const { highWatermark } = bench.partition('t')
    expect(await producer.end('commit')).toMatchObject({ kind: 'producer' })
    expect(await producer.end('abort')).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(bench.partition('t').highWatermark).toBe(highWatermark)
    await producer.add('t', 0)
    await producer.end('abort')
    expect(await producer.end('abort')).toMatchObject({ kind: 'producer' })
    expect(await producer.end('commit')).toEqual({ kind: 'refused', why: 'invalid-state' })
  })

  test('requests sent at once are done one after the other', async () => {
    await producer.open()
    const answers = await Promise.all([
      producer.add('t', 0),
      producer.stage('readers', 5, true),
      producer.end('commit'),
      producer.end('commit'),
      producer.add('t', 1),
      producer.end('abort'),
    ])
    expect(answers).toMatchObject([
      undefined,
      { kind: 'staged' },
      { kind: 'producer' },
      { kind: 'producer' },
      undefined,
      { kind: 'producer' },
    ])
    expect(committedOffset(bench, 'readers')).toBe(5)
    expect(stateOf()).toBe('aborted')
  })

  test('a renewing end gives the next epoch, and a repeated one the same again', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['a'])
    const before = producer.copy()
    const { producerId } = producer
    const renewed = { kind: 'producer', producerId, producerEpoch: 1 }
    expect(await producer.end('commit', true)).toEqual(renewed)
    expect(await before.end('commit', true)).toEqual(renewed)
    expect(await before.end('abort', true)).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(before.write('t', 0, ['late'])).toEqual({ kind: 'refused', why: 'invalid-producer-epoch' })
    producer.become({ producerId, producerEpoch: 1 })
    await producer.add('t', 0)
    expect(await before.end('commit', true)).toEqual({ kind: 'refused', why: 'fenced' })
    expect(producer.write('t', 0, ['b']).kind).toBe('appended')
    await producer.end('commit', true)
    expect(await committedValues(bench, 't')).toEqual(['a', 'b'])
  })

  test('a renewing abort of nothing only gives the next epoch', async () => {
    await producer.open()
    expect(await producer.end('commit', true)).toEqual({ kind: 'refused', why: 'invalid-state' })
    expect(await producer.end('abort', true)).toMatchObject({ kind: 'producer', producerEpoch: 1 })
    expect(await producer.end('abort', true)).toMatchObject({ kind: 'producer', producerEpoch: 1 })
    expect(stateOf()).toBe('aborted')
  })
})

describe('transactions: time', () => {
  test('one that lasts too long is aborted, and its producer fenced', async () => {
    await producer.open()
    await producer.add('t', 0)
    producer.write('t', 0, ['slow'])
    await producer.stage('readers', 2, true)
    bench.clock.advance(MINUTE - 1)
    await settle()
    expect(stateOf()).toBe('ongoing')
    bench.clock.advance(2000)
    await settle()
    expect(stateOf()).toBe('aborted')
    expect(await committedValues(bench, 't')).toEqual([])
    expect(bench.partition('t').lastStableOffset).toBe(2)
    expect(isUnstable(bench, 'readers')).toBe(false)
    expect(await producer.end('commit')).toEqual({ kind: 'refused', why: 'fenced' })
    expect(producer.write('t', 0, ['late'])).toEqual({ kind: 'refused', why: 'invalid-producer-epoch' })
    expect(await producer.open({ expected: producer.identity })).toEqual({ kind: 'refused', why: 'fenced' })
    expect(await producer.open()).toMatchObject({ producerEpoch: 2 })
  })

  test('the time counts from the first partition or group on, not from the opening', async () => {
    await producer.open()
    bench.clock.advance(10 * MINUTE)
    await producer.add('t', 0)
    bench.clock.advance(MINUTE / 2)
    await producer.add('t', 1)
    bench.clock.advance(MINUTE / 2 + 2000)
    await settle()
    expect(stateOf()).toBe('aborted')
  })

  test('time goes on over a restart', async () => {
    await producer.open()
    await producer.add('t', 0)
    bench.clock.advance(MINUTE / 2)
    await bench.kill()
    bench.clock.advance(MINUTE / 2 + 2000)
    await settle()
    expect(stateOf()).toBe('aborted')
  })

  test('no timer runs when nothing is open', async () => {
    const before = bench.clock.pendingTimerCount
    await producer.open()
    await producer.add('t', 0)
    expect(bench.clock.pendingTimerCount).toBeGreaterThan(before)
    await producer.end('commit')
    bench.clock.advance(2000)
    expect(bench.clock.pendingTimerCount).toBe(before)
  })

  test('an id not used for a week is forgotten for good; an open transaction is use', async () => {
    const { expirationMs, expirationSweepMs } = defaultTransactionSettings
    await producer.open()
    bench.clock.advance(expirationMs / 2)
    const other = new TestProducer(bench, 'shop')
    await other.open()
    bench.clock.advance(expirationMs / 2 + expirationSweepMs)
    expect(bench.session.transactions.list().map(({ transactionalId }) => transactionalId)).toEqual(['shop'])
    await bench.restart()
    expect(bench.session.transactions.describe('bank')).toBeUndefined()
    const { producerId } = producer
    await producer.open()
    expect(producer).toMatchObject({ producerEpoch: 0 })
    expect(producer.producerId).not.toBe(producerId)
  })
})
