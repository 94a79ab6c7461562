/** Helpers and generators for the tests of the wire codec; nothing here runs outside tests. */
import fc from 'fast-check'
import type { FieldTable, FieldValue } from '../../../base/field-value.ts'
import { WireError } from './wire-error.ts'

/** Bytes from hexadecimal digits, grouped as one likes. */
export const hex = (digits: string): Buffer => Buffer.from(digits.replaceAll(/\s/g, ''), 'hex')

/** The WireError that `act` throws, or undefined when it throws nothing. Any other error is passed on: a decoder must not make one. */
export function wireErrorOf(act: () => void): WireError | undefined {
  try {
    act()
    return undefined
  } catch (error) {
    if (error instanceof WireError) return error
    throw error
  }
}

/** A frame built by hand, apart from the code under test. */
export function frameOf(type: number, channel: number, payload: Buffer): Buffer {
  const head = Buffer.alloc(7)
  head.writeUInt8(type, 0)
  head.writeUInt16BE(channel, 1)
  head.writeUInt32BE(payload.length, 3)
  return Buffer.concat([head, payload, Buffer.of(0xce)])
}

const int64 = fc
  .bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))

const seconds = fc
  .bigInt({ min: 0n, max: 2n ** 64n - 1n })
  .map((value) => (Number.isSafeInteger(Number(value)) ? Number(value) : value))

const bytes = fc.uint8Array({ maxLength: 20 }).map((octets) => Buffer.from(octets))

/** Well-formed text, so that equality of strings is equality of bytes. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 })

export const arbitraryShortText: fc.Arbitrary<string> = fc.string({ unit: 'grapheme', maxLength: 12 })

function integer<T extends string>(type: T, min: number, max: number): fc.Arbitrary<{ type: T; value: number }> {
  return fc.integer({ min, max }).map((value) => ({ type, value }))
}

const { table } = fc.letrec<{ value: FieldValue; table: FieldTable }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3, depthIdentifier: 'field' },
    fc.boolean().map((value): FieldValue => ({ type: 't', value })),
    integer('b', -128, 127),
    integer('B', 0, 255),
    integer('s', -32768, 32767),
    integer('u', 0, 65535),
    integer('I', -(2 ** 31), 2 ** 31 - 1),
    integer('i', 0, 2 ** 32 - 1),
    fc.constantFrom('l' as const, 'L' as const).chain((type) => int64.map((value): FieldValue => ({ type, value }))),
    seconds.map((value): FieldValue => ({ type: 'T', value })),
    fc.float().map((value): FieldValue => ({ type: 'f', value })),
    fc.double().map((value): FieldValue => ({ type: 'd', value })),
    fc
      .tuple(fc.nat({ max: 255 }), fc.nat({ max: 2 ** 31 - 1 }))
      .map(([scale, value]): FieldValue => ({ type: 'D', scale, value })),
    text.map((value): FieldValue => ({ type: 'S', value })),
    bytes.map((value): FieldValue => ({ type: 'x', value })),
    fc.constant<FieldValue>({ type: 'V' }),
    tie('table').map((value): FieldValue => ({ type: 'F', value })),
    fc
      .array(tie('value'), { maxLength: 4, depthIdentifier: 'field' })
      .map((value): FieldValue => ({ type: 'A', value })),
  ),
  table: fc
    .array(fc.tuple(arbitraryShortText, tie('value')), { maxLength: 5, depthIdentifier: 'field' })
    .map((entries): FieldTable => new Map(entries)),
}))

export const arbitraryTable: fc.Arbitrary<FieldTable> = table
