/**
 * Turns the schema of one version of a message into a function that writes it; see `compile-decoder.ts` for why this is
 * made as source text. What an object leaves out is written as its default. Fields that the version does not have are left
 * out silently in responses: a handler fills in what it knows and each client gets what its version can carry. In requests
 * they are refused unless the schema calls them ignorable, because the request would mean something else without them.
 *
 *     function topic(w, o) {                      // for `name string`, `ids []int32`, `note string? #0 = null`
 *       const name = o.name
 *       w.compactString(name === undefined ? "" : name)
 *       const ids = o.ids === undefined ? [] : o.ids
 *       w.compactCount(ids.length)
 *       for (const e of ids) w.int32(e)
 *       const isNote = !(o.note === undefined || o.note === null)
 *       w.uvarint(isNote)
 *       if (isNote) { const t = w.beginTag(0); w.compactNullableString(o.note); w.endTag(t) }
 *     }
 */
import { InvariantError } from '../../../base/errors.ts'
import { ZERO_UUID } from './compile-decoder.ts'
import { existsIn, type Field, isNullableIn, type PlainType } from './schema.ts'
import type { WireWriter } from './wire-writer.ts'

export type Encode<T> = (writer: WireWriter, value: T) => void

export type StrayFields = 'left-out' | 'refused'

/** What the made functions may use besides writer and object. */
const CONSTANTS = {
  zeroUuid: ZERO_UUID,
  emptyBytes: Buffer.alloc(0),
  isZero: (uuid: Buffer): boolean => ZERO_UUID.equals(uuid),
  notNull: (field: string): never => {
    throw new InvariantError(`${field} is null, which this version cannot say`)
  },
  stray: (field: string): never => {
    throw new InvariantError(`${field} is set, which this version does not have`)
  },
}

export function compileEncoder<T>(
  fields: readonly Field[],
  version: number,
  isFlexible: boolean,
  strayFields: StrayFields,
): Encode<T> {
  const source = new EncoderSource(version, isFlexible, strayFields)
  const main = source.structFunction(fields)
  const names = Object.keys(CONSTANTS).join(', ')
  const text = `'use strict'\nconst { ${names} } = constants\n${source.text}\nreturn ${main}`
  // The schema describes T: both are made from the same definitions by scripts/kafka-schemas.mjs.
  return new Function('constants', text)(CONSTANTS) as Encode<T>
}

class EncoderSource {
  text = ''
  readonly #version: number
  readonly #isFlexible: boolean
  readonly #strayFields: StrayFields
  #functionCount = 0

  constructor(version: number, isFlexible: boolean, strayFields: StrayFields) {
    this.#version = version
    this.#isFlexible = isFlexible
    this.#strayFields = strayFields
  }

  /** Adds the function that writes a struct; returns its name. */
  structFunction(fields: readonly Field[]): string {
    const name = `write${this.#functionCount++}`
    let body = ''
    for (const field of fields) {
      if (!existsIn(field, this.#version)) body += this.#absent(field)
      else if (field.tag === undefined) body += `{\n${this.#given(field)}${this.#write(field)}}\n`
    }
    if (this.#isFlexible) body += this.#tags(fields)
    this.text += `function ${name}(w, o) {\n${body}}\n`
    return name
  }

  #absent(field: Field): string {
    if (this.#strayFields === 'left-out' || field.isIgnorable) return ''
    const label = JSON.stringify(field.name)
    return `{\nconst x = o.${field.name}\nif (x !== undefined && !(${this.#isDefault(field)})) stray(${label})\n}\n`
  }

  #given(field: Field): string {
    return `let x = o.${field.name}\nif (x === undefined) x = ${this.#defaultOf(field)}\n`
  }

  /** Statements that write `x`. */
  #write(field: Field): string {
    const isNullable = isNullableIn(field, this.#version)
    const label = JSON.stringify(field.name)
    const refuseNull = isNullable ? '' : `if (x === null) notNull(${label})\n`
    if (field.isArray) {
      const nothing = this.#isFlexible ? 'w.compactCount(-1)' : 'w.count(-1)'
      const count = this.#isFlexible ? 'w.compactCount(x.length)' : 'w.count(x.length)'
      const loop = `${count}\nfor (let i = 0; i < x.length; i++) ${this.#element(field)}\n`
      return isNullable ? `if (x === null) ${nothing}\nelse {\n${loop}}\n` : refuseNull + loop
    }
    if (field.type === 'struct') {
      const call = `${this.structFunction(field.fields)}(w, x)\n`
      return isNullable ? `if (x === null) w.int8(-1)\nelse {\nw.int8(1)\n${call}}\n` : refuseNull + call
    }
    return `${refuseNull}${this.#plain(field.type, 'x', isNullable)}\n`
  }

  #element(field: Field): string {
    if (field.type === 'struct') return `${this.structFunction(field.fields)}(w, x[i])`
    return this.#plain(field.type, 'x[i]', false)
  }

  #plain(type: PlainType, value: string, isNullable: boolean): string {
    const compact = this.#isFlexible ? 'compact' : ''
    const nullable = isNullable ? 'Nullable' : ''
    if (type === 'string') return `w.${lowerFirst(`${compact}${nullable}String`)}(${value})`
    if (type === 'bytes') return `w.${lowerFirst(`${compact}${nullable}Bytes`)}(${value})`
    if (type === 'records') return `w.${lowerFirst(`${compact}Records`)}(${value})`
    return `w.${type}(${value})`
  }

  /** Tagged fields in the order of their tags; one that has its default is not written at all. */
  #tags(fields: readonly Field[]): string {
    const tagged = fields.filter((field) => field.tag !== undefined && existsIn(field, this.#version))
    if (tagged.length === 0) return 'w.uvarint(0)\n'
    tagged.sort((one, other) => one.tag! - other.tag!)
    let text = 'let tagCount = 0\n'
    for (const field of tagged) {
      text += `let has${field.tag} = false\n{\nconst x = o.${field.name}\n`
      text += `if (x !== undefined && !(${this.#isDefault(field)})) {\nhas${field.tag} = true\ntagCount++\n}\n}\n`
    }
    text += 'w.uvarint(tagCount)\n'
    for (const field of tagged) {
      text += `if (has${field.tag}) {\nconst x = o.${field.name}\nconst sizeAt = w.beginTag(${field.tag})\n`
      text += `${this.#write(field)}w.endTag(sizeAt)\n}\n`
    }
    return text
  }

  /** An expression over `x`, or over another expression for a struct's parts. */
  #isDefault(field: Field, x = 'x'): string {
    if (field.default === 'null') return `${x} === null`
    if (field.isArray) return `${x} !== null && ${x}.length === 0`
    switch (field.type) {
      case 'struct':
        return field.fields
          .map((inner) => {
            const part = `${x}.${inner.name}`
            return `(${part} === undefined || (${this.#isDefault(inner, part)}))`
          })
          .join(' && ')
      case 'uuid':
        return `isZero(${x})`
      case 'bytes':
      case 'records':
        return `${x} !== null && ${x}.length === 0`
      default:
        return `${x} === ${this.#defaultOf(field)}`
    }
  }

  #defaultOf(field: Field): string {
    if (field.default === 'null') return 'null'
    if (field.isArray) return '[]'
    switch (field.type) {
      case 'struct':
        return '{}'
      case 'bool':
        return field.default ?? 'false'
      case 'string':
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

const lowerFirst = (name: string): string => name[0]!.toLowerCase() + name.slice(1)
