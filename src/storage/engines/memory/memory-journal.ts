/**
 * The journal that keeps nothing over a restart, and the reference for what a journal does: the plainest code that
 * fulfils the contract. A group is what was appended since the last `setImmediate`; it commits there.
 */
import { copyOf } from '../../../base/bytes.ts'
import { invariant, StorageError } from '../../../base/errors.ts'
import { type Entry, EntryKind, type Journal, type StoredRecord, type Ticket } from '../../contract.ts'
import { MemoryLog, type PlacedEntry } from './memory-log.ts'

/** What outlives a claim: the committed content of one shard. */
export interface ShardContent {
  readonly logs: Map<number, MemoryLog>
  nextPlace: number
}

/** Larger payloads are kept as they are handed over. */
const COPIED_BYTES_MAX = 4096

type Pending =
  | { readonly kind: 'entry'; readonly entry: PlacedEntry }
  | { readonly kind: 'end'; readonly log: number }
  | { readonly kind: 'discard'; readonly log: number; readonly from: number; readonly to: number }

export class MemoryJournal implements Journal {
  readonly shard: number
  readonly #content: ShardContent
  readonly #stateBytesMax: number
  #pending: Pending[] = []
  #pendingBytes = 0
  #appended: Ticket = 0
  #committed: Ticket = 0
  #replayed = false
  #sealing = false
  #failure: StorageError | undefined
  #commitListeners: ((committed: Ticket) => void)[] = []
  #sealListeners: (() => void)[] = []
  #failureListeners: ((failure: StorageError) => void)[] = []
  #snapshotWanted: (log: number) => void = () => {}
  /** Logs asked for a snapshot that has not come yet. */
  #asked = new Set<number>()
  #closing: (() => void) | undefined

  constructor(shard: number, content: ShardContent, stateBytesMax: number) {
    this.shard = shard
    this.#content = content
    this.#stateBytesMax = stateBytesMax
  }

  async replay(onEntry: (entry: Entry) => void): Promise<void> {
    invariant(!this.#replayed, 'a journal is replayed once')
    if (this.#failure) throw this.#failure
    this.#replayed = true
    const entries: PlacedEntry[] = []
    for (const log of this.#content.logs.values()) log.collect(entries)
    entries.sort((a, b) => a.place - b.place)
    for (const { log, kind, baseOffset, count, payload } of entries) onEntry({ log, kind, baseOffset, count, payload })
  }

  append(log: number, kind: EntryKind, baseOffset: number, count: number, payload: Buffer): Ticket {
    this.#accepting()
    const own = payload.length <= COPIED_BYTES_MAX ? copyOf(payload) : payload
    const entry = { log, kind, baseOffset, count, payload: own, place: this.#content.nextPlace++ }
    this.#pending.push({ kind: 'entry', entry })
    this.#pendingBytes += payload.length
    if (kind === EntryKind.snapshot) this.#asked.delete(log)
    return this.#nextTicket()
  }

  endLog(log: number): Ticket {
    this.#accepting()
    this.#pending.push({ kind: 'end', log })
    this.#asked.delete(log)
    return this.#nextTicket()
  }

  #accepting(): void {
    if (this.#failure) throw this.#failure
    invariant(this.#replayed, 'a journal is replayed before the first append')
  }

  #nextTicket(): Ticket {
    this.wake()
    return ++this.#appended
  }

  wake(): void {
    if (this.#sealing || this.#failure) return
    this.#sealing = true
    setImmediate(() => this.#seal())
  }

  #seal(): void {
    this.#sealing = false
    if (this.#failure) return
    for (const fn of this.#sealListeners) fn()
    const pending = this.#pending
    this.#pending = []
    this.#pendingBytes = 0
    // `wake` inside a seal listener asks for the next group only if this one missed it.
    for (const item of pending) this.#apply(item)
    if (this.#committed === this.#appended) return this.#closing?.()
    this.#committed = this.#appended
    for (const fn of this.#commitListeners) fn(this.#committed)
    this.#closing?.()
  }

  #apply(item: Pending): void {
    const { logs } = this.#content
    switch (item.kind) {
      case 'end':
        logs.delete(item.log)
        return
      case 'discard':
        logs.get(item.log)?.discard(item.from, item.to)
        return
      case 'entry': {
        const id = item.entry.log
        let log = logs.get(id)
        if (log === undefined) {
          log = new MemoryLog()
          logs.set(id, log)
        }
        log.add(item.entry)
        if (log.wantsSnapshot(this.#stateBytesMax) && !this.#asked.has(id)) this.#askForSnapshot(id)
      }
    }
  }

  #askForSnapshot(log: number): void {
    this.#asked.add(log)
    setImmediate(() => {
      if (!this.#failure) this.#snapshotWanted(log)
    })
  }

  get appended(): Ticket {
    return this.#appended
  }

  get committed(): Ticket {
    return this.#committed
  }

  get pendingBytes(): number {
    return this.#pendingBytes
  }

  onCommit(fn: (committed: Ticket) => void): void {
    this.#commitListeners.push(fn)
  }

  onSeal(fn: () => void): void {
    this.#sealListeners.push(fn)
  }

  async read(log: number, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    if (this.#failure?.code === 'closed' || this.#failure?.code === 'fenced') throw this.#failure
    return this.#content.logs.get(log)?.read(fromOffset, maxBytes) ?? []
  }

  discard(log: number, fromOffset: number, toOffset: number): void {
    if (this.#failure) return
    this.#pending.push({ kind: 'discard', log, from: fromOffset, to: toOffset })
    this.wake()
  }

  onSnapshotWanted(fn: (log: number) => void): void {
    this.#snapshotWanted = fn
  }

  storedBytes(log: number): number {
    return this.#content.logs.get(log)?.storedBytes ?? 0
  }

  get failure(): StorageError | undefined {
    return this.#failure
  }

  onFailure(fn: (failure: StorageError) => void): void {
    this.#failureListeners.push(fn)
  }

  /** Memory does not fill up as a disk does. */
  get stalled(): StorageError | undefined {
    return undefined
  }

  onStall(_fn: (stalled: StorageError | undefined) => void): void {}

  /** Another owner claimed the shard: what is not committed never will be. */
  fence(): void {
    if (this.#failure) return
    this.#fail(new StorageError('fenced', `shard ${this.shard} was claimed by another owner`))
  }

  #fail(failure: StorageError): void {
    this.#failure = failure
    this.#pending = []
    this.#pendingBytes = 0
    if (failure.code !== 'closed') for (const fn of this.#failureListeners) fn(failure)
    this.#closing?.()
  }

  async close(): Promise<void> {
    if (this.#failure) return
    this.wake()
    await new Promise<void>((resolve) => {
      this.#closing = resolve
    })
    this.#closing = undefined
    if (!this.#failure) this.#fail(new StorageError('closed', `the journal of shard ${this.shard} is closed`))
  }
}
