/**
 * Metadata in one file of groups, read whole at the start. Writes gather as in the journal and are always flushed, whatever
 * the durability of messages: they are rare, and everything else hangs on them. When most of the file is history it is
 * written anew beside itself and renamed.
 */
import { join } from 'node:path'
import { StorageError } from '../../../base/errors.ts'
import type { MetaChange, MetaEntry, MetaStore } from '../../contract.ts'
import { keyOf, MetaView, revisionOf } from '../meta-view.ts'
import type { LocalContext } from './context.ts'
import type { OpenFile } from './files.ts'
import {
  damaged,
  ENTRY_HEADER_BYTES,
  entryBaseOffset,
  entryKind,
  entryPayloadBytes,
  FILE_HEADER_BYTES,
  META_MAGIC,
  makeFileHeader,
  readFileHeader,
  StoredKind,
} from './format.ts'
import { ChunkPool, Group } from './group.ts'
import { PatientWriter } from './patient-writer.ts'
import { FileWindow, findProofOfLoss, scanGroups } from './scan.ts'
import { isDiskFull, systemCode, worldError } from './world-error.ts'
import { writeWhole } from './write-whole.ts'

const NAME = 'meta.log'
const TEMPORARY_NAME = 'meta.tmp'
/** A rewritten file is made of groups of about this size. */
const REWRITE_BYTES = 1024 * 1024
/** Rewriting pays when the file is this many times what lives in it. */
const HISTORY_FACTOR = 4

interface Waiting {
  readonly change: MetaChange | undefined
  readonly done: (revision: number) => void
  readonly failed: (error: StorageError) => void
}

export class LocalMeta implements MetaStore {
  readonly #context: LocalContext
  readonly #directory: string
  readonly #view = new MetaView()
  readonly #pool = new ChunkPool()
  readonly #writer: PatientWriter
  #file: OpenFile | undefined
  #salt = 0
  #generation = 0
  #fileBytes = 0
  #rewriteAboveBytes = 0
  #sequence = 0
  #hasWritten = false
  #waiting: Waiting[] = []
  #failure: StorageError | undefined
  #running: Promise<void> | undefined

  constructor(context: LocalContext, directory: string) {
    this.#context = context
    this.#directory = directory
    this.#rewriteAboveBytes = context.tuning.metaBytesMin
    this.#writer = new PatientWriter(context.clock, context.tuning.retryMs, (stalled) => {
      if (stalled !== undefined) context.logger.warn('metadata cannot be written', { error: stalled })
    })
  }

  /** @throws {StorageError} 'damaged', 'newer-format', 'unwritable' */
  async open(): Promise<void> {
    const { files, logger } = this.#context
    await files.remove(join(this.#directory, TEMPORARY_NAME))
    const path = join(this.#directory, NAME)
    try {
      this.#file = await files.open(path, 'write', { flushed: true })
    } catch (error) {
      if (systemCode(error) !== 'ENOENT') throw error
      return this.#rewrite()
    }
    const sizeBytes = await this.#file.sizeBytes()
    const window = new FileWindow(this.#file, sizeBytes)
    await window.load(0, Math.min(FILE_HEADER_BYTES, sizeBytes))
    const header = readFileHeader(META_MAGIC, window.bytes, path)
    this.#salt = header.salt
    this.#generation = header.number
    const end = await this.#read(window)
    if (end.tornGroup !== undefined) {
      logger.warn('the metadata ends inside a write that was never acknowledged: cut there', {
        path,
        position: end.endOffset,
      })
    }
    if (sizeBytes > end.endOffset) await this.#file.truncate(end.endOffset)
    // What a killed process wrote is believed from here on, so it has to be on the disk.
    await this.#file.flush()
    this.#fileBytes = end.endOffset
  }

  async #read(window: FileWindow): Promise<{ endOffset: number; tornGroup: unknown }> {
    let isFirst = true
    let changes: StoredChange[] = []
    const end = await scanGroups(window, FILE_HEADER_BYTES, this.#salt, {
      accept: (header) => {
        changes = []
        return isFirst || header.sequence === this.#sequence + 1
      },
      inspect: (bytes, at) => changes.push(readStored(bytes, at)),
      complete: (header) => {
        for (const { change, revision } of changes) {
          if (change !== undefined) this.#view.apply(change)
          this.#view.raiseRevision(revision)
        }
        this.#sequence = header.sequence
        isFirst = false
      },
    })
    const lost = end.tornGroup?.sequence ?? (isFirst ? undefined : this.#sequence + 1)
    const proof = await findProofOfLoss(window, end.endOffset + 1, this.#salt, lost)
    if (proof !== undefined) {
      const path = join(this.#directory, NAME)
      throw damaged(path, end.endOffset, `a group fails its checksum, but group ${proof.header.sequence} follows it`)
    }
    return end
  }

  get(key: string): MetaEntry | undefined {
    return this.#view.get(key)
  }

  list(prefix: string): MetaEntry[] {
    return this.#view.list(prefix)
  }

  async put(key: string, value: string, expectedRevision?: number): Promise<number> {
    if (this.#failure) throw this.#failure
    return this.#commit(this.#view.acceptPut(key, value, expectedRevision))
  }

  async delete(key: string, expectedRevision?: number): Promise<void> {
    if (this.#failure) throw this.#failure
    await this.#commit(this.#view.acceptDelete(key, expectedRevision))
  }

  watch(prefix: string, fn: (change: MetaChange) => void): () => void {
    return this.#view.watch(prefix, fn)
  }

  /** A delete of nothing waits too: what it relied on may not be durable yet. */
  #commit(change: MetaChange | undefined): Promise<number> {
    return new Promise((done, failed) => {
      this.#waiting.push({ change, done, failed })
      this.#running ??= this.#run()
    })
  }

  async #run(): Promise<void> {
    await new Promise(setImmediate)
    while (this.#waiting.length > 0 && this.#failure === undefined) {
      const batch = this.#waiting
      this.#waiting = []
      try {
        await this.#write(batch)
      } catch (error) {
        this.#fail(worldError(error, 'write metadata'), batch)
        break
      }
      for (const { change, done } of batch) {
        if (change !== undefined) this.#view.apply(change)
        done(change === undefined ? 0 : revisionOf(change))
      }
      await this.#rewriteIfDue()
    }
    this.#running = undefined
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    const group = this.#newGroup(this.#fileBytes)
    for (const { change } of batch) if (change !== undefined) addChange(group, change)
    if (group.count > 0) await this.#writeGroup(this.#file as OpenFile, group)
    group.release()
  }

  #newGroup(fileOffset: number): Group {
    return new Group(this.#pool, fileOffset, this.#context.tuning.referenceBytesMin)
  }

  async #writeGroup(file: OpenFile, group: Group): Promise<void> {
    const buffers = group.seal(this.#salt, this.#sequence + 1, this.#sequence)
    await this.#writer.write(file, buffers, group.fileOffset)
    this.#sequence++
    this.#fileBytes = group.fileOffset + group.sizeBytes
    this.#hasWritten = true
  }

  #fail(failure: StorageError, batch: readonly Waiting[]): void {
    this.#failure ??= failure
    for (const { failed } of [...batch, ...this.#waiting.splice(0)]) failed(this.#failure)
  }

  async #rewriteIfDue(): Promise<void> {
    if (this.#fileBytes < this.#rewriteAboveBytes || this.#failure !== undefined) return
    let liveBytes = FILE_HEADER_BYTES
    for (const { key, value } of this.#view.entries()) liveBytes += ENTRY_HEADER_BYTES + 4 + key.length + value.length
    this.#rewriteAboveBytes = Math.max(this.#context.tuning.metaBytesMin, HISTORY_FACTOR * liveBytes)
    if (this.#fileBytes < this.#rewriteAboveBytes) return
    try {
      await this.#rewrite()
    } catch (error) {
      // The old file is whole and still in use: a full disk only puts the rewriting off.
      if (isDiskFull(error)) this.#rewriteAboveBytes = this.#fileBytes * 2
      else this.#fail(worldError(error, 'rewrite the metadata'), [])
    }
  }

  /** Writes what is visible into a new file and puts it in the old one's place. */
  async #rewrite(): Promise<void> {
    const { files, random } = this.#context
    const path = join(this.#directory, TEMPORARY_NAME)
    const salt = random.bytes(4).readUInt32LE(0)
    const file = await files.open(path, 'create')
    let written: { sizeBytes: number; sequence: number }
    try {
      written = await this.#writeAll(file, salt)
      await file.flush()
    } finally {
      await file.close()
    }
    await files.rename(path, join(this.#directory, NAME))
    await files.flushDirectory(this.#directory)
    await this.#file?.close()
    this.#file = await files.open(join(this.#directory, NAME), 'write', { flushed: true })
    this.#salt = salt
    this.#generation++
    this.#fileBytes = written.sizeBytes
    this.#sequence = written.sequence
  }

  /** The new file counts its groups from 1; the old one's count goes on should this fail. */
  async #writeAll(file: OpenFile, salt: number): Promise<{ sizeBytes: number; sequence: number }> {
    await writeWhole(file, [makeFileHeader(META_MAGIC, { salt, number: this.#generation + 1, flags: 0 })], 0)
    let at = FILE_HEADER_BYTES
    let sequence = 0
    let group = this.#newGroup(at)
    const put = async (): Promise<void> => {
      sequence++
      await writeWhole(file, group.seal(salt, sequence, sequence - 1), at)
      at += group.sizeBytes
      group.release()
      group = this.#newGroup(at)
    }
    for (const entry of [...this.#view.entries()].sort((a, b) => a.revision - b.revision)) {
      addChange(group, { kind: 'put', entry })
      if (group.sizeBytes > REWRITE_BYTES) await put()
    }
    // The newest revision may have been a deletion: it must not be given out again.
    group.add(StoredKind.metaRevision, 0, this.#view.appliedRevision, 0, Buffer.alloc(0))
    await put()
    group.release()
    return { sizeBytes: at, sequence }
  }

  /** Writes that wait for room fail; those on their way are finished. */
  async close(): Promise<void> {
    const closed = new StorageError('closed', 'the storage is closed')
    if (this.#writer.stalled !== undefined) this.#writer.abort(this.#writer.stalled)
    await this.#running
    const isGoodEnd = this.#failure === undefined && this.#hasWritten
    this.#failure ??= closed
    const file = this.#file
    if (file === undefined) return
    const mark = this.#newGroup(this.#fileBytes)
    // An empty group at the end proves that all before it was flushed. It is only a help: its failure is none.
    if (isGoodEnd)
      await writeWhole(file, mark.seal(this.#salt, this.#sequence + 1, this.#sequence), this.#fileBytes).catch(() => {})
    await file.close()
  }
}

interface StoredChange {
  readonly change: MetaChange | undefined
  readonly revision: number
}

function readStored(bytes: Buffer, at: number): StoredChange {
  const revision = entryBaseOffset(bytes, at)
  const start = at + ENTRY_HEADER_BYTES
  const end = start + entryPayloadBytes(bytes, at)
  switch (entryKind(bytes, at)) {
    case StoredKind.metaPut: {
      const valueAt = start + 4 + bytes.readUInt32LE(start)
      const key = bytes.toString('utf8', start + 4, valueAt)
      return {
        change: { kind: 'put', entry: { key, value: bytes.toString('utf8', valueAt, end), revision } },
        revision,
      }
    }
    case StoredKind.metaDelete:
      return { change: { kind: 'delete', key: bytes.toString('utf8', start, end), revision }, revision }
    default:
      return { change: undefined, revision }
  }
}

function addChange(group: Group, change: MetaChange): void {
  const key = Buffer.from(keyOf(change))
  if (change.kind === 'delete') {
    group.add(StoredKind.metaDelete, 0, change.revision, 0, key)
    return
  }
  const payload = Buffer.alloc(4 + key.length + Buffer.byteLength(change.entry.value))
  payload.writeUInt32LE(key.length)
  key.copy(payload, 4)
  payload.write(change.entry.value, 4 + key.length)
  group.add(StoredKind.metaPut, 0, change.entry.revision, 0, payload)
}
