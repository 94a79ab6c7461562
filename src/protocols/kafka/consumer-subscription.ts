/**
 * What a consumer says in its subscription, as far as the broker needs it: the topics it wants. The rest is between the
 * members of a group.
 *
 *     version i16 | count i32 | topics, count × (length i16, UTF-8) | what assignors add
 */
import { KafkaWireError } from './wire/kafka-wire-error.ts'
import { WireReader } from './wire/wire-reader.ts'

/** The protocol type whose members are consumers of topics. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

/** Undefined where the bytes are none: such a member may want anything. */
export function subscribedTopics(metadata: Buffer): string[] | undefined {
  const reader = new WireReader(metadata, 0, metadata.length)
  try {
    if (reader.int16('version') < 0) return undefined
    const topics: string[] = []
    for (let count = reader.int32('topics'); count > 0; count--) topics.push(reader.string('topic'))
    return topics
  } catch (error) {
    if (error instanceof KafkaWireError) return undefined
    throw error
  }
}
