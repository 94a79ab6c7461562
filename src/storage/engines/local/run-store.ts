/**
 * The directory of runs: finds them at the start, keeps a bounded number of files open for readers, and removes those in
 * which nothing lives any more. It does not decide what goes into a run.
 */
import { join } from 'node:path'
import type { LocalContext } from './context.ts'
import type { OpenFile } from './files.ts'
import { damaged } from './format.ts'
import { Run, readRun } from './run.ts'
import { systemCode } from './world-error.ts'

const NAME = /^(\d{8,})\.run$/
/** Runs read at the same time while opening. */
const OPENING_COUNT = 8

interface HeldFile {
  readonly opening: Promise<OpenFile>
  readerCount: number
  removed: boolean
}

export class RunStore {
  readonly #context: LocalContext
  readonly #directory: string
  #runs = new Map<number, Run>()
  /** In the order of their last use. */
  #held = new Map<Run, HeldFile>()
  #sparse = new Set<Run>()
  #nextNumber = 1
  #removing = new Set<Promise<void>>()
  #onSparse: () => void = () => {}
  #beforeRemoval: () => Promise<boolean> = async () => true

  constructor(context: LocalContext, directory: string) {
    this.#context = context
    this.#directory = directory
  }

  get runs(): Iterable<Run> {
    return this.#runs.values()
  }

  /** Runs in which so little lives that they should be rewritten. */
  get sparse(): ReadonlySet<Run> {
    return this.#sparse
  }

  /** Asked before a file goes: what made it superfluous must be there for good. */
  beforeRemoval(fn: () => Promise<boolean>): void {
    this.#beforeRemoval = fn
  }

  onSparse(fn: () => void): void {
    this.#onSparse = fn
  }

  /**
   * Learns which runs there are, and finishes what a crash interrupted: temporary files go, and runs whose records a
   * newer run took over. Returns the journal segments whose live records are all in runs.
   * @throws {StorageError} 'damaged', 'newer-format'
   */
  async open(): Promise<Set<number>> {
    const { files } = this.#context
    await files.makeDirectory(this.#directory)
    const found: Run[] = []
    for (const name of (await files.list(this.#directory)).sort()) {
      const number = NAME.exec(name)?.[1]
      if (number !== undefined) found.push(this.newRun(Number(number)))
      else if (name.endsWith('.tmp')) await files.remove(join(this.#directory, name))
    }
    for (let index = 0; index < found.length; index += OPENING_COUNT) {
      await Promise.all(found.slice(index, index + OPENING_COUNT).map((run) => this.#readOne(run)))
    }
    const movedSegments = new Set<number>()
    const replaced = new Set<number>()
    for (const run of found) {
      for (const number of run.replaces) replaced.add(number)
      if (run.sourceSegment !== 0) movedSegments.add(run.sourceSegment)
    }
    for (const run of found) {
      if (replaced.has(run.number)) await files.remove(run.path)
      else this.#runs.set(run.number, run)
      this.#nextNumber = Math.max(this.#nextNumber, run.number + 1)
    }
    if (replaced.size > 0) await files.flushDirectory(this.#directory)
    return movedSegments
  }

  async #readOne(run: Run): Promise<void> {
    const file = await this.#context.files.open(run.path, 'read')
    try {
      await readRun(run, file)
    } finally {
      await file.close()
    }
  }

  newRun(number = this.#nextNumber++): Run {
    const name = `${String(number).padStart(8, '0')}.run`
    return new Run(number, join(this.#directory, name), (run) => this.#changed(run))
  }

  /** The run is on the disk under its name: makes that name durable. */
  async install(run: Run): Promise<void> {
    await this.#context.files.flushDirectory(this.#directory)
    this.#runs.set(run.number, run)
  }

  #changed(run: Run): void {
    if (!this.#runs.has(run.number)) return
    if (run.liveExtentCount === 0) return this.remove(run)
    if (run.liveBytes >= run.recordBytes * this.#context.tuning.sparseShare || this.#sparse.has(run)) return
    this.#sparse.add(run)
    this.#onSparse()
  }

  /** Removes the file in the background. A run that comes back after a crash is found empty again and removed then. */
  remove(run: Run): void {
    if (!this.#runs.delete(run.number)) return
    this.#sparse.delete(run)
    const held = this.#held.get(run)
    if (held !== undefined) {
      held.removed = true
      this.#closeIfIdle(run, held)
    }
    const removal = this.#beforeRemoval()
      .then((isSafe) => (isSafe ? this.#context.files.remove(run.path) : undefined))
      .catch((error: unknown) => {
        this.#context.logger.warn('a run that is not needed any more could not be removed', { path: run.path, error })
      })
      .finally(() => this.#removing.delete(removal))
    this.#removing.add(removal)
  }

  /** Removals up to now are durable. */
  async flushRemovals(): Promise<void> {
    await Promise.all(this.#removing)
    await this.#context.files.flushDirectory(this.#directory)
  }

  /**
   * Call `release` as often. `undefined`: the run was removed meanwhile, so nothing in it is needed, or it is elsewhere.
   * @throws {StorageError} 'damaged' when the file is not there although it should be
   */
  async acquire(run: Run): Promise<OpenFile | undefined> {
    if (this.#runs.get(run.number) !== run) return undefined
    const held = this.#held.get(run) ?? {
      opening: this.#context.files.open(run.path, 'read'),
      readerCount: 0,
      removed: false,
    }
    this.#held.delete(run)
    this.#held.set(run, held)
    held.readerCount++
    try {
      return await held.opening
    } catch (error) {
      this.#held.delete(run)
      if (this.#runs.get(run.number) !== run) return undefined
      if (systemCode(error) === 'ENOENT') throw damaged(run.path, 0, 'the file is gone', error)
      throw error
    }
  }

  release(run: Run): void {
    const held = this.#held.get(run)
    if (held === undefined) return
    held.readerCount--
    if (held.removed) return this.#closeIfIdle(run, held)
    for (const [other, otherHeld] of this.#held) {
      if (this.#held.size <= this.#context.tuning.openRunsMax) break
      this.#closeIfIdle(other, otherHeld)
    }
  }

  #closeIfIdle(run: Run, held: HeldFile): void {
    if (held.readerCount > 0) return
    this.#held.delete(run)
    // A file that was only read has nothing to lose at its closing.
    held.opening.then((file) => file.close()).catch(() => {})
  }

  async close(): Promise<void> {
    await Promise.all(this.#removing)
    const held = [...this.#held.values()]
    this.#held.clear()
    for (const { opening } of held) await opening.then((file) => file.close()).catch(() => {})
  }
}
