/**
 * A disk in memory that behaves as badly as a real one may: writes are cut short, space runs out, operations fail, and a
 * power cut keeps any part of what was not flushed. What is not flushed is kept per file as a list of writes; names are
 * kept apart from files and need a flush of their own.
 */
import { dirname } from 'node:path'
import { StorageError } from '../../src/base/errors.ts'
import type { Random } from '../../src/base/random.ts'
import type { Files, OpenFile } from '../../src/storage/engines/local/files.ts'

const SECTOR_BYTES = 512

/** An error as the system gives it. */
export function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code, syscall: 'simulated' })
}

export type DiskOperation =
  | { readonly kind: 'write'; readonly path: string; readonly position: number; readonly bytes: number }
  | {
      readonly kind: 'read' | 'flush' | 'truncate' | 'open' | 'rename' | 'remove' | 'flush-directory'
      readonly path: string
    }

/** An error fails the operation; a number lets a write take only so many bytes. */
export type Fault = Error | number | undefined

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'truncate'; readonly sizeBytes: number }

class Content {
  bytes = Buffer.alloc(0)
  size = 0

  apply(change: Change): void {
    if (change.kind === 'truncate') {
      this.#reserve(change.sizeBytes)
      this.bytes.fill(0, Math.min(change.sizeBytes, this.size))
      this.size = change.sizeBytes
      return
    }
    const end = change.position + change.bytes.length
    this.#reserve(end)
    change.bytes.copy(this.bytes, change.position)
    this.size = Math.max(this.size, end)
  }

  #reserve(sizeBytes: number): void {
    if (sizeBytes <= this.bytes.length) return
    const larger = Buffer.alloc(Math.max(sizeBytes, this.bytes.length * 2))
    this.bytes.copy(larger)
    this.bytes = larger
  }

  copy(): Content {
    const copy = new Content()
    copy.bytes = Buffer.from(this.bytes.subarray(0, this.size))
    copy.size = this.size
    return copy
  }
}

class Node {
  seen = new Content()
  durable = new Content()
  pending: Change[] = []
}

interface NameChange {
  readonly directory: string
  readonly set: ReadonlyMap<string, Node | undefined>
}

export class SimulatedDisk implements Files {
  #names = new Map<string, Node>()
  #durableNames = new Map<string, Node>()
  #nameChanges: NameChange[] = []
  #directories = new Set<string>()
  #locked = new Set<string>()
  /** Asked before every operation. */
  intercept: ((operation: DiskOperation) => Fault) | undefined
  /** Bytes all files together may take; ENOSPC beyond. */
  capacityBytes = Number.POSITIVE_INFINITY

  #ask(operation: DiskOperation): number | undefined {
    const fault = this.intercept?.(operation)
    if (fault instanceof Error) throw fault
    return fault
  }

  get usedBytes(): number {
    let bytes = 0
    for (const node of new Set(this.#names.values())) bytes += node.seen.size
    return bytes
  }

  async open(path: string, mode: 'read' | 'write' | 'create', options?: { flushed?: boolean }): Promise<OpenFile> {
    await turn()
    this.#ask({ kind: 'open', path })
    let node = this.#names.get(path)
    if (mode === 'create') {
      if (!this.#directories.has(dirname(path))) throw systemError('ENOENT', path)
      node = new Node()
      this.#rename(dirname(path), new Map([[path, node]]))
    }
    if (node === undefined) throw systemError('ENOENT', path)
    return this.#handle(path, node, options?.flushed === true)
  }

  #handle(path: string, node: Node, flushed: boolean): OpenFile {
    let open = true
    const check = async (): Promise<void> => {
      await turn()
      if (!open) throw systemError('EBADF', path)
    }
    return {
      path,
      write: async (buffers, position) => {
        await check()
        return this.#write(path, node, Buffer.concat(buffers), position, flushed)
      },
      read: async (into, position) => {
        await check()
        this.#ask({ kind: 'read', path })
        return node.seen.bytes.copy(into, 0, position, Math.max(position, node.seen.size))
      },
      flush: async () => {
        await check()
        this.#ask({ kind: 'flush', path })
        for (const change of node.pending.splice(0)) node.durable.apply(change)
      },
      truncate: async (sizeBytes) => {
        await check()
        this.#ask({ kind: 'truncate', path })
        const change: Change = { kind: 'truncate', sizeBytes }
        node.seen.apply(change)
        node.pending.push(change)
      },
      sizeBytes: async () => {
        await check()
        return node.seen.size
      },
      close: async () => {
        await check()
        open = false
      },
    }
  }

  #write(path: string, node: Node, bytes: Buffer, position: number, flushed: boolean): number {
    const cut = this.#ask({ kind: 'write', path, position, bytes: bytes.length })
    let taken = Math.min(bytes.length, cut ?? bytes.length)
    const growth = Math.max(0, position + taken - node.seen.size)
    const room = Math.max(0, this.capacityBytes - this.usedBytes)
    if (growth > room) taken -= growth - room
    if (taken <= 0) throw systemError('ENOSPC', path)
    const change: Change = { kind: 'write', position, bytes: bytes.subarray(0, taken) }
    node.seen.apply(change)
    if (flushed) node.durable.apply(change)
    else node.pending.push(change)
    return taken
  }

  #rename(directory: string, set: Map<string, Node | undefined>): void {
    for (const [path, node] of set) {
      if (node === undefined) this.#names.delete(path)
      else this.#names.set(path, node)
    }
    this.#nameChanges.push({ directory, set })
  }

  async rename(from: string, to: string): Promise<void> {
    await turn()
    this.#ask({ kind: 'rename', path: from })
    const node = this.#names.get(from)
    if (node === undefined) throw systemError('ENOENT', from)
    this.#rename(
      dirname(to),
      new Map([
        [from, undefined],
        [to, node],
      ]),
    )
  }

  async remove(path: string): Promise<void> {
    await turn()
    this.#ask({ kind: 'remove', path })
    if (this.#names.has(path)) this.#rename(dirname(path), new Map([[path, undefined]]))
  }

  async list(directory: string): Promise<string[]> {
    await turn()
    const names = [...this.#names.keys()].filter((path) => dirname(path) === directory)
    const folders = [...this.#directories].filter((path) => dirname(path) === directory)
    return [...names, ...folders].map((path) => path.slice(directory.length + 1))
  }

  async makeDirectory(directory: string): Promise<void> {
    await turn()
    for (let path = directory; path !== dirname(path); path = dirname(path)) this.#directories.add(path)
  }

  async flushDirectory(directory: string): Promise<void> {
    await turn()
    this.#ask({ kind: 'flush-directory', path: directory })
    this.#nameChanges = this.#nameChanges.filter((change) => {
      if (change.directory === directory) applyNames(this.#durableNames, change)
      return change.directory !== directory
    })
  }

  async freeBytes(): Promise<number> {
    return this.capacityBytes - this.usedBytes
  }

  async lock(directory: string): Promise<() => Promise<void>> {
    if (this.#locked.has(directory)) throw new StorageError('locked', `${directory} is in use by process 0`)
    this.#locked.add(directory)
    return async () => void this.#locked.delete(directory)
  }

  /** The bytes of a file as programs see them. */
  bytesOf(path: string): Buffer {
    const node = this.#names.get(path)
    if (node === undefined) throw new Error(`no file ${path}`)
    return Buffer.from(node.seen.bytes.subarray(0, node.seen.size))
  }

  paths(prefix: string): string[] {
    return [...this.#names.keys()].filter((path) => path.startsWith(prefix)).sort()
  }

  /** The disk after the process was killed: everything written is there. With `replace`, one file is another. */
  afterKill(replace?: { path: string; bytes: Buffer }): SimulatedDisk {
    return this.#imageOf(this.#names, (path, node) => {
      if (replace?.path !== path) return node.seen.copy()
      const content = new Content()
      content.apply({ kind: 'write', position: 0, bytes: replace.bytes })
      return content
    })
  }

  /** The disk after a power cut: of what was not flushed, any part may be there. */
  afterPowerCut(random: Random): SimulatedDisk {
    const names = new Map(this.#durableNames)
    const keepNames = random.below(3)
    for (const change of this.#nameChanges) {
      if (keepNames === 2 || (keepNames === 1 && random.below(2) === 0)) applyNames(names, change)
    }
    const keepData = random.below(3)
    return this.#imageOf(names, (_path, node) => {
      const content = node.durable.copy()
      for (const change of node.pending) {
        if (change.kind === 'truncate') {
          if (keepData === 2 || random.below(2) === 0) content.apply(change)
          continue
        }
        for (let at = 0; at < change.bytes.length; ) {
          const position = change.position + at
          const end = Math.min(change.bytes.length, at + SECTOR_BYTES - (position % SECTOR_BYTES))
          const keeps = keepData === 2 || (keepData === 1 && random.below(2) === 0)
          if (keeps) content.apply({ kind: 'write', position, bytes: change.bytes.subarray(at, end) })
          at = end
        }
      }
      return content
    })
  }

  #imageOf(names: ReadonlyMap<string, Node>, contentOf: (path: string, node: Node) => Content): SimulatedDisk {
    const image = new SimulatedDisk()
    image.#directories = new Set(this.#directories)
    for (const [path, node] of names) {
      const copy = new Node()
      copy.seen = contentOf(path, node)
      copy.durable = copy.seen.copy()
      image.#names.set(path, copy)
      image.#durableNames.set(path, copy)
    }
    return image
  }
}

function applyNames(names: Map<string, Node>, change: NameChange): void {
  for (const [path, node] of change.set) {
    if (node === undefined) names.delete(path)
    else names.set(path, node)
  }
}

/** Operations end in a later turn of the loop, as real ones do. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
