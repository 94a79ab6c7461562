/**
 * The one Message. Its stored form is also its form in memory: one buffer, owned by the message, immutable from its
 * making, shared by every queue it is in. Property and body bytes are kept as the client sent them.
 *
 *      0        1        2          3        4              10             14             18
 *     ┌────────┬────────┬──────────┬────────┬──────────────┬──────────────┬──────────────┬───────────────────┐
 *     │version │ format │ priority │ flags  │ published ms │ expiration   │ properties   │ address:          │
 *     │ u8 = 1 │ u8     │ u8       │ u8     │ u48          │ ms, u32      │ bytes, u32   │ str8 exchange     │
 *     │        │        │          │        │              │ ffffffff: no │              │ str8 routing key  │
 *     └────────┴────────┴──────────┴────────┴──────────────┴──────────────┴──────────────┴───────────────────┘
 *     followed by the properties and, to the end, the body. str8 = u8 length + that many bytes. Big-endian.
 *     flags: bit 0 persistent, bit 1 carries a priority, bit 2 expiration in seconds, rounded up: above u32 milliseconds
 */
import { StorageError } from '../base/errors.ts'
import { readText, shortStringSize, textSize, writeShortString } from '../base/text.ts'
import type { MessageFormat, MessageFormats } from './message-format.ts'

const VERSION = 1
const FIXED_BYTES = 18
const FLAG_PERSISTENT = 1
const FLAG_PRIORITY = 2
const FLAG_EXPIRATION_SECONDS = 4
/** Ten years, as for queues. */
export const EXPIRATION_MS_MAX = 315_360_000_000
const NO_EXPIRATION = 2 ** 32 - 1

/** Where a message was sent: shared by all messages of one route, so the strings are decoded once. */
export class Address {
  readonly exchange: string
  readonly routingKey: string
  /** str8 exchange, str8 routing key: as stored, and as basic.deliver carries them. */
  readonly bytes: Buffer

  /** @throws {RangeError} when either is longer than 255 bytes */
  constructor(exchange: string, routingKey: string) {
    if (textSize(exchange) > 255 || textSize(routingKey) > 255) {
      throw new RangeError('exchange and routing key take at most 255 bytes')
    }
    const bytes = Buffer.alloc(shortStringSize(exchange) + shortStringSize(routingKey))
    writeShortString(bytes, writeShortString(bytes, 0, exchange), routingKey)
    this.exchange = exchange
    this.routingKey = routingKey
    this.bytes = bytes
  }
}

export interface MessageHead {
  readonly format: MessageFormat
  readonly address: Address
  readonly persistent: boolean
  /** 0..255; undefined when the sender gave none. */
  readonly priority: number | undefined
  readonly publishedMs: number
  /** Per-message time to live; undefined for none. */
  readonly expirationMs: number | undefined
}

export class Message {
  readonly format: MessageFormat
  readonly address: Address
  readonly bytes: Buffer
  readonly propertiesStart: number
  readonly bodyStart: number
  readonly persistent: boolean
  /** -1: the sender gave none. */
  readonly priority: number
  readonly publishedMs: number
  /** -1: none. */
  readonly expirationMs: number

  constructor(head: MessageHead, bytes: Buffer, propertiesStart: number, bodyStart: number) {
    this.format = head.format
    this.address = head.address
    this.bytes = bytes
    this.propertiesStart = propertiesStart
    this.bodyStart = bodyStart
    this.persistent = head.persistent
    this.priority = head.priority ?? -1
    this.publishedMs = head.publishedMs
    this.expirationMs = head.expirationMs ?? -1
  }

  get bodyBytes(): number {
    return this.bytes.length - this.bodyStart
  }

  /** A view; valid as long as the message. */
  properties(): Buffer {
    return this.bytes.subarray(this.propertiesStart, this.bodyStart)
  }

  body(): Buffer {
    return this.bytes.subarray(this.bodyStart)
  }
}

/**
 * Makes a message with the properties in [start, end) of `source`, which is borrowed, and with room for its body: the
 * caller fills `bytes` from `bodyStart` to the end, every byte, before the message goes anywhere (a body arrives in
 * several frames).
 */
export function messageWithRoom(
  head: MessageHead,
  source: Buffer,
  start: number,
  end: number,
  bodyByteCount: number,
): Message {
  const address = head.address.bytes
  const propertiesStart = FIXED_BYTES + address.length
  const bodyStart = propertiesStart + end - start
  const bytes = Buffer.allocUnsafe(bodyStart + bodyByteCount)
  bytes[0] = VERSION
  bytes[1] = head.format.id
  bytes[2] = head.priority ?? 0
  bytes[3] = (head.persistent ? FLAG_PERSISTENT : 0) | (head.priority === undefined ? 0 : FLAG_PRIORITY)
  bytes.writeUIntBE(head.publishedMs, 4, 6)
  const expiration = head.expirationMs ?? NO_EXPIRATION
  if (head.expirationMs === undefined || expiration < NO_EXPIRATION) bytes.writeUInt32BE(expiration, 10)
  else writeLongExpiration(bytes, expiration)
  bytes.writeUInt32BE(end - start, 14)
  bytes.set(address, FIXED_BYTES)
  source.copy(bytes, propertiesStart, start, end)
  return new Message(head, bytes, propertiesStart, bodyStart)
}

function writeLongExpiration(bytes: Buffer, expirationMs: number): void {
  bytes[3] = (bytes[3] as number) | FLAG_EXPIRATION_SECONDS
  bytes.writeUInt32BE(Math.ceil(expirationMs / 1000), 10)
}

export function makeMessage(head: MessageHead, properties: Buffer, body: Buffer): Message {
  const message = messageWithRoom(head, properties, 0, properties.length, body.length)
  message.bytes.set(body, message.bodyStart)
  return message
}

/**
 * The stored form back as a message, around the same bytes: the caller gives `bytes` up.
 * @param known the address the previous message of this log had: reused when equal, so a backlog holds it once
 * @throws {StorageError} 'damaged' when the form is not whole; 'newer-format' for a version or format not known here
 */
export function messageFromBytes(bytes: Buffer, formats: MessageFormats, known?: Address): Message {
  if (bytes.length < FIXED_BYTES + 2) throw new StorageError('damaged', `a stored message of ${bytes.length} bytes`)
  if (bytes[0] !== VERSION) throw new StorageError('newer-format', `a stored message of version ${bytes[0]}`)
  const format = formats.get(bytes[1] as number)
  if (!format) throw new StorageError('newer-format', `a stored message in unknown format ${bytes[1]}`)
  const exchangeEnd = FIXED_BYTES + 1 + (bytes[FIXED_BYTES] as number)
  const addressEnd = exchangeEnd + 1 + (bytes[exchangeEnd] ?? 255)
  const bodyStart = addressEnd + bytes.readUInt32BE(14)
  if (bodyStart > bytes.length) throw new StorageError('damaged', 'a stored message shorter than its own lengths')
  const flags = bytes[3] as number
  const expiration = bytes.readUInt32BE(10)
  const expirationMs = (flags & FLAG_EXPIRATION_SECONDS) === 0 ? expiration : expiration * 1000
  const head: MessageHead = {
    format,
    address: addressAt(bytes, FIXED_BYTES, exchangeEnd, addressEnd, known),
    persistent: (flags & FLAG_PERSISTENT) !== 0,
    priority: (flags & FLAG_PRIORITY) === 0 ? undefined : (bytes[2] as number),
    publishedMs: bytes.readUIntBE(4, 6),
    expirationMs: expirationMs === NO_EXPIRATION ? undefined : expirationMs,
  }
  return new Message(head, bytes, addressEnd, bodyStart)
}

function addressAt(
  bytes: Buffer,
  start: number,
  exchangeEnd: number,
  end: number,
  known: Address | undefined,
): Address {
  if (known && known.bytes.length === end - start && known.bytes.compare(bytes, start, end) === 0) return known
  return new Address(readText(bytes, start + 1, exchangeEnd), readText(bytes, exchangeEnd + 1, end))
}

/** Whether a stored form is that of a persistent message, without making one. */
export function storedPersistent(bytes: Buffer): boolean {
  return ((bytes[3] ?? 0) & FLAG_PERSISTENT) !== 0
}

/** When a message in its stored form was published, without making one. */
export function storedPublishedMs(bytes: Buffer): number {
  return bytes.readUIntBE(4, 6)
}

/** Length of the body in a stored form, without making a message. */
export function storedBodyBytes(bytes: Buffer): number {
  const exchangeEnd = FIXED_BYTES + 1 + (bytes[FIXED_BYTES] as number)
  const addressEnd = exchangeEnd + 1 + (bytes[exchangeEnd] as number)
  return bytes.length - addressEnd - bytes.readUInt32BE(14)
}

/** Whether a stored form has a time to live of its own, without making a message. */
export function storedExpires(bytes: Buffer): boolean {
  return bytes.readUInt32BE(10) !== NO_EXPIRATION
}
