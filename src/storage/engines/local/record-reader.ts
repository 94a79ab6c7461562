/**
 * Reads the records of one log from wherever they are: extents in runs first, then the journal. A sequential reader of a
 * deep backlog costs one read of the file per call. Every record is checked before it is handed out; what fails is never
 * served.
 */
import { crc32c } from '../../../base/crc32c.ts'
import { VarintReader } from '../../../base/varint.ts'
import type { StoredRecord } from '../../contract.ts'
import type { OpenFile } from './files.ts'
import {
  damaged,
  ENTRY_HEADER_BYTES,
  entryBaseOffset,
  entryCount,
  entryKind,
  entryLog,
  entryPayloadBytes,
  isEntrySound,
  PAYLOAD_BYTES_MAX,
  StoredKind,
} from './format.ts'
import type { LogState } from './log-state.ts'
import { type Extent, INDEX_STRIDE_BYTES } from './run.ts'
import type { RunStore } from './run-store.ts'
import type { Slice } from './slice.ts'

const CHUNK_BYTES_MIN = 16 * 1024
const CHUNK_BYTES_MAX = 8 * 1024 * 1024
/** Records of one log that stand no further apart than this are read together. */
const GAP_BYTES_MAX = 8 * 1024

/** What one call of `read` gathers. */
class Gathering {
  readonly records: StoredRecord[] = []
  readonly #maxBytes: number
  #bytes = 0
  full = false
  /** Records found in the chunk at hand: base offset, count, start, end. */
  #found: number[] = []

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Bytes worth reading ahead for what is still missing. */
  get wantedBytes(): number {
    const wanted = (this.#maxBytes - this.#bytes) * 1.125 + 4096
    return Math.max(CHUNK_BYTES_MIN, Math.min(CHUNK_BYTES_MAX, Math.ceil(wanted)))
  }

  /** False when the record does not fit any more: the call is over. */
  add(baseOffset: number, count: number, start: number, end: number): boolean {
    const isFirst = this.records.length === 0 && this.#found.length === 0
    if (!isFirst && this.#bytes + end - start > this.#maxBytes) {
      this.full = true
      return false
    }
    this.#found.push(baseOffset, count, start, end)
    this.#bytes += end - start
    if (this.#bytes >= this.#maxBytes) this.full = true
    return true
  }

  /** Makes records of what was found in `chunk`: views, unless they would pin mostly other bytes. */
  endChunk(chunk: Buffer): void {
    const found = this.#found
    this.#found = []
    let used = 0
    for (let at = 0; at < found.length; at += 4) used += (found[at + 3] as number) - (found[at + 2] as number)
    const copies = used * 2 < chunk.length
    for (let at = 0; at < found.length; at += 4) {
      const view = chunk.subarray(found[at + 2], found[at + 3])
      const payload = copies ? Buffer.from(view) : view
      this.records.push({ baseOffset: found[at] as number, count: found[at + 1] as number, payload })
    }
  }
}

export class RecordReader {
  readonly #runs: RunStore

  constructor(runs: RunStore) {
    this.#runs = runs
  }

  /** @throws {StorageError} 'damaged' */
  async read(log: LogState, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    const gathering = new Gathering(maxBytes)
    let next = fromOffset
    while (!gathering.full) {
      next = log.nextKept(next)
      const extent = log.extents[log.findExtent(next)]
      if (extent !== undefined) {
        next = Math.max(next, extent.firstOffset)
        next = await this.#readExtent(log, extent, next, gathering)
        continue
      }
      const slice = log.slices.find((candidate) => candidate.endOffset > next && candidate.count > 0)
      if (slice === undefined) break
      const after = await readSlice(log, slice, next, gathering)
      if (after === undefined) break
      next = after
    }
    return gathering.records
  }

  /** Reads one chunk's worth. Returns from where to go on. */
  async #readExtent(log: LogState, extent: Extent, next: number, gathering: Gathering): Promise<number> {
    const file = await this.#runs.acquire(extent.run)
    // Replaced between two steps: the log knows where its records are now.
    if (file === undefined) return next
    try {
      const end = extent.position + extent.bytes
      let position = await startPosition(log, extent, next, file)
      let size = gathering.wantedBytes
      while (position < end) {
        const chunk = Buffer.allocUnsafeSlow(Math.min(size, end - position))
        await readFully(file, chunk, position)
        const walk = takeFromChunk(log, file.path, chunk, position, next, gathering)
        gathering.endChunk(chunk)
        if (walk.bytes === 0 && !gathering.full && position + chunk.length === end) {
          throw damaged(file.path, position, 'a record reaches beyond its extent')
        }
        position += walk.bytes
        log.cursorExtent = extent
        log.cursorOffset = walk.nextOffset
        log.cursorPosition = position
        if (walk.reached || gathering.full) return walk.nextOffset
        // Not even one record fitted: the next chunk is made for it.
        size = Math.max(walk.bytes === 0 ? walk.neededBytes : 0, gathering.wantedBytes)
      }
      return extent.endOffset
    } finally {
      this.#runs.release(extent.run)
    }
  }
}

async function readFully(file: OpenFile, chunk: Buffer, position: number): Promise<void> {
  const got = await file.read(chunk, position)
  if (got < chunk.length) throw damaged(file.path, position + got, 'the file ends inside a record')
}

/** Where to begin: the reader's last place, or the closest indexed record at or before `next`. */
async function startPosition(log: LogState, extent: Extent, next: number, file: OpenFile): Promise<number> {
  if (next <= extent.firstOffset) return extent.position
  if (log.cursorExtent === extent && log.cursorOffset <= next) {
    const skippedBytes = ((next - log.cursorOffset) * extent.bytes) / extent.offsetCount
    if (skippedBytes <= INDEX_STRIDE_BYTES * 2) return log.cursorPosition
  }
  if (extent.indexBytes === 0) return extent.position
  const bytes = Buffer.allocUnsafeSlow(extent.indexBytes)
  await readFully(file, bytes, extent.indexPosition)
  if (crc32c(bytes) !== extent.indexCrc) throw damaged(file.path, extent.indexPosition, 'an index fails its checksum')
  const reader = new VarintReader(bytes)
  let offset = extent.firstOffset
  let position = extent.position
  while (reader.position < bytes.length) {
    offset += reader.read() as number
    const step = reader.read() as number
    if (offset > next) break
    position += step
  }
  return position
}

interface ChunkWalk {
  /** Whole records passed, in bytes. */
  readonly bytes: number
  readonly nextOffset: number
  /** A record at or behind the wanted offset was seen, discarded or not. */
  readonly reached: boolean
  /** How large the chunk must be for the first record, when not even that fitted. */
  readonly neededBytes: number
}

function takeFromChunk(
  log: LogState,
  path: string,
  chunk: Buffer,
  position: number,
  next: number,
  gathering: Gathering,
): ChunkWalk {
  let at = 0
  let nextOffset = next
  let reached = false
  let neededBytes = ENTRY_HEADER_BYTES
  while (at + ENTRY_HEADER_BYTES <= chunk.length) {
    const payloadBytes = entryPayloadBytes(chunk, at)
    const size = ENTRY_HEADER_BYTES + payloadBytes
    if (payloadBytes > PAYLOAD_BYTES_MAX) throw damaged(path, position + at, 'a record has an impossible length')
    if (at + size > chunk.length) {
      neededBytes = size
      break
    }
    checkRecord(log, path, chunk, at, payloadBytes, position + at)
    const baseOffset = entryBaseOffset(chunk, at)
    const count = entryCount(chunk, at)
    if (baseOffset + count > next) {
      reached = true
      if (!log.isDiscarded(baseOffset, baseOffset + count)) {
        if (!gathering.add(baseOffset, count, at + ENTRY_HEADER_BYTES, at + size)) break
      }
      nextOffset = baseOffset + count
    }
    at += size
    if (gathering.full) break
  }
  return { bytes: at, nextOffset, reached, neededBytes }
}

function checkRecord(
  log: LogState,
  path: string,
  chunk: Buffer,
  at: number,
  payloadBytes: number,
  position: number,
): void {
  if (!isEntrySound(chunk, at, payloadBytes)) throw damaged(path, position, 'a record fails its checksum')
  if (entryLog(chunk, at) !== log.id || entryKind(chunk, at) !== StoredKind.record) {
    throw damaged(path, position, `a record of log ${log.id} was expected`)
  }
}

/** Reads records that stand close together. `undefined`: nothing committed from here on. */
async function readSlice(log: LogState, slice: Slice, next: number, gathering: Gathering): Promise<number | undefined> {
  const { segment } = slice
  // Taken before the read: the slice may be discarded or moved meanwhile.
  const { places, following } = nearPlaces(slice, next, gathering.wantedBytes)
  if (places.length === 0) return undefined
  const start = places[1] as number
  const end = segment.committedEnd
  const averageBytes = ENTRY_HEADER_BYTES + slice.payloadBytes / slice.count
  const lastGuess = (places[places.length - 1] as number) + Math.ceil(averageBytes * 1.5) + 512
  segment.acquire()
  try {
    let chunk = Buffer.allocUnsafeSlow(Math.min(lastGuess, end) - start)
    await readFully(segment.file, chunk, start)
    let walk = takePlaces(log, segment.file.path, chunk, places, next, gathering)
    if (walk.neededBytes > 0 && walk.nextOffset === next) {
      if (start + walk.neededBytes > end) throw damaged(segment.file.path, start, 'a record reaches beyond its group')
      chunk = Buffer.allocUnsafeSlow(walk.neededBytes)
      await readFully(segment.file, chunk, start)
      walk = takePlaces(log, segment.file.path, chunk, places, next, gathering)
    }
    gathering.endChunk(chunk)
    // Offsets may be missing: what was looked at can end before `next`.
    return walk.nextOffset === next && !gathering.full ? following : walk.nextOffset
  } finally {
    segment.release()
  }
}

/** Pairs of base offset and place, beginning with the record that may hold `next`, and the first offset behind them. */
function nearPlaces(slice: Slice, next: number, wantedBytes: number): { places: number[]; following: number } {
  const { committedEnd } = slice.segment
  const places: number[] = []
  const gapBytesMax = Math.max(GAP_BYTES_MAX, (2 * slice.payloadBytes) / slice.count)
  let index = slice.find(next)
  const start = slice.fileOffsetAt(index)
  for (let last = start; index < slice.count; index++) {
    const place = slice.fileOffsetAt(index)
    if (place >= committedEnd || place - last > gapBytesMax || place - start > wantedBytes) break
    places.push(slice.offsetAt(index), place)
    last = place
  }
  return { places, following: index < slice.count ? slice.offsetAt(index) : slice.endOffset }
}

function takePlaces(
  log: LogState,
  path: string,
  chunk: Buffer,
  places: readonly number[],
  next: number,
  gathering: Gathering,
): { nextOffset: number; neededBytes: number } {
  const start = places[1] as number
  let nextOffset = next
  for (let index = 0; index < places.length && !gathering.full; index += 2) {
    const baseOffset = places[index] as number
    const at = (places[index + 1] as number) - start
    if (at + ENTRY_HEADER_BYTES > chunk.length) return { nextOffset, neededBytes: at + ENTRY_HEADER_BYTES }
    const payloadBytes = entryPayloadBytes(chunk, at)
    if (payloadBytes > PAYLOAD_BYTES_MAX) throw damaged(path, start + at, 'a record has an impossible length')
    const end = at + ENTRY_HEADER_BYTES + payloadBytes
    if (end > chunk.length) return { nextOffset, neededBytes: end }
    checkRecord(log, path, chunk, at, payloadBytes, start + at)
    if (entryBaseOffset(chunk, at) !== baseOffset) throw damaged(path, start + at, `offset ${baseOffset} was expected`)
    const count = entryCount(chunk, at)
    if (baseOffset + count > next && !log.isDiscarded(baseOffset, baseOffset + count)) {
      if (!gathering.add(baseOffset, count, at + ENTRY_HEADER_BYTES, end)) break
    }
    nextOffset = Math.max(nextOffset, baseOffset + count)
  }
  return { nextOffset, neededBytes: 0 }
}
