/**
 * Methods to values and back, driven by the table in method-schema.ts, for both directions and every method: the cold
 * path. What runs for every message (publish, deliver, acks) has its own readers and writers in hot-methods.ts.
 *
 *     method frame payload: u16 class id, u16 method id, arguments
 */

import { invariant } from '../../../base/errors.ts'
import type { FieldTable } from '../../../base/field-value.ts'
import { emptyTable } from '../../../base/field-value.ts'
import {
  clipToShortString,
  readText,
  readValidText,
  shortStringSize,
  textSize,
  writeShortString,
} from '../../../base/text.ts'
import { ByteReader } from './byte-reader.ts'
import { readTable, tableSize, writeLongString, writeTable } from './field-table.ts'
import { FRAME_METHOD, FRAME_OVERHEAD_BYTES, unknownFrame } from './frame.ts'
import { writeFrameEnd, writeFrameStart } from './frame-writer.ts'
import { readUint16, readUint64 } from './integers.ts'
import type { ArgumentType, Method, MethodArguments, MethodKind, MethodOf } from './method-schema.ts'
import { methodSchemas } from './method-schema.ts'
import { cannotDecode, WireError } from './wire-error.ts'

/** The largest double below 2^64. */
const LONGLONG_MAX = 2 ** 64 - 2 ** 11

type ArgumentValue = boolean | number | string | Buffer | FieldTable

interface Argument {
  readonly name: string
  readonly type: ArgumentType
  /** Of a bit: its place in its octet; 0 opens a new octet. */
  readonly bitIndex: number
}

/** A schema made ready: arguments in a list, bits with their places. */
interface Layout {
  readonly kind: MethodKind
  readonly classId: number
  readonly methodId: number
  readonly hasContent: boolean
  readonly arguments: readonly Argument[]
}

const layoutsByKind = new Map<MethodKind, Layout>()
const layoutsById = new Map<number, Layout>()
const classIds = new Set<number>()

for (const [kind, schema] of Object.entries(methodSchemas)) {
  const layout: Layout = {
    // Object.entries widens the keys of the very table they come from.
    kind: kind as MethodKind,
    classId: schema.id[0],
    methodId: schema.id[1],
    hasContent: 'hasContent' in schema,
    arguments: layOut(Object.entries(schema.arguments)),
  }
  layoutsByKind.set(layout.kind, layout)
  layoutsById.set(layout.classId * 0x10000 + layout.methodId, layout)
  classIds.add(layout.classId)
}

function layOut(entries: readonly [string, ArgumentType][]): Argument[] {
  let bitIndex = -1
  return entries.map(([name, type]) => {
    bitIndex = type === 'bit' ? (bitIndex + 1) % 8 : -1
    return { name, type, bitIndex }
  })
}

function layoutOf(kind: MethodKind): Layout {
  const layout = layoutsByKind.get(kind)
  invariant(layout !== undefined, `unknown method ${kind}`)
  return layout
}

export function methodHasContent(kind: MethodKind): boolean {
  return layoutOf(kind).hasContent
}

/**
 * Decodes the payload of a method frame.
 * @throws {WireError} 501 for arguments that are too short, too long or not UTF-8; 503 for a method that does not exist
 */
export function decodeMethod(buffer: Buffer, start: number, end: number): Method {
  if (end - start < 4) throw unknownFrame(FRAME_METHOD, buffer, start, end)
  const classId = readUint16(buffer, start)
  const methodId = readUint16(buffer, start + 2)
  const layout = layoutsById.get(classId * 0x10000 + methodId)
  if (layout === undefined) throw unknownMethod(classId, methodId)
  try {
    return readArguments(layout, buffer, start + 4, end)
  } catch (error) {
    throw error instanceof WireError ? new WireError(error.replyCode, error.message, classId, methodId) : error
  }
}

function unknownMethod(classId: number, methodId: number): WireError {
  const what = classIds.has(classId) ? `method ${methodId} in class ${classId}` : `class ${classId}`
  return new WireError(503, `unknown ${what}`, classId, methodId)
}

function readArguments(layout: Layout, buffer: Buffer, start: number, end: number): Method {
  const { classId, methodId } = layout
  const reader = new ByteReader(buffer, start, end, () => cannotDecode(buffer, start, end, classId, methodId))
  const method: Record<string, ArgumentValue> = { kind: layout.kind }
  let bits = 0
  for (const { name, type, bitIndex } of layout.arguments) {
    if (bitIndex === 0) bits = reader.uint8()
    method[name] = type === 'bit' ? (bits & (1 << bitIndex)) !== 0 : readArgument(reader, type, layout.hasContent)
  }
  if (reader.remainingBytes > 0) reader.fail()
  // The layout has the names and types of this kind, because both derive from one schema.
  return method as unknown as Method
}

function readArgument(reader: ByteReader, type: Exclude<ArgumentType, 'bit'>, hasContent: boolean): ArgumentValue {
  switch (type) {
    case 'octet':
      return reader.uint8()
    case 'short':
      return reader.uint16()
    case 'long':
      return reader.uint32()
    case 'longlong':
      // Rounded up, the highest ones would no longer be 64-bit numbers.
      return Math.min(readUint64(reader.buffer, reader.take(8)), LONGLONG_MAX)
    case 'shortstr':
    case 'notice':
      return readShortString(reader, hasContent)
    case 'longtext': {
      const size = reader.uint32()
      return readText(reader.buffer, reader.take(size), reader.at)
    }
    case 'longbytes':
      return reader.bytes(reader.uint32())
    case 'table':
      return readTable(reader)
  }
}

/** Names must be UTF-8, except in methods with content, where RabbitMQ saves the check and clients may rely on it. */
function readShortString(reader: ByteReader, isAnyBytes: boolean): string {
  const size = reader.uint8()
  const start = reader.take(size)
  if (isAnyBytes) return readText(reader.buffer, start, reader.at)
  const text = readValidText(reader.buffer, start, reader.at)
  if (text === undefined) throw new WireError(501, 'Malformed UTF-8 in shortstr')
  return text
}

/**
 * Makes a method; arguments not given are 0, false, '' or empty, which is what the specification reserves them to be.
 * `makeMethod('queue.declare', { queue: 'jobs', durable: true })`
 */
export function makeMethod<K extends MethodKind>(kind: K, given: Partial<MethodArguments<K>> = {}): MethodOf<K> {
  const method: Record<string, unknown> = { kind }
  for (const { name, type } of layoutOf(kind).arguments) method[name] = DEFAULTS[type]
  // As in readArguments: names and types follow from the schema of this kind.
  return Object.assign(method, given) as MethodOf<K>
}

const DEFAULTS: { readonly [T in ArgumentType]: ArgumentValue } = {
  bit: false,
  octet: 0,
  short: 0,
  long: 0,
  longlong: 0,
  shortstr: '',
  notice: '',
  longtext: '',
  longbytes: Buffer.alloc(0),
  table: emptyTable,
}

/** Size of the whole frame that `writeMethod` writes. */
export function methodFrameSize(method: Method): number {
  let size = FRAME_OVERHEAD_BYTES + 4
  for (const { name, type, bitIndex } of layoutOf(method.kind).arguments) {
    if (bitIndex <= 0) size += argumentSize(type, argumentOf(method, name))
  }
  return size
}

/** The schema names the arguments of this very kind, so they are there. */
function argumentOf(method: Method, name: string): ArgumentValue {
  return (method as unknown as { readonly [name: string]: ArgumentValue })[name]!
}

// From here on values are cast to the type their argument has by the schema; the types of `Method` make callers give it.

function argumentSize(type: ArgumentType, value: ArgumentValue): number {
  switch (type) {
    case 'bit':
    case 'octet':
      return 1
    case 'short':
      return 2
    case 'long':
      return 4
    case 'longlong':
      return 8
    case 'shortstr':
      return shortStringSize(value as string)
    case 'notice':
      return shortStringSize(clipToShortString(value as string))
    case 'longtext':
      return 4 + textSize(value as string)
    case 'longbytes':
      return 4 + (value as Buffer).length
    case 'table':
      return tableSize(value as FieldTable)
  }
}

/** Writes the whole frame into `target`, where `methodFrameSize` octets are free; returns the position behind it. */
export function writeMethod(target: Buffer, at: number, channel: number, method: Method): number {
  const layout = layoutOf(method.kind)
  let next = writeFrameStart(target, at, FRAME_METHOD, channel)
  next = target.writeUInt16BE(layout.classId, next)
  next = target.writeUInt16BE(layout.methodId, next)
  for (const { name, type, bitIndex } of layout.arguments) {
    const value = argumentOf(method, name)
    if (bitIndex > 0) target[next - 1]! |= value ? 1 << bitIndex : 0
    else next = writeArgument(target, next, type, value)
  }
  return writeFrameEnd(target, at, next)
}

function writeArgument(target: Buffer, at: number, type: ArgumentType, value: ArgumentValue): number {
  switch (type) {
    case 'bit':
      return target.writeUInt8(value ? 1 : 0, at)
    case 'octet':
      return target.writeUInt8(value as number, at)
    case 'short':
      return target.writeUInt16BE(value as number, at)
    case 'long':
      return target.writeUInt32BE(value as number, at)
    case 'longlong':
      return target.writeBigUInt64BE(BigInt(value as number), at)
    case 'shortstr':
      return writeShortString(target, at, value as string)
    case 'notice':
      return writeShortString(target, at, clipToShortString(value as string))
    case 'longtext':
    case 'longbytes':
      return writeLongString(target, at, value as string | Buffer)
    case 'table':
      return writeTable(target, at, value as FieldTable)
  }
}

/** A method as a frame of its own. */
export function encodeMethod(channel: number, method: Method): Buffer {
  const frame = Buffer.alloc(methodFrameSize(method))
  const end = writeMethod(frame, 0, channel, method)
  invariant(end === frame.length, `${method.kind} changed while it was encoded`)
  return frame
}
