/** What the group APIs share: Kafka's codes for what a group refuses, its names for states, and topics by name or id. */
import type { GroupRefusal, GroupState } from '../../broker/groups/group-door.ts'
import type { Streams } from '../../broker/streams/stream-door.ts'
import { KAFKA_ERRORS } from './wire/errors.ts'

const CODES: Readonly<Record<GroupRefusal, number>> = {
  'invalid-group-id': KAFKA_ERRORS.INVALID_GROUP_ID.code,
  'invalid-session-timeout': KAFKA_ERRORS.INVALID_SESSION_TIMEOUT.code,
  'member-id-required': KAFKA_ERRORS.MEMBER_ID_REQUIRED.code,
  'unknown-member': KAFKA_ERRORS.UNKNOWN_MEMBER_ID.code,
  'illegal-generation': KAFKA_ERRORS.ILLEGAL_GENERATION.code,
  'fenced-instance': KAFKA_ERRORS.FENCED_INSTANCE_ID.code,
  'inconsistent-protocol': KAFKA_ERRORS.INCONSISTENT_GROUP_PROTOCOL.code,
  'rebalance-in-progress': KAFKA_ERRORS.REBALANCE_IN_PROGRESS.code,
  'group-full': KAFKA_ERRORS.GROUP_MAX_SIZE_REACHED.code,
  // As Apache Kafka answers when a group does not fit a record of its log.
  'too-large': KAFKA_ERRORS.UNKNOWN_SERVER_ERROR.code,
  'not-empty': KAFKA_ERRORS.NON_EMPTY_GROUP.code,
  'not-found': KAFKA_ERRORS.GROUP_ID_NOT_FOUND.code,
  subscribed: KAFKA_ERRORS.GROUP_SUBSCRIBED_TO_TOPIC.code,
  'offset-metadata-too-large': KAFKA_ERRORS.OFFSET_METADATA_TOO_LARGE.code,
  'invalid-offset': KAFKA_ERRORS.INVALID_COMMIT_OFFSET_SIZE.code,
  unavailable: KAFKA_ERRORS.COORDINATOR_NOT_AVAILABLE.code,
}

/** 0 for no refusal. */
export function groupCode(refusal: GroupRefusal | undefined): number {
  return refusal === undefined ? 0 : CODES[refusal]
}

const STATES: Readonly<Record<GroupState, string>> = {
  empty: 'Empty',
  preparing: 'PreparingRebalance',
  completing: 'CompletingRebalance',
  stable: 'Stable',
}

export function stateName(state: GroupState): string {
  return STATES[state]
}

export const DEAD = 'Dead'

/** Everything a client may do with a group, as bits, while there are no permissions. */
export const GROUP_OPERATIONS = 0x0d48

export function hasPartition(streams: Streams, name: string, index: number): boolean {
  const stream = streams.find(name)
  return stream !== undefined && index >= 0 && index < stream.partitionCount
}
