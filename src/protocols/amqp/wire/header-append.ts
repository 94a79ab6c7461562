/**
 * More headers behind those a message has, without decoding either: for what is added to every delivery of a stream. The
 * properties are drawn in property-scan.ts, a table in field-table.ts.
 */
import { writeUint16, writeUint32 } from './integers.ts'
import { PropertyScan, scanProperties } from './property-scan.ts'

const FLAG_CONTENT_TYPE = 0x8000
const FLAG_CONTENT_ENCODING = 0x4000
const FLAG_HEADERS = 0x2000

// Used within one call each: nothing here runs twice at once.
const scan = new PropertyScan()

/**
 * Borrows both, returns its own. A key that is there already is then there twice: see that it is not.
 * @param pairs keys, letters and values, as they stand inside a table
 * @throws {WireError} when the raw properties are malformed
 */
export function appendHeaders(raw: Buffer, pairs: Buffer): Buffer {
  scanProperties(raw, 0, raw.length, scan)
  const { flags, headersStart, headersEnd } = scan
  const hasTable = headersStart >= 0
  const tableStart = hasTable ? headersStart - 4 : placeOfTable(raw, flags)
  const before = hasTable ? headersEnd - headersStart : 0
  const target = Buffer.alloc(raw.length + pairs.length + (hasTable ? 0 : 4))
  raw.copy(target, 0, 0, tableStart)
  writeUint16(target, 0, flags | FLAG_HEADERS)
  let at = writeUint32(target, tableStart, before + pairs.length)
  if (hasTable) at += raw.copy(target, at, headersStart, headersEnd)
  at += pairs.copy(target, at)
  raw.copy(target, at, hasTable ? headersEnd : tableStart)
  return target
}

/** Headers follow content-type and content-encoding. */
function placeOfTable(raw: Buffer, flags: number): number {
  let at = 2
  if ((flags & FLAG_CONTENT_TYPE) !== 0) at += 1 + raw[at]!
  if ((flags & FLAG_CONTENT_ENCODING) !== 0) at += 1 + raw[at]!
  return at
}
