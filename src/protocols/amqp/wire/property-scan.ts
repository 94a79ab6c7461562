/**
 * The properties of a message, as raw bytes that are kept as they came. This file walks them without decoding: it checks a
 * publisher's properties and notes where the few lie that a broker acts on. Values to and from objects: properties.ts.
 *
 *     properties: u16 flags, then the value of every property whose flag is set, in this order, without gaps
 *
 *     15 content-type str8      12 delivery-mode u8     9 reply-to str8      6 timestamp u64    3 app-id str8
 *     14 content-encoding str8  11 priority u8          8 expiration str8    5 type str8        2 cluster-id str8
 *     13 headers table          10 correlation-id str8  7 message-id str8    4 user-id str8     1, 0 never set
 *
 *     str8: u8 length, bytes. table: u32 size, content. Flag 0 would announce another word of flags; basic has none.
 */
import { readUint16, readUint32 } from './integers.ts'
import { WireError } from './wire-error.ts'

export type PropertyKind = 'text' | 'table' | 'octet' | 'seconds'

/** In the order of the wire, the first in flag 15. */
export const propertyKinds = {
  contentType: 'text',
  contentEncoding: 'text',
  headers: 'table',
  deliveryMode: 'octet',
  priority: 'octet',
  correlationId: 'text',
  replyTo: 'text',
  expiration: 'text',
  messageId: 'text',
  timestamp: 'seconds',
  type: 'text',
  userId: 'text',
  appId: 'text',
  clusterId: 'text',
} as const satisfies { readonly [name: string]: PropertyKind }

export type PropertyName = keyof typeof propertyKinds

export interface PropertyPlace {
  readonly name: PropertyName
  readonly kind: PropertyKind
  readonly flag: number
}

export const propertyPlaces: readonly PropertyPlace[] = Object.entries(propertyKinds).map(([name, kind], index) => ({
  // Object.entries widens the keys of the very table they come from.
  name: name as PropertyName,
  kind,
  flag: 0x8000 >>> index,
}))

const RESERVED_FLAGS = 0x0003

const FLAG_CONTENT_TYPE = 0x8000
const FLAG_CONTENT_ENCODING = 0x4000
const FLAG_HEADERS = 0x2000
const FLAG_DELIVERY_MODE = 0x1000
const FLAG_PRIORITY = 0x0800
const FLAG_CORRELATION_ID = 0x0400
const FLAG_REPLY_TO = 0x0200
const FLAG_EXPIRATION = 0x0100
const FLAG_MESSAGE_ID = 0x0080
const FLAG_TIMESTAMP = 0x0040
const FLAG_TYPE = 0x0020
const FLAG_USER_ID = 0x0010
const FLAG_APP_ID = 0x0008
const FLAG_CLUSTER_ID = 0x0004

export function malformedProperties(why: string): WireError {
  return new WireError(501, `malformed content properties: ${why}`, 60, 40)
}

/**
 * What a scan found; one object is used again and again. A start of -1: the property is not there (its end means nothing
 * then). Ranges are the content: behind a string's length, behind a table's size.
 */
export class PropertyScan {
  flags = 0
  /** Content of the header table: not checked by the scan, see `checkTable`. */
  headersStart = -1
  headersEnd = -1
  /** -1: not given. */
  deliveryMode = -1
  /** -1: not given. */
  priority = -1
  replyToStart = -1
  replyToEnd = -1
  expirationStart = -1
  expirationEnd = -1
  /** Of eight octets. */
  timestampStart = -1
  userIdStart = -1
  userIdEnd = -1

  clear(flags: number): void {
    this.flags = flags
    this.headersStart = -1
    this.deliveryMode = -1
    this.priority = -1
    this.replyToStart = -1
    this.expirationStart = -1
    this.timestampStart = -1
    this.userIdStart = -1
  }
}

/**
 * Checks that the properties are whole and fill buffer[start, end) exactly, and notes what stands where.
 * @throws {WireError} 501
 */
export function scanProperties(buffer: Buffer, start: number, end: number, into: PropertyScan): void {
  const flags = readFlags(buffer, start, end)
  into.clear(flags)
  let at = start + 2
  if ((flags & FLAG_CONTENT_TYPE) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_CONTENT_ENCODING) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_HEADERS) !== 0) {
    into.headersStart = at + 4
    at = endOfTable(buffer, at, end)
    into.headersEnd = at
  }
  if ((flags & FLAG_DELIVERY_MODE) !== 0) {
    if (at >= end) throw malformedProperties('a value is missing')
    into.deliveryMode = buffer[at++]!
  }
  if ((flags & FLAG_PRIORITY) !== 0) {
    if (at >= end) throw malformedProperties('a value is missing')
    into.priority = buffer[at++]!
  }
  if ((flags & FLAG_CORRELATION_ID) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_REPLY_TO) !== 0) {
    into.replyToStart = at + 1
    at = endOfText(buffer, at, end)
    into.replyToEnd = at
  }
  if ((flags & FLAG_EXPIRATION) !== 0) {
    into.expirationStart = at + 1
    at = endOfText(buffer, at, end)
    into.expirationEnd = at
  }
  if ((flags & FLAG_MESSAGE_ID) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_TIMESTAMP) !== 0) {
    into.timestampStart = at
    at += 8
  }
  if ((flags & FLAG_TYPE) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_USER_ID) !== 0) {
    into.userIdStart = at + 1
    at = endOfText(buffer, at, end)
    into.userIdEnd = at
  }
  if ((flags & FLAG_APP_ID) !== 0) at = endOfText(buffer, at, end)
  if ((flags & FLAG_CLUSTER_ID) !== 0) at = endOfText(buffer, at, end)
  if (at !== end) throw malformedProperties(at > end ? 'a length points beyond their end' : 'octets are left over')
}

export function readFlags(buffer: Buffer, start: number, end: number): number {
  if (end - start < 2) throw malformedProperties('no flags')
  const flags = readUint16(buffer, start)
  if ((flags & RESERVED_FLAGS) !== 0) throw malformedProperties('unknown flags')
  return flags
}

/** The position behind a str8; beyond `end` when it is not whole. */
function endOfText(buffer: Buffer, at: number, end: number): number {
  if (at >= end) throw malformedProperties('a value is missing')
  return at + 1 + buffer[at]!
}

function endOfTable(buffer: Buffer, at: number, end: number): number {
  if (at + 4 > end) throw malformedProperties('a value is missing')
  return at + 4 + readUint32(buffer, at)
}

/** The position behind the value at `at`. @throws {WireError} 501 when it is not whole */
export function endOfProperty(buffer: Buffer, at: number, end: number, kind: PropertyKind): number {
  const next = positionBehind(buffer, at, end, kind)
  if (next > end) throw malformedProperties('a length points beyond their end')
  return next
}

function positionBehind(buffer: Buffer, at: number, end: number, kind: PropertyKind): number {
  switch (kind) {
    case 'text':
      return endOfText(buffer, at, end)
    case 'table':
      return endOfTable(buffer, at, end)
    case 'octet':
      return at + 1
    case 'seconds':
      return at + 8
  }
}
