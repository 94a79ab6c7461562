/**
 * A run: one file of records that outlived the journal's window, grouped by log. Written once, never changed; drawn in
 * `docs/formats/run.md`. This file knows its layout and reads its table of extents; `run-writer.ts` writes it.
 */
import { readUint53, writeUint53 } from '../../../base/bytes.ts'
import { crc32c } from '../../../base/crc32c.ts'
import type { OpenFile } from './files.ts'
import { damaged, FILE_HEADER_BYTES, RUN_MAGIC, readFileHeader } from './format.ts'

export const EXTENT_BYTES = 72
export const TRAILER_BYTES = 40
/** One place in an extent's index for about this many bytes of records. */
export const INDEX_STRIDE_BYTES = 64 * 1024
const TAIL_BYTES = 64 * 1024

/** The records of one log that stand together in a run. */
export class Extent {
  readonly run: Run
  readonly log: number
  readonly firstOffset: number
  readonly endOffset: number
  /** Sum of the records' counts: less than the span where offsets are missing. */
  readonly offsetCount: number
  readonly recordCount: number
  readonly position: number
  readonly bytes: number
  readonly indexPosition: number
  readonly indexBytes: number
  readonly indexCrc: number
  /** An estimate above 0; at 0 probably nothing in here is needed. */
  liveOffsets: number
  dead = false

  constructor(run: Run, place: ExtentPlace) {
    this.run = run
    this.log = place.log
    this.firstOffset = place.firstOffset
    this.endOffset = place.endOffset
    this.offsetCount = place.offsetCount
    this.recordCount = place.recordCount
    this.position = place.position
    this.bytes = place.bytes
    this.indexPosition = place.indexPosition
    this.indexBytes = place.indexBytes
    this.indexCrc = place.indexCrc
    this.liveOffsets = place.offsetCount
  }

  get liveBytes(): number {
    return this.dead ? 0 : (this.bytes * this.liveOffsets) / this.offsetCount
  }

  settle(offsets: number): void {
    if (this.dead) return
    const settled = Math.min(offsets, this.liveOffsets)
    this.run.liveBytes -= (this.bytes * settled) / this.offsetCount
    this.liveOffsets -= settled
    this.run.changed()
  }

  die(): void {
    if (this.dead) return
    this.run.liveBytes -= this.liveBytes
    this.dead = true
    this.run.liveExtentCount--
    this.run.changed()
  }
}

export interface ExtentPlace {
  readonly log: number
  readonly firstOffset: number
  readonly endOffset: number
  readonly offsetCount: number
  readonly recordCount: number
  readonly position: number
  readonly bytes: number
  readonly indexPosition: number
  readonly indexBytes: number
  readonly indexCrc: number
}

export class Run {
  readonly number: number
  readonly path: string
  sizeBytes = 0
  /** Of all records, live or not. */
  recordBytes = 0
  extents: Extent[] = []
  liveBytes = 0
  liveExtentCount = 0
  /** The journal segment whose live records are all in here; 0 for none. */
  sourceSegment = 0
  /** Runs whose live records are all in here. */
  replaces: number[] = []
  readonly #onChange: (run: Run) => void

  constructor(number: number, path: string, onChange: (run: Run) => void) {
    this.number = number
    this.path = path
    this.#onChange = onChange
  }

  fill(sizeBytes: number, places: readonly ExtentPlace[]): void {
    this.sizeBytes = sizeBytes
    this.extents = places.map((place) => new Extent(this, place))
    this.liveExtentCount = places.length
    for (const extent of this.extents) this.recordBytes += extent.bytes
    this.liveBytes = this.recordBytes
  }

  changed(): void {
    this.#onChange(this)
  }
}

/** The table of extents, the numbers of replaced runs, and the trailer that finds and guards them. */
export function makeRunFooter(
  position: number,
  places: readonly ExtentPlace[],
  sourceSegment: number,
  replaces: readonly number[],
): Buffer {
  const tableBytes = places.length * EXTENT_BYTES + replaces.length * 8
  const bytes = Buffer.alloc(tableBytes + TRAILER_BYTES)
  let at = 0
  for (const place of places) {
    writeUint53(bytes, at, place.log)
    writeUint53(bytes, at + 8, place.firstOffset)
    writeUint53(bytes, at + 16, place.endOffset)
    writeUint53(bytes, at + 24, place.offsetCount)
    writeUint53(bytes, at + 32, place.position)
    writeUint53(bytes, at + 40, place.bytes)
    writeUint53(bytes, at + 48, place.indexPosition)
    bytes.writeUInt32LE(place.indexBytes, at + 56)
    bytes.writeUInt32LE(place.indexCrc, at + 60)
    bytes.writeUInt32LE(place.recordCount, at + 64)
    at += EXTENT_BYTES
  }
  for (const number of replaces) {
    writeUint53(bytes, at, number)
    at += 8
  }
  RUN_MAGIC.copy(bytes, at)
  writeUint53(bytes, at + 8, position)
  bytes.writeUInt32LE(places.length, at + 16)
  bytes.writeUInt32LE(replaces.length, at + 20)
  writeUint53(bytes, at + 24, sourceSegment)
  bytes.writeUInt32LE(crc32c(bytes, 0, at), at + 32)
  bytes.writeUInt32LE(crc32c(bytes, at, at + 36), at + 36)
  return bytes
}

/**
 * Reads what a run says about itself; its records stay unread.
 * @throws {StorageError} 'damaged', 'newer-format'
 */
export async function readRun(run: Run, file: OpenFile): Promise<void> {
  const sizeBytes = await file.sizeBytes()
  if (sizeBytes < FILE_HEADER_BYTES + TRAILER_BYTES) throw damaged(run.path, 0, 'the file is too short for a run')
  const head = Buffer.alloc(FILE_HEADER_BYTES)
  await file.read(head, 0)
  const header = readFileHeader(RUN_MAGIC, head, run.path)
  if (header.number !== run.number) throw damaged(run.path, 16, `the file says it is run ${header.number}`)
  let tail = Buffer.alloc(Math.min(sizeBytes, TAIL_BYTES))
  await file.read(tail, sizeBytes - tail.length)
  const trailer = tail.subarray(tail.length - TRAILER_BYTES)
  const trailerAt = sizeBytes - TRAILER_BYTES
  if (trailer.compare(RUN_MAGIC, 0, 8, 0, 8) !== 0 || crc32c(trailer, 0, 36) !== trailer.readUInt32LE(36)) {
    throw damaged(run.path, trailerAt, 'the trailer fails its checksum')
  }
  const extentCount = trailer.readUInt32LE(16)
  const replacedCount = trailer.readUInt32LE(20)
  const tableAt = readUint53(trailer, 8)
  const tableBytes = extentCount * EXTENT_BYTES + replacedCount * 8
  if (tableAt + tableBytes !== trailerAt) throw damaged(run.path, trailerAt, 'the trailer does not fit the file')
  if (tableBytes + TRAILER_BYTES > tail.length) {
    tail = Buffer.alloc(tableBytes + TRAILER_BYTES)
    await file.read(tail, tableAt)
  }
  const table = tail.subarray(tail.length - TRAILER_BYTES - tableBytes, tail.length - TRAILER_BYTES)
  if (crc32c(table) !== trailer.readUInt32LE(32)) throw damaged(run.path, tableAt, 'the table fails its checksum')
  run.fill(sizeBytes, readPlaces(table, extentCount))
  run.sourceSegment = readUint53(trailer, 24)
  for (let index = 0; index < replacedCount; index++) {
    run.replaces.push(readUint53(table, extentCount * EXTENT_BYTES + index * 8))
  }
}

function readPlaces(table: Buffer, count: number): ExtentPlace[] {
  const places: ExtentPlace[] = []
  for (let index = 0; index < count; index++) {
    const at = index * EXTENT_BYTES
    places.push({
      log: readUint53(table, at),
      firstOffset: readUint53(table, at + 8),
      endOffset: readUint53(table, at + 16),
      offsetCount: readUint53(table, at + 24),
      recordCount: table.readUInt32LE(at + 64),
      position: readUint53(table, at + 32),
      bytes: readUint53(table, at + 40),
      indexPosition: readUint53(table, at + 48),
      indexBytes: table.readUInt32LE(at + 56),
      indexCrc: table.readUInt32LE(at + 60),
    })
  }
  return places
}
