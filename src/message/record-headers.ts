/** Headers by which a message says what only a record of a stream has: both doors and the streams agree on them. */

/** The record's key. */
export const KEY_HEADER = 'kafka-key'
/** The record has no value: it says that its key is deleted. An empty body cannot say that. */
export const TOMBSTONE_HEADER = 'kafka-tombstone'
