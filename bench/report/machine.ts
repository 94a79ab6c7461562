/** On what the figures were measured: without it a figure says nothing. */
import { closeSync, fdatasyncSync, mkdtempSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { cpus, release, tmpdir, totalmem } from 'node:os'
import { join } from 'node:path'
import { summaryOf } from './statistics.ts'

export interface Machine {
  readonly cpu: string
  readonly coreCount: number
  readonly memoryGib: number
  readonly kernel: string
  readonly node: string
  readonly rabbitmq: string | undefined
  /** The file system of the data, and what one flush costs there. */
  readonly disk: string
}

export function describeMachine(rabbitmq: string | undefined): Machine {
  const processors = cpus()
  return {
    cpu: processors[0]?.model.trim() ?? 'unknown processor',
    coreCount: processors.length,
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.versions.node,
    rabbitmq,
    disk: `${fileSystemName(statfsSync(tmpdir()).type)}, one flush ${medianFlushMs().toFixed(2)} ms`,
  }
}

const FILE_SYSTEMS: ReadonlyMap<number, string> = new Map([
  [0xef53, 'ext4'],
  [0x58465342, 'xfs'],
  [0x9123683e, 'btrfs'],
  [0x794c7630, 'overlayfs'],
  [0x2fc12fc1, 'zfs'],
  [0x01021994, 'tmpfs (memory: flushes cost nothing here)'],
])

export function fileSystemName(magic: number): string {
  return FILE_SYSTEMS.get(magic) ?? `file system 0x${magic.toString(16)}`
}

const FLUSH_COUNT = 100
const FLUSH_BYTES = 4096

/** A small write and its flush, again and again at the end of one file: the least a durable message can cost. */
function medianFlushMs(): number {
  const directory = mkdtempSync(join(tmpdir(), 'busbar-bench-disk-'))
  const file = openSync(join(directory, 'flush'), 'w')
  try {
    const page = Buffer.alloc(FLUSH_BYTES, 1)
    const took: number[] = []
    for (let index = 0; index < FLUSH_COUNT; index++) {
      const startedMs = performance.now()
      writeSync(file, page)
      fdatasyncSync(file)
      took.push(performance.now() - startedMs)
    }
    return summaryOf(took).median
  } finally {
    closeSync(file)
    rmSync(directory, { recursive: true })
  }
}
