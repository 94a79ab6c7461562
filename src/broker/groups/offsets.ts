/**
 * How far one group has read: an offset for each partition, and offsets that wait for a transaction to end. State only:
 * who may commit is asked in `coordinator.ts`, and everything comes here through entries of the log.
 *
 * A transaction's offsets count as written when they were staged, not when it ends: where a plain commit came after,
 * the plain one stays.
 */
import type { GroupEntry, PartitionName, StoredOffset } from './group-entries.ts'

interface Kept {
  readonly stored: StoredOffset
  /** Place among everything said about this group's offsets. */
  readonly order: number
}

type ByPartition = Map<string, Map<number, Kept>>

export class GroupOffsets {
  #committed: ByPartition = new Map()
  /** By producer. */
  readonly #staged = new Map<number, ByPartition>()
  #nextOrder = 0

  get isEmpty(): boolean {
    return this.#committed.size === 0 && this.#staged.size === 0
  }

  get(stream: string, partition: number): StoredOffset | undefined {
    return this.#committed.get(stream)?.get(partition)?.stored
  }

  streams(): string[] {
    return [...this.#committed.keys()]
  }

  /** Staged ones too. */
  everyStream(): Set<string> {
    const names = new Set(this.#committed.keys())
    for (const ofProducer of this.#staged.values()) for (const stream of ofProducer.keys()) names.add(stream)
    return names
  }

  partitions(stream: string): number[] {
    return [...(this.#committed.get(stream)?.keys() ?? [])]
  }

  *all(): IterableIterator<StoredOffset> {
    for (const ofStream of this.#committed.values()) for (const { stored } of ofStream.values()) yield stored
  }

  /** A transaction may still change it. */
  isUnstable(stream: string, partition: number): boolean {
    for (const ofProducer of this.#staged.values()) if (ofProducer.get(stream)?.has(partition)) return true
    return false
  }

  /** Whose transactions are not ended. */
  producers(): number[] {
    return [...this.#staged.keys()]
  }

  mentions(stream: string, partition: number): boolean {
    return this.get(stream, partition) !== undefined || this.isUnstable(stream, partition)
  }

  /** Partitions of a stream that are committed or staged. */
  mentioned(stream: string): PartitionName[] {
    const partitions = new Set(this.partitions(stream))
    for (const ofProducer of this.#staged.values()) {
      for (const partition of ofProducer.get(stream)?.keys() ?? []) partitions.add(partition)
    }
    return [...partitions].map((partition) => ({ stream, partition }))
  }

  commit(offsets: readonly StoredOffset[]): void {
    for (const stored of offsets) put(this.#committed, { stored, order: this.#nextOrder })
    this.#nextOrder++
  }

  stage(producerId: number, offsets: readonly StoredOffset[]): void {
    let ofProducer = this.#staged.get(producerId)
    if (ofProducer === undefined) {
      ofProducer = new Map()
      this.#staged.set(producerId, ofProducer)
    }
    for (const stored of offsets) put(ofProducer, { stored, order: this.#nextOrder })
    this.#nextOrder++
  }

  end(producerId: number, outcome: 'commit' | 'abort'): void {
    const ofProducer = this.#staged.get(producerId)
    this.#staged.delete(producerId)
    if (ofProducer === undefined || outcome === 'abort') return
    for (const ofStream of ofProducer.values()) {
      for (const kept of ofStream.values()) {
        const known = this.#committed.get(kept.stored.stream)?.get(kept.stored.partition)
        if (known === undefined || known.order < kept.order) put(this.#committed, kept)
      }
    }
  }

  forget(partitions: readonly PartitionName[]): void {
    for (const { stream, partition } of partitions) {
      drop(this.#committed, stream, partition)
      for (const [producerId, ofProducer] of this.#staged) {
        drop(ofProducer, stream, partition)
        if (ofProducer.size === 0) this.#staged.delete(producerId)
      }
    }
  }

  clear(): void {
    this.#committed = new Map()
    this.#staged.clear()
  }

  /** What would make these offsets anew, in an order that keeps who came first where that matters. */
  entries(group: string): GroupEntry[] {
    if (this.#staged.size === 0) {
      return this.#committed.size === 0 ? [] : [{ kind: 'offsets', group, offsets: [...this.all()] }]
    }
    const runs: { producerId: number; order: number; offsets: StoredOffset[] }[] = []
    const collect = (producerId: number, from: ByPartition): void => {
      const byOrder = new Map<number, StoredOffset[]>()
      for (const ofStream of from.values()) {
        for (const { stored, order } of ofStream.values()) {
          const run = byOrder.get(order)
          if (run === undefined) byOrder.set(order, [stored])
          else run.push(stored)
        }
      }
      for (const [order, offsets] of byOrder) runs.push({ producerId, order, offsets })
    }
    collect(-1, this.#committed)
    for (const [producerId, ofProducer] of this.#staged) collect(producerId, ofProducer)
    runs.sort((a, b) => a.order - b.order)
    return runs.map(({ producerId, offsets }) =>
      producerId < 0 ? { kind: 'offsets', group, offsets } : { kind: 'staged', group, producerId, offsets },
    )
  }
}

function put(into: ByPartition, kept: Kept): void {
  const { stream, partition } = kept.stored
  let ofStream = into.get(stream)
  if (ofStream === undefined) {
    ofStream = new Map()
    into.set(stream, ofStream)
  }
  ofStream.set(partition, kept)
}

function drop(from: ByPartition, stream: string, partition: number): void {
  const ofStream = from.get(stream)
  if (ofStream?.delete(partition) && ofStream.size === 0) from.delete(stream)
}
