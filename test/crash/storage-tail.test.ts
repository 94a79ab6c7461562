/**
 * The newest files, cut or changed at every byte: what was acknowledged before the cut is there, nothing is invented, and
 * what cannot be trusted is named instead of served.
 */
import { describe, expect, test } from 'vitest'
import { StorageError } from '../../src/base/errors.ts'
import { seededRandom } from '../../src/base/random.ts'
import type { OwnerModel } from '../conformance/owner-model.ts'
import { SimulatedDisk } from '../conformance/simulated-disk.ts'
import { damageOf, openOn, provesIntact, type Workplace, work, workOn } from '../conformance/workload.ts'

/** Where the journal's file ended when the owner knew so much. */
interface Milestone {
  readonly path: string
  readonly endByte: number
  readonly owner: OwnerModel
}

/** Works in small groups and remembers after each commit how far the journal's file had got. */
async function workWithMilestones(place: Workplace, seed: number, rounds: number): Promise<Milestone[]> {
  const milestones: Milestone[] = []
  let path = ''
  let endByte = 0
  place.disk.intercept = (operation) => {
    if (operation.kind === 'write' && /journal\/\d+\.log$/.test(operation.path)) {
      path = operation.path
      endByte = operation.position + operation.bytes
    }
    return undefined
  }
  const random = seededRandom(seed)
  for (let round = 0; round < rounds; round++) {
    for (let step = 0; step < 4; step++) place.owner.act(random, 300)
    await place.owner.committed()
    if (endByte > 0) milestones.push({ path, endByte, owner: place.owner.clone() })
  }
  place.disk.intercept = undefined
  return milestones
}

describe('storage: the newest journal segment', () => {
  test('cut at every byte, gives back everything acknowledged before the cut', async () => {
    const place = await workOn(new SimulatedDisk())
    const milestones = await workWithMilestones(place, 11, 40)
    const path = place.disk.paths('/data/journal/').at(-1) as string
    const bytes = place.disk.bytesOf(path).subarray(0, (milestones.at(-1) as Milestone).endByte + 100)
    const everything = place.owner.clone()
    for (let cut = 0; cut <= bytes.length; cut++) {
      const known = milestones.filter((one) => one.path < path || (one.path === path && one.endByte <= cut)).at(-1)
      const owner = everything.clone()
      owner.acknowledgedStep = known?.owner.acknowledgedStep ?? 0
      const image = place.disk.afterKill({ path, bytes: bytes.subarray(0, cut) })
      const again = await workOn(image, { owner })
      if (cut % 97 === 0) await work(again, seededRandom(cut), 10)
      await again.storage.close()
      if (cut % 97 === 0) await (await workOn(image, { owner })).storage.close()
    }
    await place.storage.close()
  })

  test('cut inside a group, says so in one line; cut between groups, says nothing', async () => {
    const place = await workOn(new SimulatedDisk())
    const milestones = await workWithMilestones(place, 12, 5)
    const { path, endByte } = milestones.at(-1) as Milestone
    const bytes = place.disk.bytesOf(path)
    const warningsAt = async (cut: number): Promise<string[]> => {
      const image = place.disk.afterKill({ path, bytes: bytes.subarray(0, cut) })
      const owner = place.owner.clone()
      owner.acknowledgedStep = 0
      const again = await workOn(image, { owner })
      await again.storage.close()
      return again.warnings
    }
    expect(await warningsAt(endByte)).toEqual([])
    expect(await warningsAt(endByte - 1)).toEqual([expect.stringMatching(/never acknowledged/)])
    await place.storage.close()
  })

  test('with any byte changed, is either whole, cut in its last group, or named as damaged', async () => {
    const place = await workOn(new SimulatedDisk())
    const milestones = await workWithMilestones(place, 13, 25)
    const path = place.disk.paths('/data/journal/').at(-1) as string
    const bytes = place.disk.bytesOf(path).subarray(0, (milestones.at(-1) as Milestone).endByte + 100)
    const beforeLast = milestones.at(-2) as Milestone
    const outcomes = { whole: 0, cut: 0, damaged: 0 }
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const owner = place.owner.clone()
      // Only the very last group cannot be told from one that never was acknowledged.
      owner.acknowledgedStep = beforeLast.owner.acknowledgedStep
      const error = await damageOf(openAndClose(place.disk.afterKill({ path, bytes: changed }), owner))
      if (error !== undefined) outcomes.damaged++
      else if (owner.step < place.owner.step) outcomes.cut++
      else outcomes.whole++
      if (error !== undefined) expect(error.message).toContain(path)
    }
    expect(outcomes.damaged).toBeGreaterThan(bytes.length / 2)
    expect(outcomes.cut).toBeGreaterThan(0)
    await place.storage.close()
  })

  test('after a good end, even a change in the last group is named', async () => {
    const place = await workOn(new SimulatedDisk())
    const milestones = await workWithMilestones(place, 14, 10)
    await place.storage.close()
    const { path, endByte } = milestones.at(-1) as Milestone
    const bytes = place.disk.bytesOf(path)
    for (let at = 32; at < endByte; at += 3) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ 0x10
      const error = await damageOf(openAndClose(place.disk.afterKill({ path, bytes: changed }), place.owner.clone()))
      expect(error?.code).toBe('damaged')
    }
  })
})

async function openAndClose(image: SimulatedDisk, owner: OwnerModel): Promise<void> {
  const place = await workOn(image, { owner })
  await place.storage.close()
}

describe('storage: older files', () => {
  /** Many segments and several runs. */
  async function busyPlace(seed: number, windowSegments = 2): Promise<Workplace> {
    const place = await workOn(new SimulatedDisk(), { tuning: { windowSegments } })
    await work(place, seededRandom(seed), 1500, 2000)
    for (let turn = 0; turn < 400; turn++) await new Promise(setImmediate)
    return place
  }

  test('a changed byte in an older segment is never served: damaged, or in what nobody needs', async () => {
    const place = await busyPlace(21)
    const segments = place.disk.paths('/data/journal/').filter((path) => path.endsWith('.log'))
    expect(segments.length).toBeGreaterThan(1)
    const path = segments[0] as string
    const bytes = place.disk.bytesOf(path)
    let damagedCount = 0
    for (let at = 0; at < bytes.length; at += 13) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      const image = place.disk.afterKill({ path, bytes: changed })
      if ((await damageOf(openAndClose(image, place.owner.clone()))) !== undefined) damagedCount++
    }
    expect(damagedCount).toBeGreaterThan(bytes.length / 13 / 2)
    await place.storage.close()
  })

  test('a changed byte in a run is never served', async () => {
    const place = await busyPlace(22)
    const runs = place.disk.paths('/data/runs/').filter((path) => path.endsWith('.run'))
    expect(runs.length).toBeGreaterThan(0)
    let damagedCount = 0
    let tries = 0
    for (const path of runs.slice(0, 3)) {
      const bytes = place.disk.bytesOf(path)
      for (let at = 0; at < bytes.length; at += bytes.length > 6000 ? 7 : 1) {
        const changed = Buffer.from(bytes)
        changed[at] = (changed[at] as number) ^ (1 << (at % 8))
        tries++
        const image = place.disk.afterKill({ path, bytes: changed })
        if ((await damageOf(openAndClose(image, place.owner.clone()))) !== undefined) damagedCount++
      }
    }
    expect(damagedCount).toBeGreaterThan(tries / 4)
    await place.storage.close()
  })

  test('a missing segment in the middle is named', async () => {
    const place = await busyPlace(23, 8)
    const segments = place.disk.paths('/data/journal/').filter((path) => path.endsWith('.log'))
    expect(segments.length).toBeGreaterThan(4)
    const image = place.disk.afterKill()
    await image.remove(segments[2] as string)
    const storage = await openOn(image)
    const journal = await storage.claim(0)
    await expect(journal.replay(() => {})).rejects.toMatchObject({ code: 'damaged', message: /segment \d+ is missing/ })
    await storage.close()
    await place.storage.close()
  })

  test('whatever a crash leaves of temporary files is cleared away', async () => {
    const place = await busyPlace(24)
    const image = place.disk.afterKill()
    for (const name of ['journal/next.tmp', 'journal/spare.tmp', 'runs/00000099.run.tmp', 'meta.tmp']) {
      const file = await image.open(`/data/${name}`, 'create')
      await file.write([Buffer.from('half a file')], 0)
      await file.close()
    }
    await provesIntact(image, place.owner.clone(), seededRandom(1))
    expect(image.paths('/data/').filter((path) => path.endsWith('.tmp'))).toEqual([])
    await place.storage.close()
  })
})

describe('storage: the metadata file', () => {
  async function metaImage(): Promise<{ disk: SimulatedDisk; states: { endByte: number; keys: string }[] }> {
    const disk = new SimulatedDisk()
    const storage = await openOn(disk, { tuning: { metaBytesMin: 1 << 20 } })
    const states: { endByte: number; keys: string }[] = []
    for (let step = 0; step < 30; step++) {
      if (step % 5 === 4) await storage.meta.delete(`key-${(step - 1) % 7}`)
      else await storage.meta.put(`key-${step % 7}`, JSON.stringify({ step }))
      states.push({ endByte: disk.bytesOf('/data/meta.log').length, keys: JSON.stringify(storage.meta.list('')) })
    }
    return { disk: disk.afterKill(), states }
  }

  test('cut at every byte, holds exactly what was acknowledged before the cut, or one write more', async () => {
    const { disk, states } = await metaImage()
    const bytes = disk.bytesOf('/data/meta.log')
    for (let cut = 32; cut <= bytes.length; cut++) {
      const storage = await openOn(disk.afterKill({ path: '/data/meta.log', bytes: bytes.subarray(0, cut) }))
      const known = states.filter((state) => state.endByte <= cut).at(-1)
      expect(JSON.stringify(storage.meta.list(''))).toBe(known?.keys ?? '[]')
      await storage.meta.put('after', '1')
      await storage.close()
    }
  })

  test('with any byte changed, is either whole, cut in its last write, or named as damaged', async () => {
    const { disk, states } = await metaImage()
    const bytes = disk.bytesOf('/data/meta.log')
    const allowed = new Set(states.slice(-2).map((state) => state.keys))
    let damagedCount = 0
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes)
      changed[at] = (changed[at] as number) ^ (1 << (at % 8))
      try {
        const storage = await openOn(disk.afterKill({ path: '/data/meta.log', bytes: changed }))
        expect(allowed).toContain(JSON.stringify(storage.meta.list('')))
        await storage.close()
      } catch (error) {
        if (!(error instanceof StorageError)) throw error
        expect(error.code).toBe('damaged')
        damagedCount++
      }
    }
    expect(damagedCount).toBeGreaterThan(bytes.length / 2)
  })
})
