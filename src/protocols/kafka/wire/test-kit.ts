/** Helpers and generators for the tests of the wire codec; nothing here runs outside tests. */
import fc from 'fast-check'
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
