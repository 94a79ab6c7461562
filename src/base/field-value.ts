/**
 * Typed values, as headers and declaration arguments carry them: the house's neutral form. The type letters are those
 * RabbitMQ uses in AMQP 0-9-1 field tables, because that is the richest set any client sends; a value keeps its letter,
 * so that it goes out as it came in. Encoding and decoding lie with the protocols.
 */

import { readText } from './text.ts'

export type IntegerType = 'b' | 'B' | 's' | 'u' | 'I' | 'i' | 'l' | 'L'

export type FieldValue =
  | { readonly type: 't'; readonly value: boolean }
  /** 64-bit values are bigint only beyond 2^53. */
  | { readonly type: IntegerType; readonly value: number | bigint }
  /** Seconds since the epoch. */
  | { readonly type: 'T'; readonly value: number | bigint }
  | { readonly type: 'f' | 'd'; readonly value: number }
  | { readonly type: 'D'; readonly scale: number; readonly value: number }
  /** A long string: text where the bytes are valid UTF-8, the bytes themselves where they are not. */
  | { readonly type: 'S'; readonly value: string | Buffer }
  | { readonly type: 'x'; readonly value: Buffer }
  | { readonly type: 'V' }
  | { readonly type: 'F'; readonly value: FieldTable }
  | { readonly type: 'A'; readonly value: readonly FieldValue[] }

/** What RabbitMQ calls the types in its error texts, which clients and their users know. */
export const fieldTypeNames: Readonly<Record<FieldValue['type'], string>> = {
  t: 'bool',
  b: 'byte',
  B: 'unsignedbyte',
  s: 'short',
  u: 'unsignedshort',
  I: 'signedint',
  i: 'unsignedint',
  l: 'long',
  L: 'long',
  f: 'float',
  d: 'double',
  D: 'decimal',
  S: 'longstr',
  x: 'binary',
  T: 'timestamp',
  F: 'table',
  A: 'array',
  V: 'void',
}

/** Order of insertion is kept, also on the wire. */
export type FieldTable = ReadonlyMap<string, FieldValue>

export const emptyTable: FieldTable = new Map()

export const longstr = (value: string | Buffer): FieldValue => ({ type: 'S', value })
export const long = (value: number | bigint): FieldValue => ({ type: 'l', value })
export const bool = (value: boolean): FieldValue => ({ type: 't', value })
export const timestamp = (seconds: number): FieldValue => ({ type: 'T', value: seconds })
export const array = (value: readonly FieldValue[]): FieldValue => ({ type: 'A', value })
export const table = (value: FieldTable): FieldValue => ({ type: 'F', value })

const integerTypes: ReadonlySet<string> = new Set(['b', 'B', 's', 'u', 'I', 'i', 'l', 'L'])

/** The text of a long string, bytes that are no text kept as `text.ts` keeps them; `undefined` for every other type. */
export function textOf(value: FieldValue | undefined): string | undefined {
  if (value?.type !== 'S') return undefined
  return typeof value.value === 'string' ? value.value : readText(value.value, 0, value.value.length)
}

/** The texts in an array of long strings, anything else in it left out; empty for every other type. */
export function textsOf(value: FieldValue | undefined): string[] {
  if (value?.type !== 'A') return []
  return value.value.map(textOf).filter((text) => text !== undefined)
}

/** The number in any integer type, rounded to a double beyond 2^53; `undefined` for every other type. */
export function integerOf(value: FieldValue | undefined): number | undefined {
  if (value === undefined || !integerTypes.has(value.type)) return undefined
  return Number((value as { value: number | bigint }).value)
}

/** Equality as RabbitMQ compares arguments: integers of any width by value, all else by type and value. */
export function sameFieldValue(a: FieldValue | undefined, b: FieldValue | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  const aInteger = integerTypes.has(a.type)
  if (aInteger && integerTypes.has(b.type)) {
    // Loose on purpose: 5 and 5n are the same argument.
    return BigInt((a as { value: number | bigint }).value) === BigInt((b as { value: number | bigint }).value)
  }
  switch (a.type) {
    case 'V':
      return b.type === 'V'
    case 'D':
      return b.type === 'D' && a.scale === b.scale && a.value === b.value
    case 'S':
    case 'x':
      return b.type === a.type && sameBytes(a.value, b.value)
    case 'F':
      return b.type === 'F' && sameTable(a.value, b.value)
    case 'A':
      return (
        b.type === 'A' &&
        a.value.length === b.value.length &&
        a.value.every((item, index) => sameFieldValue(item, b.value[index]))
      )
    case 'T':
      return b.type === 'T' && BigInt(a.value) === BigInt(b.value)
    default:
      return b.type === a.type && a.value === b.value
  }
}

export function sameTable(a: FieldTable, b: FieldTable): boolean {
  if (a.size !== b.size) return false
  for (const [key, value] of a) if (!sameFieldValue(value, b.get(key))) return false
  return true
}

function sameBytes(a: string | Buffer, b: string | Buffer): boolean {
  if (typeof a === 'string' && typeof b === 'string') return a === b
  return Buffer.from(a as string).equals(Buffer.from(b as string))
}
