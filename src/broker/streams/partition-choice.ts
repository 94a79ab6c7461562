/**
 * Which partition a message goes to that an exchange sent here: by its key as Kafka's default partitioner does, so that
 * both doors put one key into one partition; or, when the stream says so, by a consistent hash, so that few keys move
 * when partitions are added. Without a key each partition in turn. Producers that speak Kafka choose themselves.
 */
import type { Message } from '../../message/message.ts'
import { keyOf } from './message-key.ts'

const SEED = 0x9747b28c
const M = 0x5bd1e995

export type Partitioner = 'murmur2' | 'consistent'

export class PartitionChoice {
  #turn = 0

  /** An index below `partitionCount`. */
  choose(message: Message, partitionCount: number, partitioner: Partitioner): number {
    if (partitionCount === 1) return 0
    const key = keyOf(message)
    if (key !== undefined) {
      return partitioner === 'murmur2' ? partitionOfKey(key, partitionCount) : consistentPartition(key, partitionCount)
    }
    this.#turn = (this.#turn + 1) % partitionCount
    return this.#turn
  }
}

export function partitionOfKey(key: Buffer, partitionCount: number): number {
  return (murmur2(key) & 0x7fffffff) % partitionCount
}

/**
 * A jump hash: as the number of partitions grows to n, a key moves to the newest with probability 1/n and otherwise
 * stays. The jumps come from a xorshift generator that the key's hash seeds.
 */
export function consistentPartition(key: Buffer, partitionCount: number): number {
  // Xorshift never leaves zero.
  let state = murmur2(key) || SEED
  let chosen = 0
  for (let next = 0; next < partitionCount; ) {
    chosen = next
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    next = Math.floor(((chosen + 1) * 2 ** 32) / ((state >>> 0) + 1))
  }
  return chosen
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
