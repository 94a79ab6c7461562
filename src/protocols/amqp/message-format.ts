/**
 * AMQP 0-9-1 properties as a message format: what the broker may ask and change without knowing their encoding. The
 * bytes are those of a content header from its flags on; they were checked when they came in.
 */
import { emptyTable, type FieldTable, type FieldValue } from '../../base/field-value.ts'
import { readText } from '../../base/text.ts'
import type { MessageFormat, PropertyChange } from '../../message/message-format.ts'
import { FieldPosition, findHeader } from './wire/field-scan.ts'
import { decodeTable } from './wire/field-table.ts'
import { decodeProperties, decodeProperty, editProperties, type PropertyEdits } from './wire/properties.ts'
import { type PropertyName, PropertyScan, scanProperties } from './wire/property-scan.ts'
import { dashedNames } from './wire/property-texts.ts'

/** Stored with every message: never to be changed. */
const AMQP_FORMAT_ID = 1

/** Letters of the types whose value begins with a size. */
const SIZED_TYPES = 'SxFA'

// Used within one call each: nothing here runs twice at once.
const scan = new PropertyScan()
const position = new FieldPosition()

const namesWithDashes: ReadonlyMap<string, PropertyName> = new Map(
  dashedNames.map(({ dashed, name }): [string, PropertyName] => [dashed, name]),
)

function headers(properties: Buffer): FieldTable {
  scanProperties(properties, 0, properties.length, scan)
  return scan.headersStart < 0 ? emptyTable : decodeTable(properties, scan.headersStart, scan.headersEnd)
}

function header(properties: Buffer, name: string): FieldValue | undefined {
  scanProperties(properties, 0, properties.length, scan)
  if (scan.headersStart < 0) return undefined
  const key = Buffer.from(name)
  if (!findHeader(properties, scan.headersStart, scan.headersEnd, key, position)) return undefined
  // The pair alone is a table of one: length, key, letter, the size of a sized value, value.
  const sizeBytes = SIZED_TYPES.includes(String.fromCharCode(position.type)) ? 4 : 0
  const pairStart = position.start - sizeBytes - 1 - key.length - 1
  return decodeTable(properties, pairStart, position.end).values().next().value
}

function expiration(properties: Buffer): string | undefined {
  scanProperties(properties, 0, properties.length, scan)
  return scan.expirationStart < 0 ? undefined : readText(properties, scan.expirationStart, scan.expirationEnd)
}

function property(properties: Buffer, name: string): string | undefined {
  const known = namesWithDashes.get(name)
  if (known === undefined) return undefined
  const value = decodeProperty(properties, 0, properties.length, known)
  return value === undefined ? undefined : String(value)
}

function named(properties: Buffer): ReadonlyMap<string, string> {
  const values = decodeProperties(properties, 0, properties.length)
  const texts = new Map<string, string>()
  for (const { name, dashed } of dashedNames) {
    const value = values[name]
    if (value !== undefined) texts.set(dashed, String(value))
  }
  return texts
}

function change(properties: Buffer, { headers, removeExpiration }: PropertyChange): Buffer {
  const edits: PropertyEdits = {
    ...(headers === undefined ? {} : { headers }),
    ...(removeExpiration ? { expiration: null } : {}),
  }
  return editProperties(properties, edits)
}

export const amqpMessageFormat: MessageFormat = {
  id: AMQP_FORMAT_ID,
  name: 'amqp-0-9-1',
  headers,
  header,
  expiration,
  property,
  named,
  change,
}
