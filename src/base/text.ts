/**
 * Text on the wire, both ways, losing nothing. AMQP strings are meant as UTF-8 but may hold any bytes, and a routing key
 * or a header must leave the broker as it came. So a byte that is not part of valid UTF-8 becomes a lone surrogate
 * U+DC00 + byte (U+DC80 to U+DCFF), which valid UTF-8 can never produce, and becomes that byte again when written.
 * Two byte strings are equal exactly when their texts are.
 */
import { isUtf8 } from 'node:buffer'
import { invariant } from './errors.ts'

/** Short ASCII is nearly all there is, and a loop beats a call into native code up to about this length. */
const LOOP_LENGTH_MAX = 24

const SHORT_STRING_BYTES_MAX = 255

/** With the `u` flag a surrogate that belongs to a pair does not match: only escaped bytes do. */
const ESCAPED_BYTE = /[\uDC80-\uDCFF]/u

export function readText(buffer: Buffer, start: number, end: number): string {
  const text = buffer.toString('utf8', start, end)
  return text.includes('\uFFFD') ? readEscaping(buffer, start, end) : text
}

/** The text, or undefined where the bytes are not valid UTF-8. */
export function readValidText(buffer: Buffer, start: number, end: number): string | undefined {
  const text = buffer.toString('utf8', start, end)
  return text.includes('\uFFFD') && !isUtf8(buffer.subarray(start, end)) ? undefined : text
}

function readEscaping(buffer: Buffer, start: number, end: number): string {
  const parts: string[] = []
  let runStart = start
  let at = start
  while (at < end) {
    const length = sequenceLength(buffer, at, end)
    if (length > 0) {
      at += length
      continue
    }
    if (runStart < at) parts.push(buffer.toString('utf8', runStart, at))
    parts.push(String.fromCharCode(0xdc00 + buffer[at]!))
    at += 1
    runStart = at
  }
  parts.push(buffer.toString('utf8', runStart, end))
  return parts.join('')
}

/** Length of the valid UTF-8 sequence at `at` (table 3-7 of the Unicode standard), or 0. */
function sequenceLength(buffer: Buffer, at: number, end: number): number {
  const lead = buffer[at]!
  if (lead < 0x80) return 1
  if (lead < 0xc2 || lead > 0xf4) return 0
  const length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
  if (at + length > end) return 0
  const second = buffer[at + 1]!
  const secondMin = lead === 0xe0 ? 0xa0 : lead === 0xf0 ? 0x90 : 0x80
  const secondMax = lead === 0xed ? 0x9f : lead === 0xf4 ? 0x8f : 0xbf
  if (second < secondMin || second > secondMax) return 0
  for (let next = at + 2; next < at + length; next++) {
    if ((buffer[next]! & 0xc0) !== 0x80) return 0
  }
  return length
}

/** How many bytes `writeText` writes. */
export function textSize(text: string): number {
  const length = text.length
  if (length > LOOP_LENGTH_MAX) return longTextSize(text)
  for (let index = 0; index < length; index++) {
    if (text.charCodeAt(index) >= 0x80) return longTextSize(text)
  }
  return length
}

function longTextSize(text: string): number {
  return ESCAPED_BYTE.test(text) ? unescapeBytes(text).length : Buffer.byteLength(text)
}

/** Writes the bytes of `text`, for which the caller has made room, and returns the position behind them. */
export function writeText(target: Buffer, at: number, text: string): number {
  const length = text.length
  if (length > LOOP_LENGTH_MAX) return writeLongText(target, at, text)
  for (let index = 0; index < length; index++) {
    const code = text.charCodeAt(index)
    if (code >= 0x80) return writeLongText(target, at, text)
    target[at + index] = code
  }
  return at + length
}

function writeLongText(target: Buffer, at: number, text: string): number {
  return at + (ESCAPED_BYTE.test(text) ? unescapeBytes(text).copy(target, at) : target.write(text, at))
}

function unescapeBytes(text: string): Buffer {
  const parts: Buffer[] = []
  let runStart = 0
  for (let index = 0; index < text.length; ) {
    const code = text.codePointAt(index)!
    const isEscaped = code >= 0xdc80 && code <= 0xdcff
    if (isEscaped) {
      parts.push(Buffer.from(text.slice(runStart, index)), Buffer.of(code & 0xff))
      runStart = index + 1
    }
    index += code > 0xffff ? 2 : 1
  }
  parts.push(Buffer.from(text.slice(runStart)))
  return Buffer.concat(parts)
}

/** The size of a short string: one octet of length, then the bytes. */
export function shortStringSize(text: string): number {
  return 1 + textSize(text)
}

/** @throws {InvariantError} beyond 255 bytes: such names are refused where they are made, never at this point. */
export function writeShortString(target: Buffer, at: number, text: string): number {
  const end = writeText(target, at + 1, text)
  const length = end - at - 1
  invariant(length <= SHORT_STRING_BYTES_MAX, `short string of ${length} bytes`)
  target[at] = length
  return end
}

/** Cuts a text at a whole character so that it fits a short string: reply texts carry names and may grow too long. */
export function clipToShortString(text: string): string {
  if (textSize(text) <= SHORT_STRING_BYTES_MAX) return text
  let sizeBytes = 0
  let length = 0
  for (const character of text) {
    sizeBytes += textSize(character)
    if (sizeBytes > SHORT_STRING_BYTES_MAX) break
    length += character.length
  }
  return text.slice(0, length)
}
