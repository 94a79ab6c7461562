/**
 * Turns the schema of one version of a message into a function that reads it. The function is made as source text, so that
 * every struct is read by straight code into an object literal of one shape: closures over field names would look every
 * property up by name, several times slower. The text is made of our schemas alone, never of anything a peer sent.
 *
 *     function topic(r) {                         // for `topics []Topic 1+`, `name string`, `ids []int32`
 *       const _name = r.compactString("name")
 *       let n1 = r.compactCount("ids", 4), _ids = []
 *       for (; n1 > 0; n1--) _ids.push(r.int32("ids"))
 *       r.skipTags()
 *       return { name: _name, ids: _ids }
 *     }
 *
 * Fields that a version does not have get their default, so that the object has the same shape in every version.
 */
import { invariant } from '../../../base/errors.ts'
import { existsIn, type Field, isNullableIn, type PlainType } from './schema.ts'
import { WireReader } from './wire-reader.ts'

export type Decode<T> = (reader: WireReader) => T

/** Sixteen zero bytes stand for "no id". */
export const ZERO_UUID: Buffer = Buffer.alloc(16)

const EMPTY_BYTES: Buffer = Buffer.alloc(0)

/** What the made functions may use besides their reader. */
const CONSTANTS = { zeroUuid: ZERO_UUID, emptyBytes: EMPTY_BYTES }

const FIXED_BYTES: Readonly<Partial<Record<PlainType, number>>> = {
  bool: 1,
  int8: 1,
  int16: 2,
  uint16: 2,
  int32: 4,
  uint32: 4,
  int64: 8,
  float64: 8,
  uuid: 16,
}

export function compileDecoder<T>(fields: readonly Field[], version: number, isFlexible: boolean): Decode<T> {
  const source = new DecoderSource(version, isFlexible)
  const main = source.structFunction(fields)
  const text = `'use strict'\nconst { zeroUuid, emptyBytes } = constants\n${source.text}\nreturn ${main}`
  // The schema describes T: both are made from the same definitions by scripts/kafka-schemas.mjs.
  return new Function('constants', text)(CONSTANTS) as Decode<T>
}

/** Decodes the message in buffer[start, end). Bytes behind it are left alone, as Apache Kafka does. */
export function decodeWith<T>(decode: Decode<T>, buffer: Buffer, start: number, end: number): T {
  return decode(new WireReader(buffer, start, end))
}

class DecoderSource {
  text = ''
  readonly #version: number
  readonly #isFlexible: boolean
  #functionCount = 0
  #variableCount = 0

  constructor(version: number, isFlexible: boolean) {
    this.#version = version
    this.#isFlexible = isFlexible
  }

  /** Adds the function that reads a struct; returns its name. */
  structFunction(fields: readonly Field[]): string {
    const name = `read${this.#functionCount++}`
    let body = ''
    for (const field of fields) {
      const isHere = existsIn(field, this.#version)
      if (isHere && field.tag === undefined) body += this.#read(field, `_${field.name}`)
      else body += `let _${field.name} = ${this.#defaultOf(field)}\n`
    }
    if (this.#isFlexible) body += this.#tags(fields.filter((field) => field.tag !== undefined))
    const properties = fields.map((field) => `${field.name}: _${field.name}`).join(', ')
    this.text += `function ${name}(r) {\n${body}return { ${properties} }\n}\n`
    return name
  }

  /** Statements that declare `variable` and read the field into it. */
  #read(field: Field, variable: string): string {
    const isNullable = isNullableIn(field, this.#version)
    const label = JSON.stringify(field.name)
    if (field.isArray) {
      const count = this.#variable()
      const element = this.#element(field)
      const call = `r.${this.#method('Count', isNullable)}(${label}, ${this.#elementBytesMin(field)})`
      return (
        `let ${count} = ${call}\nconst ${variable} = ${isNullable ? `${count} < 0 ? null : []` : '[]'}\n` +
        `for (; ${count} > 0; ${count}--) ${variable}.push(${element})\n`
      )
    }
    if (field.type === 'struct') {
      const call = `${this.structFunction(field.fields)}(r)`
      return `const ${variable} = ${isNullable ? `r.int8(${label}) < 0 ? null : ${call}` : call}\n`
    }
    return `const ${variable} = ${this.#plain(field.type, label, isNullable)}\n`
  }

  #element(field: Field): string {
    if (field.type === 'struct') return `${this.structFunction(field.fields)}(r)`
    return this.#plain(field.type, JSON.stringify(field.name), false)
  }

  #plain(type: PlainType, label: string, isNullable: boolean): string {
    if (type === 'string') return `r.${this.#method('String', isNullable)}(${label})`
    if (type === 'bytes' || type === 'records') return `r.${this.#method('Bytes', isNullable)}(${label})`
    return `r.${type}(${label})`
  }

  /** `compactNullableString` and its kin. */
  #method(kind: 'String' | 'Bytes' | 'Count', isNullable: boolean): string {
    const name = `${this.#isFlexible ? 'Compact' : ''}${isNullable ? 'Nullable' : ''}${kind}`
    return name[0]!.toLowerCase() + name.slice(1)
  }

  #tags(fields: readonly Field[]): string {
    const known = fields.filter((field) => existsIn(field, this.#version))
    if (known.length === 0) return 'r.skipTags()\n'
    let cases = ''
    for (const field of known) {
      cases += `case ${field.tag}: {\n${this.#read(field, 'tagged')}_${field.name} = tagged\n`
      cases += `r.expectTagEnd(end, ${JSON.stringify(field.name)})\nbreak\n}\n`
    }
    return (
      `for (let left = r.uvarint('tagged fields'); left > 0; left--) {\nconst tag = r.uvarint('tag')\n` +
      `const end = r.tagEnd()\nswitch (tag) {\n${cases}default: r.at = end\n}\n}\n`
    )
  }

  #variable(): string {
    return `n${this.#variableCount++}`
  }

  /** The least bytes one element can take; 1 at least, so that a count is always bounded by the bytes there are. */
  #elementBytesMin(field: Field): number {
    return Math.max(1, field.type === 'struct' ? this.#structBytesMin(field.fields) : this.#plainBytesMin(field.type))
  }

  #structBytesMin(fields: readonly Field[]): number {
    let sum = this.#isFlexible ? 1 : 0
    for (const field of fields) {
      if (!existsIn(field, this.#version) || field.tag !== undefined) continue
      if (field.isArray) sum += this.#isFlexible ? 1 : 4
      else if (field.type !== 'struct') sum += this.#plainBytesMin(field.type)
      else sum += isNullableIn(field, this.#version) ? 1 : this.#structBytesMin(field.fields)
    }
    return sum
  }

  #plainBytesMin(type: PlainType): number {
    return FIXED_BYTES[type] ?? (this.#isFlexible ? 1 : type === 'string' ? 2 : 4)
  }

  #defaultOf(field: Field): string {
    if (field.default === 'null') return 'null'
    if (field.isArray) return '[]'
    switch (field.type) {
      case 'struct':
        return `{ ${field.fields.map((inner) => `${inner.name}: ${this.#defaultOf(inner)}`).join(', ')} }`
      case 'bool':
        return field.default ?? 'false'
      case 'string':
        invariant(field.default === undefined, `${field.name}: a string's default is '' or null`)
        return "''"
      case 'uuid':
        return 'zeroUuid'
      case 'bytes':
      case 'records':
        return 'emptyBytes'
      default:
        return field.default ?? '0'
    }
  }
}
