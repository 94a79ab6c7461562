/**
 * Keeps the journal short and the runs dense. When the journal is longer than its window, its oldest segment goes: first
 * every log whose replay begins there writes its state anew, then what still lives there is copied, grouped by log, into
 * a run, and then the segment is dropped. Runs in which little lives are copied along and dropped with it, so that one
 * forgotten message never holds a whole file.
 *
 * A crash at any point loses nothing: the run appears whole or not at all, and names what it replaces.
 *
 * idle ──(journal too long)──► waiting for snapshots ──► copying ──► idle
 *      ──(runs too sparse)─────────────────────────────► copying ──► idle
 */

import type { Timer } from '../../../base/clock.ts'
import type { StorageError } from '../../../base/errors.ts'
import type { LocalContext } from './context.ts'
import type { LogState } from './log-state.ts'
import { CopyBuffer, RecordCopier } from './record-copier.ts'
import type { Extent, Run } from './run.ts'
import type { RunStore } from './run-store.ts'
import type { Segment } from './segment.ts'
import type { SegmentList } from './segment-list.ts'
import { isDiskFull, worldError } from './world-error.ts'

/** Logs asked for a snapshot before the loop gets to breathe. */
const ASK_COUNT = 256
/** Memory for copying is given back when nothing was copied for this long. */
const IDLE_MS = 5000
/** Sparse runs alone are worth a pass when they take this many runs' worth of space. */
const SPARSE_RUNS = 4

/** What the reclaimer needs of the journal. */
export interface ReclaimerJournal {
  readonly logs: ReadonlyMap<number, LogState>
  askForSnapshot(log: number): void
  /** Resolves when all that was appended so far is committed, or never will be. */
  committed(): Promise<void>
  /** Everything committed is on the disk, and something later says so. False: the journal ends before that. */
  prove(): Promise<boolean>
  fail(failure: StorageError): void
}

export class Reclaimer {
  readonly #context: LocalContext
  readonly #journal: ReclaimerJournal
  readonly #segments: SegmentList
  readonly #runs: RunStore
  #job: Promise<void> | undefined
  #copying: Promise<void> | undefined
  #waitingFor: Segment | undefined
  #wake: (() => void) | undefined
  #stopped = false
  readonly #buffer = new CopyBuffer()
  #dropTimer: Timer | undefined

  constructor(context: LocalContext, journal: ReclaimerJournal, segments: SegmentList, runs: RunStore) {
    this.#context = context
    this.#journal = journal
    this.#segments = segments
    this.#runs = runs
    runs.onSparse(() => this.check())
  }

  /** Pending while records are being copied: that ends without any further commit, also on a full disk. */
  get copying(): Promise<void> | undefined {
    return this.#copying
  }

  /** Cheap: called after every commit. */
  check(): void {
    if (this.#job !== undefined || this.#stopped) return
    const isLong = this.#segments.all.length > 1 && this.#segments.windowsFilled() > 1
    if (!isLong && (this.#runs.sparse.size === 0 || !this.#areRunsSparse())) return
    this.#job = this.#run(isLong ? (this.#segments.all[0] as Segment) : undefined).then(
      () => this.#ended(),
      (error: unknown) => this.#journal.fail(worldError(error, 'reclaim journal space')),
    )
  }

  #ended(): void {
    this.#job = undefined
    this.#dropTimer?.cancel()
    this.#dropTimer = this.#context.clock.after(IDLE_MS, () => {
      if (this.#job === undefined) this.#buffer.drop()
    })
    this.check()
  }

  #areRunsSparse(): boolean {
    let bytes = 0
    for (const run of this.#runs.sparse) bytes += run.sizeBytes
    return bytes >= SPARSE_RUNS * this.#context.tuning.runBytes
  }

  /** No log's replay begins in this segment any more. */
  startsLeft(segment: Segment): void {
    if (segment === this.#waitingFor) this.#wake?.()
  }

  async #run(segment: Segment | undefined): Promise<void> {
    // Never from within somebody's commit or replay.
    await new Promise(setImmediate)
    if (segment !== undefined) await this.#waitForSnapshots(segment)
    if (this.#stopped) return
    await this.#copyPatiently(segment)
  }

  async #waitForSnapshots(segment: Segment): Promise<void> {
    const logs = [...this.#journal.logs.values()].filter((log) => log.startSegment === segment)
    for (let index = 0; index < logs.length && !this.#stopped; index++) {
      const log = logs[index] as LogState
      if (log.startSegment === segment) this.#journal.askForSnapshot(log.id)
      if (index % ASK_COUNT === ASK_COUNT - 1) await new Promise(setImmediate)
    }
    this.#waitingFor = segment
    while (segment.startCount > 0 && !this.#stopped) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    this.#waitingFor = undefined
    await this.#journal.committed()
  }

  /** A full disk is waited for here: nothing was changed then, and the whole copy begins anew. */
  async #copyPatiently(segment: Segment | undefined): Promise<void> {
    for (let attempt = 0; !this.#stopped; attempt++) {
      const run = this.#runs.newRun()
      const replaced = this.#chooseSparse()
      try {
        if (!(await this.#makeRun(segment, replaced, run))) return
      } catch (error) {
        if (!isDiskFull(error)) throw error
        if (attempt === 0) this.#context.logger.warn('the disk is full: journal space cannot be reclaimed', { error })
        await this.#pause()
        continue
      }
      return this.#replace(segment, replaced, run)
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
      this.#context.clock.after(this.#context.tuning.retryMs, resolve)
    })
  }

  /** False: the journal ended meanwhile, and nothing was made. */
  async #makeRun(segment: Segment | undefined, replaced: readonly Run[], run: Run): Promise<boolean> {
    const copier = new RecordCopier(this.#context, this.#journal.logs, run, this.#buffer, () => this.#stopped)
    try {
      const copying = this.#copy(copier, segment, replaced)
      this.#copying = copying
      await copying.finally(() => {
        this.#copying = undefined
      })
      // Neither the snapshots nor the settlements because of which records were left out may be lost from here on.
      if (this.#stopped || !(await this.#journal.prove())) {
        await copier.abandon()
        return false
      }
      run.sourceSegment = segment?.number ?? 0
      run.replaces = replaced.map((source) => source.number)
      if (await copier.finish()) await this.#runs.install(run)
      return true
    } catch (error) {
      await copier.abandon()
      throw error
    }
  }

  async #copy(copier: RecordCopier, segment: Segment | undefined, replaced: readonly Run[]): Promise<void> {
    if (segment !== undefined) await copier.copySegment(segment)
    for (const source of replaced) {
      const file = await this.#runs.acquire(source)
      // Its last record was settled a moment ago.
      if (file === undefined) continue
      try {
        await copier.copyRun(source, file)
      } finally {
        this.#runs.release(source)
      }
    }
  }

  /** The sparsest first, as many as make up one run. */
  #chooseSparse(): Run[] {
    const candidates = [...this.#runs.sparse].sort((a, b) => a.liveBytes / a.recordBytes - b.liveBytes / b.recordBytes)
    const chosen: Run[] = []
    let bytes = 0
    for (const run of candidates) {
      if (chosen.length > 0 && bytes + run.liveBytes > this.#context.tuning.runBytes) break
      chosen.push(run)
      bytes += run.liveBytes
    }
    return chosen
  }

  /** From here on everybody reads from the new run; then the old places go. */
  async #replace(segment: Segment | undefined, replaced: readonly Run[], run: Run): Promise<void> {
    const gone = new Set<Extent>(replaced.flatMap((source) => source.extents))
    const fresh = new Map<number, Extent[]>()
    for (const slice of segment?.slices ?? []) fresh.set(slice.log, [])
    for (const extent of gone) fresh.set(extent.log, [])
    for (const extent of run.extents) {
      const extents = fresh.get(extent.log)
      if (extents === undefined) fresh.set(extent.log, [extent])
      else extents.push(extent)
    }
    for (const slice of segment?.slices ?? []) this.#journal.logs.get(slice.log)?.removeSlice(slice)
    for (const [id, extents] of fresh) {
      const log = this.#journal.logs.get(id)
      if (log !== undefined) log.replaceExtents(gone, extents)
      else for (const extent of extents) extent.die()
    }
    if (segment !== undefined) await this.#segments.dropOldest()
    for (const source of replaced) this.#runs.remove(source)
    await this.#runs.flushRemovals()
  }

  /** Nothing is dropped from here on: what a job waited for may never become durable. */
  halt(): void {
    this.#stopped = true
    this.#dropTimer?.cancel()
    this.#wake?.()
  }

  async stop(): Promise<void> {
    this.halt()
    await this.#job
  }
}
