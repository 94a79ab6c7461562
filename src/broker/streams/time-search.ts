/** Searching a partition by time: the index says where to look, the batches say what is there. Only durable records. */
import type { BatchFacts, BatchFormats, TimedOffset } from '../../message/batch-format.ts'
import type { StoredRecord } from '../../storage/contract.ts'
import type { Stretch, TimeIndex } from './time-index.ts'

const READ_BYTES = 256 * 1024

/** A partition, as a search sees it. */
export interface Searched {
  readonly startOffset: number
  readonly highWatermark: number
  readonly state: { readonly times: TimeIndex }
  readStored(fromOffset: number, maxBytes: number): Promise<StoredRecord[]>
  factsOf(bytes: Buffer): BatchFacts
}

/** The first record at or after a moment. @throws {StorageError} 'damaged' */
export async function firstSince(
  partition: Searched,
  batches: BatchFormats,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  const endOffset = partition.highWatermark
  // A copy: appends and retention go on while we read.
  const stretches = [...partition.state.times.since(timestampMs, endOffset)]
  for (const stretch of stretches) {
    for await (const batch of batchesOf(partition, stretch, endOffset)) {
      const facts = partition.factsOf(batch.payload)
      if (facts.maxTimestampMs < timestampMs || facts.marker !== 'none') continue
      const found = await firstIn(batches, batch, facts.maxTimestampMs, timestampMs)
      if (found !== undefined && found.offset >= partition.startOffset) return found
    }
  }
  return undefined
}

/** The first of the records with the newest timestamp. @throws {StorageError} 'damaged' */
export async function newestOf(partition: Searched, batches: BatchFormats): Promise<TimedOffset | undefined> {
  const endOffset = partition.highWatermark
  let newestMs = Number.NEGATIVE_INFINITY
  let holder: StoredRecord | undefined
  // What a stretch had at its newest may be gone, so the next one may have something newer than what is left.
  for (const stretch of partition.state.times.byAge(endOffset)) {
    if (stretch.maxTimestampMs <= newestMs) break
    for await (const batch of batchesOf(partition, stretch, endOffset)) {
      const { maxTimestampMs, marker } = partition.factsOf(batch.payload)
      if (maxTimestampMs <= newestMs || marker !== 'none') continue
      newestMs = maxTimestampMs
      holder = batch
    }
  }
  return holder === undefined ? undefined : firstIn(batches, holder, newestMs, newestMs)
}

async function firstIn(
  batches: BatchFormats,
  { baseOffset, payload }: StoredRecord,
  maxTimestampMs: number,
  timestampMs: number,
): Promise<TimedOffset | undefined> {
  const format = batches.of(payload)
  if (format === undefined) return { offset: baseOffset, timestampMs: maxTimestampMs }
  return format.firstAtOrAfter(payload, baseOffset, timestampMs)
}

async function* batchesOf(
  partition: Searched,
  { fromOffset, toOffset }: Stretch,
  endOffset: number,
): AsyncIterableIterator<StoredRecord> {
  const until = Math.min(toOffset, endOffset)
  for (let next = Math.max(fromOffset, partition.startOffset); next < until; ) {
    const records = await partition.readStored(next, READ_BYTES)
    if (records.length === 0) return
    for (const record of records) {
      if (record.baseOffset >= until) return
      next = record.baseOffset + record.count
      yield record
    }
  }
}
