/**
 * Field tables to plain JavaScript values and back, for people and for JSON. Types are lost on the way out (an int8 and
 * an int64 are both numbers) and chosen on the way in; where they matter, use the typed values as they are.
 */
import type { FieldTable, FieldValue } from '../../../base/field-value.ts'

export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | Buffer
  | readonly PlainValue[]
  | { readonly [key: string]: PlainValue }

/** Timestamps become seconds, decimals the nearest number. */
export function plainValue(field: FieldValue): PlainValue {
  switch (field.type) {
    case 'V':
      return null
    case 'D':
      return field.value / 10 ** field.scale
    case 'F':
      return plainTable(field.value)
    case 'A':
      return field.value.map(plainValue)
    default:
      return field.value
  }
}

export function plainTable(table: FieldTable): { readonly [key: string]: PlainValue } {
  // fromEntries defines properties, so a header named __proto__ is a header like any other.
  return Object.fromEntries([...table].map(([key, value]) => [key, plainValue(value)]))
}

const INT32_MIN = -(2 ** 31)
const INT32_MAX = 2 ** 31 - 1

/** Whole numbers become int32 where they fit, else int64; all other numbers doubles. */
export function fieldFromPlain(value: PlainValue): FieldValue {
  switch (typeof value) {
    case 'string':
      return { type: 'S', value }
    case 'boolean':
      return { type: 't', value }
    case 'bigint':
      return { type: 'l', value }
    case 'number':
      return fieldFromNumber(value)
    default:
      if (value === null) return { type: 'V' }
      if (Buffer.isBuffer(value)) return { type: 'x', value }
      if (isPlainArray(value)) return { type: 'A', value: value.map(fieldFromPlain) }
      return { type: 'F', value: tableFromPlain(value) }
  }
}

function fieldFromNumber(value: number): FieldValue {
  if (!Number.isSafeInteger(value) || Object.is(value, -0)) return { type: 'd', value }
  return { type: value >= INT32_MIN && value <= INT32_MAX ? 'I' : 'l', value }
}

/** `Array.isArray` does not narrow away a readonly array. */
function isPlainArray(value: object): value is readonly PlainValue[] {
  return Array.isArray(value)
}

export function tableFromPlain(values: { readonly [key: string]: PlainValue }): FieldTable {
  return new Map(Object.entries(values).map(([key, value]) => [key, fieldFromPlain(value)]))
}
