/**
 * Brings a shard's state back from its files: which segments there are, where the journal ends, what each log has. A
 * tail that was never acknowledged is cut with one line in the log; a place that fails although something later was
 * flushed after it is damage, and nothing is served.
 *
 * The rule: a group carries the newest sequence known to be on the disk before it. If the group with sequence N fails and
 * any later group says that N was flushed, then N was acknowledged once.
 */
import { join } from 'node:path'
import type { LocalContext } from './context.ts'
import {
  damaged,
  entryBaseOffset,
  entryCount,
  entryKind,
  entryLog,
  entryPayloadBytes,
  FILE_HEADER_BYTES,
  type FileHeader,
  FLAG_RECYCLED,
  GROUP_HEADER_BYTES,
  JOURNAL_MAGIC,
  readFileHeader,
  readGroupHeader,
  StoredKind,
} from './format.ts'
import { LogState } from './log-state.ts'
import type { RunStore } from './run-store.ts'
import { FileWindow, findProofOfLoss, type ScanEnd, scanGroups } from './scan.ts'
import { Segment } from './segment.ts'
import { segmentName } from './segment-list.ts'

const NAME = /^(\d{12,})\.log$/

/** Numbers kept for an inspected entry. */
const INSPECTED_STEP = 6

interface Found {
  readonly segment: Segment
  readonly header: FileHeader
  readonly window: FileWindow
}

export class Recovery {
  readonly #context: LocalContext
  readonly #directory: string
  readonly #logs: Map<number, LogState>
  /** Empty in a new directory. */
  readonly segments: Segment[] = []
  /** The number a first segment would get. */
  nextSegmentNumber = 1
  /** Of the newest sound group; undefined before the first one is seen. */
  #sequence: number | undefined
  /** Of the group being read: kind, log, base offset, count, payload bytes and place of each entry. */
  readonly #inspected: number[] = []

  constructor(context: LocalContext, directory: string, logs: Map<number, LogState>) {
    this.#context = context
    this.#directory = directory
    this.#logs = logs
  }

  get sequence(): number {
    return this.#sequence ?? 0
  }

  /** @throws {StorageError} 'damaged', 'newer-format' */
  async run(runs: RunStore): Promise<void> {
    const movedSegments = await runs.open()
    const found = await this.#findSegments(movedSegments)
    for (const [index, one] of found.entries()) {
      const end = await this.#scan(one)
      one.segment.plannedEnd = end.endOffset
      one.segment.committedEnd = end.endOffset
      const next = found[index + 1]
      if (next !== undefined && (await this.#continuesIn(next))) {
        one.window.drop()
        continue
      }
      await this.#judgeEnd(found.slice(index), end)
      await this.#cut(found.slice(index), end)
      found.length = index + 1
    }
    this.segments.push(...found.map((one) => one.segment))
    // What was written and is believed from here on has to be on the disk, before anything is removed because of it.
    if (this.#context.durability === 'os') for (const { file } of this.segments) await file.flush()
    this.#attachExtents(runs)
  }

  async #findSegments(moved: ReadonlySet<number>): Promise<Found[]> {
    const { files } = this.#context
    await files.makeDirectory(this.#directory)
    const numbers: number[] = []
    for (const name of await files.list(this.#directory)) {
      const number = NAME.exec(name)?.[1]
      if (number !== undefined) numbers.push(Number(number))
      else if (name.endsWith('.tmp')) await files.remove(join(this.#directory, name))
    }
    numbers.sort((a, b) => a - b)
    while (numbers.length > 0 && moved.has(numbers[0] as number)) {
      const number = numbers.shift() as number
      await files.remove(join(this.#directory, segmentName(number)))
      this.nextSegmentNumber = number + 1
    }
    await files.flushDirectory(this.#directory)
    const found: Found[] = []
    for (const [index, number] of numbers.entries()) {
      const path = join(this.#directory, segmentName(number))
      const before = numbers[index - 1]
      if (before !== undefined && number !== before + 1) throw damaged(path, 0, `segment ${number - 1} is missing`)
      const one = await this.#openSegment(number, path, index === numbers.length - 1)
      if (one !== undefined) found.push(one)
      this.nextSegmentNumber = number + (one === undefined ? 0 : 1)
    }
    return found
  }

  /** `undefined`: the newest file ends inside its header, so there is nothing in it. */
  async #openSegment(number: number, path: string, isNewest: boolean): Promise<Found | undefined> {
    const { files, durability, logger } = this.#context
    const file = await files.open(path, 'write', { flushed: durability === 'flush' })
    const sizeBytes = await file.sizeBytes()
    if (sizeBytes < FILE_HEADER_BYTES && isNewest) {
      logger.warn('the newest journal segment ends inside its header and is left out', { path, sizeBytes })
      await file.close()
      await files.remove(path)
      return undefined
    }
    const bytes = Buffer.alloc(FILE_HEADER_BYTES)
    await file.read(bytes, 0)
    const header = readFileHeader(JOURNAL_MAGIC, bytes.subarray(0, sizeBytes), path)
    if (header.number !== number) throw damaged(path, 16, `the file says it is segment ${header.number}`)
    return { segment: new Segment(number, header.salt, file, 0), header, window: new FileWindow(file, sizeBytes) }
  }

  #scan({ segment, window }: Found): Promise<ScanEnd> {
    const entries = this.#inspected
    return scanGroups(window, FILE_HEADER_BYTES, segment.salt, {
      accept: (header) => {
        entries.length = 0
        return this.#sequence === undefined || header.sequence === this.#sequence + 1
      },
      inspect: (bytes, at, fileOffset) => {
        entries.push(entryKind(bytes, at), entryLog(bytes, at), entryBaseOffset(bytes, at), entryCount(bytes, at))
        entries.push(entryPayloadBytes(bytes, at), fileOffset)
      },
      complete: (header) => {
        for (let at = 0; at < entries.length; at += INSPECTED_STEP) this.#index(segment, entries, at)
        this.#sequence = header.sequence
      },
    })
  }

  #index(segment: Segment, entries: readonly number[], at: number): void {
    const kind = entries[at] as number
    const id = entries[at + 1] as number
    const fileOffset = entries[at + 5] as number
    let log = this.#logs.get(id)
    if (kind === StoredKind.endLog) {
      log?.clearStart()
      log?.end()
      this.#logs.delete(id)
      return
    }
    if (log === undefined) {
      log = new LogState(id)
      this.#logs.set(id, log)
    }
    if (kind === StoredKind.record) {
      const payloadBytes = entries[at + 4] as number
      log.addRecord(segment, entries[at + 2] as number, entries[at + 3] as number, fileOffset, payloadBytes)
    }
    if (kind === StoredKind.snapshot || log.startSegment === undefined) log.moveStart(segment, fileOffset)
  }

  /** Whether the first group of the segment is the one that should come next. */
  async #continuesIn({ segment, window }: Found): Promise<boolean> {
    await window.load(FILE_HEADER_BYTES, GROUP_HEADER_BYTES)
    const header = readGroupHeader(window.bytes, FILE_HEADER_BYTES - window.start, segment.salt)
    return header !== undefined && header.sequence === this.sequence + 1
  }

  /** @throws {StorageError} 'damaged' when something that was acknowledged does not follow here */
  async #judgeEnd(found: readonly Found[], end: ScanEnd): Promise<void> {
    const expected = end.tornGroup?.sequence ?? (this.#sequence === undefined ? undefined : this.#sequence + 1)
    for (const [index, { segment, window }] of found.entries()) {
      const from = index === 0 ? end.endOffset + 1 : FILE_HEADER_BYTES
      const proof = await findProofOfLoss(window, from, segment.salt, expected)
      if (proof === undefined) continue
      // A later segment that does not begin with a sound group is itself what is damaged.
      const isLater = index > 0 && proof.at > FILE_HEADER_BYTES && end.tornGroup === undefined
      const path = isLater ? segment.path : (found[0] as Found).segment.path
      const position = isLater ? FILE_HEADER_BYTES : end.endOffset
      throw damaged(path, position, `a group fails its checksum, but group ${proof.header.sequence} follows it`)
    }
  }

  /** What follows the last sound group goes for good, so that it can never be read as something that came later. */
  async #cut(found: readonly Found[], end: ScanEnd): Promise<void> {
    const { files, logger } = this.#context
    const [last, ...behind] = found
    if (last === undefined) return
    const { path, file } = last.segment
    if (await this.#isTorn(last, end)) {
      logger.warn('the journal ends inside a group that was never acknowledged: cut there', {
        path,
        position: end.endOffset,
      })
    }
    for (const { segment } of behind.reverse()) {
      await segment.file.close()
      await files.remove(segment.path)
      await files.flushDirectory(this.#directory)
    }
    if (last.window.sizeBytes > end.endOffset) await file.truncate(end.endOffset)
    // A killed process may have written its last group without having flushed it.
    await file.flush()
  }

  /** Zeros, and what a recycled file held before, are no sign of anything. */
  async #isTorn({ header, window }: Found, end: ScanEnd): Promise<boolean> {
    if (end.tornGroup !== undefined) return true
    if ((header.flags & FLAG_RECYCLED) !== 0) return false
    const restBytes = Math.min(window.sizeBytes - end.endOffset, 4096)
    await window.load(end.endOffset, restBytes)
    const at = end.endOffset - window.start
    return window.bytes.subarray(at, at + restBytes).some((byte) => byte !== 0)
  }

  /** A log that has records in runs has its state in the journal; where that is missing, the log has ended. */
  #attachExtents(runs: RunStore): void {
    for (const run of [...runs.runs]) {
      for (const extent of run.extents) {
        const log = this.#logs.get(extent.log)
        if (log === undefined) extent.die()
        else log.extents.push(extent)
      }
    }
    for (const log of this.#logs.values()) {
      log.extents.sort((a, b) => a.firstOffset - b.firstOffset)
      const last = log.extents.at(-1)
      if (last !== undefined) log.nextOffset = Math.max(log.nextOffset, last.endOffset)
    }
  }
}
