import type { Random } from '../../base/random.ts'

/** What a stream is, apart from what is in it; part of the definition of the queue it is to AMQP. */
export interface StreamDefinition {
  /** 16 bytes; another one when a stream of the same name is made anew. */
  readonly id: Buffer
  /** One a partition, never used twice: partition `p` writes to log `partitionIds[p] * LANES_PER_QUEUE`. */
  readonly partitionIds: readonly number[]
  /** Only what was asked for. */
  readonly configs: ReadonlyMap<string, string>
  /** Made by the broker for itself. */
  readonly isInternal: boolean
}

/** What is decided about a stream before it has its numbers. */
export interface StreamPlan {
  readonly partitionCount: number
  readonly configs: ReadonlyMap<string, string>
  readonly isInternal: boolean
}

/** @param nextId a number for a new partition */
export type StreamChange = (
  stream: StreamDefinition,
  nextId: () => Promise<number>,
) => StreamDefinition | Promise<StreamDefinition>

const STREAM_ID_BYTES = 16

/** @param nextId a number never used before */
export async function newStream(
  { partitionCount, configs, isInternal }: StreamPlan,
  random: Random,
  nextId: () => Promise<number>,
): Promise<StreamDefinition> {
  const partitionIds: number[] = []
  while (partitionIds.length < partitionCount) partitionIds.push(await nextId())
  return { id: random.bytes(STREAM_ID_BYTES), partitionIds, configs, isInternal }
}
