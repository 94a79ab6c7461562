/**
 * The storage contract: what the broker asks of an engine, in bytes and numbers. Storage knows neither messages nor
 * protocols; no path, flush flag or sequence number of an engine leaks through.
 *
 * A *shard* is the unit of ownership: one writer, one moving watermark, many *logs*. A log is a queue's lane, a
 * partition or a group's state; its id is given by the broker and never used twice. Everything above storage rebuilds
 * its state by replaying a shard's journal, so that a crash, a restart and a take-over are one code path.
 *
 *     append ──► sealed into a group ──► written + flushed ──► `committed` moves, `onCommit` ──► answers go out
 *                 ▲ `onSeal`: last chance to add to this group
 */
import type { StorageError } from '../base/errors.ts'

export const EntryKind = {
  /** Data under offsets baseOffset .. baseOffset+count-1, readable with `read` until discarded. */
  record: 0,
  /** A change of a log's state; replayed in order, never read back. */
  control: 1,
  /**
   * The whole state of a log at this point: it stands for every earlier entry of that log. Replay starts a log at its
   * newest snapshot; records before it are not replayed but stay readable until discarded.
   */
  snapshot: 2,
} as const
export type EntryKind = (typeof EntryKind)[keyof typeof EntryKind]

export interface Entry {
  readonly log: number
  readonly kind: EntryKind
  /** First offset of a record; 0 for control and snapshot entries. */
  readonly baseOffset: number
  /** Offsets a record covers, at least 1; 0 for control and snapshot entries. */
  readonly count: number
  /** Borrowed during the call that hands it over. */
  readonly payload: Buffer
}

export interface StoredRecord {
  readonly baseOffset: number
  readonly count: number
  /** Belongs to the caller. Several records of one `read` may be views of one chunk. */
  readonly payload: Buffer
}

/** Position in the order of a journal's appends. Grows with every append; comparable only within one journal. */
export type Ticket = number

export interface Journal {
  readonly shard: number

  /**
   * Hands over what the journal holds, in commit order, once, before the first `append`. For a log with a snapshot:
   * the newest snapshot, then what came after it. Records discarded since then are handed over all the same: an owner
   * counts what he settled against what he sees. Logs ended by `endLog` do not appear.
   * @throws {StorageError} 'damaged' with file and position when the middle of the journal fails its checksum
   */
  replay(onEntry: (entry: Entry) => void): Promise<void>

  /**
   * Decides the order of an entry now; it is durable once `committed` reaches the ticket. Small payloads are copied at
   * once, large ones are kept by reference: the bytes must never change from here on.
   * Offsets of records must grow within a log; gaps are allowed.
   * @throws {StorageError} with `failure` after the journal failed, 'closed' after close
   */
  append(log: number, kind: EntryKind, baseOffset: number, count: number, payload: Buffer): Ticket

  /** The newest ticket handed out. */
  readonly appended: Ticket
  /** Every entry up to this ticket is durable as `describe()` promises. Never goes back. */
  readonly committed: Ticket
  /** Called after `committed` moved, once per group. Listeners are called in the order of registration. */
  onCommit(fn: (committed: Ticket) => void): void
  /** Called right before a group is sealed: what is appended in the call still joins that group. */
  onSeal(fn: () => void): void
  /** Asks for a seal soon although nothing has been appended yet: somebody wants his `onSeal` call. */
  wake(): void
  /** Bytes appended and not yet durable: the signal for back-pressure. */
  readonly pendingBytes: number

  /**
   * Whole records from `fromOffset` on, in offset order, discarded ones left out, at least one when there is one
   * however large it is, else up to `maxBytes`. Only committed records: empty means "nothing durable there yet".
   * A record whose range contains `fromOffset` counts.
   * @throws {StorageError} 'damaged' with file and position
   */
  read(log: number, fromOffset: number, maxBytes: number): Promise<StoredRecord[]>

  /**
   * The records in [fromOffset, toOffset) will never be asked for again. Takes effect once everything appended before
   * the call is committed, so the caller may discard in the moment it appends the settlement. Not remembered over a
   * restart: after `replay` the owner says it again. Each offset is discarded at most once in a journal's life;
   * a range may cover offsets that never held a record.
   */
  discard(log: number, fromOffset: number, toOffset: number): void

  /** Drops a log with all its entries; durable as an append is. The id is never used again. */
  endLog(log: number): Ticket

  /**
   * Called when space can be reclaimed only if `log` writes its state anew: answer, now or soon, with a 'snapshot'
   * entry (or `endLog` if the log is unknown). One listener.
   */
  onSnapshotWanted(fn: (log: number) => void): void

  /** Bytes kept for a log beyond what is discarded, as far as known without reading: for statistics. */
  storedBytes(log: number): number

  /** Set once: from then on nothing is accepted and nothing past `committed` will ever be durable. */
  readonly failure: StorageError | undefined
  onFailure(fn: (failure: StorageError) => void): void

  /** True while writing waits for the world (a full disk): nothing is lost, nothing moves. */
  readonly stalled: StorageError | undefined
  onStall(fn: (stalled: StorageError | undefined) => void): void

  /** Commits what was appended, then gives the shard up. */
  close(): Promise<void>
}

export interface MetaEntry {
  readonly key: string
  /** JSON text. */
  readonly value: string
  /** Changes with every write of this key; for compare-and-set. */
  readonly revision: number
}

export type MetaChange =
  | { readonly kind: 'put'; readonly entry: MetaEntry }
  | { readonly kind: 'delete'; readonly key: string; readonly revision: number }

/**
 * Small, consistent, watched: vhosts, users, exchanges, queues, bindings, topics. The view is local and complete;
 * writes resolve when durable and after every watcher here has seen them. Others may write too.
 */
export interface MetaStore {
  get(key: string): MetaEntry | undefined
  /** In key order. */
  list(prefix: string): MetaEntry[]
  /**
   * @param expectedRevision 0: must not exist; a revision: must be the current one; absent: whatever is there
   * @throws {StorageError} 'conflict', and the journal's own failures
   */
  put(key: string, value: string, expectedRevision?: number): Promise<number>
  /** Deleting what is not there is not an error. */
  delete(key: string, expectedRevision?: number): Promise<void>
  /** Every change from now on, in order, none left out. Returns the way to stop. */
  watch(prefix: string, fn: (change: MetaChange) => void): () => void
}

export interface StorageDescription {
  /** 'memory', 'local', later 'jetstream': for people, never for decisions. */
  readonly engine: string
  readonly durable: boolean
  readonly replicated: boolean
  /** False under `--durability os`: written, not flushed. */
  readonly flushedBeforeAck: boolean
  /** Largest single payload accepted. */
  readonly payloadBytesMax: number
  readonly shardCount: number
}

export interface Storage {
  readonly meta: MetaStore
  describe(): StorageDescription
  /** Becomes the only writer of a shard; every earlier owner is fenced before this resolves. */
  claim(shard: number): Promise<Journal>
  /** Free bytes where data goes, for the disk alarm; `undefined` where the engine cannot tell. */
  freeBytes(): Promise<number | undefined>
  close(): Promise<void>
}
