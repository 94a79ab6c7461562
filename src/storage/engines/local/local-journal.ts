/**
 * The journal of the local engine: one write-ahead log for all logs of the shard. What is appended gathers in a group;
 * a group goes out as one write that returns when it is on the disk, and while it is on its way the next one gathers. So
 * a thousand busy queues cost one flush a group, not a thousand.
 *
 * States: claimed ──replay──► open ──close──► closed
 *                              └──(a write fails, fenced)──► failed; what was committed stays readable
 *
 * Files are the matter of `journal-files.ts`: how they are found again (`recovery.ts`), how space is won back
 * (`reclaimer.ts`), how records are read (`record-reader.ts`).
 */
import { InvariantError, invariant, StorageError } from '../../../base/errors.ts'
import { type Entry, EntryKind, type Journal, type StoredRecord, type Ticket } from '../../contract.ts'
import { ActionLine } from './action-line.ts'
import type { LocalContext } from './context.ts'
import { PAYLOAD_BYTES_MAX, StoredKind, tooLarge } from './format.ts'
import { Group } from './group.ts'
import { JournalFiles } from './journal-files.ts'
import { LogState } from './log-state.ts'
import type { Segment } from './segment.ts'
import { TicketWaiters } from './ticket-waiters.ts'
import { worldError } from './world-error.ts'

const NOTHING = Buffer.alloc(0)

interface PlannedGroup {
  readonly group: Group
  readonly segment: Segment
  /** Of everything appended up to the end of this group. */
  lastTicket: Ticket
  lastBytes: number
}

type ProofWaiter = (isProven: boolean) => void

export class LocalJournal implements Journal {
  readonly shard: number
  readonly #context: LocalContext
  readonly #files: JournalFiles
  readonly #logs = new Map<number, LogState>()
  #lastLog: LogState | undefined
  #gathering: PlannedGroup | undefined
  /** Full groups that wait for the one being written. */
  #fullGroups: PlannedGroup[] = []
  readonly #actions = new ActionLine()
  #appended: Ticket = 0
  #committed: Ticket = 0
  #appendedBytes = 0
  #committedBytes = 0
  /** Why appends are turned down: not replayed yet, failed, or closed. */
  #refusal: Error | undefined = new InvariantError('a journal is replayed before the first append')
  #failure: StorageError | undefined
  #replaying: Promise<void> | undefined
  #sealScheduled = false
  #sealWanted = false
  #writing = false
  #readCount = 0
  /** No read begins any more. */
  #isShut = false
  #closing: Promise<void> | undefined
  #commitListeners: ((committed: Ticket) => void)[] = []
  #sealListeners: (() => void)[] = []
  #failureListeners: ((failure: StorageError) => void)[] = []
  #stallListeners: ((stalled: StorageError | undefined) => void)[] = []
  #snapshotWanted: (log: number) => void = () => {}
  readonly #waiters = new TicketWaiters()
  #idleWaiters: (() => void)[] = []
  #proofWaiters: ProofWaiter[] = []

  constructor(shard: number, directory: string, context: LocalContext) {
    this.shard = shard
    this.#context = context
    this.#files = new JournalFiles(context, directory, {
      logs: this.#logs,
      askForSnapshot: (log) => this.#snapshotWanted(log),
      committed: () => this.#whenCommitted(),
      prove: () => this.#prove(),
      fail: (failure) => this.#fail(failure),
      stalled: (stalled) => this.#stalled(stalled),
    })
  }

  async replay(onEntry: (entry: Entry) => void): Promise<void> {
    invariant(this.#replaying === undefined, 'a journal is replayed once')
    if (this.#failure) throw this.#failure
    this.#replaying = this.#replay(onEntry)
    await this.#replaying
  }

  async #replay(onEntry: (entry: Entry) => void): Promise<void> {
    try {
      await this.#files.open()
      await this.#files.replay(onEntry)
    } catch (error) {
      // Our own faults, and the caller's, pass as they are.
      throw error instanceof Error && 'syscall' in error ? worldError(error, 'open the journal') : error
    }
    if (this.#failure) throw this.#failure
    this.#refusal = undefined
    this.#files.reclaimer.check()
  }

  append(log: number, kind: EntryKind, baseOffset: number, count: number, payload: Buffer): Ticket {
    if (this.#refusal !== undefined) throw this.#refusal
    if (payload.length > PAYLOAD_BYTES_MAX) throw tooLarge(payload.length)
    const last = this.#lastLog
    const state = last !== undefined && last.id === log ? last : this.#logFor(log)
    if (kind === EntryKind.record) state.checkOffsets(baseOffset, count)
    const planned = this.#gathering ?? this.#beginGroup()
    const at = planned.group.add(kind, log, baseOffset, count, payload)
    if (kind === EntryKind.record) state.addRecord(planned.segment, baseOffset, count, at, payload.length)
    if (kind === EntryKind.snapshot || state.startSegment === undefined) this.#moveStart(state, planned.segment, at)
    this.#appendedBytes += payload.length
    const ticket = ++this.#appended
    if (planned.group.sizeBytes > this.#context.tuning.groupBytes) this.#endGroup()
    if (!this.#sealScheduled && !this.#writing) this.#scheduleSeal()
    return ticket
  }

  #logFor(log: number): LogState {
    let state = this.#logs.get(log)
    if (state === undefined) {
      state = new LogState(log)
      this.#logs.set(log, state)
    }
    invariant(!state.ending, `log ${log} was ended: its id is never used again`)
    this.#lastLog = state
    return state
  }

  #moveStart(state: LogState, segment: Segment, at: number): void {
    const left = state.moveStart(segment, at)
    if (left?.startCount === 0) this.#files.reclaimer.startsLeft(left)
  }

  endLog(log: number): Ticket {
    if (this.#refusal !== undefined) throw this.#refusal
    const planned = this.#gathering ?? this.#beginGroup()
    planned.group.add(StoredKind.endLog, log, 0, 0, NOTHING)
    const state = this.#logs.get(log)
    if (state !== undefined) {
      state.ending = true
      const left = state.clearStart()
      if (left?.startCount === 0) this.#files.reclaimer.startsLeft(left)
    }
    this.#lastLog = undefined
    this.#scheduleSeal()
    const ticket = ++this.#appended
    // Not before it is durable: until then a crash would bring the log back, and its records must be there.
    this.#actions.addEnd(ticket, log)
    return ticket
  }

  /** The group's place in the files is decided here, so that its entries know theirs. */
  #beginGroup(): PlannedGroup {
    const segment = this.#files.segments.placeForGroup()
    const group = new Group(this.#files.pool, segment.plannedEnd, this.#context.tuning.referenceBytesMin)
    this.#gathering = { group, segment, lastTicket: 0, lastBytes: 0 }
    return this.#gathering
  }

  #endGroup(): void {
    const planned = this.#gathering
    if (planned === undefined) return
    planned.lastTicket = this.#appended
    planned.lastBytes = this.#appendedBytes
    planned.segment.plannedEnd += planned.group.sizeBytes
    this.#files.segments.groupPlanned(planned.group.sizeBytes)
    this.#fullGroups.push(planned)
    this.#gathering = undefined
  }

  wake(): void {
    this.#scheduleSeal()
  }

  /** All appends of this tick, and of the other callbacks of this turn of the loop, join the group. */
  #scheduleSeal(): void {
    if (this.#writing) this.#sealWanted = true
    if (this.#writing || this.#sealScheduled || this.#refusal !== undefined) return
    this.#sealScheduled = true
    setImmediate(this.#seal)
  }

  readonly #seal = (): void => {
    this.#sealScheduled = false
    if (this.#writing) {
      // A seal listener that appends asks for a seal while the group it joined is about to be written.
      this.#sealWanted = true
      return
    }
    this.#sealWanted = false
    if (this.#refusal !== undefined) return this.#idle()
    for (const fn of this.#sealListeners) fn()
    if (this.#proofWaiters.length > 0 && this.#gathering === undefined) this.#beginGroup()
    this.#endGroup()
    const groups = this.#fullGroups
    if (groups.length === 0) return this.#idle()
    this.#fullGroups = []
    this.#writing = true
    this.#write(groups, this.#proofWaiters.splice(0)).then(this.#written, this.#writeFailed)
  }

  async #write(groups: readonly PlannedGroup[], proofWaiters: readonly ProofWaiter[]): Promise<void> {
    let isProven = false
    try {
      for (const planned of groups) {
        await this.#files.write(planned.group, planned.segment)
        planned.group.release()
        // Fenced or failed meanwhile: what is on the disk now was never acknowledged.
        if (this.#failure !== undefined) return
        this.#committedUpTo(planned)
      }
      isProven = true
    } finally {
      for (const resolve of proofWaiters) resolve(isProven)
    }
  }

  readonly #writeFailed = (error: unknown): void => {
    // What a listener throws is our own fault and ends the process; it must not look like a failed disk.
    if (!(error instanceof StorageError)) {
      queueMicrotask(() => {
        throw error
      })
    }
    this.#fail(
      error instanceof StorageError ? error : new StorageError('write-failed', String(error), { cause: error }),
    )
    this.#written()
  }

  readonly #written = (): void => {
    this.#writing = false
    if (this.#gathering !== undefined || this.#fullGroups.length > 0 || this.#sealWanted) this.#scheduleSeal()
    if (!this.#sealScheduled) this.#idle()
  }

  #committedUpTo({ lastTicket, lastBytes }: PlannedGroup): void {
    if (lastTicket > this.#committed) {
      this.#committed = lastTicket
      this.#committedBytes = lastBytes
      this.#actions.applyUpTo(lastTicket, this.#applyDiscard, this.#applyEnd)
      for (const fn of this.#commitListeners) fn(lastTicket)
      this.#waiters.releaseUpTo(lastTicket)
    }
    this.#files.reclaimer.check()
  }

  readonly #applyDiscard = (log: number, from: number, to: number): void => {
    this.#logs.get(log)?.discard(from, to)
  }

  readonly #applyEnd = (log: number): void => {
    this.#logs.get(log)?.end()
    this.#logs.delete(log)
  }

  get appended(): Ticket {
    return this.#appended
  }

  get committed(): Ticket {
    return this.#committed
  }

  get pendingBytes(): number {
    return this.#appendedBytes - this.#committedBytes
  }

  onCommit(fn: (committed: Ticket) => void): void {
    this.#commitListeners.push(fn)
  }

  onSeal(fn: () => void): void {
    this.#sealListeners.push(fn)
  }

  async read(log: number, fromOffset: number, maxBytes: number): Promise<StoredRecord[]> {
    if (this.#failure?.code === 'fenced') throw this.#failure
    if (this.#isShut) throw this.#closedError()
    const state = this.#logs.get(log)
    if (state === undefined) return []
    this.#readCount++
    try {
      return await this.#files.read(state, fromOffset, maxBytes)
    } finally {
      this.#readCount--
      this.#idle()
    }
  }

  discard(log: number, fromOffset: number, toOffset: number): void {
    if (this.#failure !== undefined || toOffset <= fromOffset) return
    if (this.#committed === this.#appended) this.#applyDiscard(log, fromOffset, toOffset)
    else this.#actions.addDiscard(this.#appended, log, fromOffset, toOffset)
  }

  onSnapshotWanted(fn: (log: number) => void): void {
    this.#snapshotWanted = fn
  }

  storedBytes(log: number): number {
    return this.#logs.get(log)?.storedBytes() ?? 0
  }

  get failure(): StorageError | undefined {
    return this.#failure
  }

  onFailure(fn: (failure: StorageError) => void): void {
    this.#failureListeners.push(fn)
  }

  get stalled(): StorageError | undefined {
    return this.#files.stalled
  }

  onStall(fn: (stalled: StorageError | undefined) => void): void {
    this.#stallListeners.push(fn)
  }

  #stalled(stalled: StorageError | undefined): void {
    for (const fn of this.#stallListeners) fn(stalled)
    // Whoever closes does not want to wait for somebody to make room.
    if (stalled !== undefined && this.#closing !== undefined) this.#files.abort(stalled)
  }

  #fail(failure: StorageError): void {
    if (this.#failure !== undefined) return
    this.#failure = failure
    this.#refusal = failure
    this.#gathering?.group.release()
    for (const { group } of this.#fullGroups) group.release()
    this.#gathering = undefined
    this.#fullGroups = []
    this.#actions.clear()
    this.#files.abort(failure)
    this.#waiters.releaseUpTo(this.#appended)
    for (const resolve of this.#proofWaiters.splice(0)) resolve(false)
    for (const fn of this.#failureListeners) fn(failure)
  }

  #whenCommitted(): Promise<void> {
    if (this.#committed === this.#appended || this.#failure !== undefined) return Promise.resolve()
    return this.#waiters.wait(this.#appended)
  }

  /**
   * Before anything is dropped for good because of what is committed: puts one more group, if need be an empty one, behind
   * it. Should the group it hangs on ever be damaged, it is then told from one that was never acknowledged.
   */
  async #prove(): Promise<boolean> {
    await this.#files.flush()
    // While opening, everything believed was checked and flushed a moment ago.
    if (this.#refusal !== undefined) return this.#failure === undefined && this.#closing === undefined
    return new Promise((resolve) => {
      this.#proofWaiters.push(resolve)
      this.#scheduleSeal()
    })
  }

  #idle(): void {
    for (const resolve of this.#idleWaiters.splice(0)) resolve()
  }

  /** Another owner claimed the shard. Resolves when nothing of this one touches the files any more. */
  async fence(): Promise<void> {
    if (this.#closing !== undefined) return this.#closing
    this.#fail(new StorageError('fenced', `shard ${this.shard} was claimed by another owner`))
    await this.close()
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    // A replay that fails tells its own caller.
    await this.#replaying?.catch(() => {})
    if (this.#files.stalled !== undefined) this.#files.abort(this.#files.stalled)
    this.#scheduleSeal()
    while (this.#writing || this.#sealScheduled) {
      await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
    }
    const isGoodEnd = this.#failure === undefined && this.#refusal === undefined
    this.#refusal = this.#failure ?? this.#closedError()
    this.#isShut = true
    for (const resolve of this.#proofWaiters.splice(0)) resolve(false)
    // A read takes several steps, and the number of a closed file may by then belong to another.
    while (this.#readCount > 0) await new Promise<void>((resolve) => this.#idleWaiters.push(resolve))
    await this.#files.close(isGoodEnd)
    this.#failure ??= this.#closedError()
  }

  #closedError(): StorageError {
    return new StorageError('closed', `the journal of shard ${this.shard} is closed`)
  }
}
