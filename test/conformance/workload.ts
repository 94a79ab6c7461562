/** A random owner at work on a simulated disk, watched by whoever wants to hurt it. */
import { expect } from 'vitest'
import { ManualClock } from '../../src/base/clock.ts'
import { StorageError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Journal, Storage } from '../../src/storage/contract.ts'
import type { LocalTuning } from '../../src/storage/engines/local/tuning.ts'
import { openStorage } from '../../src/storage/open-storage.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { smallTuning } from './engines.ts'
import { OwnerModel } from './owner-model.ts'
import type { SimulatedDisk } from './simulated-disk.ts'

/** Smaller still than in the conformance suite: a few hundred deeds make and drop files of every kind. */
export const crashTuning: LocalTuning = {
  ...smallTuning,
  segmentBytes: 4096,
  windowSegments: 2,
  groupBytes: 2000,
  referenceBytesMin: 1000,
  runBytes: 4096,
  copyBytes: 1500,
}

export interface Workplace {
  readonly disk: SimulatedDisk
  readonly storage: Storage
  readonly journal: Journal
  readonly owner: OwnerModel
  readonly clock: ManualClock
  /** What was said to the log. */
  readonly warnings: string[]
}

export interface WorkplaceOptions {
  readonly owner?: OwnerModel
  readonly tuning?: Partial<LocalTuning>
  readonly durability?: 'flush' | 'os'
}

export async function openOn(disk: SimulatedDisk, options: WorkplaceOptions = {}): Promise<Storage> {
  return (await openStorageOn(disk, options)).storage
}

async function openStorageOn(
  disk: SimulatedDisk,
  options: WorkplaceOptions,
): Promise<{ storage: Storage; clock: ManualClock; warnings: string[] }> {
  const clock = new ManualClock()
  const warnings: string[] = []
  const storage = await openStorage('file:/data', {
    durability: options.durability ?? 'flush',
    clock,
    logger: { ...silentLogger, warn: (message) => warnings.push(message) },
    files: disk,
    tuning: { ...crashTuning, ...options.tuning },
  })
  return { storage, clock, warnings }
}

/** Opens what is on the disk and lets the owner prove that it is his. */
export async function workOn(disk: SimulatedDisk, options: WorkplaceOptions = {}): Promise<Workplace> {
  const { storage, clock, warnings } = await openStorageOn(disk, options)
  const owner = options.owner ?? new OwnerModel()
  try {
    const journal = await storage.claim(0)
    await owner.recover(journal)
    return { disk, storage, journal, owner, clock, warnings }
  } catch (error) {
    await storage.close()
    throw error
  }
}

/** Random deeds in groups. Ends early when the journal fails. */
export async function work(place: Workplace, random: Random, steps: number, payloadBytesMax = 3000): Promise<void> {
  const { owner, journal } = place
  for (let step = 0; step < steps; step++) {
    if (journal.failure) return
    owner.act(random, payloadBytesMax)
    if (random.below(12) === 0) await owner.committed().catch(() => {})
    else if (random.below(6) === 0) await new Promise(setImmediate)
  }
  await owner.committed().catch(() => {})
}

/** Opening must either succeed or say what is damaged. */
export async function damageOf(opening: Promise<unknown>): Promise<StorageError | undefined> {
  try {
    await opening
    return undefined
  } catch (error) {
    if (!(error instanceof StorageError)) throw error
    expect(error.code).toBe('damaged')
    expect(error.message).toMatch(/is damaged at byte \d+: /)
    return error
  }
}

/** The files of the disk are those of a broker that ends here: opens, checks, works on, and checks again. */
export async function provesIntact(
  image: SimulatedDisk,
  owner: OwnerModel,
  random: Random,
  options: WorkplaceOptions = {},
): Promise<void> {
  const place = await workOn(image, { ...options, owner })
  await work(place, random, 30)
  await owner.checkRecords()
  await place.storage.close()
  const again = await workOn(image, { ...options, owner })
  await again.storage.close()
}
