/** Messages of other protocols as Kafka records, for Kafka readers of a topic that exchanges feed. */
import type { StoredBatch } from '../../broker/streams/stream-door.ts'
import { type Message, messageFromBytes } from '../../message/message.ts'
import type { MessageFormats } from '../../message/message-format.ts'
import {
  bytesOfText,
  EXCHANGE_HEADER,
  PROPERTY_NAMES,
  propertyHeader,
  ROUTING_KEY_HEADER,
  recordParts,
} from './record-mapping.ts'
import { decodeProperties, RECORD_FORMAT_ID } from './record-message.ts'
import { encodeBatch, type RecordToWrite } from './wire/batch-writer.ts'

/** The first byte of a batch that is one already; anything else is a single message. */
const BATCH_FIRST_BYTE = 0

/** Messages put together in one batch, at most: clients unpack a batch whole. */
const GROUP_COUNT_MAX = 1000
const GROUP_BYTES_MAX = 64 * 1024

export function recordOf(message: Message, topic: string): RecordToWrite {
  const properties = message.properties()
  const { format, publishedMs: timestampMs } = message
  if (format.id === RECORD_FORMAT_ID) {
    const { key, headers, isTombstone } = decodeProperties(properties)
    return { timestampMs, key, headers, value: isTombstone ? null : message.body() }
  }
  const { key, headers, isTombstone } = recordParts(format.headers(properties))
  const texts = format.named(properties)
  for (const name of PROPERTY_NAMES) {
    const text = texts.get(name)
    if (text !== undefined) headers.push({ key: propertyHeader(name), value: bytesOfText(text) })
  }
  const { exchange, routingKey } = message.address
  if (exchange !== '') headers.push({ key: EXCHANGE_HEADER, value: bytesOfText(exchange) })
  if (routingKey !== topic) headers.push({ key: ROUTING_KEY_HEADER, value: bytesOfText(routingKey) })
  const value = isTombstone && message.bodyBytes === 0 ? null : message.body()
  return { timestampMs, key, headers, value }
}

/**
 * What a partition holds, as Kafka readers take it: batches as they are, runs of single messages as batches made for
 * this answer. Offsets stay what they are.
 * @throws {StorageError} for a stored message that cannot be read
 */
export function kafkaBytes(
  batches: readonly StoredBatch[],
  topic: string,
  leaderEpoch: number,
  formats: MessageFormats,
): Buffer[] {
  const pieces: Buffer[] = []
  for (let at = 0; at < batches.length; ) {
    const batch = batches[at]!
    if (batch.bytes[0] === BATCH_FIRST_BYTE) {
      pieces.push(batch.bytes)
      at++
      continue
    }
    const end = runEnd(batches, at)
    const records = batches.slice(at, end).map(({ bytes }) => recordOf(messageFromBytes(bytes, formats), topic))
    pieces.push(encodeBatch(records, { baseOffset: batch.baseOffset, partitionLeaderEpoch: leaderEpoch }))
    at = end
  }
  return pieces
}

/** Where the single messages that can share a batch with the one at `start` end: their offsets follow each other. */
function runEnd(batches: readonly StoredBatch[], start: number): number {
  const first = batches[start]!
  let bytes = 0
  let end = start
  for (; end < batches.length && end - start < GROUP_COUNT_MAX; end++) {
    const batch = batches[end]!
    if (batch.bytes[0] === BATCH_FIRST_BYTE || batch.baseOffset !== first.baseOffset + end - start) break
    bytes += batch.bytes.length
    if (end > start && bytes > GROUP_BYTES_MAX) break
  }
  return end
}
