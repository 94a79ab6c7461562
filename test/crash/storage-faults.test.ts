/**
 * A disk that fails: full, cut short, broken, or without power at any moment. Nothing acknowledged is lost, nothing that
 * failed is acknowledged, and what is on the disk can always be opened again.
 */
import { describe, expect, test } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { EntryKind } from '../../src/storage/contract.ts'
import type { OwnerModel } from '../conformance/owner-model.ts'
import { type DiskOperation, SimulatedDisk, systemError } from '../conformance/simulated-disk.ts'
import { openOn, provesIntact, type Workplace, work, workOn } from '../conformance/workload.ts'

const turns = async (count: number): Promise<void> => {
  for (let turn = 0; turn < count; turn++) await new Promise(setImmediate)
}

/** Closes whatever state the storage is in; a journal that failed has told so already. */
async function endOf(place: Workplace): Promise<void> {
  place.disk.intercept = undefined
  place.disk.capacityBytes = Number.POSITIVE_INFINITY
  await place.storage.close()
}

async function countOperations(seed: number, kind: DiskOperation['kind']): Promise<number> {
  const place = await workOn(new SimulatedDisk())
  let count = 0
  place.disk.intercept = (operation) => {
    if (operation.kind === kind) count++
    return undefined
  }
  await work(place, seededRandom(seed), 600)
  await endOf(place)
  return count
}

test('storage: the random work of these tests makes, merges and drops files of every kind', async () => {
  const seen = new Set<string>()
  for (const seed of [31, 51]) {
    const place = await workOn(new SimulatedDisk())
    place.disk.intercept = (operation) => {
      const name = operation.path.slice('/data/'.length).replace(/\d+/, 'N')
      if (operation.kind === 'rename' || operation.kind === 'remove') seen.add(`${operation.kind} ${name}`)
      return undefined
    }
    await work(place, seededRandom(seed), 600)
    await endOf(place)
  }
  expect([...seen].sort()).toEqual([
    'remove journal/N.log',
    'remove runs/N.run',
    'rename journal/N.log',
    'rename journal/next.tmp',
    'rename journal/spare.tmp',
    'rename runs/N.run.tmp',
  ])
})

describe('storage: power fails', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])(
    'at random moments, whatever part of the unflushed data survives (seed %i)',
    async (seed) => {
      const random = seededRandom(seed)
      const place = await workOn(new SimulatedDisk())
      const images: { image: SimulatedDisk; owner: OwnerModel }[] = []
      place.disk.intercept = () => {
        if (random.below(20) === 0) images.push({ image: place.disk.afterPowerCut(random), owner: place.owner.clone() })
        return undefined
      }
      await work(place, random, 1000)
      await endOf(place)
      expect(images.length).toBeGreaterThan(8)
      for (const { image, owner } of images) await provesIntact(image, owner, random)
    },
  )

  test.each([1, 2, 3])('under relaxed durability, keeps a prefix and opens again (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    const place = await workOn(new SimulatedDisk(), { durability: 'os' })
    const images: { image: SimulatedDisk; owner: OwnerModel }[] = []
    place.disk.intercept = () => {
      if (random.below(20) === 0) {
        const owner = place.owner.clone()
        // Written, not flushed: a power cut may take it back.
        owner.acknowledgedStep = 0
        images.push({ image: place.disk.afterPowerCut(random), owner })
      }
      return undefined
    }
    await work(place, random, 1000)
    await endOf(place)
    for (const { image, owner } of images) await provesIntact(image, owner, random, { durability: 'os' })
  })

  test.each([1, 2, 3])('the process is killed again and again (seed %i)', async (seed) => {
    const random = seededRandom(seed)
    let disk = new SimulatedDisk()
    let owner: OwnerModel | undefined
    for (let round = 0; round < 12; round++) {
      const place = await workOn(disk, owner === undefined ? {} : { owner })
      const killAt = 20 + random.below(400)
      let operations = 0
      let after: { image: SimulatedDisk; owner: OwnerModel } | undefined
      place.disk.intercept = () => {
        if (++operations === killAt) after = { image: place.disk.afterKill(), owner: place.owner.clone() }
        return undefined
      }
      await work(place, random, 400)
      after ??= { image: place.disk.afterKill(), owner: place.owner.clone() }
      await endOf(place)
      disk = after.image
      owner = after.owner
    }
    await provesIntact(disk, owner as OwnerModel, random)
  })
})

describe('storage: the disk is full', () => {
  test('appends wait, say so, and go on when there is room; nothing is lost', async () => {
    const place = await workOn(new SimulatedDisk())
    const { disk, journal, owner, clock } = place
    const stalls: (string | undefined)[] = []
    journal.onStall((stalled) => stalls.push(stalled?.code))
    const log = owner.newLog()
    owner.record(log, Buffer.alloc(100))
    await owner.committed()
    disk.capacityBytes = disk.usedBytes + 50
    owner.record(log, Buffer.alloc(200, 1))
    await turns(20)
    expect(journal.stalled?.code).toBe('disk-full')
    expect(journal.failure).toBeUndefined()
    expect(journal.committed).toBeLessThan(journal.appended)
    expect(stalls).toEqual(['disk-full'])
    owner.record(log, Buffer.alloc(300, 2))
    clock.advance(10)
    await turns(20)
    expect(stalls).toEqual(['disk-full'])
    expect(journal.pendingBytes).toBe(500)
    const meanwhile = { image: disk.afterKill(), owner: owner.clone() }
    disk.capacityBytes = Number.POSITIVE_INFINITY
    clock.advance(10)
    await owner.committed()
    expect(journal.stalled).toBeUndefined()
    expect(stalls).toEqual(['disk-full', undefined])
    await owner.checkRecords()
    await endOf(place)
    await provesIntact(meanwhile.image, meanwhile.owner, seededRandom(1))
    await provesIntact(disk.afterKill(), owner.clone(), seededRandom(2))
  })

  test('close does not wait for room: what was not acknowledged is given up', async () => {
    const place = await workOn(new SimulatedDisk())
    const { disk, journal, owner } = place
    owner.record(owner.newLog(), Buffer.alloc(100))
    await owner.committed()
    disk.capacityBytes = disk.usedBytes
    owner.record(owner.newLog(), Buffer.alloc(200))
    await turns(20)
    await place.storage.close()
    expect(journal.failure?.code).toBe('disk-full')
    disk.capacityBytes = Number.POSITIVE_INFINITY
    await provesIntact(disk.afterKill(), owner.clone(), seededRandom(1))
  })

  test('at each write in turn, for a while: everything arrives in the end', async () => {
    const writeCount = await countOperations(31, 'write')
    for (let failing = 1; failing < writeCount; failing += 1 + Math.floor(writeCount / 60)) {
      const place = await workOn(new SimulatedDisk())
      let writes = 0
      place.disk.intercept = (operation) => {
        if (operation.kind !== 'write') return undefined
        writes++
        return writes >= failing && writes < failing + 3 ? systemError('ENOSPC', operation.path) : undefined
      }
      // Time goes on by itself here: waiting is what a full disk asks for.
      let working = true
      const ticking = (async () => {
        for (; working; await turns(3)) place.clock.advance(5)
      })()
      await work(place, seededRandom(31), 600)
      // The reclaimer may have asked for a snapshot meanwhile.
      const ticket = place.journal.appended
      await place.owner.committed()
      working = false
      await ticking
      expect(place.journal.failure).toBeUndefined()
      expect(place.journal.committed).toBeGreaterThanOrEqual(ticket)
      await place.owner.checkRecords()
      const { owner, disk } = place
      await endOf(place)
      await provesIntact(disk.afterKill(), owner, seededRandom(failing))
    }
  })
})

describe('storage: an operation fails', () => {
  test('writes that are cut short at random are continued', async () => {
    const random = seededRandom(41)
    const place = await workOn(new SimulatedDisk())
    place.disk.intercept = (operation) => {
      if (operation.kind !== 'write' || operation.bytes < 2) return undefined
      return 1 + random.below(operation.bytes)
    }
    await work(place, random, 800)
    expect(place.journal.failure).toBeUndefined()
    const { owner, disk } = place
    await endOf(place)
    await provesIntact(disk.afterKill(), owner, random)
  })

  const kinds: DiskOperation['kind'][] = ['write', 'flush', 'rename', 'remove', 'open', 'flush-directory']
  test.each(kinds)(
    'each %s in turn: the journal goes on or fails for good, and opens again with all that was acknowledged',
    async (kind) => {
      const count = await countOperations(51, kind)
      expect(count).toBeGreaterThan(0)
      for (let failing = 1; failing <= count; failing += 1 + Math.floor(count / 40)) {
        const place = await workOn(new SimulatedDisk())
        const random = seededRandom(failing)
        let seen = 0
        place.disk.intercept = (operation) => {
          if (operation.kind === kind && ++seen === failing) return systemError('EIO', operation.path)
          return undefined
        }
        await work(place, seededRandom(51), 600)
        const { owner, disk, journal } = place
        const failure = journal.failure
        if (failure !== undefined) {
          expect(failure.code).toBe('write-failed')
          const before = journal.committed
          expect(() => journal.append(1, EntryKind.control, 0, 0, Buffer.alloc(1))).toThrow(failure)
          await turns(5)
          expect(journal.committed).toBe(before)
        }
        await endOf(place)
        await provesIntact(disk.afterKill(), owner.clone(), random)
        await provesIntact(disk.afterPowerCut(random), owner.clone(), random)
      }
    },
  )

  test('a failing write is told once to everybody, and what was committed stays readable', async () => {
    const place = await workOn(new SimulatedDisk())
    const { disk, journal, owner } = place
    const log = owner.newLog()
    owner.record(log, Buffer.from('safe'))
    await owner.committed()
    const failures: string[] = []
    journal.onFailure((failure) => failures.push(failure.code))
    disk.intercept = (operation) => (operation.kind === 'write' ? systemError('EIO', operation.path) : undefined)
    journal.append(log, EntryKind.record, 50, 1, Buffer.from('lost'))
    await turns(10)
    expect(failures).toEqual(['write-failed'])
    expect(journal.failure?.message).toMatch(/cannot write .*EIO/)
    expect((await journal.read(log, 0, 100)).map(({ payload }) => payload.toString())).toEqual(['safe'])
    await endOf(place)
  })

  test('metadata: a failing write fails every put that waits, and the next ones', async () => {
    const disk = new SimulatedDisk()
    const storage = await openOn(disk)
    await storage.meta.put('a', '1')
    disk.intercept = (operation) => (operation.kind === 'write' ? systemError('EIO', operation.path) : undefined)
    const puts = await Promise.allSettled([storage.meta.put('b', '2'), storage.meta.put('c', '3')])
    expect(puts.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    await expect(storage.meta.put('d', '4')).rejects.toMatchObject({ code: 'write-failed' })
    expect(storage.meta.list('').map(({ key }) => key)).toEqual(['a'])
    disk.intercept = undefined
    await storage.close()
    const again = await openOn(disk.afterKill())
    expect(again.meta.list('').map(({ key }) => key)).toEqual(['a'])
    await again.close()
  })
})
