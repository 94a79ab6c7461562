/**
 * The mapping between Kafka records and AMQP messages, field by field: docs/protocols/mapping.md is its table. Bytes cross
 * unchanged wherever the other side has a place for bytes; what has a type on one side only becomes text.
 */
import { array, bool, type FieldTable, type FieldValue, integerOf, long, longstr } from '../../base/field-value.ts'
import { readText, readValidText, textSize, writeText } from '../../base/text.ts'
import { KEY_HEADER, TOMBSTONE_HEADER } from '../../message/record-headers.ts'
import type { RecordHeader } from './wire/records.ts'

/** As RabbitMQ's timestamp plugin names it: the AMQP property knows only seconds. */
export const TIMESTAMP_HEADER = 'timestamp_in_ms'

const PROPERTY_PREFIX = 'amqp-'
export const EXCHANGE_HEADER = 'amqp-exchange'
export const ROUTING_KEY_HEADER = 'amqp-routing-key'

/** AMQP's properties but for the headers, by the names the message formats know. */
export const PROPERTY_NAMES = [
  'content-type',
  'content-encoding',
  'delivery-mode',
  'priority',
  'correlation-id',
  'reply-to',
  'expiration',
  'message-id',
  'timestamp',
  'type',
  'user-id',
  'app-id',
  'cluster-id',
] as const

/** Names of AMQP headers have one byte for their length. */
const AMQP_NAME_BYTES_MAX = 255

/** Kafka headers that stand for something else in an AMQP message. */
const reserved: ReadonlySet<string> = new Set([
  ...PROPERTY_NAMES.map((name) => PROPERTY_PREFIX + name),
  EXCHANGE_HEADER,
  ROUTING_KEY_HEADER,
])

export const propertyHeader = (name: string): string => PROPERTY_PREFIX + name

export function bytesOfText(text: string): Buffer {
  const bytes = Buffer.allocUnsafeSlow(textSize(text))
  writeText(bytes, 0, text)
  return bytes
}

export function textOfBytes(bytes: Buffer): string {
  return readText(bytes, 0, bytes.length)
}

/** Text where the bytes are text. Copies. */
function fieldOfBytes(bytes: Buffer | null): FieldValue {
  if (bytes === null) return { type: 'V' }
  return longstr(readValidText(bytes, 0, bytes.length) ?? Buffer.from(bytes))
}

/** What a record carries besides its value, as AMQP headers. */
export function amqpHeaders(
  key: Buffer | null,
  headers: readonly RecordHeader[],
  isTombstone: boolean,
  timestampMs: number,
): FieldTable {
  const fields = new Map<string, FieldValue>()
  for (const header of headers) {
    if (reserved.has(header.key) || textSize(header.key) > AMQP_NAME_BYTES_MAX) continue
    const value = fieldOfBytes(header.value)
    const before = fields.get(header.key)
    // Kafka may repeat a header, AMQP may not: all values, in their order, are one array then.
    if (before === undefined) fields.set(header.key, value)
    else fields.set(header.key, array(before.type === 'A' ? [...before.value, value] : [before, value]))
  }
  if (key !== null) fields.set(KEY_HEADER, fieldOfBytes(key))
  if (isTombstone) fields.set(TOMBSTONE_HEADER, bool(true))
  if (timestampMs >= 0) fields.set(TIMESTAMP_HEADER, long(timestampMs))
  return fields
}

export interface RecordParts {
  readonly key: Buffer | null
  readonly headers: RecordHeader[]
  readonly isTombstone: boolean
}

/** AMQP headers as what a record carries besides its value. */
export function recordParts(fields: FieldTable): RecordParts {
  const headers: RecordHeader[] = []
  let key: Buffer | null = null
  let isTombstone = false
  for (const [name, value] of fields) {
    if (name === KEY_HEADER && (value.type === 'S' || value.type === 'x')) key = bytesOfField(value)
    else if (name === TOMBSTONE_HEADER && value.type === 't') isTombstone = value.value
    else if (value.type === 'A') for (const item of value.value) headers.push({ key: name, value: bytesOfField(item) })
    else headers.push({ key: name, value: bytesOfField(value) })
  }
  return { key, headers, isTombstone }
}

/** Strings and bytes as they are, numbers as decimal text, what has structure as JSON. */
function bytesOfField(field: FieldValue): Buffer | null {
  switch (field.type) {
    case 'V':
      return null
    case 'x':
      return field.value
    case 'S':
      return typeof field.value === 'string' ? bytesOfText(field.value) : field.value
    case 'F':
    case 'A':
      return bytesOfText(JSON.stringify(jsonOf(field)))
    default:
      return bytesOfText(String(jsonOf(field)))
  }
}

function jsonOf(field: FieldValue): unknown {
  switch (field.type) {
    case 'V':
      return null
    case 'S':
      return typeof field.value === 'string' ? field.value : field.value.toString('base64')
    case 'x':
      return field.value.toString('base64')
    case 'F':
      return Object.fromEntries([...field.value].map(([name, value]) => [name, jsonOf(value)]))
    case 'A':
      return field.value.map(jsonOf)
    case 'D':
      return field.value / 10 ** field.scale
    case 't':
    case 'f':
    case 'd':
      return field.value
    default:
      // Beyond 2^53 a number of JSON would be another number.
      return typeof field.value === 'bigint' ? String(field.value) : field.value
  }
}

/** The time a header tells, when it does. */
export function timestampHeader(fields: FieldTable): number | undefined {
  return integerOf(fields.get(TIMESTAMP_HEADER))
}
