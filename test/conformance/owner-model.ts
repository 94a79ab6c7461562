/**
 * An owner of logs, as the broker is one: it appends records, settles them, writes snapshots when asked, and can rebuild
 * itself from a replay. It remembers everything it ever did, so that after a restart or a crash it can tell whether what
 * came back is exactly a prefix of it, and no shorter than what was acknowledged.
 */
import { expect } from 'vitest'
import { crc32c } from '../../src/base/crc32c.ts'
import type { Random } from '../../src/base/random.ts'
import { RangeSet } from '../../src/base/range-set.ts'
import { type Entry, EntryKind, type Journal, type StoredRecord } from '../../src/storage/contract.ts'

interface RecordFact {
  readonly offset: number
  readonly count: number
  readonly payload: Buffer
  readonly step: number
}

interface SettleFact {
  readonly from: number
  readonly to: number
  readonly step: number
}

/** What a log's state machine knows; the digest covers every entry in order. */
interface LogDigest {
  digest: number
  nextOffset: number
  settled: [number, number][]
}

class ModelLog {
  readonly id: number
  nextOffset = 0
  settled = new RangeSet()
  digest = 0
  records: RecordFact[] = []
  settles: SettleFact[] = []
  /** The digest after each step that changed it; ascending. */
  history: { step: number; digest: number }[] = []
  endedAt = Number.POSITIVE_INFINITY

  constructor(id: number) {
    this.id = id
  }

  clone(): ModelLog {
    const copy = new ModelLog(this.id)
    copy.nextOffset = this.nextOffset
    for (const [from, to] of this.settled) copy.settled.add(from, to)
    copy.digest = this.digest
    copy.records = [...this.records]
    copy.settles = [...this.settles]
    copy.history = [...this.history]
    copy.endedAt = this.endedAt
    return copy
  }

  stateAt(step: number): LogDigest {
    const settled = new RangeSet()
    for (const fact of this.settles) if (fact.step <= step) settled.add(fact.from, fact.to)
    const records = this.records.filter((fact) => fact.step <= step)
    const last = records.at(-1)
    const digest = this.history.filter((entry) => entry.step <= step).at(-1)?.digest ?? 0
    return { digest, nextOffset: last === undefined ? 0 : last.offset + last.count, settled: [...settled] }
  }

  liveAt(step: number): RecordFact[] {
    const settled = new RangeSet()
    for (const fact of this.settles) if (fact.step <= step) settled.add(fact.from, fact.to)
    return this.records.filter((fact) => fact.step <= step && !settled.covers(fact.offset, fact.offset + fact.count))
  }
}

export class OwnerModel {
  readonly logs = new Map<number, ModelLog>()
  #nextLog: number
  /** Counts appends over all of this owner's life; the step of an append is its place in the order. */
  step = 0
  acknowledgedStep = 0
  #journal: Journal | undefined
  #ticketSteps = 0

  constructor(firstLog = 1) {
    this.#nextLog = firstLog
  }

  /** What this owner knows now, for a journal opened from a copy of its files. */
  clone(): OwnerModel {
    const copy = new OwnerModel(this.#nextLog)
    for (const [id, log] of this.logs) copy.logs.set(id, log.clone())
    copy.step = this.step
    copy.acknowledgedStep = this.acknowledgedStep
    return copy
  }

  get journal(): Journal {
    if (this.#journal === undefined) throw new Error('no journal attached')
    return this.#journal
  }

  /** Listens to a journal whose replay is done. */
  attach(journal: Journal): void {
    this.#journal = journal
    const base = this.step - journal.appended
    this.#ticketSteps = base
    journal.onCommit((committed) => {
      if (journal === this.#journal)
        this.acknowledgedStep = Math.max(this.acknowledgedStep, this.#ticketSteps + committed)
    })
    journal.onSnapshotWanted((log) => {
      if (journal !== this.#journal || journal.failure) return
      const known = this.logs.get(log)
      if (known === undefined || known.endedAt <= this.step) this.#endUnknown(log)
      else this.snapshot(known.id)
    })
  }

  #endUnknown(log: number): void {
    this.journal.endLog(log)
    this.step++
  }

  newLog(): number {
    const id = this.#nextLog++
    this.logs.set(id, new ModelLog(id))
    return id
  }

  living(): ModelLog[] {
    return [...this.logs.values()].filter((log) => log.endedAt > this.step)
  }

  record(id: number, payload: Buffer, count = 1, gap = 0): void {
    const log = this.logs.get(id) as ModelLog
    const offset = log.nextOffset + gap
    this.journal.append(id, EntryKind.record, offset, count, payload)
    log.nextOffset = offset + count
    this.#did(log, offset, count, payload)
    log.records.push({ offset, count, payload: Buffer.from(payload), step: this.step })
  }

  settle(id: number, from: number, to: number): void {
    const log = this.logs.get(id) as ModelLog
    const payload = Buffer.from(JSON.stringify({ from, to }))
    this.journal.append(id, EntryKind.control, 0, 0, payload)
    this.#did(log, 0, 0, payload)
    log.settles.push({ from, to, step: this.step })
    log.settled.add(from, to)
    this.journal.discard(id, from, to)
  }

  snapshot(id: number): void {
    const log = this.logs.get(id) as ModelLog
    const state: LogDigest = log.stateAt(this.step)
    this.journal.append(id, EntryKind.snapshot, 0, 0, Buffer.from(JSON.stringify(state)))
    this.step++
  }

  end(id: number): void {
    this.journal.endLog(id)
    this.step++
    const log = this.logs.get(id) as ModelLog
    log.endedAt = this.step
  }

  #did(log: ModelLog, offset: number, count: number, payload: Buffer): void {
    this.step++
    log.digest = digestOf(log.digest, offset, count, payload)
    log.history.push({ step: this.step, digest: log.digest })
  }

  /** One random thing an owner does. */
  act(random: Random, payloadBytesMax: number): void {
    const living = this.living()
    const log = living[random.below(living.length)]
    const choice = random.below(100)
    if (log === undefined || choice < 2) {
      this.newLog()
    } else if (choice < 62) {
      const payload = random.bytes(random.below(random.below(12) === 0 ? payloadBytesMax : 120))
      this.record(log.id, payload, random.below(8) === 0 ? 1 + random.below(5) : 1, random.below(10) === 0 ? 3 : 0)
    } else if (choice < 94) {
      this.#settleSome(log, random)
    } else if (choice < 98) {
      this.snapshot(log.id)
    } else if (living.length > 2) {
      this.end(log.id)
    }
  }

  /** Mostly the oldest, sometimes one in the middle, as consumers do. */
  #settleSome(log: ModelLog, random: Random): void {
    const first = log.settled.nextMissing(0)
    const start = random.below(4) === 0 ? first + random.below(Math.max(1, log.nextOffset - first)) : first
    const from = log.settled.nextMissing(start)
    // Some logs have a slow consumer: their backlog grows, and moves into runs.
    if (log.id % 3 === 0 && random.below(10) > 0) return
    if (from >= log.nextOffset) return
    const stop = Math.min(log.nextOffset, from + 1 + random.below(8))
    const to = Math.min(stop, log.settled.nextMember(from) ?? stop)
    if (to > from) this.settle(log.id, from, to)
  }

  committed(): Promise<void> {
    const { journal } = this
    if (journal.committed === journal.appended) return Promise.resolve()
    const ticket = journal.appended
    return new Promise((resolve, reject) => {
      journal.onCommit((committed) => {
        if (committed >= ticket) resolve()
      })
      journal.onFailure(reject)
    })
  }

  /**
   * Replays a newly claimed journal, proves that it gives a prefix of what this owner did, at least up to
   * `acknowledgedStep`, goes back to that prefix, and takes the journal over.
   */
  async recover(journal: Journal): Promise<void> {
    const replayed = await replayDigests(journal)
    const step = this.#prefixOf(replayed)
    this.#goBackTo(step)
    for (const log of this.living()) {
      const state = replayed.get(log.id) ?? { digest: 0, nextOffset: 0, settled: [] }
      expect({ log: log.id, ...state }).toEqual({ log: log.id, ...log.stateAt(step) })
      for (const [from, to] of log.settled) journal.discard(log.id, from, to)
    }
    this.attach(journal)
    await this.checkRecords()
  }

  /** The last step that the replayed logs contain. Every log must end there or before. */
  #prefixOf(replayed: ReadonlyMap<number, LogDigest>): number {
    let step = this.acknowledgedStep
    for (const [id, state] of replayed) {
      const log = this.logs.get(id)
      if (log === undefined) throw new Error(`log ${id} was never written`)
      const found = log.history.find((entry) => entry.digest === state.digest)
      if (found === undefined && state.digest !== 0) throw new Error(`log ${id} came back in a state it never had`)
      step = Math.max(step, found?.step ?? 0)
    }
    // Ends are silent: a log that should be there at this step but is not was ended in the same prefix.
    for (const log of this.logs.values()) {
      if (Number.isFinite(log.endedAt) && log.endedAt > step && log.history.length > 0 && !replayed.has(log.id)) {
        if ((log.history[0] as { step: number }).step <= step) step = Math.max(step, log.endedAt)
      }
    }
    for (const id of replayed.keys()) {
      if ((this.logs.get(id) as ModelLog).endedAt <= step) throw new Error(`log ${id} was ended, and came back`)
    }
    return step
  }

  #goBackTo(step: number): void {
    this.step = step
    for (const log of this.logs.values()) {
      log.records = log.records.filter((fact) => fact.step <= step)
      log.settles = log.settles.filter((fact) => fact.step <= step)
      log.history = log.history.filter((entry) => entry.step <= step)
      if (log.endedAt > step) log.endedAt = Number.POSITIVE_INFINITY
      log.digest = log.history.at(-1)?.digest ?? 0
      log.settled = new RangeSet()
      for (const fact of log.settles) log.settled.add(fact.from, fact.to)
      const last = log.records.at(-1)
      log.nextOffset = last === undefined ? 0 : last.offset + last.count
    }
  }

  /** Reads every log whole, in pieces, and finds exactly what was not settled. */
  async checkRecords(maxBytes = 1000): Promise<void> {
    for (const log of this.living()) {
      const found = await readAll(this.journal, log.id, maxBytes)
      const expected = log.liveAt(this.step)
      expect(found.map(({ baseOffset, count }) => [log.id, baseOffset, count])).toEqual(
        expected.map(({ offset, count }) => [log.id, offset, count]),
      )
      for (const [index, fact] of expected.entries()) {
        if (!fact.payload.equals((found[index] as StoredRecord).payload))
          throw new Error(`other bytes at ${fact.offset}`)
      }
    }
  }
}

function digestOf(before: number, offset: number, count: number, payload: Buffer): number {
  const head = Buffer.from(`${offset}+${count}:`)
  return crc32c(payload, 0, payload.length, crc32c(head, 0, head.length, before))
}

export async function readAll(journal: Journal, log: number, maxBytes: number, from = 0): Promise<StoredRecord[]> {
  const all: StoredRecord[] = []
  for (let next = from; ; ) {
    const some = await journal.read(log, next, maxBytes)
    const last = some.at(-1)
    if (last === undefined) return all
    all.push(...some)
    next = last.baseOffset + last.count
  }
}

async function replayDigests(journal: Journal): Promise<Map<number, LogDigest>> {
  const logs = new Map<number, LogDigest>()
  await journal.replay((entry) => replayOne(logs, entry))
  for (const state of logs.values()) {
    const settled = new RangeSet()
    for (const [from, to] of state.settled) settled.add(from, to)
    state.settled = [...settled]
  }
  return logs
}

function replayOne(logs: Map<number, LogDigest>, { log, kind, baseOffset, count, payload }: Entry): void {
  let state = logs.get(log)
  if (kind === EntryKind.snapshot) {
    logs.set(log, JSON.parse(payload.toString()) as LogDigest)
    return
  }
  if (state === undefined) {
    state = { digest: 0, nextOffset: 0, settled: [] }
    logs.set(log, state)
  }
  state.digest = digestOf(state.digest, baseOffset, count, payload)
  if (kind === EntryKind.record) {
    expect(baseOffset).toBeGreaterThanOrEqual(state.nextOffset)
    state.nextOffset = baseOffset + count
  } else {
    const { from, to } = JSON.parse(payload.toString()) as { from: number; to: number }
    state.settled.push([from, to])
  }
}
