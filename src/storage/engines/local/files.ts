/**
 * The file operations the local engine uses, and nothing more: so that tests can run it on a simulated disk that cuts
 * writes short, fills up, fails, or loses what was not flushed. `nodeFiles` is the real one.
 */
import {
  close as closeFd,
  constants,
  fdatasync,
  fstat,
  fsync,
  ftruncate,
  mkdir,
  open,
  promises,
  read as readFd,
  statfs,
  write as writeFd,
  writev,
} from 'node:fs'
import { dirname, resolve as resolvePath } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { lockDirectory } from './lock.ts'

export interface OpenFile {
  readonly path: string
  /**
   * Writes the buffers one after the other at `position`. Resolves with how many bytes were taken: fewer than asked for
   * is no error, the caller goes on from there.
   */
  write(buffers: readonly Buffer[], position: number): Promise<number>
  /** Fills `into` from `position`; resolves with how many bytes there were. */
  read(into: Buffer, position: number): Promise<number>
  /** The file's data, and what is needed to find it, are on the disk (fdatasync). After a failure never called again. */
  flush(): Promise<void>
  truncate(sizeBytes: number): Promise<void>
  sizeBytes(): Promise<number>
  close(): Promise<void>
}

export interface Files {
  /**
   * 'read': exists. 'write': exists, read and write. 'create': emptied or made anew, read and write.
   * With `flushed`, a write that resolved is on the disk, as if a flush of just these bytes had followed.
   */
  open(path: string, mode: 'read' | 'write' | 'create', options?: { flushed?: boolean }): Promise<OpenFile>
  /** Replaces what has the new name. */
  rename(from: string, to: string): Promise<void>
  /** Removing what is not there is not an error. */
  remove(path: string): Promise<void>
  /** Names of the files in a directory, in no order. */
  list(directory: string): Promise<string[]>
  /** With all its parents; existing is not an error. */
  makeDirectory(directory: string): Promise<void>
  /** Names made, changed and removed in this directory are on the disk. */
  flushDirectory(directory: string): Promise<void>
  /**
   * Keeps every other process out until what it resolves with is called.
   * @throws {StorageError} 'locked'
   */
  lock(directory: string, clock: Clock): Promise<() => Promise<void>>
  /** What a normal user may still write there. */
  freeBytes(directory: string): Promise<number>
}

/** `fcntl(F_FULLFSYNC)` is what makes data durable on macOS; O_DSYNC does not do that, and Windows has no O_DSYNC. */
const hasWriteThrough = process.platform === 'linux' || process.platform === 'freebsd'

const openFlags = {
  read: constants.O_RDONLY,
  write: constants.O_RDWR,
  create: constants.O_RDWR | constants.O_CREAT | constants.O_TRUNC,
} as const

/** The callback interface of `fs`: a promise per call is enough, a FileHandle on top would cost more than it gives. */
class NodeFile implements OpenFile {
  readonly path: string
  readonly #fd: number
  /** Where the system cannot flush as part of the write, a flush follows each one. */
  readonly #flushAfterWrite: boolean

  constructor(path: string, fd: number, flushAfterWrite: boolean) {
    this.path = path
    this.#fd = fd
    this.#flushAfterWrite = flushAfterWrite
  }

  async write(buffers: readonly Buffer[], position: number): Promise<number> {
    const written = await this.#writeOnce(buffers, position)
    if (this.#flushAfterWrite) await this.flush()
    return written
  }

  #writeOnce(buffers: readonly Buffer[], position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      const done = (error: Error | null, written: number): void => (error ? reject(error) : resolve(written))
      const only = buffers[0]
      if (buffers.length === 1 && only !== undefined) writeFd(this.#fd, only, 0, only.length, position, done)
      else writev(this.#fd, buffers, position, done)
    })
  }

  async read(into: Buffer, position: number): Promise<number> {
    let got = 0
    while (got < into.length) {
      const count = await new Promise<number>((resolve, reject) => {
        readFd(this.#fd, into, got, into.length - got, position + got, (error, bytes) =>
          error ? reject(error) : resolve(bytes),
        )
      })
      if (count === 0) break
      got += count
    }
    return got
  }

  flush(): Promise<void> {
    return settle((done) => fdatasync(this.#fd, done))
  }

  truncate(sizeBytes: number): Promise<void> {
    return settle((done) => ftruncate(this.#fd, sizeBytes, done))
  }

  sizeBytes(): Promise<number> {
    return new Promise((resolve, reject) => {
      fstat(this.#fd, (error, stat) => (error ? reject(error) : resolve(stat.size)))
    })
  }

  close(): Promise<void> {
    return settle((done) => closeFd(this.#fd, done))
  }
}

function settle(start: (done: (error?: Error | null) => void) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    start((error) => (error ? reject(error) : resolve()))
  })
}

function openFd(path: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(path, flags, 0o640, (error, fd) => (error ? reject(error) : resolve(fd)))
  })
}

/** With its parents. Node's own way loops for ever where a parent exists but takes no children (`/proc`). */
async function makeDirectory(directory: string): Promise<void> {
  const make = (path: string): Promise<void> => settle((done) => mkdir(path, { mode: 0o750 }, (error) => done(error)))
  const isThere = async (path: string): Promise<boolean> =>
    (await promises.stat(path).catch(() => undefined))?.isDirectory() ?? false
  const missing: string[] = []
  for (let path = resolvePath(directory); !(await isThere(path)); path = dirname(path)) {
    missing.unshift(path)
    if (dirname(path) === path) break
  }
  for (const path of missing) {
    try {
      await make(path)
    } catch (error) {
      // Somebody else may have made it meanwhile.
      if (!(await isThere(path))) throw error
    }
  }
}

export const nodeFiles: Files = {
  async open(path, mode, options) {
    const flushed = options?.flushed === true
    const flags = openFlags[mode] | (flushed && hasWriteThrough ? constants.O_DSYNC : 0)
    return new NodeFile(path, await openFd(path, flags), flushed && !hasWriteThrough)
  },

  rename: (from, to) => promises.rename(from, to),
  remove: (path) => promises.rm(path, { force: true }),
  list: (directory) => promises.readdir(directory),

  makeDirectory,

  async flushDirectory(directory) {
    // Windows has no such thing as flushing a directory, and refuses to open one.
    if (process.platform === 'win32') return
    const fd = await openFd(directory, constants.O_RDONLY)
    try {
      await settle((done) => fsync(fd, done))
    } finally {
      await settle((done) => closeFd(fd, done))
    }
  },

  lock: lockDirectory,

  freeBytes: (directory) =>
    new Promise((resolve, reject) => {
      statfs(directory, (error, stat) => (error ? reject(error) : resolve(stat.bavail * stat.bsize)))
    }),
}
