/**
 * Field tables as JSON and back without loss: order, type letters, bytes, 64-bit integers and the floats JSON has no
 * words for. This is how arguments lie in the metadata.
 *
 *     table   [[key, type, value?], ...]          item of an array   [type, value?]
 *     bool    true, false                         integers, 'T'      number, or digits as text where it was a bigint
 *     f, d    number, or "NaN", "Infinity",       D                  [scale, value]
 *             "-Infinity", "-0"                   S                  text, or {"bytes": base64}
 *     x       base64                              V                  none
 *     F       table                               A                  [item, ...]
 */
import { StorageError } from '../../base/errors.ts'
import type { FieldTable, FieldValue } from '../../base/field-value.ts'

export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }

export function tableToJson(table: FieldTable): Json {
  return [...table].map(([key, value]) => [key, ...valueToJson(value)])
}

/** @throws {StorageError} 'damaged' when this is no table */
export function tableFromJson(json: unknown): FieldTable {
  const table = new Map<string, FieldValue>()
  for (const entry of listOf(json)) {
    const [key, type, value] = listOf(entry)
    if (typeof key !== 'string') throw damaged(entry)
    table.set(key, valueFromJson(type, value))
  }
  return table
}

/** Equal for equal tables, in whatever order their keys came: for telling bindings apart. */
export function canonicalTableText(table: FieldTable): string {
  const sorted = [...table].sort(([a], [b]) => (a < b ? -1 : 1))
  return JSON.stringify(tableToJson(new Map(sorted.map(([key, value]) => [key, canonicalValue(value)]))))
}

function canonicalValue(value: FieldValue): FieldValue {
  if (value.type === 'A') return { type: 'A', value: value.value.map(canonicalValue) }
  if (value.type !== 'F') return value
  const sorted = [...value.value].sort(([a], [b]) => (a < b ? -1 : 1))
  return { type: 'F', value: new Map(sorted.map(([key, inner]) => [key, canonicalValue(inner)])) }
}

function valueToJson(value: FieldValue): Json[] {
  switch (value.type) {
    case 'V':
      return [value.type]
    case 'D':
      return [value.type, [value.scale, value.value]]
    case 'S':
      return [value.type, typeof value.value === 'string' ? value.value : { bytes: value.value.toString('base64') }]
    case 'x':
      return [value.type, value.value.toString('base64')]
    case 'F':
      return [value.type, tableToJson(value.value)]
    case 'A':
      return [value.type, value.value.map(valueToJson)]
    case 'f':
    case 'd':
      return [value.type, Number.isFinite(value.value) && !Object.is(value.value, -0) ? value.value : floatText(value)]
    default:
      return [value.type, typeof value.value === 'bigint' ? String(value.value) : value.value]
  }
}

function floatText({ value }: { readonly value: number }): string {
  return Object.is(value, -0) ? '-0' : String(value)
}

function valueFromJson(type: unknown, json: unknown): FieldValue {
  switch (type) {
    case 'V':
      return { type }
    case 't':
      if (typeof json !== 'boolean') throw damaged(json)
      return { type, value: json }
    case 'D': {
      const [scale, value] = listOf(json)
      if (typeof scale !== 'number' || typeof value !== 'number') throw damaged(json)
      return { type, scale, value }
    }
    case 'S':
      return { type, value: typeof json === 'string' ? json : bytesOf(fieldOf(json, 'bytes')) }
    case 'x':
      return { type, value: bytesOf(json) }
    case 'F':
      return { type, value: tableFromJson(json) }
    case 'A':
      return { type, value: listOf(json).map(itemFromJson) }
    case 'f':
    case 'd':
      if (typeof json !== 'number' && typeof json !== 'string') throw damaged(json)
      return { type, value: Number(json) }
    default:
      return integerFromJson(type, json)
  }
}

function itemFromJson(json: unknown): FieldValue {
  const [type, value] = listOf(json)
  return valueFromJson(type, value)
}

function integerFromJson(type: unknown, json: unknown): FieldValue {
  switch (type) {
    case 'b':
    case 'B':
    case 's':
    case 'u':
    case 'I':
    case 'i':
    case 'l':
    case 'L':
    case 'T':
      if (typeof json === 'number') return { type, value: json }
      if (typeof json === 'string' && /^-?\d+$/.test(json)) return { type, value: BigInt(json) }
      throw damaged(json)
    default:
      throw damaged(type)
  }
}

function listOf(json: unknown): readonly unknown[] {
  if (!Array.isArray(json)) throw damaged(json)
  return json
}

function fieldOf(json: unknown, name: string): unknown {
  if (typeof json !== 'object' || json === null) throw damaged(json)
  return new Map(Object.entries(json)).get(name)
}

function bytesOf(json: unknown): Buffer {
  if (typeof json !== 'string') throw damaged(json)
  return Buffer.from(json, 'base64')
}

function damaged(json: unknown): StorageError {
  return new StorageError('damaged', `not part of a stored argument table: ${JSON.stringify(json)?.slice(0, 200)}`)
}
