/**
 * Compaction: of the records with one key only the newest stays. One pass over a partition:
 *
 *     start ──── compacted before ──── dirty ──── limit ──── the rest: active segment, undecided, too young
 *                                      │ 1. the newest offset of each key here
 *     │ 2. written to a new log without what is superseded      │
 *     3. one snapshot in the partition's log makes the new log count; the old one is ended, the own log forgets its share
 *
 * Order and offsets stay. Deletions of keys, and markers of transactions, go in a later pass when they are older than
 * delete.retention.ms; records of aborted transactions go at once. Batches' records without a key go as in Kafka; single
 * messages without one stay: nobody told their sender that they need one.
 */
import { createHash } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { BatchFormats } from '../../message/batch-format.ts'
import { messageFromBytes } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import { EntryKind, type StoredRecord } from '../../storage/contract.ts'
import { LANES_PER_QUEUE } from '../queues/queue-definition.ts'
import type { LogOwner, Shard } from '../shard.ts'
import { isTombstone, keyOf } from './message-key.ts'
import type { StreamPartition } from './partition.ts'
import { Segments } from './segments.ts'
import { TimeIndex } from './time-index.ts'

export interface CompactionDeps {
  readonly shard: Shard
  readonly batches: BatchFormats
  readonly formats: MessageFormats
  readonly clock: Clock
  readonly owners: Map<number, LogOwner>
  /** A number for a log, never used before. */
  nextId(): Promise<number>
}

const READ_BYTES = 256 * 1024
/** Written before it is waited for: compaction must not fill the journal's buffers. */
const UNFLUSHED_BYTES = 4 * 1024 * 1024
/** Keys in memory; with more of them a pass ends early, and another one goes on. */
const KEYS_MAX = 400_000
/** Longer keys are remembered by their digest. */
const KEY_BYTES_MAX = 32

/** What one pass found out and decides by. */
interface Pass {
  readonly partition: StreamPartition
  readonly dirtyFrom: number
  endOffset: number
  /** Key to its newest offset. */
  readonly newest: Map<string, number>
  /** Deletions and markers older than this have been seen by everybody. */
  readonly forgetBeforeMs: number
}

/** True when there is more to do at once. @throws {StorageError} */
export async function compact(partition: StreamPartition, deps: CompactionDeps): Promise<boolean> {
  const { rules, state } = partition
  const nowMs = deps.clock.nowMs()
  const dirtyFrom = Math.max(state.startOffset, state.compacted?.endOffset ?? 0)
  const limit = compactableUpTo(partition, dirtyFrom, nowMs)
  if (partition.isGone || limit <= dirtyFrom || !isWorthIt(partition, dirtyFrom, limit, nowMs)) return false
  const forgetBeforeMs = nowMs - rules.deleteRetentionMs
  const pass: Pass = { partition, dirtyFrom, endOffset: limit, newest: new Map(), forgetBeforeMs }
  await findNewest(pass, deps)
  const log = (await deps.nextId()) * LANES_PER_QUEUE
  deps.owners.set(log, partition)
  try {
    const rewritten = await rewrite(pass, log, deps)
    if (!isStillWanted(pass)) return endUnused(log, deps)
    takeEffect(pass, log, rewritten)
  } catch (error) {
    if (!deps.shard.journal.failure) endUnused(log, deps)
    throw error
  }
  await deps.shard.flushed()
  return pass.endOffset < limit
}

/** The partition was deleted meanwhile, or retention took all that was compacted. */
function isStillWanted({ partition, endOffset }: Pass): boolean {
  return !partition.isGone && partition.startOffset < endOffset
}

function endUnused(log: number, { owners, shard }: CompactionDeps): false {
  owners.delete(log)
  shard.journal.endLog(log)
  return false
}

/** Closed segments that are decided, durable and old enough. */
function compactableUpTo(
  { state, rules, lastStableOffset }: StreamPartition,
  dirtyFrom: number,
  nowMs: number,
): number {
  const { all, active } = state.segments
  if (active === undefined) return 0
  const isOverdue = nowMs - active.firstTimestampMs > rules.maxCompactionLagMs
  let limit = isOverdue ? state.nextOffset : active.baseOffset
  const young = all.find(
    (segment, index) =>
      (all[index + 1]?.baseOffset ?? state.nextOffset) > dirtyFrom &&
      segment.maxTimestampMs > nowMs - rules.minCompactionLagMs,
  )
  if (young !== undefined) limit = Math.min(limit, young.baseOffset)
  return Math.min(limit, lastStableOffset)
}

function isWorthIt({ state, rules }: StreamPartition, dirtyFrom: number, limit: number, nowMs: number): boolean {
  let cleanBytes = 0
  let dirtyBytes = 0
  let isOverdue = false
  for (const segment of state.segments.all) {
    if (segment.baseOffset >= limit) break
    if (segment.baseOffset < dirtyFrom) {
      cleanBytes += segment.sizeBytes
      continue
    }
    dirtyBytes += segment.sizeBytes
    if (nowMs - segment.firstTimestampMs > rules.maxCompactionLagMs) isOverdue = true
  }
  return isOverdue || (dirtyBytes > 0 && dirtyBytes / (cleanBytes + dirtyBytes) >= rules.minDirtyRatio)
}

async function findNewest(pass: Pass, deps: CompactionDeps): Promise<void> {
  const { newest, partition, dirtyFrom } = pass
  for await (const batch of batchesIn(partition, dirtyFrom, pass.endOffset)) {
    // Everything before this batch is known: what comes is for the next pass.
    if (newest.size >= KEYS_MAX && batch.baseOffset > dirtyFrom) {
      pass.endOffset = batch.baseOffset
      return
    }
    const { marker } = partition.factsOf(batch.payload)
    if (marker !== 'none' || isAborted(partition, batch)) continue
    const keys = await keysOf(batch.payload, deps)
    for (let index = 0; index < keys.length; index++) {
      const key = keys[index]
      if (key !== undefined) newest.set(nameOf(key), batch.baseOffset + index)
    }
  }
}

interface Rewritten {
  readonly segments: Segments
  readonly times: TimeIndex
  readonly markersGone: Set<number>
}

async function rewrite(pass: Pass, log: number, deps: CompactionDeps): Promise<Rewritten> {
  const { partition, endOffset } = pass
  const { shard } = deps
  const fresh: Rewritten = { segments: new Segments(), times: new TimeIndex(), markersGone: new Set() }
  let unflushedBytes = 0
  for await (const batch of batchesIn(partition, partition.startOffset, endOffset)) {
    const kept = await keptOf(pass, batch, deps, fresh.markersGone)
    if (kept === undefined) continue
    const { maxTimestampMs } = partition.factsOf(kept)
    shard.append(log, EntryKind.record, batch.baseOffset, batch.count, kept)
    fresh.segments.add(batch.baseOffset, kept.length, maxTimestampMs, partition.rules)
    fresh.times.add(batch.baseOffset, kept.length, maxTimestampMs)
    unflushedBytes += kept.length
    if (unflushedBytes < UNFLUSHED_BYTES) continue
    unflushedBytes = 0
    await shard.flushed()
  }
  partition.writeSnapshot(log)
  await shard.flushed()
  return fresh
}

/** All of it in one turn: readers see the old or the new. */
function takeEffect({ partition, endOffset }: Pass, log: number, { segments, times, markersGone }: Rewritten): void {
  const { state } = partition
  segments.trim(state.startOffset, endOffset)
  times.trim(state.startOffset)
  state.segments.replaceBelow(endOffset, segments.all, state.nextOffset)
  state.times.replaceBelow(endOffset, times)
  state.transactions.forgetAborted((range) => markersGone.has(range.markerOffset))
  partition.switchTo({ log, endOffset })
}

/** The batch as it goes on, whole or in part; undefined when nothing of it does. */
async function keptOf(
  pass: Pass,
  batch: StoredRecord,
  deps: CompactionDeps,
  markersGone: Set<number>,
): Promise<Buffer | undefined> {
  const { partition, newest, dirtyFrom, forgetBeforeMs } = pass
  const { baseOffset, payload } = batch
  const { marker, maxTimestampMs } = partition.factsOf(payload)
  const isForgettable = baseOffset < dirtyFrom && maxTimestampMs < forgetBeforeMs
  if (marker !== 'none') {
    if (isForgettable) markersGone.add(baseOffset)
    return isForgettable ? undefined : payload
  }
  if (isAborted(partition, batch)) return undefined
  const format = deps.batches.of(payload)
  const keys = await keysOf(payload, deps)
  const deleted = isForgettable ? await tombstonesOf(payload, deps) : undefined
  const kept = new Set<number>()
  let presentCount = 0
  for (let index = 0; index < keys.length; index++) {
    const key = keys[index]
    if (key === undefined) continue
    presentCount++
    const isNewest = (newest.get(nameOf(key)) ?? -1) <= baseOffset + index
    if (isNewest && deleted?.has(index) !== true) kept.add(index)
  }
  // A single message is whole or gone, and stays without a key.
  if (format === undefined) return presentCount === 0 || kept.size > 0 ? payload : undefined
  if (kept.size === 0) return undefined
  return kept.size === presentCount && presentCount === keys.length ? payload : format.keep(payload, kept)
}

function isAborted(partition: StreamPartition, { baseOffset, payload }: StoredRecord): boolean {
  const { isTransactional, producerId } = partition.factsOf(payload)
  return isTransactional && partition.state.transactions.isAborted(producerId, baseOffset)
}

async function keysOf(bytes: Buffer, { batches, formats }: CompactionDeps): Promise<readonly (Buffer | undefined)[]> {
  const format = batches.of(bytes)
  return format === undefined ? [keyOf(messageFromBytes(bytes, formats))] : format.keys(bytes)
}

async function tombstonesOf(bytes: Buffer, { batches, formats }: CompactionDeps): Promise<ReadonlySet<number>> {
  const format = batches.of(bytes)
  if (format !== undefined) return format.tombstones(bytes)
  return new Set(isTombstone(messageFromBytes(bytes, formats)) ? [0] : [])
}

/** Different for different keys. */
function nameOf(key: Buffer): string {
  if (key.length <= KEY_BYTES_MAX) return key.toString('latin1')
  return `digest ${createHash('sha256').update(key).digest('base64')}`
}

async function* batchesIn(
  partition: StreamPartition,
  fromOffset: number,
  toOffset: number,
): AsyncIterableIterator<StoredRecord> {
  for (let next = fromOffset; next < toOffset && !partition.isGone; ) {
    const batches = await partition.readStored(next, READ_BYTES)
    if (batches.length === 0) return
    for (const batch of batches) {
      if (batch.baseOffset >= toOffset) return
      next = batch.baseOffset + batch.count
      yield batch
    }
  }
}
