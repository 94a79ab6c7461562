/**
 * The log of transactions of one vhost: holds every transactional id's record, writes each change whole, and rebuilds the
 * records at replay. A change counts here at once; who must not go on before it is durable waits for `durable`. Since all
 * changes go to one log, a later one that is durable says that every earlier one is.
 */
import { type Entry, EntryKind } from '../../storage/contract.ts'
import type { LogOwner, Shard } from '../shard.ts'
import { decodeEntry, decodeSnapshot, encodeForget, encodePut, encodeSnapshot } from './transaction-entries.ts'
import type { TransactionRecord } from './transaction-record.ts'

export class TransactionLog implements LogOwner {
  readonly #log: number
  readonly #shard: Shard
  readonly #records = new Map<string, TransactionRecord>()

  constructor(log: number, shard: Shard) {
    this.#log = log
    this.#shard = shard
  }

  get(transactionalId: string): TransactionRecord | undefined {
    return this.#records.get(transactionalId)
  }

  all(): IterableIterator<TransactionRecord> {
    return this.#records.values()
  }

  /** @throws {StorageError} */
  put(record: TransactionRecord): void {
    this.#shard.append(this.#log, EntryKind.control, 0, 0, encodePut(record))
    this.#records.set(record.transactionalId, record)
  }

  /** @throws {StorageError} */
  forget(transactionalId: string): void {
    this.#shard.append(this.#log, EntryKind.control, 0, 0, encodeForget(transactionalId))
    this.#records.delete(transactionalId)
  }

  /** Every change so far is durable. @throws {StorageError} */
  durable(): Promise<void> {
    return this.#shard.flushed()
  }

  replay(_log: number, { kind, payload }: Entry): void {
    if (kind === EntryKind.snapshot) {
      this.#records.clear()
      for (const record of decodeSnapshot(payload)) this.#records.set(record.transactionalId, record)
      return
    }
    const entry = decodeEntry(payload)
    if (entry.kind === 'put') this.#records.set(entry.record.transactionalId, entry.record)
    else this.#records.delete(entry.transactionalId)
  }

  writeSnapshot(log: number): void {
    this.#shard.append(log, EntryKind.snapshot, 0, 0, encodeSnapshot([...this.#records.values()]))
  }
}
