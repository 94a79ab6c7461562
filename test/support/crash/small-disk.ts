/**
 * A disk of a few megabytes that a test can fill up: a tmpfs, mounted for the test and unmounted behind it. Only root may
 * mount, and not everywhere: elsewhere such a test is skipped where a person can see it.
 */
import { execFileSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { it } from 'vitest'

const MIB = 2 ** 20

export class SmallDisk {
  readonly directory: string
  readonly #filler: string

  constructor(directory: string) {
    this.directory = directory
    this.#filler = join(directory, 'filler')
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory)
    return bavail * bsize
  }

  /** Takes all room but this; or all there is, when somebody else takes some at the same time. */
  fill(leaveBytes: number): void {
    const bytes = Buffer.alloc(64 * 1024)
    const file = openSync(this.#filler, 'a')
    try {
      for (let left = this.freeBytes - leaveBytes; left > 0; left -= bytes.length) {
        writeSync(file, bytes, 0, Math.min(left, bytes.length))
      }
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    } finally {
      closeSync(file)
    }
  }

  empty(): void {
    rmSync(this.#filler, { force: true })
  }
}

function mount(sizeMib: number): SmallDisk {
  const directory = mkdtempSync(join(tmpdir(), 'busbar-disk-'))
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${sizeMib}m`, 'tmpfs', directory], { stdio: 'pipe' })
  } catch (error) {
    rmdirSync(directory)
    throw error
  }
  return new SmallDisk(directory)
}

function unmount({ directory }: SmallDisk): void {
  // Lazily: the name goes now, the disk with its last open file.
  execFileSync('umount', ['-l', directory])
  rmdirSync(directory)
}

function cannotMount(): string | undefined {
  if (process.platform !== 'linux') return 'a small disk is made with tmpfs, which is on Linux only'
  try {
    unmount(mount(1))
    return undefined
  } catch (error) {
    return `no small disk can be mounted here: ${error instanceof Error ? error.message.split('\n')[0] : error}`
  }
}

/** A test with a small disk of its own. Under CI as root it must run; under CI without the right to mount it is left out. */
export function itOnSmallDisk(name: string, sizeMib: number, act: (disk: SmallDisk) => Promise<void>): void {
  const reason = cannotMount()
  const isCi = process.env['CI'] === 'true'
  const run = async (): Promise<void> => {
    const disk = mount(sizeMib)
    try {
      await act(disk)
    } finally {
      unmount(disk)
    }
  }
  if (reason === undefined || (isCi && process.getuid?.() === 0)) it(name, run)
  else if (isCi) process.stderr.write(`left out, ${reason}: ${name}\n`)
  else it(name, (context) => context.skip(reason))
}

/** Leaves so much free that a journal segment cannot be made, and small files can. */
export const HARDLY_ANY_BYTES = 0.25 * MIB
