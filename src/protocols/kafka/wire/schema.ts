/**
 * What a message of the Kafka protocol is made of, as data. The schemas in `schemas/` are text, one line a field, and are
 * read when a version of a message is first used. Knows no bytes: `compile-decoder.ts` and `compile-encoder.ts` do.
 *
 *     topics []MetadataRequestTopic?1+              an array of structs; may be null from version 1 on
 *       topicId uuid 10+ ignorable                  exists from version 10 on
 *       name string?10+                             two spaces deeper: a field of the struct above
 *     replicaState ReplicaState 15+ #1              a single struct, a tagged field with tag 1
 *     replicaId int32 0-14 = -1                     with a default that is not 0, false, '' or an empty array
 *
 * Versions that are left out are those of what the field stands in. A `?` without versions: null in every one.
 */
import { invariant } from '../../../base/errors.ts'

/** One message in the versions there are. Flexible versions have compact lengths and tagged fields. */
export interface MessageSchema {
  readonly name: string
  readonly versionMin: number
  readonly versionMax: number
  readonly flexibleFrom: number | undefined
  readonly fields: string
}

export interface ApiSchema {
  readonly key: number
  readonly name: string
  readonly versionMin: number
  readonly versionMax: number
  readonly flexibleFrom: number | undefined
  readonly request: string
  readonly response: string
}

export type PlainType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'uint16'
  | 'int32'
  | 'uint32'
  | 'int64'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'

interface Versions {
  readonly first: number
  readonly last: number
}

export interface Field {
  readonly name: string
  /** Of the elements, when it is an array. */
  readonly type: PlainType | 'struct'
  readonly isArray: boolean
  /** Of a struct. */
  readonly fields: readonly Field[]
  readonly versions: Versions
  readonly nullable: Versions | undefined
  readonly tag: number | undefined
  /** As written in the schema; undefined: the type's own nothing. */
  readonly default: string | undefined
  /** May be left out silently in a version that does not have it. */
  readonly isIgnorable: boolean
}

const PLAIN_TYPES: ReadonlySet<string> = new Set<PlainType>([
  'bool',
  'int8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'float64',
  'uuid',
  'string',
  'bytes',
  'records',
])

const LINE = /^( *)(\w+) (\[\])?(\w+)(?:(\?)(\d\S*)?)?(?: (\d+(?:\+|-\d+)?))?(?: #(\d+))?(?: = (\S+))?( ignorable)?$/

export function parseFields(text: string, versionMin: number, versionMax: number): readonly Field[] {
  const lines = text.split('\n').filter((line) => line !== '')
  const fields: Field[] = []
  const end = parseLevel(lines, 0, 0, { first: versionMin, last: versionMax }, fields)
  invariant(end === lines.length, `schema line ${lines[end]} is indented too far`)
  return fields
}

/** Reads the lines of one depth into `fields`, structs with all below them; returns the first line that is not part. */
function parseLevel(lines: readonly string[], from: number, depth: number, whole: Versions, fields: Field[]): number {
  let next = from
  while (next < lines.length) {
    const match = LINE.exec(lines[next]!)
    invariant(match !== null, `schema line ${lines[next]}`)
    if (match[1]!.length !== depth) break
    const type = match[4]!
    const versions = parseVersions(match[7], whole)
    const inner: Field[] = []
    next = parseLevel(lines, next + 1, depth + 2, versions, inner)
    fields.push({
      name: match[2]!,
      type: PLAIN_TYPES.has(type) ? (type as PlainType) : 'struct',
      isArray: match[3] !== undefined,
      fields: inner,
      versions,
      nullable: match[5] === undefined ? undefined : parseVersions(match[6], versions),
      tag: match[8] === undefined ? undefined : Number(match[8]),
      default: match[9],
      isIgnorable: match[10] !== undefined,
    })
  }
  return next
}

function parseVersions(text: string | undefined, whole: Versions): Versions {
  if (text === undefined) return whole
  const first = Number.parseInt(text, 10)
  const dash = text.indexOf('-')
  return { first, last: dash >= 0 ? Number(text.slice(dash + 1)) : text.endsWith('+') ? whole.last : first }
}

const contains = (versions: Versions | undefined, version: number): boolean =>
  versions !== undefined && versions.first <= version && version <= versions.last

export const existsIn = (field: Field, version: number): boolean => contains(field.versions, version)

export const isNullableIn = (field: Field, version: number): boolean => contains(field.nullable, version)
