/** A message format for tests: properties are the JSON of a header table of strings and integers. */
import { type FieldTable, type FieldValue, long, longstr } from '../../../src/base/field-value.ts'
import { tableFromJson, tableToJson } from '../../../src/broker/topology/table-json.ts'
import type { MessageFormat } from '../../../src/message/message-format.ts'

export const plainFormat: MessageFormat = {
  id: 200,
  name: 'plain',
  headers: (properties) => (properties.length === 0 ? new Map() : tableFromJson(JSON.parse(properties.toString()))),
  header: (properties, name) => plainFormat.headers(properties).get(name),
  expiration: (properties) => {
    const value = plainFormat.header(properties, '#expiration')
    return value?.type === 'S' ? String(value.value) : undefined
  },
  property: () => undefined,
  named: () => new Map(),
  change: (properties, { headers, removeExpiration }) => {
    const changed = new Map(headers ?? plainFormat.headers(properties))
    if (removeExpiration) changed.delete('#expiration')
    return plainProperties(changed)
  },
}

export function plainProperties(headers: FieldTable): Buffer {
  return headers.size === 0 ? Buffer.alloc(0) : Buffer.from(JSON.stringify(tableToJson(headers)))
}

export function headersOf(values: Record<string, string | number | FieldValue>): FieldTable {
  const headers = new Map<string, FieldValue>()
  for (const [name, value] of Object.entries(values)) {
    headers.set(name, typeof value === 'string' ? longstr(value) : typeof value === 'number' ? long(value) : value)
  }
  return headers
}
