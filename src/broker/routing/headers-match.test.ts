import { expect, test } from 'vitest'
import { bool, type FieldTable, type FieldValue, long, longstr } from '../../base/field-value.ts'
import { checkHeadersMatch, HeadersMatch } from './headers-match.ts'

const tableOf = (entries: Record<string, FieldValue>): FieldTable => new Map(Object.entries(entries))

function matches(args: Record<string, FieldValue>, headers: Record<string, FieldValue>): boolean {
  return new HeadersMatch(tableOf(args)).matches(tableOf(headers))
}

const mode = (text: string): Record<string, FieldValue> => ({ 'x-match': longstr(text) })

test('headers match: all wants each argument, any wants one, and all is what is meant when nothing is said', () => {
  const args = { a: longstr('1'), b: longstr('2') }
  for (const all of [mode('all'), {}]) {
    expect(matches({ ...all, ...args }, { ...args, c: bool(true) })).toBe(true)
    expect(matches({ ...all, ...args }, { a: longstr('1') })).toBe(false)
    expect(matches({ ...all, ...args }, { a: longstr('1'), b: longstr('1') })).toBe(false)
  }
  expect(matches({ ...mode('any'), ...args }, { b: longstr('2') })).toBe(true)
  expect(matches({ ...mode('any'), ...args }, { a: longstr('2'), b: longstr('1') })).toBe(false)
})

test('headers match: without arguments all matches everything and any nothing', () => {
  expect(matches({}, {})).toBe(true)
  expect(matches(mode('all'), { a: long(1) })).toBe(true)
  expect(matches(mode('any'), { a: long(1) })).toBe(false)
})

test('headers match: names that begin with x- count only in the -with-x modes, x-match itself never', () => {
  const args = { 'x-kind': longstr('k') }
  expect(matches({ ...mode('all'), ...args }, {})).toBe(true)
  expect(matches({ ...mode('any'), ...args }, args)).toBe(false)
  expect(matches({ ...mode('all-with-x'), ...args }, {})).toBe(false)
  expect(matches({ ...mode('all-with-x'), ...args }, args)).toBe(true)
  expect(matches({ ...mode('any-with-x'), ...args }, args)).toBe(true)
  expect(matches(mode('any-with-x'), mode('any-with-x'))).toBe(false)
})

test('headers match: void asks for presence, integers of all widths are compared by value, other types must agree', () => {
  expect(matches({ a: { type: 'V' } }, { a: longstr('whatever') })).toBe(true)
  expect(matches({ a: { type: 'V' } }, {})).toBe(false)
  expect(matches({ a: longstr('x') }, { a: { type: 'V' } })).toBe(false)
  expect(matches({ a: long(5) }, { a: { type: 'b', value: 5 } })).toBe(true)
  expect(matches({ a: long(5n) }, { a: { type: 'I', value: 5 } })).toBe(true)
  expect(matches({ a: long(5) }, { a: longstr('5') })).toBe(false)
  expect(matches({ a: long(1) }, { a: bool(true) })).toBe(false)
  expect(matches({ a: { type: 'd', value: 1.5 } }, { a: { type: 'd', value: 1.5 } })).toBe(true)
  expect(matches({ a: { type: 'D', scale: 1, value: 5 } }, { a: { type: 'D', scale: 2, value: 5 } })).toBe(false)
  expect(matches({ a: longstr(Buffer.from([255])) }, { a: longstr(Buffer.from([255])) })).toBe(true)
})

test('headers match: an unknown mode is refused with the four that are known', () => {
  for (const known of ['all', 'any', 'all-with-x', 'any-with-x']) checkHeadersMatch(tableOf(mode(known)))
  checkHeadersMatch(new Map())
  expect(() => checkHeadersMatch(tableOf(mode('bogus')))).toThrow(
    'Invalid x-match field value <<"bogus">>; expected all, any, all-with-x, or any-with-x',
  )
  expect(() => checkHeadersMatch(tableOf({ 'x-match': { type: 'I', value: 5 } }))).toThrow(
    'Invalid x-match field type signedint (value 5); expected longstr',
  )
})

test('headers match: numbers are equal by value, whatever type a client sent them in', () => {
  const one: FieldValue[] = [
    long(1),
    long(1n),
    { type: 's', value: 1 },
    { type: 'f', value: 1 },
    { type: 'd', value: 1 },
    { type: 'T', value: 1 },
  ]
  for (const asked of one) for (const given of one) expect(matches({ a: asked }, { a: given })).toBe(true)
  expect(matches({ a: long(1) }, { a: { type: 'd', value: 1.5 } })).toBe(false)
  expect(matches({ a: long(1) }, { a: longstr('1') })).toBe(false)
  expect(matches({ a: long(2n ** 60n) }, { a: long(2n ** 60n + 1n) })).toBe(false)
})
