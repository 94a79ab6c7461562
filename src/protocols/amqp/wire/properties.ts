/**
 * The properties of a message as an object, and edits of raw properties that leave every byte not concerned as it is. For
 * the cold paths; drawn, and walked quickly, in property-scan.ts.
 */

import { invariant } from '../../../base/errors.ts'
import type { FieldTable } from '../../../base/field-value.ts'
import { readText, shortStringSize, writeShortString } from '../../../base/text.ts'
import { decodeTable, tableSize, writeTable } from './field-table.ts'
import type { PropertyKind, PropertyName } from './property-scan.ts'
import { endOfProperty, malformedProperties, propertyPlaces, readFlags } from './property-scan.ts'

export interface Properties {
  readonly contentType?: string
  readonly contentEncoding?: string
  readonly headers?: FieldTable
  /** 2 is persistent, all else transient. */
  readonly deliveryMode?: number
  readonly priority?: number
  readonly correlationId?: string
  readonly replyTo?: string
  /** Milliseconds as decimal digits, if the publisher keeps to the rules. */
  readonly expiration?: string
  readonly messageId?: string
  /** Seconds since the epoch; bigint only beyond 2^53. */
  readonly timestamp?: number | bigint
  readonly type?: string
  readonly userId?: string
  readonly appId?: string
  readonly clusterId?: string
}

type PropertyValue = string | number | bigint | FieldTable

/** A new value, or null to remove the property. What is absent stays as it is. */
export type PropertyEdits = { readonly [N in PropertyName]?: Properties[N] | null }

/** Where one property lies: raw[start, end), its length included. */
interface Span {
  readonly start: number
  readonly end: number
}

/** @throws {WireError} */
export function decodeProperties(buffer: Buffer, start: number, end: number): Properties {
  const flags = readFlags(buffer, start, end)
  const properties: { [N in PropertyName]?: PropertyValue } = {}
  let at = start + 2
  for (const { name, kind, flag } of propertyPlaces) {
    if ((flags & flag) === 0) continue
    const next = endOfProperty(buffer, at, end, kind)
    properties[name] = readValue(buffer, at, next, kind)
    at = next
  }
  if (at !== end) throw malformedProperties('octets are left over')
  // Each name has the type of its kind, by the table both come from.
  return properties as Properties
}

/**
 * One property without decoding the others; undefined when it is not there.
 * @throws {WireError}
 */
export function decodeProperty<N extends PropertyName>(
  buffer: Buffer,
  start: number,
  end: number,
  name: N,
): Properties[N] | undefined {
  const flags = readFlags(buffer, start, end)
  let at = start + 2
  for (const place of propertyPlaces) {
    if ((flags & place.flag) === 0) {
      if (place.name === name) return undefined
      continue
    }
    const next = endOfProperty(buffer, at, end, place.kind)
    // As above: the kind of this name decides the type.
    if (place.name === name) return readValue(buffer, at, next, place.kind) as Properties[N]
    at = next
  }
  return undefined
}

function readValue(buffer: Buffer, start: number, end: number, kind: PropertyKind): PropertyValue {
  switch (kind) {
    case 'text':
      return readText(buffer, start + 1, end)
    case 'table':
      return decodeTable(buffer, start + 4, end)
    case 'octet':
      return buffer.readUInt8(start)
    case 'seconds': {
      const seconds = buffer.readBigUInt64BE(start)
      return seconds <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(seconds) : seconds
    }
  }
}

/** Flags and values, as they follow a content header. */
export function encodeProperties(properties: Properties): Buffer {
  return editProperties(NO_PROPERTIES, properties)
}

/** Raw properties of a message that has none. */
const NO_PROPERTIES: Buffer = Buffer.from([0, 0])

/**
 * New raw properties with the edits in place; the values not named are copied as they are. Borrows `raw`, returns its own.
 * @throws {WireError} when `raw` is malformed
 */
export function editProperties(raw: Buffer, edits: PropertyEdits): Buffer {
  const spans = findSpans(raw)
  let flags = 0
  let sizeBytes = 2
  propertyPlaces.forEach(({ name, kind, flag }, index) => {
    const edit: PropertyValue | null | undefined = edits[name]
    const kept = edit === undefined ? spans[index] : undefined
    if (kept === undefined && (edit === undefined || edit === null)) return
    flags |= flag
    sizeBytes += kept ? kept.end - kept.start : valueSize(edit!, kind)
  })
  const target = Buffer.alloc(sizeBytes)
  let at = target.writeUInt16BE(flags, 0)
  propertyPlaces.forEach(({ name, kind, flag }, index) => {
    if ((flags & flag) === 0) return
    const edit: PropertyValue | null | undefined = edits[name]
    const kept = spans[index]
    if (edit === undefined || edit === null) at += kept ? raw.copy(target, at, kept.start, kept.end) : 0
    else at = writeValue(target, at, edit, kind)
  })
  invariant(at === sizeBytes, 'properties changed while they were encoded')
  return target
}

/** By place; undefined where the flag is not set. */
function findSpans(raw: Buffer): (Span | undefined)[] {
  const flags = readFlags(raw, 0, raw.length)
  let at = 2
  const spans = propertyPlaces.map(({ kind, flag }) => {
    if ((flags & flag) === 0) return undefined
    const start = at
    at = endOfProperty(raw, at, raw.length, kind)
    return { start, end: at }
  })
  if (at !== raw.length) throw malformedProperties('octets are left over')
  return spans
}

// The type of a value is that of its kind: `Properties` makes callers give it, hence the casts.

function valueSize(value: PropertyValue, kind: PropertyKind): number {
  switch (kind) {
    case 'text':
      return shortStringSize(value as string)
    case 'table':
      return tableSize(value as FieldTable)
    case 'octet':
      return 1
    case 'seconds':
      return 8
  }
}

function writeValue(target: Buffer, at: number, value: PropertyValue, kind: PropertyKind): number {
  switch (kind) {
    case 'text':
      return writeShortString(target, at, value as string)
    case 'table':
      return writeTable(target, at, value as FieldTable)
    case 'octet':
      return target.writeUInt8(value as number, at)
    case 'seconds':
      return target.writeBigUInt64BE(BigInt(value as number | bigint), at)
  }
}
