/**
 * What the coordinator of transactions writes to its log, and reads back at replay. The log holds:
 *
 *     control    put:     u8 1 │ record               all there is to know of one transactional id; the newest counts
 *                forget:  u8 2 │ text                 the transactional id is not used any more
 *     snapshot   u8 1 version │ varint n │ n × record
 *     record     text transactional id │ u8 state │ varint × 8: producer id, epoch + 1, last epoch + 1,
 *                previous producer id + 1, next producer id + 1, timeout ms, started ms + 1, changed ms
 *                │ varint n │ n × (text stream │ varint m │ m × varint partition) │ varint g │ g × text group
 *     state      0 empty  1 ongoing  2 committing  3 aborting  4 committed  5 aborted
 *
 * Varints and texts (varint bytes, UTF-8) as in `../entry-codec.ts`. Drawn for people in docs/formats/transactions.md.
 */
import { StorageError } from '../../base/errors.ts'
import { EntryReader, EntryWriter } from '../entry-codec.ts'
import type { TransactionState } from './transaction-door.ts'
import type { TransactionRecord } from './transaction-record.ts'

const PUT = 1
const FORGET = 2
const SNAPSHOT_VERSION = 1
/** By their number in the log. */
const STATES: readonly TransactionState[] = ['empty', 'ongoing', 'committing', 'aborting', 'committed', 'aborted']

export type TransactionEntry =
  | { readonly kind: 'put'; readonly record: TransactionRecord }
  | { readonly kind: 'forget'; readonly transactionalId: string }

export function encodePut(record: TransactionRecord): Buffer {
  const writer = new EntryWriter()
  writer.byte(PUT)
  writeRecord(writer, record)
  return writer.take()
}

export function encodeForget(transactionalId: string): Buffer {
  const writer = new EntryWriter()
  writer.byte(FORGET)
  writer.text(transactionalId)
  return writer.take()
}

/** @throws {StorageError} 'newer-format', 'damaged' */
export function decodeEntry(payload: Buffer): TransactionEntry {
  const reader = new EntryReader(payload)
  const kind = reader.byte()
  if (kind === PUT) return { kind: 'put', record: readRecord(reader) }
  if (kind === FORGET) return { kind: 'forget', transactionalId: reader.text() }
  throw new StorageError('newer-format', `unknown entry ${kind} in the log of transactions`)
}

export function encodeSnapshot(records: readonly TransactionRecord[]): Buffer {
  const writer = new EntryWriter()
  writer.byte(SNAPSHOT_VERSION)
  writer.varint(records.length)
  for (const record of records) writeRecord(writer, record)
  return writer.take()
}

/** @throws {StorageError} 'newer-format', 'damaged' */
export function decodeSnapshot(payload: Buffer): TransactionRecord[] {
  const reader = new EntryReader(payload)
  const version = reader.byte()
  if (version !== SNAPSHOT_VERSION) {
    throw new StorageError('newer-format', `a snapshot of transactions of version ${version}`)
  }
  return Array.from({ length: reader.count() }, () => readRecord(reader))
}

function writeRecord(writer: EntryWriter, record: TransactionRecord): void {
  writer.text(record.transactionalId)
  writer.byte(STATES.indexOf(record.state))
  writer.varint(record.producerId)
  writer.varint(record.producerEpoch + 1)
  writer.varint(record.lastEpoch + 1)
  writer.varint(record.previousProducerId + 1)
  writer.varint(record.nextProducerId + 1)
  writer.varint(record.timeoutMs)
  writer.varint(record.startedMs + 1)
  writer.varint(record.changedMs)
  writer.varint(record.partitions.size)
  for (const [stream, partitions] of record.partitions) {
    writer.text(stream)
    writer.varint(partitions.size)
    for (const partition of partitions) writer.varint(partition)
  }
  writer.varint(record.groups.size)
  for (const group of record.groups) writer.text(group)
}

function readRecord(reader: EntryReader): TransactionRecord {
  const transactionalId = reader.text()
  const state = STATES[reader.byte()]
  if (state === undefined) throw new StorageError('newer-format', 'a transaction in an unknown state')
  return {
    transactionalId,
    state,
    producerId: reader.varint(),
    producerEpoch: reader.varint() - 1,
    lastEpoch: reader.varint() - 1,
    previousProducerId: reader.varint() - 1,
    nextProducerId: reader.varint() - 1,
    timeoutMs: reader.varint(),
    startedMs: reader.varint() - 1,
    changedMs: reader.varint(),
    partitions: new Map(Array.from({ length: reader.count() }, () => readPartitions(reader))),
    groups: new Set(Array.from({ length: reader.count() }, () => reader.text())),
  }
}

function readPartitions(reader: EntryReader): [string, ReadonlySet<number>] {
  return [reader.text(), new Set(Array.from({ length: reader.count() }, () => reader.varint()))]
}
