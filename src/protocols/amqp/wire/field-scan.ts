/**
 * Walks the raw bytes of a field table without decoding it: to check a publisher's headers before they are kept as they
 * came, and to find one header among them. Allocates nothing but the error. The format is drawn in field-table.ts; ranges
 * are the content of a table, behind its size.
 */
import { FIELD_DEPTH_MAX, malformedTable, tooDeep, unknownFieldType } from './field-table.ts'
import { readUint32 } from './integers.ts'

const TYPE_TABLE = 0x46
const TYPE_ARRAY = 0x41

const SIZED = -1
const UNKNOWN = -2

/** Bytes of a value by its letter; SIZED where a u32 says so. */
const VALUE_BYTES = new Int8Array(256).fill(UNKNOWN)
for (const [letters, sizeBytes] of [
  ['V', 0],
  ['tbB', 1],
  ['su', 2],
  ['Iif', 4],
  ['D', 5],
  ['lLdT', 8],
  ['SxFA', SIZED],
] as const) {
  for (const letter of letters) VALUE_BYTES[letter.charCodeAt(0)] = sizeBytes
}

/**
 * The whole table makes sense: `decodeTable` would accept it.
 * @throws {WireError}
 */
export function checkTable(buffer: Buffer, start: number, end: number): void {
  checkPairs(buffer, start, end, 1)
}

function checkPairs(buffer: Buffer, start: number, end: number, depth: number): void {
  let at = start
  while (at < end) {
    at += 1 + buffer[at]!
    if (at >= end) throw malformedTable()
    at = checkValue(buffer, at, end, depth)
  }
}

function checkItems(buffer: Buffer, start: number, end: number, depth: number): void {
  let at = start
  while (at < end) at = checkValue(buffer, at, end, depth)
}

/** Checks the letter at `at` and its value, and returns the position behind them. */
function checkValue(buffer: Buffer, at: number, end: number, depth: number): number {
  const type = buffer[at]!
  const valueEnd = endOfValue(buffer, at, end)
  if (type !== TYPE_TABLE && type !== TYPE_ARRAY) return valueEnd
  if (depth === FIELD_DEPTH_MAX) throw tooDeep()
  if (type === TYPE_TABLE) checkPairs(buffer, at + 5, valueEnd, depth + 1)
  else checkItems(buffer, at + 5, valueEnd, depth + 1)
  return valueEnd
}

function endOfValue(buffer: Buffer, at: number, end: number): number {
  const sizeBytes = VALUE_BYTES[buffer[at]!]!
  if (sizeBytes === UNKNOWN) throw unknownFieldType()
  let next = at + 1
  if (sizeBytes === SIZED) {
    if (next + 4 > end) throw malformedTable()
    next += 4 + readUint32(buffer, next)
  } else next += sizeBytes
  if (next > end) throw malformedTable()
  return next
}

/** Where a value lies; one object is used again and again. */
export class FieldPosition {
  /** The type's letter as a character code; 0 when nothing was found. */
  type = 0
  /** The value's bytes; behind the size for S, x, F and A. */
  start = -1
  end = -1
}

/**
 * Finds a key at the top level of a table; of a key given twice the last one counts, as in `decodeTable`.
 * @param key its bytes
 * @returns whether it is there, and then where, in `found`
 * @throws {WireError} for bytes that cannot be walked
 */
export function findHeader(buffer: Buffer, start: number, end: number, key: Buffer, found: FieldPosition): boolean {
  const keyBytes = key.length
  let isFound = false
  let at = start
  while (at < end) {
    const keyStart = at + 1
    const length = buffer[at]!
    at = keyStart + length
    if (at >= end) throw malformedTable()
    const valueEnd = endOfValue(buffer, at, end)
    if (length === keyBytes && startsWith(buffer, keyStart, key)) {
      isFound = true
      found.type = buffer[at]!
      found.start = VALUE_BYTES[found.type] === SIZED ? at + 5 : at + 1
      found.end = valueEnd
    }
    at = valueEnd
  }
  return isFound
}

function startsWith(buffer: Buffer, at: number, key: Buffer): boolean {
  for (let index = 0; index < key.length; index++) {
    if (buffer[at + index] !== key[index]) return false
  }
  return true
}
