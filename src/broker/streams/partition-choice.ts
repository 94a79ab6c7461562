/**
 * Which partition a message goes to that an exchange sent here: by its key as Kafka's default partitioner does, so that
 * both doors put one key into one partition; without a key each partition in turn. Producers that speak Kafka choose
 * themselves.
 */
import type { Message } from '../../message/message.ts'

/** The header that carries a record's key; docs/protocols/mapping.md. */
export const KEY_HEADER = 'kafka-key'

const SEED = 0x9747b28c
const M = 0x5bd1e995

/** The key of a message; undefined without one. An empty key is a key. */
export function keyOf(message: Message): Buffer | undefined {
  const properties = message.properties()
  if (properties.length === 0) return undefined
  const value = message.format.header(properties, KEY_HEADER)
  if (value?.type === 'x') return value.value
  if (value?.type !== 'S') return undefined
  return typeof value.value === 'string' ? Buffer.from(value.value) : value.value
}

export class PartitionChoice {
  #turn = 0

  /** An index below `partitionCount`. */
  choose(message: Message, partitionCount: number): number {
    if (partitionCount === 1) return 0
    const key = keyOf(message)
    if (key !== undefined) return partitionOfKey(key, partitionCount)
    this.#turn = (this.#turn + 1) % partitionCount
    return this.#turn
  }
}

export function partitionOfKey(key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

/** MurmurHash2, 32 bits, with the seed and the signedness of the Java client. */
export function murmur2(bytes: Buffer): number {
  const { length } = bytes
  let hash = SEED ^ length
  const wholeEnd = length - (length % 4)
  for (let at = 0; at < wholeEnd; at += 4) {
    let word = Math.imul(bytes.readInt32LE(at), M)
    word = Math.imul(word ^ (word >>> 24), M)
    hash = Math.imul(hash, M) ^ word
  }
  const rest = length - wholeEnd
  if (rest === 3) hash ^= (bytes[wholeEnd + 2] as number) << 16
  if (rest >= 2) hash ^= (bytes[wholeEnd + 1] as number) << 8
  if (rest >= 1) hash = Math.imul(hash ^ (bytes[wholeEnd] as number), M)
  hash = Math.imul(hash ^ (hash >>> 13), M)
  return hash ^ (hash >>> 15)
}
