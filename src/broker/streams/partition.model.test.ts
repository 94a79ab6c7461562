/**
 * A partition against a model that keeps every event and works all else out from them each time: random writers,
 * transactions, removals, restarts and kills, with and without compaction.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { type PlainRecord, plainBatch, plainBatches, type Writer } from '../../../test/support/broker/plain-batches.ts'
import { StreamBench } from '../../../test/support/broker/stream-bench.ts'
import { systemClock } from '../../base/clock.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import { openStorage } from '../../storage/open-storage.ts'
import { silentLogger } from '../../telemetry/logger.ts'
import type { AppendResult, Partition } from './stream-door.ts'

type Event =
  | { kind: 'batch'; baseOffset: number; records: PlainRecord[]; writer: Writer | undefined }
  | { kind: 'begin'; id: number; epoch: number }
  | { kind: 'end'; baseOffset: number; id: number; epoch: number; outcome: 'commit' | 'abort' }

/** What the events come to. */
interface Known {
  nextOffset: number
  writers: Map<
    number,
    { epoch: number; next: number | undefined; batches: { sequence: number; count: number; at: number }[] }
  >
  open: Map<number, number | undefined>
  aborted: { id: number; from: number; marker: number }[]
}

function workOut(events: readonly Event[]): Known {
  const known: Known = { nextOffset: 0, writers: new Map(), open: new Map(), aborted: [] }
  for (const event of events) {
    if (event.kind === 'batch') {
      known.nextOffset = event.baseOffset + event.records.length
      if (event.writer !== undefined) wrote(known, event.writer, event)
      continue
    }
    const writer = known.writers.get(event.id)
    if (writer === undefined) known.writers.set(event.id, { epoch: event.epoch, next: undefined, batches: [] })
    else if (event.epoch > writer.epoch) known.writers.set(event.id, { epoch: event.epoch, next: 0, batches: [] })
    if (event.kind === 'begin') {
      known.open.set(event.id, known.open.get(event.id))
      continue
    }
    known.nextOffset = event.baseOffset + 1
    const from = known.open.get(event.id)
    known.open.delete(event.id)
    if (from !== undefined && event.outcome === 'abort') {
      known.aborted.push({ id: event.id, from, marker: event.baseOffset })
    }
  }
  return known
}

function wrote(known: Known, { id, epoch, sequence, transactional }: Writer, event: Event & { kind: 'batch' }): void {
  const count = event.records.length
  let writer = known.writers.get(id)
  if (writer === undefined || writer.epoch !== epoch) writer = { epoch, next: undefined, batches: [] }
  writer.next = sequence + count
  writer.batches = [...writer.batches, { sequence, count, at: event.baseOffset }].slice(-5)
  known.writers.set(id, writer)
  if (transactional && known.open.get(id) === undefined) known.open.set(id, event.baseOffset)
}

/** What appending this batch must answer. */
function expected(known: Known, records: readonly PlainRecord[], writer: Writer | undefined): AppendResult {
  const appended: AppendResult = { kind: 'appended', baseOffset: known.nextOffset }
  if (writer === undefined) return appended
  const state = known.writers.get(writer.id)
  if (state !== undefined) {
    const isOutsider = writer.transactional === true && known.open.has(writer.id) && writer.epoch !== state.epoch
    if (isOutsider || writer.epoch < state.epoch) return { kind: 'refused', why: 'invalid-producer-epoch' }
    const same = state.batches.find(({ sequence, count }) => sequence === writer.sequence && count === records.length)
    if (writer.epoch === state.epoch && same !== undefined) return { kind: 'duplicate', baseOffset: same.at }
    const next = writer.epoch > state.epoch ? 0 : state.next
    if (next !== undefined && next !== writer.sequence) return { kind: 'refused', why: 'out-of-order-sequence' }
  }
  const isInTransaction = known.open.has(writer.id)
  if (isInTransaction !== (writer.transactional ?? false)) return { kind: 'refused', why: 'invalid-transaction-state' }
  return appended
}

class Trial {
  readonly bench: StreamBench
  readonly random: Random
  readonly isCompacting: boolean
  readonly canKill: boolean
  events: Event[] = []
  startOffset = 0
  #values = 0

  constructor(bench: StreamBench, random: Random, isCompacting: boolean, canKill: boolean) {
    this.bench = bench
    this.random = random
    this.isCompacting = isCompacting
    this.canKill = canKill
  }

  get partition(): Partition {
    return this.bench.partition('t')
  }

  async step(): Promise<void> {
    const { random, bench } = this
    const dice = random.below(100)
    if (dice < 45) this.#append()
    else if (dice < 52) this.#begin()
    else if (dice < 60) await this.#end()
    else if (dice < 66) await this.#remove()
    else if (dice < 76) await bench.session.durable()
    else if (dice < 84) bench.clock.advance(random.below(10) * 60_000)
    else if (dice < 90) await bench.broker.compactionIdle()
    else if (dice < 94) await this.check()
    else if (dice < 97 || !this.canKill) await bench.restart()
    else await this.#kill()
  }

  #append(): void {
    const { random } = this
    const records = Array.from({ length: 1 + random.below(3) }, (): PlainRecord => {
      const value = random.below(8) === 0 ? null : `v${++this.#values}`
      return [`k${random.below(6)}`, value, this.bench.clock.nowMs()]
    })
    const known = workOut(this.events)
    const writer = random.below(3) === 0 ? undefined : this.#writer(known)
    const bytes = plainBatch(records, writer)
    const result = this.partition.append(bytes, plainBatches.facts(bytes), undefined, 0)
    expect(result).toEqual(expected(known, records, writer))
    if (result.kind === 'appended') {
      this.events.push({ kind: 'batch', baseOffset: result.baseOffset, records, writer })
    }
  }

  /** Mostly one who does it right. */
  #writer(known: Known): Writer {
    const { random } = this
    const id = random.below(4)
    const state = known.writers.get(id)
    const slip = random.below(10)
    const epoch = (state?.epoch ?? 0) + (slip === 0 ? 1 : 0) - (slip === 1 ? 1 : 0)
    const last = state?.batches.at(-1 - random.below(6))
    const next = epoch === state?.epoch ? (state.next ?? 0) : 0
    const sequence = slip < 4 && last !== undefined ? last.sequence : slip === 4 ? next + 1 : next
    const transactional = known.open.has(id) !== (slip === 5)
    return { id, epoch: Math.max(0, epoch), sequence, transactional }
  }

  #begin(): void {
    const id = this.random.below(4)
    const epoch = workOut(this.events).writers.get(id)?.epoch ?? 0
    this.partition.beginTransaction(id, epoch)
    this.events.push({ kind: 'begin', id, epoch })
  }

  async #end(): Promise<void> {
    const known = workOut(this.events)
    const id = this.random.below(4)
    const epoch = (known.writers.get(id)?.epoch ?? 0) + (this.random.below(5) === 0 ? 1 : 0)
    const outcome = this.random.below(2) === 0 ? 'commit' : 'abort'
    const isOpen = known.open.has(id)
    await this.partition.endTransaction(id, epoch, outcome)
    if (isOpen) this.events.push({ kind: 'end', baseOffset: known.nextOffset, id, epoch, outcome })
  }

  async #remove(): Promise<void> {
    const { startOffset, highWatermark } = this.partition
    const upTo = startOffset + this.random.below(Math.min(12, highWatermark - startOffset) + 1)
    this.startOffset = Math.max(this.startOffset, upTo)
    expect(await this.partition.deleteBefore(upTo)).toBe(this.startOffset)
  }

  /** What was appended in this turn is lost; nothing else is. */
  async #kill(): Promise<void> {
    await this.bench.session.durable()
    const survived = this.events.length
    this.#append()
    await this.bench.kill()
    this.events.length = survived
  }

  async check(): Promise<void> {
    await this.bench.session.durable()
    const { partition } = this
    const known = workOut(this.events)
    const opened = [...known.open.values()].filter((offset) => offset !== undefined)
    expect(partition.startOffset).toBe(this.startOffset)
    expect(partition.highWatermark).toBe(known.nextOffset)
    expect(partition.lastStableOffset).toBe(Math.max(this.startOffset, Math.min(known.nextOffset, ...opened)))
    await this.#checkAborted(known)
    await this.#checkContent(known)
  }

  async #checkAborted(known: Known): Promise<void> {
    const { partition, startOffset } = this
    const from = startOffset + this.random.below(20)
    const to = from + this.random.below(40)
    const ranges = known.aborted.filter((one) => one.marker >= from && one.from < to)
    const listed = partition.aborted(from, to).map(({ producerId, firstOffset }) => `${producerId}@${firstOffset}`)
    const wanted = ranges.map((one) => `${one.id}@${one.from}`)
    expect(listed.toSorted()).toEqual(wanted.toSorted())
  }

  async #checkContent(known: Known): Promise<void> {
    const found = await this.#readAll()
    const wanted = new Map<number, PlainRecord>()
    const newest = new Map<string | null, number>()
    for (const event of this.events) {
      if (event.kind !== 'batch' || event.baseOffset + event.records.length <= this.startOffset) continue
      const isAborted = known.aborted.some(
        ({ id, from, marker }) => id === event.writer?.id && from <= event.baseOffset && event.baseOffset < marker,
      )
      const isGone = this.isCompacting && isAborted && event.writer?.transactional
      for (const [index, record] of event.records.entries()) {
        const offset = event.baseOffset + index
        wanted.set(offset, record)
        if (!isGone) newest.set(record[0], offset)
      }
    }
    for (const [offset, record] of found) expect([offset, record]).toEqual([offset, wanted.get(offset)])
    if (!this.isCompacting) expect([...found.keys()]).toEqual([...wanted.keys()])
    else for (const offset of newest.values()) if (offset >= this.startOffset) expect(found.has(offset)).toBe(true)
  }

  async #readAll(): Promise<Map<number, PlainRecord>> {
    const found = new Map<number, PlainRecord>()
    const { partition } = this
    for (let next = partition.startOffset; next < partition.highWatermark; ) {
      const batches = await partition.read(next, 1 + this.random.below(2000), 'uncommitted')
      if (batches.length === 0) break
      for (const { baseOffset, count, bytes } of batches) {
        expect(baseOffset + count).toBeGreaterThan(next)
        next = baseOffset + count
        const { marker, records } = JSON.parse(bytes.toString('utf8', 9))
        if (marker !== 'none') continue
        for (const [index, record] of records.entries()) if (record !== null) found.set(baseOffset + index, record)
      }
    }
    return found
  }
}

const plain = { 'retention.ms': '-1', 'segment.bytes': '1000' }
const compacting = { 'cleanup.policy': 'compact', 'segment.bytes': '400', 'min.cleanable.dirty.ratio': '0.1' }

/** Tombstones outlive these trials, so that a key's newest record is always there. */
async function run(bench: StreamBench, seed: number, isCompacting: boolean, canKill: boolean): Promise<void> {
  const random = seededRandom(seed)
  await bench.create('t', 1, isCompacting ? { ...compacting, 'delete.retention.ms': String(10 ** 12) } : plain)
  const trial = new Trial(bench, random, isCompacting, canKill)
  for (let step = 0; step < 120; step++) await trial.step()
  await trial.check()
  await bench.restart()
  await trial.check()
  await bench.broker.close()
}

test.each([false, true])('partition: agrees with the model in memory, compacting: %s', async (isCompacting) => {
  for (let seed = 1; seed <= 25; seed++) await run(await StreamBench.open(), seed, isCompacting, true)
})

test.each([false, true])('partition: agrees with the model on a disk, compacting: %s', async (isCompacting) => {
  const directory = mkdtempSync(join(tmpdir(), 'busbar-streams-'))
  try {
    const tuning = { segmentBytes: 4096, windowSegments: 2, runBytes: 4096, copyBytes: 4096 }
    const options = { durability: 'os' as const, clock: systemClock, logger: silentLogger, tuning }
    for (let seed = 1; seed <= 3; seed++) {
      const storage = await openStorage(`file:${join(directory, String(seed))}`, options)
      await run(await StreamBench.open(storage), seed, isCompacting, false)
      await storage.close()
    }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
})
