/**
 * The Kafka rows: what is done, and what it is compared with. The load is Apache Kafka's own perf tools, the same command
 * line for every broker.
 */
import type { Goal } from '../report/figures.ts'

/** `flushed`: on disk before it is acknowledged, on both sides. `os`: left to the operating system, on both sides. */
export type Durability = 'flushed' | 'os'

export interface KafkaPlan {
  readonly id: string
  readonly what: string
  readonly durability: Durability
  readonly partitionCount: number
  readonly load: { readonly kind: 'produce' } | { readonly kind: 'fetch'; readonly consumerCount: number }
  readonly goal: Goal
}

const RECORD_TEXT = '1 KiB records'
const GOAL: Goal = { kind: 'ratio-at-least', reach: 1, moonshot: 1.5 }

const PARTITION_COUNTS = [1, 100, 1000]
/** Enough partitions for everyone to have two. */
const SHARED_PARTITION_COUNT = 100
const CONSUMER_COUNT = 50

export const kafkaPlans: readonly KafkaPlan[] = [
  ...PARTITION_COUNTS.map((count) => produce(count, 'flushed')),
  ...PARTITION_COUNTS.map((count) => produce(count, 'os')),
  ...PARTITION_COUNTS.map((count) => fetch(count, 1)),
  fetch(SHARED_PARTITION_COUNT, CONSUMER_COUNT),
]

function produce(partitionCount: number, durability: Durability): KafkaPlan {
  const flushes = durability === 'flushed' ? 'flushed before the answer' : 'not flushed on either side'
  return {
    id: `kafka-produce${durability === 'os' ? '-os' : ''}-${partitionCount}`,
    what: `Kafka, produce acks=all, ${RECORD_TEXT}, ${flushes}, ${partitionsText(partitionCount)}`,
    durability,
    partitionCount,
    load: { kind: 'produce' },
    goal: GOAL,
  }
}

/** Reading does not flush, so the faster of the two ways to fill the topic is taken. */
function fetch(partitionCount: number, consumerCount: number): KafkaPlan {
  const readers = consumerCount === 1 ? '1 consumer' : `${consumerCount} consumers of one group`
  return {
    id: `kafka-fetch-${partitionCount}${consumerCount === 1 ? '' : `-by-${consumerCount}`}`,
    what: `Kafka, fetch of such records, ${partitionsText(partitionCount)}, ${readers}`,
    durability: 'os',
    partitionCount,
    load: { kind: 'fetch', consumerCount },
    goal: GOAL,
  }
}

function partitionsText(count: number): string {
  return count === 1 ? '1 partition' : `${count.toLocaleString('en-US')} partitions`
}
