/**
 * Writes one run: records are copied as they stand in the journal, header and checksum included. The file gets its name
 * only when all of it is on the disk, so a run that can be seen is whole.
 */

import { crc32c } from '../../../base/crc32c.ts'
import { invariant } from '../../../base/errors.ts'
import { VARINT_BYTES_MAX, writeVarint } from '../../../base/varint.ts'
import type { Files, OpenFile } from './files.ts'
import { FILE_HEADER_BYTES, makeFileHeader, RUN_MAGIC } from './format.ts'
import { type ExtentPlace, INDEX_STRIDE_BYTES, makeRunFooter, type Run } from './run.ts'
import { writeWhole } from './write-whole.ts'

const BUFFER_BYTES = 1024 * 1024
/** Flushing now and then keeps the one at the end, with which commits compete, short. */
const FLUSH_BYTES = 4 * BUFFER_BYTES

interface OpenExtent {
  log: number
  firstOffset: number
  endOffset: number
  offsetCount: number
  recordCount: number
  position: number
  bytes: number
  index: number[]
  indexedOffset: number
  indexedBytes: number
}

export class RunWriter {
  readonly #files: Files
  readonly #file: OpenFile
  #buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  #fill = 0
  /** Where `#buffer[0]` will stand. */
  #position = FILE_HEADER_BYTES
  #unflushedBytes = 0
  #extents: OpenExtent[] = []
  #current: OpenExtent | undefined

  private constructor(files: Files, file: OpenFile) {
    this.#files = files
    this.#file = file
  }

  static async create(files: Files, run: Run): Promise<RunWriter> {
    const file = await files.open(`${run.path}.tmp`, 'create')
    const writer = new RunWriter(files, file)
    try {
      await writeWhole(file, [makeFileHeader(RUN_MAGIC, { salt: 0, number: run.number, flags: 0 })], 0)
    } catch (error) {
      await writer.abandon()
      throw error
    }
    return writer
  }

  get recordBytes(): number {
    return this.#position + this.#fill - FILE_HEADER_BYTES
  }

  hasRoom(size: number): boolean {
    return this.#fill + size <= this.#buffer.length
  }

  /** Writes out what has gathered and makes room for `size` bytes. */
  async makeRoom(size: number): Promise<void> {
    await this.#writeOut()
    if (size > this.#buffer.length) this.#buffer = Buffer.allocUnsafeSlow(size)
    else if (this.#buffer.length > BUFFER_BYTES) this.#buffer = Buffer.allocUnsafeSlow(BUFFER_BYTES)
  }

  async #writeOut(): Promise<void> {
    if (this.#fill === 0) return
    await writeWhole(this.#file, [this.#buffer.subarray(0, this.#fill)], this.#position)
    this.#position += this.#fill
    this.#unflushedBytes += this.#fill
    this.#fill = 0
    if (this.#unflushedBytes < FLUSH_BYTES) return
    this.#unflushedBytes = 0
    await this.#file.flush()
  }

  /** What is added from here on belongs together. */
  beginExtent(): void {
    this.#current = undefined
  }

  /** Copies one entry of `size` bytes, header included; there must be room. */
  add(source: Buffer, at: number, size: number, log: number, baseOffset: number, count: number): void {
    invariant(this.hasRoom(size), 'room was made for the record')
    const extent = this.#current ?? this.#openExtent(log, baseOffset)
    invariant(extent.log === log && baseOffset >= extent.endOffset, 'an extent holds one log in the order of offsets')
    if (extent.bytes - extent.indexedBytes >= INDEX_STRIDE_BYTES) {
      extent.index.push(baseOffset - extent.indexedOffset, extent.bytes - extent.indexedBytes)
      extent.indexedOffset = baseOffset
      extent.indexedBytes = extent.bytes
    }
    source.copy(this.#buffer, this.#fill, at, at + size)
    this.#fill += size
    extent.bytes += size
    extent.endOffset = baseOffset + count
    extent.offsetCount += count
    extent.recordCount++
  }

  #openExtent(log: number, firstOffset: number): OpenExtent {
    const extent: OpenExtent = {
      log,
      firstOffset,
      endOffset: firstOffset,
      offsetCount: 0,
      recordCount: 0,
      position: this.#position + this.#fill,
      bytes: 0,
      index: [],
      indexedOffset: firstOffset,
      indexedBytes: 0,
    }
    this.#extents.push(extent)
    this.#current = extent
    return extent
  }

  /** Afterwards the run is there for good, under its name. */
  async finish(run: Run): Promise<void> {
    await this.#writeOut()
    const places: ExtentPlace[] = []
    for (const extent of this.#extents) {
      const index = encodeIndex(extent.index)
      if (!this.hasRoom(index.length)) await this.makeRoom(index.length)
      places.push({
        log: extent.log,
        firstOffset: extent.firstOffset,
        endOffset: extent.endOffset,
        offsetCount: extent.offsetCount,
        recordCount: extent.recordCount,
        position: extent.position,
        bytes: extent.bytes,
        indexPosition: this.#position + this.#fill,
        indexBytes: index.length,
        indexCrc: crc32c(index),
      })
      index.copy(this.#buffer, this.#fill)
      this.#fill += index.length
    }
    await this.#writeOut()
    const footer = makeRunFooter(this.#position, places, run.sourceSegment, run.replaces)
    await writeWhole(this.#file, [footer], this.#position)
    await this.#file.flush()
    await this.#file.close()
    await this.#files.rename(`${run.path}.tmp`, run.path)
    run.fill(this.#position + footer.length, places)
  }

  /** Nothing of it is kept. */
  async abandon(): Promise<void> {
    // What failed first is what the caller reports; a second failure on the same file adds nothing.
    await this.#file.close().catch(() => {})
    await this.#files.remove(this.#file.path).catch(() => {})
  }
}

/** Pairs of steps from one indexed record to the next: offsets, bytes. The first record needs no entry. */
function encodeIndex(steps: readonly number[]): Buffer {
  const bytes = Buffer.alloc(steps.length * VARINT_BYTES_MAX)
  let end = 0
  for (const step of steps) end = writeVarint(bytes, end, step)
  return bytes.subarray(0, end)
}
