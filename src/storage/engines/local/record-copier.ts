/**
 * Copies what lives in a journal segment, or in a sparse run, into a new run. Works in bounded pieces and lets the loop
 * breathe between them. Bytes are copied as they stand, checksum included.
 */
import type { LocalContext } from './context.ts'
import type { OpenFile } from './files.ts'
import {
  damaged,
  ENTRY_HEADER_BYTES,
  entryBaseOffset,
  entryCount,
  entryLog,
  entryPayloadBytes,
  FILE_HEADER_BYTES,
  isEntrySound,
  PAYLOAD_BYTES_MAX,
} from './format.ts'
import type { LogState } from './log-state.ts'
import type { Run } from './run.ts'
import { RunWriter } from './run-writer.ts'
import { FileWindow } from './scan.ts'
import type { Segment } from './segment.ts'
import type { Slice } from './slice.ts'

const RUN_WINDOW_BYTES = 1024 * 1024

/** Used again from one copy to the next, as long as there are many. */
export class CopyBuffer {
  #bytes: Buffer | undefined

  take(sizeBytes: number): Buffer {
    if (this.#bytes === undefined || this.#bytes.length < sizeBytes) this.#bytes = Buffer.allocUnsafeSlow(sizeBytes)
    return this.#bytes
  }

  drop(): void {
    this.#bytes = undefined
  }
}

export class RecordCopier {
  readonly #context: LocalContext
  readonly #logs: ReadonlyMap<number, LogState>
  readonly #run: Run
  readonly #isStopped: () => boolean
  readonly #buffer: CopyBuffer
  /** Made when the first record lives. */
  #writer: RunWriter | undefined

  constructor(
    context: LocalContext,
    logs: ReadonlyMap<number, LogState>,
    run: Run,
    buffer: CopyBuffer,
    isStopped: () => boolean,
  ) {
    this.#buffer = buffer
    this.#context = context
    this.#logs = logs
    this.#run = run
    this.#isStopped = isStopped
  }

  async copySegment(segment: Segment): Promise<void> {
    const slices = segment.slices.filter((slice) => slice.count > 0)
    slices.sort((a, b) => a.log - b.log || a.firstOffset - b.firstOffset)
    if (slices.length === 0) return
    const done: number[] = new Array(slices.length).fill(0)
    const end = segment.committedEnd
    const usualBytes = Math.min(this.#context.tuning.copyBytes, end)
    let windowBytes = usualBytes
    let from = FILE_HEADER_BYTES
    while (from < end && !this.#isStopped()) {
      const window = this.#buffer.take(windowBytes).subarray(0, Math.min(windowBytes, end - from))
      const got = await segment.file.read(window, from)
      if (got < window.length) throw damaged(segment.path, from + got, 'the file ends too early')
      let next = from + window.length
      let neededBytes = usualBytes
      for (let index = 0; index < slices.length; index++) {
        const slice = slices[index] as Slice
        const log = this.#logs.get(slice.log)
        if (log === undefined) continue
        const cut = await this.#copySlice(log, slice, done, index, window, from)
        if (cut === undefined || cut.position >= next) continue
        // One record at most lies across the end of the window: the next one begins with it.
        next = cut.position
        neededBytes = Math.max(neededBytes, cut.sizeBytes)
      }
      windowBytes = neededBytes
      from = next
    }
  }

  /** Copies a slice's records inside the window. Returns the record that is only partly in it. */
  async #copySlice(
    log: LogState,
    slice: Slice,
    done: number[],
    index: number,
    window: Buffer,
    from: number,
  ): Promise<{ position: number; sizeBytes: number } | undefined> {
    const { segment } = slice
    let at = done[index] as number
    this.#writer?.beginExtent()
    for (; at < slice.count; at++) {
      const position = slice.fileOffsetAt(at)
      const start = position - from
      if (start >= window.length) break
      const hasHeader = start + ENTRY_HEADER_BYTES <= window.length
      const payloadBytes = hasHeader ? entryPayloadBytes(window, start) : 0
      const size = ENTRY_HEADER_BYTES + payloadBytes
      if (payloadBytes > PAYLOAD_BYTES_MAX || position + size > segment.committedEnd) {
        throw damaged(segment.file.path, position, 'a record has an impossible length')
      }
      if (start + size > window.length) {
        done[index] = at
        return { position, sizeBytes: size }
      }
      const baseOffset = entryBaseOffset(window, start)
      if (entryLog(window, start) !== log.id || baseOffset !== slice.offsetAt(at)) {
        throw damaged(segment.file.path, position, `offset ${slice.offsetAt(at)} of log ${log.id} was expected`)
      }
      const copying = this.#copyIfLive(log, window, start, size, baseOffset)
      if (copying !== undefined) await copying
    }
    done[index] = at
    return undefined
  }

  /** Every live extent of a run. */
  async copyRun(source: Run, file: OpenFile): Promise<void> {
    const window = new FileWindow(file, source.sizeBytes, RUN_WINDOW_BYTES)
    for (const extent of source.extents) {
      const log = this.#logs.get(extent.log)
      if (log === undefined || extent.dead) continue
      this.#writer?.beginExtent()
      const end = extent.position + extent.bytes
      let position = extent.position
      while (position < end && !this.#isStopped()) {
        if (!window.has(position, ENTRY_HEADER_BYTES)) await window.load(position, ENTRY_HEADER_BYTES)
        const payloadBytes = entryPayloadBytes(window.bytes, position - window.start)
        const size = ENTRY_HEADER_BYTES + payloadBytes
        if (payloadBytes > PAYLOAD_BYTES_MAX || position + size > end) {
          throw damaged(source.path, position, 'a record has an impossible length')
        }
        if (!window.has(position, size)) await window.load(position, size)
        const at = position - window.start
        // Lengths come from the file here, so every record proves itself before it is passed on.
        if (!isEntrySound(window.bytes, at, payloadBytes) || entryLog(window.bytes, at) !== log.id) {
          throw damaged(source.path, position, 'a record fails its checksum')
        }
        const copying = this.#copyIfLive(log, window.bytes, at, size, entryBaseOffset(window.bytes, at))
        if (copying !== undefined) await copying
        position += size
      }
    }
  }

  /** Returns at once, without a promise, for nearly every record. */
  #copyIfLive(log: LogState, bytes: Buffer, at: number, size: number, baseOffset: number): Promise<void> | undefined {
    const count = entryCount(bytes, at)
    if (log.isDiscarded(baseOffset, baseOffset + count)) return undefined
    const writer = this.#writer
    if (writer === undefined || !writer.hasRoom(size)) return this.#copyWithRoom(log, bytes, at, size, baseOffset)
    writer.add(bytes, at, size, log.id, baseOffset, count)
    return undefined
  }

  async #copyWithRoom(log: LogState, bytes: Buffer, at: number, size: number, baseOffset: number): Promise<void> {
    this.#writer ??= await RunWriter.create(this.#context.files, this.#run)
    await this.#writer.makeRoom(size)
    this.#writer.add(bytes, at, size, log.id, baseOffset, entryCount(bytes, at))
  }

  /** Whether there is a run now: without a live record there is none. */
  async finish(): Promise<boolean> {
    const writer = this.#writer
    if (writer === undefined) return false
    await writer.finish(this.#run)
    this.#writer = undefined
    return true
  }

  async abandon(): Promise<void> {
    const writer = this.#writer
    this.#writer = undefined
    await writer?.abandon()
  }
}
