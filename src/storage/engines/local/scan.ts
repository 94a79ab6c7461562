/**
 * Reads files made of groups: which groups are whole, where they end, and whether something sound follows a place that
 * is not. It decides nothing: `recovery.ts` tells a torn tail from damage.
 */
import { crc32cOfWord } from '../../../base/crc32c.ts'
import { invariant } from '../../../base/errors.ts'
import type { OpenFile } from './files.ts'
import {
  ENTRY_HEADER_BYTES,
  entryPayloadBytes,
  GROUP_HEADER_BYTES,
  GROUP_MAGIC,
  type GroupHeader,
  isEntrySound,
  PAYLOAD_BYTES_MAX,
  readGroupHeader,
} from './format.ts'

const WINDOW_BYTES = 4 * 1024 * 1024

/** A sliding view of a file. What it hands out is valid until the next `load`. */
export class FileWindow {
  readonly #file: OpenFile
  readonly sizeBytes: number
  readonly #windowBytes: number
  #buffer: Buffer | undefined
  bytes: Buffer = Buffer.alloc(0)
  /** File offset of `bytes[0]`. */
  start = 0

  constructor(file: OpenFile, sizeBytes: number, windowBytes = WINDOW_BYTES) {
    this.#file = file
    this.sizeBytes = sizeBytes
    this.#windowBytes = Math.min(windowBytes, sizeBytes)
  }

  has(at: number, count: number): boolean {
    return at >= this.start && at + count <= this.start + this.bytes.length
  }

  /** Makes [at, at + count) visible; false when the file ends before. */
  async load(at: number, count: number): Promise<boolean> {
    if (this.has(at, count)) return true
    if (at + count > this.sizeBytes) return false
    this.#buffer ??= Buffer.alloc(this.#windowBytes)
    const buffer = count > this.#buffer.length ? Buffer.alloc(count) : this.#buffer
    const got = await this.#file.read(buffer.subarray(0, this.sizeBytes - at), at)
    this.bytes = buffer.subarray(0, got)
    this.start = at
    return got >= count
  }

  /** Gives the memory back; the next `load` reads anew. */
  drop(): void {
    this.#buffer = undefined
    this.bytes = Buffer.alloc(0)
  }
}

/** Called for each entry: `at` is its place in `bytes`, `fileOffset` its place in the file. Keeps nothing of `bytes`. */
export type OnStoredEntry = (bytes: Buffer, at: number, fileOffset: number) => void

/** Walks over every entry of [from, end), a part of a file whose groups are known to be sound. */
export async function forEachGroupEntry(
  window: FileWindow,
  from: number,
  end: number,
  salt: number,
  fn: OnStoredEntry,
): Promise<void> {
  let position = from
  while (position < end) {
    invariant(await window.load(position, GROUP_HEADER_BYTES), 'the file shrank under its reader')
    const header = readGroupHeader(window.bytes, position - window.start, salt)
    invariant(header !== undefined, `the group at byte ${position} was sound a moment ago`)
    const entriesAt = position + GROUP_HEADER_BYTES
    await forEachEntry(window, entriesAt, entriesAt + header.bytes, fn)
    position = entriesAt + header.bytes
  }
}

/** Walks over the entries of a group known to be sound. */
export async function forEachEntry(window: FileWindow, from: number, end: number, fn: OnStoredEntry): Promise<void> {
  let position = from
  while (position < end) {
    if (!window.has(position, ENTRY_HEADER_BYTES)) invariant(await window.load(position, ENTRY_HEADER_BYTES), 'entry')
    const size = ENTRY_HEADER_BYTES + entryPayloadBytes(window.bytes, position - window.start)
    if (!window.has(position, size)) invariant(await window.load(position, size), 'the file shrank under its reader')
    fn(window.bytes, position - window.start, position)
    position += size
  }
}

/** Whether every byte of the group is as it was written. Shows each sound entry on the way. */
async function isGroupSound(
  window: FileWindow,
  from: number,
  header: GroupHeader,
  inspect: OnStoredEntry,
): Promise<boolean> {
  const end = from + header.bytes
  if (end > window.sizeBytes) return false
  let position = from
  let count = 0
  let entriesCrc = 0
  while (position < end) {
    if (!window.has(position, ENTRY_HEADER_BYTES) && !(await window.load(position, ENTRY_HEADER_BYTES))) return false
    const payloadBytes = entryPayloadBytes(window.bytes, position - window.start)
    const size = ENTRY_HEADER_BYTES + payloadBytes
    if (payloadBytes > PAYLOAD_BYTES_MAX || position + size > end) return false
    if (!window.has(position, size) && !(await window.load(position, size))) return false
    const at = position - window.start
    if (!isEntrySound(window.bytes, at, payloadBytes)) return false
    entriesCrc = crc32cOfWord(window.bytes.readUInt32LE(at), entriesCrc)
    inspect(window.bytes, at, position)
    position += size
    count++
  }
  return count === header.count && entriesCrc === header.entriesCrc
}

export interface ScanEnd {
  /** One past the last sound group. */
  readonly endOffset: number
  /** A sound group header stands at `endOffset`, but its entries are not all there. */
  readonly tornGroup: GroupHeader | undefined
}

export interface GroupVisitor {
  /** A group begins: whether its sequence is the expected one. */
  accept(header: GroupHeader): boolean
  /** A sound entry of a group that may yet turn out not to be whole. */
  inspect: OnStoredEntry
  /** All entries inspected since `accept` are a whole, sound group. */
  complete(header: GroupHeader): void
}

/** Visits the sound groups one after the other, beginning at `from`, and reads every byte once. */
export async function scanGroups(
  window: FileWindow,
  from: number,
  salt: number,
  visitor: GroupVisitor,
): Promise<ScanEnd> {
  let position = from
  for (;;) {
    if (!(await window.load(position, GROUP_HEADER_BYTES))) break
    const header = readGroupHeader(window.bytes, position - window.start, salt)
    if (header === undefined || !visitor.accept(header)) break
    const entriesAt = position + GROUP_HEADER_BYTES
    const isSound = await isGroupSound(window, entriesAt, header, visitor.inspect)
    if (!isSound) return { endOffset: position, tornGroup: header }
    visitor.complete(header)
    position = entriesAt + header.bytes
  }
  return { endOffset: position, tornGroup: undefined }
}

/** The first sound group header at or after `from`, wherever it stands. */
export async function findGroupHeader(
  window: FileWindow,
  from: number,
  salt: number,
): Promise<{ header: GroupHeader; at: number } | undefined> {
  let position = from
  while (position + GROUP_HEADER_BYTES <= window.sizeBytes) {
    await window.load(position, Math.min(WINDOW_BYTES, window.sizeBytes - position))
    let at = position - window.start
    for (;;) {
      const magicAt = window.bytes.indexOf(GROUP_MAGIC, at + 4)
      if (magicAt < 0) break
      at = magicAt - 4
      if (at + GROUP_HEADER_BYTES > window.bytes.length) break
      const header = readGroupHeader(window.bytes, at, salt)
      if (header !== undefined) return { header, at: window.start + at }
      at++
    }
    // Windows overlap, so that a header across their border is seen whole in the next one.
    const next = window.start + window.bytes.length - GROUP_HEADER_BYTES + 1
    if (next <= position) break
    position = next
  }
  return undefined
}

/**
 * Looks at or after `from` for proof that the group with sequence `lost` was on the disk once: a later group that says
 * so. Where `lost` is not known, it is the last one the found group can follow.
 */
export async function findProofOfLoss(
  window: FileWindow,
  from: number,
  salt: number,
  lost: number | undefined,
): Promise<{ header: GroupHeader; at: number } | undefined> {
  for (let position = from; ; ) {
    const later = await findGroupHeader(window, position, salt)
    if (later === undefined) return undefined
    const sequence = lost ?? later.header.sequence - 1
    if (later.header.sequence > sequence && later.header.flushedSequence >= sequence) return later
    position = later.at + 1
  }
}
