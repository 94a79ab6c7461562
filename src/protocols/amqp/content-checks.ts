/**
 * What RabbitMQ looks at in the properties of a published message, with its words for what is wrong: user-id, expiration,
 * the sender's own routing keys (CC and BCC), and reply-to for direct replies. Raw bytes in, decisions out.
 */
import { Refused } from '../../base/errors.ts'
import { readText } from '../../base/text.ts'
import { EXPIRATION_MS_MAX } from '../../message/message.ts'
import { fieldTypeName } from './field-type-names.ts'
import { checkTable, FieldPosition, findHeader } from './wire/field-scan.ts'
import { decodeTable } from './wire/field-table.ts'
import { editProperties } from './wire/properties.ts'
import type { PropertyScan } from './wire/property-scan.ts'

const CC = Buffer.from('CC')
const BCC = Buffer.from('BCC')
const ARRAY = 0x41

export const DIRECT_REPLY_TO = 'amq.rabbitmq.reply-to'
const DIRECT_REPLY_TO_BYTES = Buffer.from(DIRECT_REPLY_TO)

const position = new FieldPosition()

/** @throws {Refused} when the message claims another user */
export function checkUserId(buffer: Buffer, scan: PropertyScan, user: Buffer): void {
  if (scan.userIdStart < 0) return
  if (user.compare(buffer, scan.userIdStart, scan.userIdEnd) === 0) return
  const claimed = readText(buffer, scan.userIdStart, scan.userIdEnd)
  const text = `user_id property set to '${claimed}' but authenticated user was '${user.toString()}'`
  throw new Refused('precondition-failed', text)
}

const ZERO = 0x30
const NINE = 0x39

/** Milliseconds, or undefined when there are none. @throws {Refused} when it is not a whole number in decimal digits */
export function readExpiration(buffer: Buffer, scan: PropertyScan): number | undefined {
  const { expirationStart, expirationEnd } = scan
  if (expirationStart < 0) return undefined
  let value = 0
  for (let at = expirationStart; at < expirationEnd; at++) {
    const digit = buffer[at]!
    if (digit < ZERO || digit > NINE) return oddExpiration(readText(buffer, expirationStart, expirationEnd))
    value = value * 10 + digit - ZERO
  }
  if (expirationStart === expirationEnd || value > EXPIRATION_MS_MAX) {
    return oddExpiration(readText(buffer, expirationStart, expirationEnd))
  }
  return value
}

/** What is not plain digits, judged as Erlang's string:to_integer does: a sign is fine, anything behind is not. */
function oddExpiration(text: string): number {
  const [, digits, rest] = /^([+-]?\d+)(.*)$/s.exec(text) ?? []
  let why = 'no_integer'
  if (digits !== undefined) {
    const value = BigInt(digits.replace('+', ''))
    if (rest !== '') why = `{leftover_string,${JSON.stringify(rest)}}`
    else if (value < 0n) why = `{value_negative,${value}}`
    else if (value > EXPIRATION_MS_MAX) why = `{value_too_large,${value}}`
    else return Number(value)
  }
  throw new Refused('precondition-failed', `invalid expiration '${text}': ${why}`)
}

/**
 * Checks the header table and collects the routing keys in it.
 * @returns undefined when there are none
 * @throws {WireError} for a malformed table
 * @throws {Refused} for CC or BCC that is not an array
 */
export function readSenderKeys(buffer: Buffer, scan: PropertyScan): string[] | undefined {
  const { headersStart, headersEnd } = scan
  if (headersStart < 0) return undefined
  checkTable(buffer, headersStart, headersEnd)
  const hasCc = findKeys(buffer, headersStart, headersEnd, CC)
  const hasBcc = findKeys(buffer, headersStart, headersEnd, BCC)
  if (!hasCc && !hasBcc) return undefined
  const headers = decodeTable(buffer, headersStart, headersEnd)
  const keys: string[] = []
  for (const name of ['CC', 'BCC']) {
    const value = headers.get(name)
    if (value?.type !== 'A') continue
    for (const item of value.value) {
      if (item.type !== 'S') continue
      keys.push(typeof item.value === 'string' ? item.value : readText(item.value, 0, item.value.length))
    }
  }
  return keys
}

function findKeys(buffer: Buffer, start: number, end: number, name: Buffer): boolean {
  if (!findHeader(buffer, start, end, name, position)) return false
  if (position.type === ARRAY) return true
  const type = fieldTypeName(String.fromCharCode(position.type))
  const text = `invalid message: {unacceptable_type_in_header,"${name.toString()}",${type}}`
  throw new Refused('precondition-failed', text)
}

/** The properties buffer[start, end) without the BCC header, which receivers must not see; undefined when there is none. */
export function withoutBcc(buffer: Buffer, start: number, end: number, scan: PropertyScan): Buffer | undefined {
  const { headersStart, headersEnd } = scan
  if (headersStart < 0 || !findHeader(buffer, headersStart, headersEnd, BCC, position)) return undefined
  const headers = new Map(decodeTable(buffer, headersStart, headersEnd))
  headers.delete('BCC')
  return editProperties(buffer.subarray(start, end), { headers })
}

/** Whether answers are to come back through a mailbox of the channel. */
export function asksDirectReply(buffer: Buffer, scan: PropertyScan): boolean {
  const { replyToStart, replyToEnd } = scan
  if (replyToStart < 0 || replyToEnd - replyToStart !== DIRECT_REPLY_TO_BYTES.length) return false
  return DIRECT_REPLY_TO_BYTES.compare(buffer, replyToStart, replyToEnd) === 0
}
