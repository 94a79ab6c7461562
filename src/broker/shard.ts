/**
 * One owned shard as the queues see it: the journal, who waits for its commits, and whose changes go out with the next
 * group. Queues of different shards never share one of these.
 */
import { StorageError } from '../base/errors.ts'
import type { Entry, EntryKind, Journal, StoredRecord, Ticket } from '../storage/contract.ts'
import { CommitLine } from './commit-line.ts'
import type { ConfirmListener } from './session.ts'

/** Bytes on their way to disk above which nothing is read to be written again. Publishers are held far below. */
const COPY_BELOW_BYTES = 64 * 1024 * 1024

/** A state machine whose changes are gathered and written once per group. */
export interface GroupWriter {
  /** Appends what gathered since the last call. */
  writeChanges(): void
}

/** A state machine that lives in logs of this shard. */
export interface LogOwner {
  replay(log: number, entry: Entry): void
  /** Writes the log's whole state as a snapshot entry. */
  writeSnapshot(log: number): void
}

export class Shard {
  readonly journal: Journal
  readonly #findOwner: (log: number) => LogOwner | undefined
  readonly #line = new CommitLine()
  #dirty: GroupWriter[] = []
  #afterCommit: (() => void)[] = []

  constructor(journal: Journal, findOwner: (log: number) => LogOwner | undefined) {
    this.journal = journal
    this.#findOwner = findOwner
    journal.onSeal(() => this.#writeChanges())
    journal.onCommit((committed) => this.#committed(committed))
    journal.onFailure(() => this.#failed())
    journal.onSnapshotWanted((log) => this.#snapshotWanted(log))
  }

  /** Brings every owner up to date. Logs that belong to nobody any more are ended. */
  async replay(): Promise<void> {
    const orphans = new Set<number>()
    await this.journal.replay((entry) => {
      const owner = this.#findOwner(entry.log)
      if (owner) owner.replay(entry.log, entry)
      else orphans.add(entry.log)
    })
    // Asked again: a log may have been claimed by what another log said later.
    for (const log of orphans) if (this.#findOwner(log) === undefined) this.journal.endLog(log)
  }

  append(log: number, kind: EntryKind, offset: number, count: number, payload: Buffer): Ticket {
    return this.journal.append(log, kind, offset, count, payload)
  }

  /** `listener.confirmed(sequence)` once `ticket` is durable. Tickets must be handed in in order. */
  confirm(ticket: Ticket, listener: ConfirmListener, sequence: number): void {
    this.#line.push(ticket, listener, sequence)
  }

  /** `writer.writeChanges` will be called before the next group is sealed, which is soon. The caller asks once. */
  markDirty(writer: GroupWriter): void {
    if (this.#dirty.push(writer) === 1) this.journal.wake()
  }

  /** Calls `fn` once after the next commit, or failure. */
  afterCommit(fn: () => void): void {
    this.#afterCommit.push(fn)
  }

  /**
   * For whoever reads messages that may be written again elsewhere (dead letters, delayed messages): a disk that is slower
   * to write than to read, or full, must not fill memory with copies.
   */
  async roomToCopy(): Promise<void> {
    while (this.journal.pendingBytes > COPY_BELOW_BYTES && !this.journal.failure) {
      await new Promise<void>((resolve) => this.afterCommit(resolve))
    }
  }

  read(log: number, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    return this.journal.read(log, fromOffset, maxBytes)
  }

  /** The record at exactly this offset, waiting for its commit if need be. @throws {StorageError} 'damaged' if there is none */
  async readOne(log: number, offset: number): Promise<StoredRecord> {
    for (;;) {
      const settledAll = this.journal.appended <= this.journal.committed
      const [record] = await this.journal.read(log, offset, 1)
      if (record !== undefined && record.baseOffset === offset) return record
      if (this.journal.failure) throw this.journal.failure
      if (settledAll) throw new StorageError('damaged', `storage holds no record at offset ${offset}`)
      await new Promise<void>((resolve) => this.afterCommit(resolve))
    }
  }

  /** Everything said so far is durable, gathered changes included. @throws {StorageError} */
  flushed(): Promise<void> {
    if (this.journal.failure) return Promise.reject(this.journal.failure)
    this.#writeChanges()
    const ticket = this.journal.appended
    if (ticket <= this.journal.committed) return Promise.resolve()
    return new Promise((resolve, reject) => {
      const listener: ConfirmListener = {
        expect: () => {},
        confirmed: () => resolve(),
        rejected: () => reject(this.journal.failure ?? new StorageError('closed', 'the journal was closed')),
      }
      this.#line.push(ticket, listener, 0)
    })
  }

  #writeChanges(): void {
    if (this.#dirty.length === 0 || this.journal.failure) return
    const dirty = this.#dirty
    this.#dirty = []
    for (const writer of dirty) writer.writeChanges()
  }

  #committed(ticket: Ticket): void {
    this.#line.commit(ticket)
    this.#runAfterCommit()
  }

  #failed(): void {
    this.#line.rejectAll()
    this.#runAfterCommit()
  }

  #runAfterCommit(): void {
    if (this.#afterCommit.length === 0) return
    const waiting = this.#afterCommit
    this.#afterCommit = []
    for (const fn of waiting) fn()
  }

  #snapshotWanted(log: number): void {
    const owner = this.#findOwner(log)
    if (owner) owner.writeSnapshot(log)
    else this.journal.endLog(log)
  }
}
