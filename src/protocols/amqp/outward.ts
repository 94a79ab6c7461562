/**
 * The properties a delivery goes out with where they are not the bytes the message came with: for a message that was
 * written in another protocol, and for a record of a stream, which tells its place in headers. Frames are made elsewhere.
 */
import { type FieldValue, long, longstr } from '../../base/field-value.ts'
import type { Delivery, StreamPlace } from '../../broker/queues/consumer.ts'
import type { Message } from '../../message/message.ts'
import { amqpMessageFormat } from './message-format.ts'
import { FieldPosition, findHeader } from './wire/field-scan.ts'
import { decodeTable } from './wire/field-table.ts'
import { appendHeaders } from './wire/header-append.ts'
import { writeUint64 } from './wire/integers.ts'
import { editProperties } from './wire/properties.ts'
import { PropertyScan, scanProperties } from './wire/property-scan.ts'
import { dashedNames, encodeValues, type PropertyValues, valueOfText } from './wire/property-texts.ts'

const OFFSET_HEADER = 'x-stream-offset'
/** Ours: RabbitMQ's streams have one partition each. */
const PARTITION_HEADER = 'x-stream-partition'

const offsetKey = Buffer.from(OFFSET_HEADER)
const partitionKey = Buffer.from(PARTITION_HEADER)
const LONG_LETTER = Buffer.from('l')
const NUMBER_BYTES = 8

/** The pairs of both headers, as they stand inside a table; the numbers are filled in for each delivery. */
const pairs = Buffer.concat([pairWithoutNumber(offsetKey), pairWithoutNumber(partitionKey)])
const offsetPairBytes = pairWithoutNumber(offsetKey).length

// Used within one call each: nothing here runs twice at once.
const scan = new PropertyScan()
const position = new FieldPosition()

function pairWithoutNumber(key: Buffer): Buffer {
  return Buffer.concat([Buffer.from([key.length]), key, LONG_LETTER, Buffer.alloc(NUMBER_BYTES)])
}

/** Undefined when the message's own bytes are right. */
export function outwardProperties(
  { message, stream }: Delivery,
  reader: { readonly isPartitioned: boolean } | undefined,
): Buffer | undefined {
  const isForeign = message.format.id !== amqpMessageFormat.id
  if (stream === undefined) return isForeign ? translated(message, undefined, false) : undefined
  const tellsPartition = reader?.isPartitioned ?? false
  return isForeign
    ? translated(message, stream, tellsPartition)
    : withPlace(message.properties(), stream, tellsPartition)
}

function withPlace(raw: Buffer, place: StreamPlace, tellsPartition: boolean): Buffer {
  scanProperties(raw, 0, raw.length, scan)
  const { headersStart, headersEnd } = scan
  // A message that was read from a stream and sent on brings the headers of its old place.
  if (headersStart >= 0 && (has(raw, offsetKey) || has(raw, partitionKey))) {
    const headers = new Map(decodeTable(raw, headersStart, headersEnd))
    setPlace(headers, place, tellsPartition)
    return editProperties(raw, { headers })
  }
  writeUint64(pairs, offsetPairBytes - NUMBER_BYTES, place.offset)
  if (!tellsPartition) return appendHeaders(raw, pairs.subarray(0, offsetPairBytes))
  writeUint64(pairs, pairs.length - NUMBER_BYTES, place.partition)
  return appendHeaders(raw, pairs)
}

function has(raw: Buffer, key: Buffer): boolean {
  return findHeader(raw, scan.headersStart, scan.headersEnd, key, position)
}

function setPlace(headers: Map<string, FieldValue>, place: StreamPlace, tellsPartition: boolean): void {
  headers.set(OFFSET_HEADER, long(place.offset))
  if (tellsPartition) headers.set(PARTITION_HEADER, long(place.partition))
  else headers.delete(PARTITION_HEADER)
}

/** What another protocol's format says of the message, in AMQP's encoding. */
function translated(message: Message, place: StreamPlace | undefined, tellsPartition: boolean): Buffer {
  const { format } = message
  const properties = message.properties()
  const headers = new Map(format.headers(properties))
  const values: PropertyValues = {}
  const texts = format.named(properties)
  for (const { name, dashed, kind } of dashedNames) {
    const text = texts.get(dashed)
    if (text === undefined) continue
    const value = valueOfText(kind, text)
    // What is too long, or no number, for the property is not lost.
    if (value === undefined) headers.set(`amqp-${dashed}`, longstr(text))
    else values[name] = value
  }
  if (place !== undefined) setPlace(headers, place, tellsPartition)
  return encodeValues(values, headers)
}
