/**
 * `file:DIRECTORY`: everything in one data directory, drawn in `docs/formats/directory.md`. This file opens it: the lock,
 * the format's version, the metadata, and the one shard there is.
 */
import { join } from 'node:path'
import type { Clock } from '../../../base/clock.ts'
import { StorageError } from '../../../base/errors.ts'
import { type Random, systemRandom } from '../../../base/random.ts'
import type { Logger } from '../../../telemetry/logger.ts'
import type { Journal, MetaStore, Storage, StorageDescription } from '../../contract.ts'
import type { LocalContext } from './context.ts'
import { type Files, nodeFiles } from './files.ts'
import { damaged, FORMAT_VERSION, newerFormat, PAYLOAD_BYTES_MAX } from './format.ts'
import { LocalJournal } from './local-journal.ts'
import { LocalMeta } from './local-meta.ts'
import { defaultTuning, type LocalTuning } from './tuning.ts'
import { systemCode, worldError } from './world-error.ts'
import { writeWhole } from './write-whole.ts'

const SHARD_COUNT = 1
const FORMAT_NAME = 'FORMAT'
const FORMAT_TEXT = /^busbar (\d{1,9})\n$/

export interface LocalOptions {
  readonly durability: 'flush' | 'os'
  readonly clock: Clock
  readonly logger: Pick<Logger, 'info' | 'warn'>
  readonly files?: Files | undefined
  readonly random?: Random | undefined
  readonly tuning?: Partial<LocalTuning> | undefined
}

/** @throws {StorageError} 'locked', 'unwritable', 'newer-format', 'damaged' */
export async function openLocalStorage(directory: string, options: LocalOptions): Promise<Storage> {
  const context: LocalContext = {
    files: options.files ?? nodeFiles,
    clock: options.clock,
    random: options.random ?? systemRandom,
    logger: options.logger,
    tuning: { ...defaultTuning, ...options.tuning },
    durability: options.durability,
  }
  let unlock: (() => Promise<void>) | undefined
  try {
    await context.files.makeDirectory(directory)
    unlock = await context.files.lock(directory, context.clock)
    await checkFormat(context, directory)
    const meta = new LocalMeta(context, directory)
    await meta.open()
    return new LocalStorage(context, directory, meta, unlock)
  } catch (error) {
    await unlock?.()
    throw error instanceof Error && systemCode(error) !== undefined
      ? worldError(error, `use the data directory ${directory}`)
      : error
  }
}

/** The version stands in a file of its own, so that it can be read whatever else changes. */
async function checkFormat(context: LocalContext, directory: string): Promise<void> {
  const { files } = context
  const path = join(directory, FORMAT_NAME)
  const names = await files.list(directory)
  if (names.includes(FORMAT_NAME)) {
    const file = await files.open(path, 'read')
    const bytes = Buffer.alloc(64)
    const count = await file.read(bytes, 0).finally(() => file.close())
    const version = FORMAT_TEXT.exec(bytes.toString('latin1', 0, count))?.[1]
    if (version === undefined) throw damaged(path, 0, 'it should say "busbar" and a number')
    if (Number(version) > FORMAT_VERSION) throw newerFormat(path, Number(version))
    return
  }
  if (names.includes('journal') || names.includes('meta.log')) {
    throw damaged(path, 0, 'the file is missing although there is data')
  }
  const temporary = `${path}.tmp`
  const file = await files.open(temporary, 'create')
  try {
    await writeWhole(file, [Buffer.from(`busbar ${FORMAT_VERSION}\n`)], 0)
    await file.flush()
  } finally {
    await file.close()
  }
  await files.rename(temporary, path)
  await files.flushDirectory(directory)
}

class LocalStorage implements Storage {
  readonly #context: LocalContext
  readonly #directory: string
  readonly #meta: LocalMeta
  readonly #unlock: () => Promise<void>
  #owner: LocalJournal | undefined
  /** Claims one after the other: each waits until the one before has let go of the files. */
  #claiming: Promise<void> = Promise.resolve()
  #closing: Promise<void> | undefined

  constructor(context: LocalContext, directory: string, meta: LocalMeta, unlock: () => Promise<void>) {
    this.#context = context
    this.#directory = directory
    this.#meta = meta
    this.#unlock = unlock
  }

  get meta(): MetaStore {
    return this.#meta
  }

  describe(): StorageDescription {
    return {
      engine: 'local',
      durable: true,
      replicated: false,
      flushedBeforeAck: this.#context.durability === 'flush',
      payloadBytesMax: PAYLOAD_BYTES_MAX,
      shardCount: SHARD_COUNT,
    }
  }

  async claim(shard: number): Promise<Journal> {
    if (!(shard >= 0 && shard < SHARD_COUNT)) throw new RangeError(`shard ${shard} of ${SHARD_COUNT}`)
    if (this.#closing !== undefined) throw new StorageError('closed', 'the storage is closed')
    const journal = new LocalJournal(shard, this.#directory, this.#context)
    const previous = this.#owner
    this.#owner = journal
    const before = this.#claiming
    this.#claiming = before.then(() => previous?.fence())
    await this.#claiming
    return journal
  }

  async freeBytes(): Promise<number | undefined> {
    return this.#context.files.freeBytes(this.#directory)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    try {
      await this.#claiming
      await this.#owner?.close()
      await this.#meta.close()
    } finally {
      await this.#unlock()
    }
  }
}
