/** Helpers and generators for the tests of the wire codec; nothing here runs outside tests. */
import fc from 'fast-check'
import type { RecordToWrite } from './batch-writer.ts'
import { KafkaWireError } from './kafka-wire-error.ts'
import { existsIn, type Field, isNullableIn } from './schema.ts'

/** Bytes from hexadecimal digits, grouped as one likes. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(/\s/g, ''), 'hex')

/** The KafkaWireError that `act` throws, or undefined when it throws nothing. Any other error is passed on: a decoder must not make one. */
export function wireErrorOf(act: () => void): KafkaWireError | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof KafkaWireError) return error
    throw error
  }
}

/**
 * What the golden batches hold. The header without a value is left out where it cannot be written: kafkajs has none.
 */
export function goldenRecords(withNullHeader: boolean): RecordToWrite[] {
  const headers = [
    { key: 'trace', value: Buffer.from('abc') },
    { key: 'empty', value: Buffer.alloc(0) },
    ...(withNullHeader ? [{ key: 'none', value: null }] : []),
  ]
  const value = Buffer.from('the quick brown fox jumps over the lazy dog. '.repeat(8))
  return [
    { timestampMs: 1_700_000_000_000, key: Buffer.from('key-1'), value, headers },
    { timestampMs: 1_700_000_000_005, key: null, value: Buffer.from('žluťoučký'), headers: [] },
    {
      timestampMs: 1_699_999_999_990,
      key: Buffer.alloc(0),
      value: null,
      headers: [{ key: 'ü', value: Buffer.from('ö') }],
    },
  ]
}

/** A frame built by hand, apart from the code under test. */
export function framed(body: Buffer): Buffer {
  const size = Buffer.alloc(4)
  size.writeInt32BE(body.length, 0)
  return Buffer.concat([size, body])
}

/** Well-formed text, so that equality of strings is equality of bytes. */
const text = fc.string({ unit: 'grapheme', maxLength: 12 })

const someBytes = (minLength: number, maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ minLength, maxLength }).map((octets) => Buffer.from(octets))

const int64 = fc.oneof(
  fc.integer({ min: Number.MIN_SAFE_INTEGER, max: Number.MAX_SAFE_INTEGER }),
  fc.constantFrom(-1, 0, 2 ** 63, -(2 ** 63), 2 ** 32, -(2 ** 32)),
)

const PLAIN: Readonly<Record<Exclude<Field['type'], 'struct'>, fc.Arbitrary<unknown>>> = {
  bool: fc.boolean(),
  int8: fc.integer({ min: -128, max: 127 }),
  int16: fc.integer({ min: -32768, max: 32767 }),
  uint16: fc.nat({ max: 65535 }),
  int32: fc.integer(),
  uint32: fc.nat({ max: 2 ** 32 - 1 }),
  int64,
  float64: fc.double({ noNaN: true }),
  uuid: someBytes(16, 16),
  string: text,
  bytes: someBytes(0, 40),
  // Now and then above the size that is sent without a copy.
  records: fc.oneof({ weight: 9, arbitrary: someBytes(0, 200) }, { weight: 1, arbitrary: someBytes(4000, 9000) }),
}

/** Any value of these fields, as a decoder of this version gives it, but for the fields the version does not have. */
export function arbitraryStruct(fields: readonly Field[], version: number): fc.Arbitrary<Record<string, unknown>> {
  const shape: Record<string, fc.Arbitrary<unknown>> = {}
  for (const field of fields) {
    if (existsIn(field, version)) shape[field.name] = arbitraryField(field, version)
  }
  return fc.record(shape)
}

function arbitraryField(field: Field, version: number): fc.Arbitrary<unknown> {
  const one = field.type === 'struct' ? arbitraryStruct(field.fields, version) : PLAIN[field.type]
  const value = field.isArray ? fc.array(one, { maxLength: 4 }) : one
  return isNullableIn(field, version) ? fc.option(value, { nil: null, freq: 4 }) : value
}

/**
 * One value of these fields with every value different: a counter goes up with each leaf, and with each field that may be
 * null, which is null whenever the counter is a multiple of five. Arrays have two elements. What a field is worth follows
 * from the counter, so that other encoders can be asked for the same message.
 */
export function numbered(fields: readonly Field[], version: number): Record<string, unknown> {
  return numberedStruct(fields, version, { count: 0 })
}

interface Counter {
  count: number
}

function numberedStruct(fields: readonly Field[], version: number, counter: Counter): Record<string, unknown> {
  const value: Record<string, unknown> = {}
  for (const field of fields) {
    if (existsIn(field, version)) value[field.name] = numberedField(field, version, counter)
  }
  return value
}

function numberedField(field: Field, version: number, counter: Counter): unknown {
  if (isNullableIn(field, version) && ++counter.count % 5 === 0) return null
  const one = (): unknown =>
    field.type === 'struct' ? numberedStruct(field.fields, version, counter) : numberedLeaf(field.type, ++counter.count)
  return field.isArray ? [one(), one()] : one()
}

function numberedLeaf(type: Exclude<Field['type'], 'struct'>, count: number): unknown {
  switch (type) {
    case 'bool':
      return count % 2 === 1
    case 'int8':
      return count % 100
    case 'int64':
      return count % 2 === 1 ? count * 2 ** 33 + count : -count
    case 'float64':
      return count + 0.5
    case 'uuid':
      return Buffer.alloc(16, count % 256)
    case 'string':
      return `s${count}`
    case 'bytes':
    case 'records':
      return Buffer.from(`b${count}`)
    default:
      return count
  }
}
