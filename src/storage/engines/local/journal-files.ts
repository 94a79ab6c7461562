/**
 * The disk's side of a journal: its segments and runs, the order of groups, what is known to be flushed. The contract's
 * side, with tickets and listeners, is `local-journal.ts`.
 */
import { join } from 'node:path'
import type { StorageError } from '../../../base/errors.ts'
import type { Entry, StoredRecord } from '../../contract.ts'
import { EntryKind } from '../../contract.ts'
import type { LocalContext } from './context.ts'
import {
  ENTRY_HEADER_BYTES,
  entryBaseOffset,
  entryCount,
  entryKind,
  entryLog,
  entryPayloadBytes,
  FILE_HEADER_BYTES,
} from './format.ts'
import { ChunkPool, Group } from './group.ts'
import type { LogState } from './log-state.ts'
import { PatientWriter } from './patient-writer.ts'
import { Reclaimer, type ReclaimerJournal } from './reclaimer.ts'
import { RecordReader } from './record-reader.ts'
import { Recovery } from './recovery.ts'
import { RunStore } from './run-store.ts'
import { FileWindow, forEachGroupEntry } from './scan.ts'
import type { Segment } from './segment.ts'
import { SegmentList } from './segment-list.ts'
import { worldError } from './world-error.ts'

export interface JournalFilesOwner extends ReclaimerJournal {
  readonly logs: Map<number, LogState>
  stalled(stalled: StorageError | undefined): void
}

export class JournalFiles {
  readonly #context: LocalContext
  readonly #directory: string
  readonly #owner: JournalFilesOwner
  readonly #runs: RunStore
  readonly #writer: PatientWriter
  readonly #reader: RecordReader
  readonly segments: SegmentList
  readonly reclaimer: Reclaimer
  readonly pool = new ChunkPool()
  /** Of the newest group that was written whole. */
  #sequence = 0
  #flushedSequence = 0
  #hasWritten = false
  /** Segments from this number on may hold what is written but not flushed. */
  #unflushedFrom = 0
  /** Where the newest whole group stands. */
  #writtenSegment = 0
  #flushingBehind = false

  constructor(context: LocalContext, directory: string, owner: JournalFilesOwner) {
    this.#context = context
    this.#directory = directory
    this.#owner = owner
    const journalDirectory = join(directory, 'journal')
    this.#runs = new RunStore(context, join(directory, 'runs'))
    this.#runs.beforeRemoval(() => owner.prove())
    this.#reader = new RecordReader(this.#runs)
    this.segments = new SegmentList(context, journalDirectory, (failure) => owner.fail(failure))
    this.#writer = new PatientWriter(context.clock, context.tuning.retryMs, (stalled) => owner.stalled(stalled))
    const reclaimerJournal: ReclaimerJournal = {
      logs: owner.logs,
      askForSnapshot: (log) => owner.askForSnapshot(log),
      committed: () => owner.committed(),
      prove: () => owner.prove(),
      fail: (failure) => owner.fail(failure),
    }
    this.reclaimer = new Reclaimer(context, reclaimerJournal, this.segments, this.#runs)
  }

  /** @throws {StorageError} 'damaged', 'newer-format' */
  async open(): Promise<void> {
    const recovery = new Recovery(this.#context, join(this.#directory, 'journal'), this.#owner.logs)
    await recovery.run(this.#runs)
    this.segments.all.push(...recovery.segments)
    if (recovery.segments.length === 0) await this.segments.createFirst(recovery.nextSegmentNumber)
    this.#sequence = recovery.sequence
    this.#flushedSequence = recovery.sequence
    this.#writtenSegment = this.segments.current.number
    this.#unflushedFrom = this.#writtenSegment
  }

  /** For each log: from its newest snapshot on, or from its first entry while there is none. */
  async replay(onEntry: (entry: Entry) => void): Promise<void> {
    const { logs } = this.#owner
    for (const segment of this.segments.all) {
      const window = new FileWindow(segment.file, segment.committedEnd)
      await forEachGroupEntry(
        window,
        FILE_HEADER_BYTES,
        segment.committedEnd,
        segment.salt,
        (bytes, at, fileOffset) => {
          const kind = entryKind(bytes, at)
          const log = logs.get(entryLog(bytes, at))
          if (log?.startSegment === undefined || !isJournalKind(kind)) return
          const first = log.startSegment.number
          if (segment.number < first || (segment.number === first && fileOffset < log.startFileOffset)) return
          const payloadAt = at + ENTRY_HEADER_BYTES
          onEntry({
            log: log.id,
            kind,
            baseOffset: entryBaseOffset(bytes, at),
            count: entryCount(bytes, at),
            payload: bytes.subarray(payloadAt, payloadAt + entryPayloadBytes(bytes, at)),
          })
        },
      )
    }
  }

  get stalled(): StorageError | undefined {
    return this.#writer.stalled
  }

  /**
   * Resolves when the group is as durable as was asked for.
   * @throws {StorageError} 'write-failed', or what `abort` was told
   */
  async write(group: Group, segment: Segment): Promise<void> {
    const tooLong = this.segments.windowsFilled() > 2
    // A producer that outruns the reclaimer waits here. Copying needs no commit to come to its end.
    if (tooLong && this.reclaimer.copying !== undefined) await this.reclaimer.copying.catch(() => {})
    const sequence = this.#sequence + 1
    const buffers = group.seal(segment.salt, sequence, this.#flushedSequence)
    await this.#writer.write(segment.file, buffers, group.fileOffset)
    segment.committedEnd = group.fileOffset + group.sizeBytes
    this.#sequence = sequence
    this.#writtenSegment = segment.number
    this.#hasWritten = true
    if (this.#context.durability === 'flush') this.#flushedSequence = sequence
    else if (segment.number > this.#unflushedFrom && !this.#flushingBehind) this.#flushBehind()
  }

  /** Under relaxed durability segments are flushed when they are left, so that a power cut costs the newest ones only. */
  #flushBehind(): void {
    this.#flushingBehind = true
    this.flush().then(
      () => {
        this.#flushingBehind = false
      },
      (error: unknown) => this.#owner.fail(worldError(error, 'flush the journal')),
    )
  }

  async flush(): Promise<void> {
    if (this.#context.durability === 'flush') return
    const sequence = this.#sequence
    // Not the current segment: that may be planned ahead of groups that are still on their way into an older one.
    const newest = this.#writtenSegment
    for (const segment of [...this.segments.all]) {
      if (segment.number >= this.#unflushedFrom) await segment.file.flush()
    }
    this.#unflushedFrom = Math.max(this.#unflushedFrom, newest)
    this.#flushedSequence = Math.max(this.#flushedSequence, sequence)
  }

  read(log: LogState, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    return this.#reader.read(log, fromOffset, maxBytes)
  }

  /** The journal has failed: a write that waits for room fails too, and nothing is dropped any more. */
  abort(reason: StorageError): void {
    this.reclaimer.halt()
    this.#writer.abort(reason)
  }

  /**
   * Nothing is being written any more. After a good end an empty group says that everything before it was flushed: then
   * even damage in the last group with data is told from a torn tail.
   */
  async close(isGoodEnd: boolean): Promise<void> {
    await this.reclaimer.stop()
    try {
      if (isGoodEnd && this.#hasWritten) await this.#writeEndMark()
    } catch (error) {
      // Everything acknowledged is where it should be; only this last sign is missing.
      this.#context.logger.warn('the journal could not be closed in the regular way', { error })
    }
    await this.segments.close()
    await this.#runs.close()
  }

  async #writeEndMark(): Promise<void> {
    await this.flush()
    const segment = this.segments.current
    await this.write(new Group(this.pool, segment.plannedEnd, 1), segment)
  }
}

function isJournalKind(kind: number): kind is EntryKind {
  return kind === EntryKind.record || kind === EntryKind.control || kind === EntryKind.snapshot
}
