/**
 * The journal's files in order, and the one that comes next. The next segment is made ahead of time: named, flushed, and
 * with its blocks written, because flushing into prepared space takes half as long as growing a file. A reclaimed
 * segment is used again; what it still holds cannot be taken for data, since its groups carry another salt.
 *
 * Segments in memory: current ──(full, next ready)──► older ──(reclaimed)──► spare, or removed.
 */
import { join } from 'node:path'
import type { StorageError } from '../../../base/errors.ts'
import type { LocalContext } from './context.ts'
import { FLAG_RECYCLED, JOURNAL_MAGIC, makeFileHeader } from './format.ts'
import { Segment } from './segment.ts'
import { isDiskFull, worldError } from './world-error.ts'
import { writeWhole } from './write-whole.ts'

const ZEROS = Buffer.alloc(256 * 1024)
const SPARE_NAME = 'spare.tmp'
const NEXT_NAME = 'next.tmp'

export const segmentName = (number: number): string => `${String(number).padStart(12, '0')}.log`

export class SegmentList {
  readonly #context: LocalContext
  readonly #directory: string
  readonly #onFailure: (failure: StorageError) => void
  /** Oldest first; the last one takes new groups. */
  readonly all: Segment[] = []
  #next: Segment | undefined
  #preparing: Promise<void> | undefined
  #retryAtMs = 0
  #hasSpare = false
  #closed = false
  #lastGroupBytes = 0

  constructor(context: LocalContext, directory: string, onFailure: (failure: StorageError) => void) {
    this.#context = context
    this.#directory = directory
    this.#onFailure = onFailure
  }

  get current(): Segment {
    return this.all[this.all.length - 1] as Segment
  }

  /** The journal's length, in windows: above 1 its oldest segment is due. */
  windowsFilled(): number {
    const { segmentBytes, windowSegments } = this.#context.tuning
    let bytes = 0
    for (const segment of this.all) bytes += segment.plannedEnd
    return bytes / (segmentBytes * windowSegments)
  }

  /** The very first segment: nothing is written ahead, so that an idle broker takes no space. */
  async createFirst(number: number): Promise<Segment> {
    const segment = await this.#make(number, undefined)
    this.all.push(segment)
    return segment
  }

  /** Where a group that begins now will stand. */
  placeForGroup(): Segment {
    const current = this.current
    const next = this.#next
    if (next === undefined) return current
    const isFull = current.plannedEnd + 2 * this.#lastGroupBytes > this.#context.tuning.segmentBytes
    // A file that has to grow is left early for one that is prepared.
    if (!isFull && current.preparedBytes > 0) return current
    this.all.push(next)
    this.#next = undefined
    return next
  }

  groupPlanned(sizeBytes: number): void {
    this.#lastGroupBytes = sizeBytes
    if (this.#next !== undefined || this.#preparing !== undefined || this.#closed) return
    const { segmentBytes } = this.#context.tuning
    const current = this.current
    const dueBytes = current.preparedBytes > 0 ? segmentBytes / 2 : segmentBytes / 64
    if (current.plannedEnd < dueBytes || this.#context.clock.monotonicMs() < this.#retryAtMs) return
    this.#preparing = this.#prepare(current.number + 1).finally(() => {
      this.#preparing = undefined
    })
  }

  async #prepare(number: number): Promise<void> {
    try {
      const segment = this.#hasSpare ? await this.#makeFromSpare(number) : await this.#makeFromZeros(number)
      if (segment !== undefined) this.#next = segment
    } catch (error) {
      const failure = worldError(error, 'prepare a journal segment')
      // Not urgent: the current segment grows meanwhile, and says so itself when it cannot.
      if (isDiskFull(error)) this.#retryAtMs = this.#context.clock.monotonicMs() + this.#context.tuning.retryMs
      else this.#onFailure(failure)
    }
  }

  async #makeFromSpare(number: number): Promise<Segment> {
    this.#hasSpare = false
    // Under a name of its own before anything is awaited for long: the next dropped segment becomes the spare.
    const { files } = this.#context
    await files.rename(join(this.#directory, SPARE_NAME), join(this.#directory, NEXT_NAME))
    return this.#make(number, FLAG_RECYCLED)
  }

  /** `undefined`: closed meanwhile. */
  async #makeFromZeros(number: number): Promise<Segment | undefined> {
    const path = join(this.#directory, NEXT_NAME)
    const file = await this.#context.files.open(path, 'create')
    const { segmentBytes } = this.#context.tuning
    try {
      for (let at = 0; at < segmentBytes && !this.#closed; at += ZEROS.length) {
        await writeWhole(file, [ZEROS.subarray(0, Math.min(ZEROS.length, segmentBytes - at))], at)
      }
      await file.flush()
    } catch (error) {
      await this.#context.files.remove(path)
      throw error
    } finally {
      await file.close()
    }
    return this.#closed ? undefined : this.#make(number, 0)
  }

  /**
   * Makes a segment of the file that is next, or of nothing. The header is on the disk before the file has its name: a
   * named segment always has a sound header.
   */
  async #make(number: number, flags: number | undefined): Promise<Segment> {
    const { files, random, durability } = this.#context
    const salt = random.bytes(4).readUInt32LE(0)
    const temporary = join(this.#directory, NEXT_NAME)
    const made = await files.open(temporary, flags === undefined ? 'create' : 'write')
    let preparedBytes = 0
    try {
      preparedBytes = await made.sizeBytes()
      await writeWhole(made, [makeFileHeader(JOURNAL_MAGIC, { salt, number, flags: flags ?? 0 })], 0)
      await made.flush()
    } finally {
      await made.close()
    }
    const path = join(this.#directory, segmentName(number))
    await files.rename(temporary, path)
    await files.flushDirectory(this.#directory)
    const file = await files.open(path, 'write', { flushed: durability === 'flush' })
    return new Segment(number, salt, file, preparedBytes)
  }

  /** The oldest segment is not needed any more. Resolves when that is durable. */
  async dropOldest(): Promise<void> {
    const segment = this.all.shift() as Segment
    const { files, tuning } = this.#context
    const path = segment.path
    const fits = segment.committedEnd <= tuning.segmentBytes * 2 && segment.preparedBytes >= tuning.segmentBytes / 2
    const reuse = !this.#hasSpare && fits && !segment.isRead && !this.#closed
    if (reuse) {
      await segment.close()
      await files.rename(path, join(this.#directory, SPARE_NAME))
    } else {
      await files.remove(path)
      // A reader may still hold it; the name is gone already.
      segment.close().catch((error: unknown) => this.#context.logger.warn('closing a journal segment', { path, error }))
    }
    await files.flushDirectory(this.#directory)
    // Only now: were its old name to come back after a power cut, it must still be the old segment.
    if (reuse) this.#hasSpare = true
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#preparing
    const { files } = this.#context
    if (this.#next !== undefined) this.all.push(this.#next)
    this.#next = undefined
    for (const segment of this.all) await segment.close()
    for (const name of [SPARE_NAME, NEXT_NAME]) await files.remove(join(this.#directory, name)).catch(() => {})
  }
}
