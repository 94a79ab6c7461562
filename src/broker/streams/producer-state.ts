/**
 * What a partition knows of its idempotent writers: enough to tell a repeated batch from a new one and a new one from
 * one that came out of order. The rules are those of Kafka's producer state; nothing is written here, all of it is
 * rebuilt from the batches' facts and the snapshot.
 *
 * A batch of a writer with an id is
 *     the same as one of his last five          a duplicate: answered with the first one's offset
 *     of an older epoch                          refused: invalid-producer-epoch
 *     of a newer epoch                           taken when it begins at sequence 0
 *     the next in his sequence, or his first     taken
 *     anything else                              refused: out-of-order-sequence
 */
import type { BatchFacts } from '../../message/batch-format.ts'
import type { NumberReader, NumberWriter } from './number-list.ts'

/** Batches of one writer that are recognised when they come again; a Java client has at most as many in flight. */
const REMEMBERED_BATCHES = 5
const BATCH_FIELDS = 3
const SEQUENCE_LIMIT = 2 ** 31
/** Nothing of this epoch yet: it begins at 0. */
const NO_SEQUENCE = -1
/** Nothing known at all: it may go on anywhere. */
const ANY_SEQUENCE = -2

/** A number from `judge` that is no offset: take the batch. */
export const TAKE = -1

export type SequenceRefusal = 'out-of-order-sequence' | 'invalid-producer-epoch'

export class Producer {
  readonly id: number
  epoch: number
  lastSequence = ANY_SEQUENCE
  /** Of his newest batch, as the batch says. */
  lastTimestampMs = 0
  /** By our clock: for forgetting him. */
  seenMs: number
  /** first sequence, last sequence, base offset; oldest first. */
  readonly batches: number[] = []

  constructor(id: number, epoch: number, seenMs: number) {
    this.id = id
    this.epoch = epoch
    this.seenMs = seenMs
  }

  /** The offset of the same batch, when it is one of the last five. */
  duplicateOf(firstSequence: number, lastSequence: number): number {
    const { batches } = this
    for (let at = 0; at < batches.length; at += BATCH_FIELDS) {
      if (batches[at] === firstSequence && batches[at + 1] === lastSequence) return batches[at + 2] as number
    }
    return TAKE
  }

  continuesWith(sequence: number): boolean {
    if (this.lastSequence === ANY_SEQUENCE) return true
    return sequence === (this.lastSequence + 1) % SEQUENCE_LIMIT
  }

  remember(firstSequence: number, lastSequence: number, baseOffset: number): void {
    const { batches } = this
    if (batches.length === REMEMBERED_BATCHES * BATCH_FIELDS) {
      batches.copyWithin(0, BATCH_FIELDS)
      batches.length -= BATCH_FIELDS
    }
    batches.push(firstSequence, lastSequence, baseOffset)
    this.lastSequence = lastSequence
  }

  beginEpoch(epoch: number): void {
    this.epoch = epoch
    this.batches.length = 0
    this.lastSequence = NO_SEQUENCE
  }
}

const lastSequenceOf = ({ baseSequence, count }: BatchFacts): number => (baseSequence + count - 1) % SEQUENCE_LIMIT

export class Producers {
  readonly #byId = new Map<number, Producer>()

  get size(): number {
    return this.#byId.size
  }

  find(id: number): Producer | undefined {
    return this.#byId.get(id)
  }

  all(): IterableIterator<Producer> {
    return this.#byId.values()
  }

  /** Why not, or the offset of the batch this one repeats, or TAKE. Only for batches with a producer id. */
  judge(facts: BatchFacts): SequenceRefusal | number {
    const producer = this.#byId.get(facts.producerId)
    if (producer === undefined) return TAKE
    const { producerEpoch, baseSequence } = facts
    if (producerEpoch < producer.epoch) return 'invalid-producer-epoch'
    if (producerEpoch > producer.epoch) return baseSequence === 0 ? TAKE : 'out-of-order-sequence'
    const duplicate = producer.duplicateOf(baseSequence, lastSequenceOf(facts))
    if (duplicate !== TAKE) return duplicate
    return producer.continuesWith(baseSequence) ? TAKE : 'out-of-order-sequence'
  }

  /** A batch was taken, or is replayed. */
  took(facts: BatchFacts, baseOffset: number, nowMs: number): void {
    const producer = this.#seen(facts.producerId, facts.producerEpoch, nowMs)
    producer.lastTimestampMs = facts.maxTimestampMs
    // A marker has no sequence, but its epoch counts.
    if (facts.marker === 'none') producer.remember(facts.baseSequence, lastSequenceOf(facts), baseOffset)
  }

  /** A transaction of this writer includes the partition. */
  began(id: number, epoch: number, nowMs: number): void {
    this.#seen(id, epoch, nowMs)
  }

  #seen(id: number, epoch: number, nowMs: number): Producer {
    let producer = this.#byId.get(id)
    if (producer === undefined) {
      producer = new Producer(id, epoch, nowMs)
      this.#byId.set(id, producer)
    } else if (epoch > producer.epoch) {
      producer.beginEpoch(epoch)
    }
    producer.seenMs = nowMs
    return producer
  }

  /** Forgets writers not seen since, except those `isBusy` says are needed. */
  expire(seenBeforeMs: number, isBusy: (id: number) => boolean): void {
    for (const producer of this.#byId.values()) {
      if (producer.seenMs < seenBeforeMs && !isBusy(producer.id)) this.#byId.delete(producer.id)
    }
  }

  encode(into: NumberWriter): void {
    into.put(this.#byId.size)
    for (const producer of this.#byId.values()) {
      into.put(producer.id)
      into.put(producer.epoch)
      into.put(producer.lastSequence)
      into.put(producer.lastTimestampMs)
      into.put(producer.seenMs)
      into.put(producer.batches.length)
      for (const field of producer.batches) into.put(field)
    }
  }

  decode(from: NumberReader): void {
    this.#byId.clear()
    for (let left = from.take(); left > 0; left--) {
      const id = from.take()
      const producer = new Producer(id, from.take(), 0)
      producer.lastSequence = from.take()
      producer.lastTimestampMs = from.take()
      producer.seenMs = from.take()
      for (let fields = from.take(); fields > 0; fields--) producer.batches.push(from.take())
      this.#byId.set(id, producer)
    }
  }
}
