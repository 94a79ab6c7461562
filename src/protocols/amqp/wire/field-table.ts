/**
 * Field tables (headers, arguments, peer properties) to values and back, losing nothing. RabbitMQ's type letters, which
 * differ from the 0-9-1 document: `s` is an int16 and `l` and `L` are both int64.
 *
 *     table: u32 size, then pairs of  u8 length, key, letter, value        array: u32 size, then  letter, value ...
 *
 *     t bool u8      b i8    B u8    s i16   u u16   I i32   i u32   l, L i64   f float   d double
 *     D scale u8, value u32          T seconds u64   S, x u32 size, bytes       F table   A array   V nothing
 *
 * Ranges given to the functions here are the content of a table, behind its size. Looking for one key without decoding is
 * in field-scan.ts.
 */

import { invariant } from '../../../base/errors.ts'
import type { FieldTable, FieldValue, IntegerType } from '../../../base/field-value.ts'
import { emptyTable } from '../../../base/field-value.ts'
import { readText, shortStringSize, textSize, writeShortString, writeText } from '../../../base/text.ts'
import { ByteReader } from './byte-reader.ts'
import { WireError } from './wire-error.ts'

/** Tables and arrays within each other. No client nests this deep on purpose, and each level is a call on our stack. */
export const FIELD_DEPTH_MAX = 32

/** RabbitMQ dies of an unknown letter and answers the connection with a bare INTERNAL_ERROR. */
export function unknownFieldType(): WireError {
  return new WireError(541, '')
}

export function malformedTable(): WireError {
  return new WireError(501, 'malformed field table: a length points beyond its end')
}

export function tooDeep(): WireError {
  return new WireError(501, `malformed field table: nested deeper than ${FIELD_DEPTH_MAX}`)
}

// Values without content are shared: a table of a hundred thousand voids must not become as many objects.
const VOID: FieldValue = Object.freeze({ type: 'V' })
const TRUE: FieldValue = Object.freeze({ type: 't', value: true })
const FALSE: FieldValue = Object.freeze({ type: 't', value: false })

/** @throws {WireError} */
export function decodeTable(buffer: Buffer, start: number, end: number): FieldTable {
  return readPairs(new ByteReader(buffer, start, end, malformedTable), 1)
}

/** A table with its size in front, as part of something longer; bytes missing are the reader's error. */
export function readTable(reader: ByteReader): FieldTable {
  return readNested(reader, 1, readPairs)
}

/** Reads a size and then, inside it, a table or array that has to end exactly there. */
function readNested<T>(reader: ByteReader, depth: number, read: (reader: ByteReader, depth: number) => T): T {
  if (depth > FIELD_DEPTH_MAX) throw tooDeep()
  const size = reader.uint32()
  const outerEnd = reader.end
  if (size > reader.remainingBytes) reader.fail()
  reader.end = reader.at + size
  const result = read(reader, depth)
  reader.end = outerEnd
  return result
}

/** Of a key given twice the last value counts. */
function readPairs(reader: ByteReader, depth: number): FieldTable {
  if (reader.remainingBytes === 0) return emptyTable
  const table = new Map<string, FieldValue>()
  while (reader.remainingBytes > 0) {
    const keyBytes = reader.uint8()
    const keyStart = reader.take(keyBytes)
    table.set(readText(reader.buffer, keyStart, reader.at), readValue(reader, depth))
  }
  return table
}

function readItems(reader: ByteReader, depth: number): FieldValue[] {
  const items: FieldValue[] = []
  while (reader.remainingBytes > 0) items.push(readValue(reader, depth))
  return items
}

function readValue(reader: ByteReader, depth: number): FieldValue {
  const type = String.fromCharCode(reader.uint8())
  switch (type) {
    case 'S': {
      const size = reader.uint32()
      return { type, value: reader.validText(size) ?? reader.bytes(size) }
    }
    case 't':
      return reader.uint8() === 0 ? FALSE : TRUE
    case 'b':
    case 'B':
    case 's':
    case 'u':
    case 'I':
    case 'i':
    case 'l':
    case 'L':
      return { type, value: readInteger(reader, type) }
    case 'f':
      return { type, value: reader.buffer.readFloatBE(reader.take(4)) }
    case 'd':
      return { type, value: reader.buffer.readDoubleBE(reader.take(8)) }
    case 'D':
      return { type, scale: reader.uint8(), value: reader.uint32() }
    case 'T':
      return { type, value: narrowed(reader.buffer.readBigUInt64BE(reader.take(8))) }
    case 'x':
      return { type, value: reader.bytes(reader.uint32()) }
    case 'F':
      return { type, value: readNested(reader, depth + 1, readPairs) }
    case 'A':
      return { type, value: readNested(reader, depth + 1, readItems) }
    case 'V':
      return VOID
    default:
      throw unknownFieldType()
  }
}

function readInteger(reader: ByteReader, type: IntegerType): number | bigint {
  switch (type) {
    case 'b':
      return reader.buffer.readInt8(reader.take(1))
    case 'B':
      return reader.uint8()
    case 's':
      return reader.buffer.readInt16BE(reader.take(2))
    case 'u':
      return reader.uint16()
    case 'I':
      return reader.buffer.readInt32BE(reader.take(4))
    case 'i':
      return reader.uint32()
    case 'l':
    case 'L':
      return narrowed(reader.buffer.readBigInt64BE(reader.take(8)))
  }
}

/** A number wherever a double holds it exactly. */
function narrowed(value: bigint): number | bigint {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : value
}

/** Size of the encoded table, with the four octets of its own size. */
export function tableSize(table: FieldTable): number {
  let size = 4
  for (const [key, value] of table) size += shortStringSize(key) + valueSize(value)
  return size
}

function valueSize(value: FieldValue): number {
  switch (value.type) {
    case 'V':
      return 1
    case 't':
    case 'b':
    case 'B':
      return 2
    case 's':
    case 'u':
      return 3
    case 'I':
    case 'i':
    case 'f':
      return 5
    case 'D':
      return 6
    case 'l':
    case 'L':
    case 'd':
    case 'T':
      return 9
    case 'S':
      return 5 + (typeof value.value === 'string' ? textSize(value.value) : value.value.length)
    case 'x':
      return 5 + value.value.length
    case 'F':
      return 1 + tableSize(value.value)
    case 'A':
      return value.value.reduce((size, item) => size + valueSize(item), 5)
  }
}

export function encodeTable(table: FieldTable): Buffer {
  const target = Buffer.alloc(tableSize(table))
  const end = writeTable(target, 0, table)
  invariant(end === target.length, 'a field table changed while it was encoded')
  return target
}

/** Writes a table with its size in front; returns the position behind it. */
export function writeTable(target: Buffer, at: number, table: FieldTable): number {
  let next = at + 4
  for (const [key, value] of table) next = writeValue(target, writeShortString(target, next, key), value)
  target.writeUInt32BE(next - at - 4, at)
  return next
}

function writeValue(target: Buffer, at: number, value: FieldValue): number {
  target.write(value.type, at, 'latin1')
  const next = at + 1
  switch (value.type) {
    case 'V':
      return next
    case 't':
      return target.writeUInt8(value.value ? 1 : 0, next)
    case 'S':
    case 'x':
      return writeLongString(target, next, value.value)
    case 'f':
      return target.writeFloatBE(value.value, next)
    case 'd':
      return target.writeDoubleBE(value.value, next)
    case 'D':
      return target.writeUInt32BE(value.value, target.writeUInt8(value.scale, next))
    case 'T':
      return target.writeBigUInt64BE(BigInt(value.value), next)
    case 'F':
      return writeTable(target, next, value.value)
    case 'A':
      return writeArray(target, next, value.value)
    default:
      return writeInteger(target, next, value.type, value.value)
  }
}

function writeArray(target: Buffer, at: number, items: readonly FieldValue[]): number {
  let next = at + 4
  for (const item of items) next = writeValue(target, next, item)
  target.writeUInt32BE(next - at - 4, at)
  return next
}

function writeInteger(target: Buffer, at: number, type: IntegerType, value: number | bigint): number {
  switch (type) {
    case 'b':
      return target.writeInt8(Number(value), at)
    case 'B':
      return target.writeUInt8(Number(value), at)
    case 's':
      return target.writeInt16BE(Number(value), at)
    case 'u':
      return target.writeUInt16BE(Number(value), at)
    case 'I':
      return target.writeInt32BE(Number(value), at)
    case 'i':
      return target.writeUInt32BE(Number(value), at)
    case 'l':
    case 'L':
      return target.writeBigInt64BE(BigInt(value), at)
  }
}

/** A long string: four octets of length, then the bytes. */
export function writeLongString(target: Buffer, at: number, value: string | Buffer): number {
  const end = typeof value === 'string' ? writeText(target, at + 4, value) : at + 4 + value.copy(target, at + 4)
  target.writeUInt32BE(end - at - 4, at)
  return end
}
