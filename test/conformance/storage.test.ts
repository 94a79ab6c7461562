/** What every storage engine must do, run against each of them. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { StorageError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import { type Entry, EntryKind, type Journal, type Storage } from '../../src/storage/contract.ts'
import { type World, worlds } from './engines.ts'
import { OwnerModel, readAll } from './owner-model.ts'

const { record, control, snapshot } = EntryKind

async function claimed(storage: Storage): Promise<Journal> {
  const journal = await storage.claim(0)
  await journal.replay(() => {})
  return journal
}

async function replayOf(journal: Journal): Promise<string[]> {
  const seen: string[] = []
  await journal.replay(({ log, kind, baseOffset, count, payload }: Entry) => {
    seen.push(`${log} ${kind} ${baseOffset}+${count} ${payload.toString()}`)
  })
  return seen
}

const committed = (journal: Journal, ticket: number): Promise<void> =>
  new Promise((resolve, reject) => {
    if (journal.committed >= ticket) return resolve()
    journal.onCommit((upTo) => {
      if (upTo >= ticket) resolve()
    })
    journal.onFailure(reject)
  })

const text = (value: string): Buffer => Buffer.from(value)

describe.each(worlds)('storage, $name', ({ make }) => {
  let world: World
  let storage: Storage

  beforeEach(async () => {
    world = make()
    storage = await world.open()
  })

  afterEach(async () => {
    await storage.close()
    world.destroy()
  })

  test('an appended record becomes durable, is read back, and is replayed after a restart', async () => {
    const journal = await claimed(storage)
    const first = journal.append(7, record, 100, 1, text('one'))
    const second = journal.append(7, record, 101, 3, text('three offsets'))
    expect(second).toBeGreaterThan(first)
    expect(journal.appended).toBe(second)
    expect(journal.committed).toBeLessThan(first)
    expect(journal.pendingBytes).toBe(16)
    expect(await journal.read(7, 0, 1000)).toEqual([])
    await committed(journal, second)
    expect(journal.pendingBytes).toBe(0)
    const read = await journal.read(7, 0, 1000)
    expect(read.map(({ baseOffset, count, payload }) => [baseOffset, count, payload.toString()])).toEqual([
      [100, 1, 'one'],
      [101, 3, 'three offsets'],
    ])
    storage = await world.reopen(storage)
    expect(await replayOf(await storage.claim(0))).toEqual(['7 0 100+1 one', '7 0 101+3 three offsets'])
  })

  test('a read gives whole records from the one that holds the offset, up to maxBytes but at least one', async () => {
    const journal = await claimed(storage)
    journal.append(1, record, 0, 10, text('a'.repeat(50)))
    journal.append(1, record, 10, 10, text('b'.repeat(50)))
    await committed(journal, journal.append(1, record, 40, 10, text('c'.repeat(50))))
    const offsets = async (from: number, maxBytes: number): Promise<number[]> =>
      (await journal.read(1, from, maxBytes)).map(({ baseOffset }) => baseOffset)
    expect(await offsets(0, 1)).toEqual([0])
    expect(await offsets(0, 99)).toEqual([0])
    expect(await offsets(0, 100)).toEqual([0, 10])
    expect(await offsets(9, 1000)).toEqual([0, 10, 40])
    expect(await offsets(10, 1)).toEqual([10])
    expect(await offsets(25, 1)).toEqual([40])
    expect(await offsets(49, 1)).toEqual([40])
    expect(await offsets(50, 1)).toEqual([])
    expect(await journal.read(2, 0, 1000)).toEqual([])
  })

  test('the listeners before a seal still add to the group, and wake asks for their call', async () => {
    const journal = await claimed(storage)
    let calls = 0
    let commits = 0
    journal.onCommit(() => commits++)
    const ticket = await new Promise<number>((resolve) => {
      journal.onSeal(() => {
        if (calls++ === 0) resolve(journal.append(1, control, 0, 0, text('late')))
      })
      journal.wake()
    })
    await committed(journal, ticket)
    expect(commits).toBe(1)
    storage = await world.reopen(storage)
    expect(await replayOf(await storage.claim(0))).toEqual(['1 1 0+0 late'])
  })

  test('a commit covers all appends of a tick at once, in every log', async () => {
    const journal = await claimed(storage)
    const seen: number[] = []
    journal.onCommit((upTo) => seen.push(upTo))
    let last = 0
    for (let log = 1; log <= 1000; log++) last = journal.append(log, record, 0, 1, text(`log ${log}`))
    await committed(journal, last)
    expect(seen).toEqual([last])
    expect((await journal.read(999, 0, 100))[0]?.payload.toString()).toBe('log 999')
  })

  test('a log is replayed from its newest snapshot on; records before it stay readable', async () => {
    const journal = await claimed(storage)
    journal.append(1, record, 0, 1, text('r0'))
    journal.append(2, control, 0, 0, text('other'))
    journal.append(1, snapshot, 0, 0, text('old state'))
    journal.append(1, record, 1, 1, text('r1'))
    journal.append(1, snapshot, 0, 0, text('state'))
    journal.append(1, control, 0, 0, text('change'))
    journal.append(1, record, 2, 1, text('r2'))
    await committed(journal, journal.appended)
    storage = await world.reopen(storage)
    const next = await storage.claim(0)
    expect(await replayOf(next)).toEqual(['2 1 0+0 other', '1 2 0+0 state', '1 1 0+0 change', '1 0 2+1 r2'])
    expect((await readAll(next, 1, 2)).map(({ payload }) => payload.toString())).toEqual(['r0', 'r1', 'r2'])
  })

  test('an ended log is gone for good, the others are not', async () => {
    const journal = await claimed(storage)
    journal.append(1, record, 0, 1, text('gone'))
    journal.append(2, record, 0, 1, text('kept'))
    await committed(journal, journal.endLog(1))
    expect(await journal.read(1, 0, 100)).toEqual([])
    expect(journal.storedBytes(1)).toBe(0)
    expect(journal.storedBytes(2)).toBe(4)
    await committed(journal, journal.endLog(77))
    storage = await world.reopen(storage)
    expect(await replayOf(await storage.claim(0))).toEqual(['2 0 0+1 kept'])
  })

  test('a discard takes effect with the commit of what was appended before it, and only for whole records', async () => {
    const journal = await claimed(storage)
    for (let offset = 0; offset < 6; offset++) journal.append(1, record, offset, 1, text(`r${offset}`))
    await committed(journal, journal.append(1, record, 6, 4, text('r6-9')))
    const offsets = async (): Promise<number[]> => (await journal.read(1, 0, 1000)).map(({ baseOffset }) => baseOffset)
    const settlement = journal.append(1, control, 0, 0, text('settled 1 and 3, 4'))
    journal.discard(1, 1, 2)
    journal.discard(1, 3, 5)
    journal.discard(1, 6, 8)
    expect(await offsets()).toEqual([0, 1, 2, 3, 4, 5, 6])
    await committed(journal, settlement)
    expect(await offsets()).toEqual([0, 2, 5, 6])
    journal.discard(1, 8, 10)
    await committed(journal, journal.append(1, control, 0, 0, text('the rest')))
    expect(await offsets()).toEqual([0, 2, 5])
    // An estimate: about three of seven records.
    expect(journal.storedBytes(1)).toBeGreaterThan(2)
    expect(journal.storedBytes(1)).toBeLessThan(12)
    expect((await journal.read(1, 1, 1))[0]?.baseOffset).toBe(2)
  })

  test('payloads of several MiB come back as they were, between small ones', async () => {
    const journal = await claimed(storage)
    const random = seededRandom(5)
    const large = Buffer.alloc(5 * 1024 * 1024 + 3, random.bytes(997))
    journal.append(1, record, 0, 1, text('before'))
    journal.append(1, record, 1, 1, large)
    journal.append(2, record, 0, 1, large.subarray(0, 3_000_000))
    const last = journal.append(1, record, 2, 1, text('after'))
    expect(journal.pendingBytes).toBe(large.length + 3_000_000 + 11)
    await committed(journal, last)
    const check = async (from: Journal): Promise<void> => {
      const one = await readAll(from, 1, 100)
      expect(one.map(({ payload }) => payload.length)).toEqual([6, large.length, 5])
      expect(one[1]?.payload.equals(large)).toBe(true)
      expect((await from.read(2, 0, 1))[0]?.payload.equals(large.subarray(0, 3_000_000))).toBe(true)
    }
    await check(journal)
    storage = await world.reopen(storage)
    await check(await claimed(storage))
  })

  test('a second claim fences the first with 64 appends in flight', async () => {
    const first = await claimed(storage)
    await committed(first, first.append(1, record, 0, 1, text('safe')))
    for (let offset = 1; offset <= 64; offset++) first.append(1, record, offset, 1, text(`r${offset}`))
    const before = first.committed
    const failures: string[] = []
    first.onFailure((failure) => failures.push(failure.code))
    const second = await storage.claim(0)
    expect(first.committed).toBe(before)
    expect(first.failure?.code).toBe('fenced')
    expect(failures).toEqual(['fenced'])
    expect(() => first.append(1, record, 65, 1, text('never'))).toThrow(expect.objectContaining({ code: 'fenced' }))
    expect(() => first.endLog(1)).toThrow(expect.objectContaining({ code: 'fenced' }))
    await expect(first.read(1, 0, 1)).rejects.toMatchObject({ code: 'fenced' })
    const replayed = await replayOf(second)
    expect(replayed[0]).toBe('1 0 0+1 safe')
    expect(replayed).toEqual(replayed.map((_, offset) => `1 0 ${offset}+1 ${offset === 0 ? 'safe' : `r${offset}`}`))
    await committed(second, second.append(1, record, 100, 1, text('mine')))
    expect(first.committed).toBe(before)
    expect((await readAll(second, 1, 100)).at(-1)?.payload.toString()).toBe('mine')
  })

  test('three claims at once leave exactly one owner, the last', async () => {
    const claims = await Promise.all([storage.claim(0), storage.claim(0), storage.claim(0)])
    const [one, two, three] = claims as [Journal, Journal, Journal]
    await three.replay(() => {})
    expect(one.failure?.code).toBe('fenced')
    expect(two.failure?.code).toBe('fenced')
    await committed(three, three.append(1, record, 0, 1, text('x')))
    await expect(storage.claim(1)).rejects.toThrow(/shard 1/)
  })

  test('close commits what was appended; afterwards nothing is accepted', async () => {
    const journal = await claimed(storage)
    for (let offset = 0; offset < 100; offset++) journal.append(3, record, offset, 1, text(`r${offset}`))
    await journal.close()
    expect(journal.committed).toBe(journal.appended)
    expect(() => journal.append(3, record, 100, 1, text('late'))).toThrow(StorageError)
    await expect(journal.read(3, 0, 1)).rejects.toMatchObject({ code: 'closed' })
    journal.wake()
    journal.discard(3, 0, 1)
    const next = await storage.claim(0)
    expect((await replayOf(next)).length).toBe(100)
  })

  test('thousands of logs live side by side over restarts', async () => {
    const owner = new OwnerModel()
    owner.attach(await claimed(storage))
    for (let log = 0; log < 3000; log++) {
      const id = owner.newLog()
      owner.record(id, text(`first of ${id}`))
      if (log % 3 === 0) owner.snapshot(id)
      if (log % 5 === 0) owner.record(id, text(`second of ${id}`))
    }
    await owner.committed()
    for (const log of owner.living()) if (log.id % 7 === 0) owner.settle(log.id, 0, 1)
    for (const log of owner.living()) if (log.id % 11 === 0) owner.end(log.id)
    await owner.committed()
    storage = await world.reopen(storage)
    await owner.recover(await storage.claim(0))
    expect(owner.living().length).toBe(3000 - 272)
  })

  test.each([1, 2, 3, 4, 5, 6])('whatever an owner does, a replay gives its state again (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const owner = new OwnerModel()
    owner.attach(await claimed(storage))
    for (let round = 0; round < 12; round++) {
      const steps = 40 + random.below(400)
      for (let step = 0; step < steps; step++) {
        owner.act(random, 6000)
        if (random.below(30) === 0) await owner.committed()
        if (random.below(30) === 0) await new Promise(setImmediate)
      }
      await owner.committed()
      await owner.checkRecords(random.below(2) === 0 ? 1 : 3000)
      // A restart, or a take-over within the process.
      if (random.below(2) === 0) storage = await world.reopen(storage)
      await owner.recover(await storage.claim(0))
    }
  })
})
