/** The names of all rows, in the order in which they are shown. Letters: DESIGN figures. Words: for insight, on request. */
import { kafkaPlans } from '../kafka/plans.ts'

export const DEFAULT_IDS: readonly string[] = [
  ...['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'],
  ...['kafka-produce-1', 'kafka-produce-os-1', 'kafka-fetch-1'],
]

/** The load of these is Apache Kafka's own tools, so they need Java and, once, Maven. */
export const KAFKA_IDS: readonly string[] = kafkaPlans.map(({ id }) => id)

export const INSIGHT_IDS: readonly string[] = [
  'b-acks',
  'kib1',
  'kib16',
  'ten',
  'fanout',
  'quorum',
  'lazy',
  'classic-v2',
  'drain',
]

export const ALL_IDS: readonly string[] = [...new Set([...DEFAULT_IDS, ...KAFKA_IDS, ...INSIGHT_IDS])]
