/** What every API that reaches into a partition checks first. */
import type { Partition, Streams } from '../../broker/streams/stream-door.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'

const NOT_GIVEN = -1

/** The partition, or the code that says why not. */
export function findPartition(
  streams: Streams,
  topic: string,
  index: number,
  leaderEpoch = NOT_GIVEN,
): Partition | number {
  const partition = streams.partition(topic, index)
  if (partition === undefined || partition.isGone) return KAFKA_ERRORS.UNKNOWN_TOPIC_OR_PARTITION.code
  return epochProblem(partition, leaderEpoch) ?? partition
}

/** A client that knows another epoch than ours must ask for metadata again. */
export function epochProblem(partition: Partition, leaderEpoch: number): number | undefined {
  if (leaderEpoch === NOT_GIVEN || leaderEpoch === partition.leaderEpoch) return undefined
  const isOld = leaderEpoch < partition.leaderEpoch
  return KAFKA_ERRORS[isOld ? 'FENCED_LEADER_EPOCH' : 'UNKNOWN_LEADER_EPOCH'].code
}
