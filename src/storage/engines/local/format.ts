/**
 * The bytes on disk that the journal, the metadata file and the runs share: constants, writers and readers of the fixed
 * parts. Everything is little-endian. `docs/formats/` draws whole files.
 *
 *   file header, 32 bytes
 *      0         8          12      16         24      28
 *     ┌─────────┬──────────┬───────┬──────────┬───────┬───────┐
 *     │ magic   │ version  │ salt  │ number   │ flags │ crc   │   crc: CRC-32C of bytes 0 .. 28
 *     │ 8 bytes │ u32 = 1  │ u32   │ u64      │ u32   │ u32   │
 *     └─────────┴──────────┴───────┴──────────┴───────┴───────┘
 *   group header, 48 bytes, then `bytes` bytes of entries
 *      0       4         12       16       24         32         40            44
 *     ┌───────┬─────────┬────────┬────────┬──────────┬──────────┬─────────────┬─────┐
 *     │ crc   │ magic   │ count  │ bytes  │ sequence │ flushed  │ entries crc │ 0   │
 *     │ u32   │ 8 bytes │ u32    │ u64    │ u64      │ u64      │ u32         │ u32 │
 *     └───────┴─────────┴────────┴────────┴──────────┴──────────┴─────────────┴─────┘
 *     crc: of bytes 4 .. 48, beginning from the file's salt; entries crc: over the entries' own checksums, in order;
 *     flushed: every group up to this sequence was on the disk before this one was written
 *   entry: header of 28 bytes, then the payload
 *      0       4               8        12      20             27
 *     ┌───────┬───────────────┬────────┬───────┬──────────────┬──────┬─────────┐
 *     │ crc   │ payload bytes │ count  │ log   │ base offset  │ kind │ payload │   crc: of bytes 4 .. end of the payload
 *     │ u32   │ u32           │ u32    │ u64   │ u56          │ u8   │         │
 *     └───────┴───────────────┴────────┴───────┴──────────────┴──────┴─────────┘
 */
import { readUint53, writeUint53 } from '../../../base/bytes.ts'
import { crc32c } from '../../../base/crc32c.ts'
import { StorageError } from '../../../base/errors.ts'

export const FORMAT_VERSION = 1
export const FILE_HEADER_BYTES = 32
export const GROUP_HEADER_BYTES = 48
export const ENTRY_HEADER_BYTES = 28
/** A length above this is damage; nothing larger is accepted. */
export const PAYLOAD_BYTES_MAX = 2 ** 28

export const JOURNAL_MAGIC = Buffer.from('busbar-j', 'latin1')
export const META_MAGIC = Buffer.from('busbar-m', 'latin1')
export const RUN_MAGIC = Buffer.from('busbar-r', 'latin1')
/** High bits and line ends of both kinds: no text contains it. */
export const GROUP_MAGIC = Buffer.from([0xb5, 0x67, 0x72, 0x70, 0x0d, 0x0a, 0x1a, 0xe5])

/** The file held another segment before: what lies behind its last group may be old. */
export const FLAG_RECYCLED = 1

/** What an entry is; the first three are the contract's. Never renumbered. */
export const StoredKind = {
  record: 0,
  control: 1,
  snapshot: 2,
  endLog: 3,
  metaPut: 4,
  metaDelete: 5,
  metaRevision: 6,
} as const

export interface FileHeader {
  readonly salt: number
  readonly number: number
  readonly flags: number
}

export function makeFileHeader(magic: Buffer, header: FileHeader): Buffer {
  const bytes = Buffer.alloc(FILE_HEADER_BYTES)
  magic.copy(bytes)
  bytes.writeUInt32LE(FORMAT_VERSION, 8)
  bytes.writeUInt32LE(header.salt, 12)
  writeUint53(bytes, 16, header.number)
  bytes.writeUInt32LE(header.flags, 24)
  bytes.writeUInt32LE(crc32c(bytes, 0, 28), 28)
  return bytes
}

/** @throws {StorageError} 'newer-format', 'damaged' */
export function readFileHeader(magic: Buffer, bytes: Buffer, path: string): FileHeader {
  if (bytes.length < FILE_HEADER_BYTES) throw damaged(path, 0, `only ${bytes.length} bytes of a file header`)
  if (bytes.compare(magic, 0, 8, 0, 8) !== 0) throw damaged(path, 0, 'this is not one of our files')
  if (crc32c(bytes, 0, 28) !== bytes.readUInt32LE(28)) throw damaged(path, 0, 'the file header fails its checksum')
  const version = bytes.readUInt32LE(8)
  if (version > FORMAT_VERSION) throw newerFormat(path, version)
  return { salt: bytes.readUInt32LE(12), number: readUint53(bytes, 16), flags: bytes.readUInt32LE(24) }
}

export interface GroupHeader {
  readonly count: number
  /** Of the entries, without this header. */
  readonly bytes: number
  readonly sequence: number
  readonly flushedSequence: number
  readonly entriesCrc: number
}

export function writeGroupHeader(into: Buffer, at: number, salt: number, header: GroupHeader): void {
  GROUP_MAGIC.copy(into, at + 4)
  into.writeUInt32LE(header.count, at + 12)
  writeUint53(into, at + 16, header.bytes)
  writeUint53(into, at + 24, header.sequence)
  writeUint53(into, at + 32, header.flushedSequence)
  into.writeUInt32LE(header.entriesCrc, at + 40)
  into.writeUInt32LE(0, at + 44)
  into.writeUInt32LE(crc32c(into, at + 4, at + GROUP_HEADER_BYTES, salt), at)
}

/** `undefined` where no whole, sound header of this file stands. */
export function readGroupHeader(bytes: Buffer, at: number, salt: number): GroupHeader | undefined {
  if (at + GROUP_HEADER_BYTES > bytes.length) return undefined
  if (bytes.compare(GROUP_MAGIC, 0, 8, at + 4, at + 12) !== 0) return undefined
  if (crc32c(bytes, at + 4, at + GROUP_HEADER_BYTES, salt) !== bytes.readUInt32LE(at)) return undefined
  return {
    count: bytes.readUInt32LE(at + 12),
    bytes: readUint53(bytes, at + 16),
    sequence: readUint53(bytes, at + 24),
    flushedSequence: readUint53(bytes, at + 32),
    entriesCrc: bytes.readUInt32LE(at + 40),
  }
}

/** All of an entry's header but the checksum, which covers what follows too. */
export function writeEntryHeader(
  view: DataView,
  at: number,
  kind: number,
  log: number,
  baseOffset: number,
  count: number,
  payloadBytes: number,
): void {
  view.setUint32(at + 4, payloadBytes, true)
  view.setUint32(at + 8, count, true)
  view.setUint32(at + 12, log, true)
  view.setUint32(at + 16, log / 2 ** 32, true)
  view.setUint32(at + 20, baseOffset, true)
  view.setUint32(at + 24, (kind << 24) | (baseOffset / 2 ** 32), true)
}

export const entryPayloadBytes = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 4)
export const entryCount = (bytes: Buffer, at: number): number => bytes.readUInt32LE(at + 8)
export const entryLog = (bytes: Buffer, at: number): number => readUint53(bytes, at + 12)
export const entryBaseOffset = (bytes: Buffer, at: number): number =>
  bytes.readUInt32LE(at + 20) + (bytes.readUInt32LE(at + 24) & 0xffffff) * 2 ** 32
export const entryKind = (bytes: Buffer, at: number): number => bytes[at + 27] as number

/** Whether the whole entry at `at`, which must lie inside `bytes`, is as it was written. */
export function isEntrySound(bytes: Buffer, at: number, payloadBytes: number): boolean {
  return crc32c(bytes, at + 4, at + ENTRY_HEADER_BYTES + payloadBytes) === bytes.readUInt32LE(at)
}

export function damaged(path: string, position: number, what: string, cause?: unknown): StorageError {
  return new StorageError('damaged', `${path} is damaged at byte ${position}: ${what}`, { cause })
}

export function newerFormat(path: string, version: number): StorageError {
  return new StorageError(
    'newer-format',
    `${path} has format ${version}, but this version reads formats up to ${FORMAT_VERSION}: use the newer version that wrote it`,
  )
}

/** Our own caller's fault: the limit stands in `describe()`. */
export function tooLarge(sizeBytes: number): RangeError {
  return new RangeError(`a payload of ${sizeBytes} bytes is above the limit of ${PAYLOAD_BYTES_MAX}`)
}
