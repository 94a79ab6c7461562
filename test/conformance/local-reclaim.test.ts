/** How the local engine wins space back: what is promised beyond the contract about files, memory and speed of reading. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { EntryKind, type Journal, type Storage } from '../../src/storage/contract.ts'
import { openStorage } from '../../src/storage/open-storage.ts'
import { optionsFor, smallTuning } from './engines.ts'
import { readAll } from './owner-model.ts'
import { SimulatedDisk } from './simulated-disk.ts'

const state = Buffer.from('state')

/** Turns of the loop, until something holds. */
async function until(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 20_000; turn++) {
    if (holds()) return
    await new Promise(setImmediate)
  }
  expect(holds()).toBe(true)
}

describe('local storage: reclaiming', () => {
  let disk: SimulatedDisk
  let storage: Storage
  let journal: Journal

  const runs = (): string[] => disk.paths('/data/runs/').filter((path) => path.endsWith('.run'))
  const segments = (): string[] => disk.paths('/data/journal/').filter((path) => path.endsWith('.log'))
  const sizeOf = (paths: readonly string[]): number => paths.reduce((sum, path) => sum + disk.bytesOf(path).length, 0)

  async function open(): Promise<void> {
    storage = await openStorage('file:/data', optionsFor(disk, smallTuning))
    journal = await storage.claim(0)
    await journal.replay(() => {})
    journal.onSnapshotWanted((log) => void journal.append(log, EntryKind.snapshot, 0, 0, state))
  }

  beforeEach(async () => {
    disk = new SimulatedDisk()
    await open()
  })

  afterEach(async () => {
    await storage.close()
  })

  const settled = (): Promise<void> => until(() => journal.committed === journal.appended)

  /** Records of 100 bytes under consecutive offsets, some at a time. */
  async function fill(log: number, from: number, count: number): Promise<void> {
    for (let offset = from; offset < from + count; offset++) {
      journal.append(log, EntryKind.record, offset, 1, Buffer.alloc(100, offset))
      if (offset % 10 === 0) await settled()
    }
    await settled()
  }

  test('what is settled within the window is written only once: no run ever appears', async () => {
    let renamedRuns = 0
    disk.intercept = (operation) => {
      if (operation.kind === 'rename' && operation.path.includes('/runs/')) renamedRuns++
      return undefined
    }
    for (let round = 0; round < 40; round++) {
      await fill(1, round * 100, 100)
      journal.discard(1, round * 100, (round + 1) * 100)
    }
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    expect(renamedRuns).toBe(0)
    expect(sizeOf(disk.paths('/data/'))).toBeLessThan(smallTuning.segmentBytes * (smallTuning.windowSegments + 4))
  })

  test('a backlog moves into runs and is read in order from both, also after a restart', async () => {
    const count = 3000
    await fill(1, 0, count)
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    expect(runs().length).toBeGreaterThan(7)
    const check = async (): Promise<void> => {
      for (const maxBytes of [1, 950, 64_000]) {
        const from = maxBytes === 1 ? count - 700 : 0
        const records = await readAll(journal, 1, maxBytes, from)
        expect(records.length).toBe(count - from)
        for (const [index, { baseOffset, payload }] of records.entries()) {
          expect(baseOffset).toBe(from + index)
          expect(payload[0]).toBe(baseOffset & 255)
        }
      }
    }
    await check()
    expect(journal.storedBytes(1)).toBeGreaterThan(count * 100)
    await storage.close()
    await open()
    await check()
  })

  test('random reads into a run find their place through its index', async () => {
    await fill(1, 0, 2000)
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    for (const from of [1500, 3, 777, 778, 1999, 0, 1200]) {
      expect((await journal.read(1, from, 300)).map(({ baseOffset }) => baseOffset)).toEqual(
        [from, from + 1, from + 2].filter((offset) => offset < 2000),
      )
    }
  })

  test('a consumed backlog gives its space back, and one stuck message does not hold its neighbours', async () => {
    const count = 3000
    await fill(1, 0, count)
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    const before = sizeOf(runs())
    const stuck = [100, 900, 1700]
    let next = 0
    for (const offset of [...stuck, count]) {
      journal.discard(1, next, offset)
      next = offset + 1
    }
    // Other traffic goes on; the sparse runs are merged along.
    for (let round = 0; round < 30; round++) {
      await fill(2, round * 100, 100)
      journal.discard(2, round * 100, (round + 1) * 100)
    }
    await until(() => sizeOf(runs()) < 2000)
    expect(before).toBeGreaterThan(count * 100 * 0.7)
    expect((await readAll(journal, 1, 1000)).map(({ baseOffset }) => baseOffset)).toEqual(stuck)
    await storage.close()
    await open()
    expect((await readAll(journal, 1, 1000)).map(({ baseOffset }) => baseOffset)).toEqual(stuck)
    journal.discard(1, 0, count)
    await until(() => runs().length === 0)
  })

  test('ended logs give their runs back, at once and after a restart', async () => {
    await fill(1, 0, 1500)
    await fill(2, 0, 10)
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    expect(runs().length).toBeGreaterThan(3)
    journal.endLog(1)
    await settled()
    await until(() => sizeOf(runs()) < 4000)
    await storage.close()
    await open()
    expect(await journal.read(1, 0, 1000)).toEqual([])
    expect((await readAll(journal, 2, 1000)).length).toBe(10)
  })

  test('an owner that does not answer only makes the journal longer', async () => {
    journal.onSnapshotWanted(() => {})
    await fill(1, 0, 1000)
    expect(segments().length).toBeGreaterThan(smallTuning.windowSegments + 3)
    expect(runs().length).toBe(0)
    journal.append(1, EntryKind.snapshot, 0, 0, state)
    journal.onSnapshotWanted((log) => void journal.append(log, EntryKind.snapshot, 0, 0, state))
    await until(() => segments().length <= smallTuning.windowSegments + 1)
    expect((await readAll(journal, 1, 5000)).length).toBe(1000)
  })

  test('a thousand logs cost one write a group, and share runs', async () => {
    let writes = 0
    disk.intercept = (operation) => {
      if (operation.kind === 'write' && /\d\.log$/.test(operation.path)) writes++
      return undefined
    }
    for (let round = 0; round < 5; round++) {
      const before = writes
      for (let log = 1; log <= 1000; log++) journal.append(log, EntryKind.record, round, 1, Buffer.alloc(50, log))
      await settled()
      if (round === 0) expect(writes - before).toBe(1)
    }
    await until(() => segments().length <= smallTuning.windowSegments + 2)
    expect(runs().length).toBeLessThan(60)
    for (const log of [1, 500, 1000]) {
      expect((await readAll(journal, log, 60)).map(({ payload }) => payload[0])).toEqual(new Array(5).fill(log & 255))
    }
  })
})
