/** The engines under test, each as a world that can be shut and opened again. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { systemClock } from '../../src/base/clock.ts'
import type { Storage } from '../../src/storage/contract.ts'
import type { Files } from '../../src/storage/engines/local/files.ts'
import type { LocalTuning } from '../../src/storage/engines/local/tuning.ts'
import { openStorage, type StorageOptions } from '../../src/storage/open-storage.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { SimulatedDisk } from './simulated-disk.ts'

/** Sizes at which segments roll, runs are made and merged, and metadata is rewritten within a short test. */
export const smallTuning: LocalTuning = {
  segmentBytes: 16 * 1024,
  windowSegments: 3,
  groupBytes: 100_000,
  referenceBytesMin: 2048,
  runBytes: 16 * 1024,
  copyBytes: 5000,
  sparseShare: 0.5,
  retryMs: 10,
  metaBytesMin: 2048,
  openRunsMax: 4,
}

export interface World {
  open(): Promise<Storage>
  /** Ends the storage and opens what it left; memory keeps its storage, because nothing outlives it. */
  reopen(storage: Storage): Promise<Storage>
  destroy(): void
}

export function optionsFor(
  files?: Files,
  tuning?: Partial<LocalTuning>,
  durability: 'flush' | 'os' = 'flush',
): StorageOptions {
  return {
    durability,
    clock: systemClock,
    logger: silentLogger,
    ...(files === undefined ? {} : { files }),
    ...(tuning === undefined ? {} : { tuning }),
  }
}

export const worlds: readonly { name: string; make: () => World }[] = [
  {
    name: 'memory',
    make: () => ({
      open: () => openStorage('memory:', optionsFor()),
      reopen: async (storage) => storage,
      destroy: () => {},
    }),
  },
  {
    name: 'local, usual sizes',
    make: () => localWorld(undefined),
  },
  {
    name: 'local, small files',
    make: () => localWorld(smallTuning),
  },
  {
    name: 'local, small files on a simulated disk, not flushed',
    make: () => {
      const disk = new SimulatedDisk()
      const open = (): Promise<Storage> => openStorage('file:/data', optionsFor(disk, smallTuning, 'os'))
      return { open, reopen: closeAnd(open), destroy: () => {} }
    },
  },
]

function localWorld(tuning: LocalTuning | undefined): World {
  const directory = mkdtempSync(join(tmpdir(), 'busbar-storage-'))
  const open = (): Promise<Storage> => openStorage(`file:${directory}`, optionsFor(undefined, tuning))
  return { open, reopen: closeAnd(open), destroy: () => rmSync(directory, { recursive: true, force: true }) }
}

function closeAnd(open: () => Promise<Storage>): (storage: Storage) => Promise<Storage> {
  return async (storage) => {
    await storage.close()
    return open()
  }
}
