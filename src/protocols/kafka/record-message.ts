/**
 * A Kafka record as a Message, for readers that do not speak Kafka. Its properties keep what the record had, bytewise:
 *
 *     ┌────────────┬───────────┬──────────────┬──────────────────┬─────┬──────────────┬──── for each header ────────────┐
 *     │ version    │ flags     │ timestamp ms │ key bytes u32    │ key │ header count │ name u32 | name |               │
 *     │ u8 = 1     │ u8        │ i64          │ ffffffff: no key │     │ u32          │ value u32, ffffffff: null | value│
 *     └────────────┴───────────┴──────────────┴──────────────────┴─────┴──────────────┴──────────────────────────────────┘
 *     flags: bit 0 the record has no value (the body is empty). Big-endian.
 */

import { StorageError } from '../../base/errors.ts'
import type { FieldTable, FieldValue } from '../../base/field-value.ts'
import { Address, type Message, makeMessage } from '../../message/message.ts'
import type { MessageFormat, PropertyChange } from '../../message/message-format.ts'
import {
  amqpHeaders,
  bytesOfText,
  EXCHANGE_HEADER,
  PROPERTY_NAMES,
  propertyHeader,
  ROUTING_KEY_HEADER,
  recordParts,
  textOfBytes,
  timestampHeader,
} from './record-mapping.ts'
import type { RecordHeader, RecordReader } from './wire/records.ts'

/** Stored with every message: never to be changed. */
export const RECORD_FORMAT_ID = 2

const VERSION = 1
const FLAG_TOMBSTONE = 1
const FIXED_BYTES = 18
const NONE = 0xffffffff

/** The delivery mode of whatever is in a topic: it stays over a restart. */
const PERSISTENT = '2'

/** By the header that stands for it. */
const propertyNames: ReadonlyMap<string, string> = new Map(PROPERTY_NAMES.map((name) => [propertyHeader(name), name]))

const NO_BYTES = Buffer.alloc(0)
const EXPIRATION_MS_MAX = 2 ** 32 - 2
const TIMESTAMP_MS_MIN = -(2 ** 63)
/** The last double below 2^63. */
const TIMESTAMP_MS_MAX = 2 ** 63 - 1024
const PUBLISHED_MS_MAX = 2 ** 48 - 1
const ADDRESS_BYTES_MAX = 255

export interface RecordProperties {
  readonly isTombstone: boolean
  /** -1: none. */
  readonly timestampMs: number
  readonly key: Buffer | null
  readonly headers: readonly RecordHeader[]
}

export function encodeProperties({ isTombstone, timestampMs, key, headers }: RecordProperties): Buffer {
  const parts: Buffer[] = []
  const put = (bytes: Buffer | null): void => {
    const size = Buffer.alloc(4)
    size.writeUInt32BE(bytes?.length ?? NONE)
    parts.push(size)
    if (bytes !== null) parts.push(bytes)
  }
  const fixed = Buffer.alloc(10)
  fixed[0] = VERSION
  fixed[1] = isTombstone ? FLAG_TOMBSTONE : 0
  fixed.writeBigInt64BE(BigInt(timestampMs), 2)
  parts.push(fixed)
  put(key)
  const count = Buffer.alloc(4)
  count.writeUInt32BE(headers.length)
  parts.push(count)
  for (const header of headers) {
    put(bytesOfText(header.key))
    put(header.value)
  }
  return Buffer.concat(parts)
}

/** Values are views. @throws {StorageError} 'damaged', 'newer-format' */
export function decodeProperties(bytes: Buffer): RecordProperties {
  if (bytes.length < FIXED_BYTES) throw new StorageError('damaged', `properties of a record in ${bytes.length} bytes`)
  if (bytes[0] !== VERSION) throw new StorageError('newer-format', `properties of a record in version ${bytes[0]}`)
  let at = 10
  const size = (): number => {
    if (at + 4 > bytes.length) throw new StorageError('damaged', 'properties of a record are cut short')
    at += 4
    return bytes.readUInt32BE(at - 4)
  }
  const take = (): Buffer | null => {
    const length = size()
    if (length === NONE) return null
    if (length > bytes.length - at) throw new StorageError('damaged', 'properties of a record are cut short')
    at += length
    return bytes.subarray(at - length, at)
  }
  const key = take()
  const headers: RecordHeader[] = []
  for (let left = size(); left > 0; left--) headers.push({ key: textOfBytes(take() ?? NO_BYTES), value: take() })
  const timestampMs = Number(bytes.readBigInt64BE(2))
  return { isTombstone: (bytes[1]! & FLAG_TOMBSTONE) !== 0, timestampMs, key, headers }
}

/** The record at hand as a message of its own. */
export function messageOfRecord(record: RecordReader, claimedMs: number, topic: string): Message {
  const { key, value } = record
  // A batch is checked by its header; the sum of its base and what a record adds may be beyond 64 bits.
  const timestampMs = Math.min(Math.max(claimedMs, TIMESTAMP_MS_MIN), TIMESTAMP_MS_MAX)
  const headers = record.headers()
  const properties = { isTombstone: value === null, timestampMs, key, headers }
  const expiration = whole(headerText(headers, propertyHeader('expiration')), EXPIRATION_MS_MAX)
  const priority = whole(headerText(headers, propertyHeader('priority')), 255)
  const head = {
    format: recordMessageFormat,
    address: addressOf(headers, topic),
    persistent: true,
    priority,
    publishedMs: Math.min(Math.max(timestampMs, 0), PUBLISHED_MS_MAX),
    expirationMs: expiration,
  }
  return makeMessage(head, encodeProperties(properties), value ?? NO_BYTES)
}

function addressOf(headers: readonly RecordHeader[], topic: string): Address {
  const exchange = headerText(headers, EXCHANGE_HEADER) ?? ''
  const routingKey = headerText(headers, ROUTING_KEY_HEADER) ?? topic
  const fits = (text: string): boolean => bytesOfText(text).length <= ADDRESS_BYTES_MAX
  return fits(exchange) && fits(routingKey) ? new Address(exchange, routingKey) : new Address('', topic)
}

/** The last one counts, as in Kafka's own clients. */
function headerText(headers: readonly RecordHeader[], name: string): string | undefined {
  const value = headers.findLast(({ key }) => key === name)?.value
  return value === null || value === undefined ? undefined : textOfBytes(value)
}

function whole(text: string | undefined, max: number): number | undefined {
  if (text === undefined || !/^\d{1,10}$/.test(text)) return undefined
  return Number(text) <= max ? Number(text) : undefined
}

function headers(properties: Buffer): FieldTable {
  const { key, headers: all, isTombstone, timestampMs } = decodeProperties(properties)
  return amqpHeaders(key, all, isTombstone, timestampMs)
}

function header(properties: Buffer, name: string): FieldValue | undefined {
  return headers(properties).get(name)
}

function property(properties: Buffer, name: string): string | undefined {
  const { headers: all, timestampMs } = decodeProperties(properties)
  const own = headerText(all, propertyHeader(name))
  if (own !== undefined) return own
  if (name === 'timestamp' && timestampMs >= 0) return String(Math.floor(timestampMs / 1000))
  return name === 'delivery-mode' ? PERSISTENT : undefined
}

function named(properties: Buffer): ReadonlyMap<string, string> {
  const { headers: all, timestampMs } = decodeProperties(properties)
  const texts = new Map<string, string>()
  for (const { key, value } of all) {
    const name = propertyNames.get(key)
    if (name === undefined) continue
    // The last one counts, also when it is nothing.
    if (value === null) texts.delete(name)
    else texts.set(name, textOfBytes(value))
  }
  if (timestampMs >= 0 && !texts.has('timestamp')) texts.set('timestamp', String(Math.floor(timestampMs / 1000)))
  if (!texts.has('delivery-mode')) texts.set('delivery-mode', PERSISTENT)
  return texts
}

function change(properties: Buffer, { headers: table, removeExpiration }: PropertyChange): Buffer {
  const before = decodeProperties(properties)
  const expiration = propertyHeader('expiration')
  const isProperty = new Set<string>([...PROPERTY_NAMES.map(propertyHeader), EXCHANGE_HEADER, ROUTING_KEY_HEADER])
  const kept = removeExpiration ? before.headers.filter(({ key }) => key !== expiration) : before.headers
  if (table === undefined) return encodeProperties({ ...before, headers: kept })
  const withoutTime = new Map(table)
  if (timestampHeader(table) === before.timestampMs) withoutTime.delete('timestamp_in_ms')
  const { key, isTombstone, headers: own } = recordParts(withoutTime)
  const { timestampMs } = before
  return encodeProperties({
    timestampMs,
    key,
    isTombstone,
    headers: [...own, ...kept.filter((one) => isProperty.has(one.key))],
  })
}

export const recordMessageFormat: MessageFormat = {
  id: RECORD_FORMAT_ID,
  name: 'kafka-record',
  headers,
  header,
  expiration: (properties) => property(properties, 'expiration'),
  property,
  named,
  change,
}
