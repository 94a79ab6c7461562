/** `memory:` keeps everything in this process and nothing over its end. Claims and fencing work as on a disk. */
import { StorageError } from '../../../base/errors.ts'
import type { Journal, MetaChange, MetaEntry, MetaStore, Storage, StorageDescription } from '../../contract.ts'
import { MetaView } from '../meta-view.ts'
import { MemoryJournal, type ShardContent } from './memory-journal.ts'

const SHARD_COUNT = 1
/** Control entries a log may gather before its owner is asked for a snapshot. */
const STATE_BYTES_MAX = 256 * 1024

class MemoryMeta implements MetaStore {
  readonly #view = new MetaView()
  #pending: { change: MetaChange | undefined; done: (revision: number) => void }[] = []
  #closed = false

  get(key: string): MetaEntry | undefined {
    return this.#view.get(key)
  }

  list(prefix: string): MetaEntry[] {
    return this.#view.list(prefix)
  }

  async put(key: string, value: string, expectedRevision?: number): Promise<number> {
    this.#accepting()
    return this.#commit(this.#view.acceptPut(key, value, expectedRevision))
  }

  async delete(key: string, expectedRevision?: number): Promise<void> {
    this.#accepting()
    await this.#commit(this.#view.acceptDelete(key, expectedRevision))
  }

  watch(prefix: string, fn: (change: MetaChange) => void): () => void {
    return this.#view.watch(prefix, fn)
  }

  close(): void {
    this.#closed = true
  }

  #accepting(): void {
    if (this.#closed) throw new StorageError('closed', 'the storage is closed')
  }

  /** Nobody may count on a write being visible in the same tick: on a disk it is not. */
  #commit(change: MetaChange | undefined): Promise<number> {
    return new Promise((done) => {
      this.#pending.push({ change, done })
      if (this.#pending.length === 1) setImmediate(() => this.#applyAll())
    })
  }

  #applyAll(): void {
    const pending = this.#pending
    this.#pending = []
    for (const { change, done } of pending) {
      if (change === undefined) {
        done(0)
        continue
      }
      this.#view.apply(change)
      done(change.kind === 'put' ? change.entry.revision : change.revision)
    }
  }
}

export class MemoryStorage implements Storage {
  readonly #meta = new MemoryMeta()
  readonly #stateBytesMax: number
  #content = new Map<number, ShardContent>()
  #owners = new Map<number, MemoryJournal>()
  #closed = false

  constructor(stateBytesMax = STATE_BYTES_MAX) {
    this.#stateBytesMax = stateBytesMax
  }

  get meta(): MetaStore {
    return this.#meta
  }

  describe(): StorageDescription {
    return {
      engine: 'memory',
      durable: false,
      replicated: false,
      flushedBeforeAck: false,
      payloadBytesMax: 2 ** 28,
      shardCount: SHARD_COUNT,
    }
  }

  async claim(shard: number): Promise<Journal> {
    if (this.#closed) throw new StorageError('closed', 'the storage is closed')
    if (!(shard >= 0 && shard < SHARD_COUNT)) throw new RangeError(`shard ${shard} of ${SHARD_COUNT}`)
    this.#owners.get(shard)?.fence()
    let content = this.#content.get(shard)
    if (content === undefined) {
      content = { logs: new Map(), nextPlace: 1 }
      this.#content.set(shard, content)
    }
    const journal = new MemoryJournal(shard, content, this.#stateBytesMax)
    this.#owners.set(shard, journal)
    return journal
  }

  async freeBytes(): Promise<undefined> {
    return undefined
  }

  async close(): Promise<void> {
    this.#closed = true
    for (const journal of this.#owners.values()) await journal.close()
    this.#meta.close()
  }
}
