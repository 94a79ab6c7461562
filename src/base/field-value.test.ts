import { expect, test } from 'vitest'
import { array, bool, integerOf, long, longstr, sameFieldValue, textOf, textsOf } from './field-value.ts'
import { textSize, writeText } from './text.ts'

test('field values: a long string that is no text can be written again as it was', () => {
  const bytes = Buffer.from([0x6b, 0xff, 0xc3, 0x28])
  const text = textOf(longstr(bytes)) ?? ''
  const again = Buffer.alloc(textSize(text))
  writeText(again, 0, text)
  expect(again).toEqual(bytes)
})

test('field values: integers are equal by value whatever their width, all else by type too', () => {
  expect(sameFieldValue({ type: 'b', value: 5 }, long(5n))).toBe(true)
  expect(sameFieldValue(long(5), longstr('5'))).toBe(false)
  expect(sameFieldValue(bool(true), bool(true))).toBe(true)
  expect(sameFieldValue(undefined, { type: 'V' })).toBe(false)
})

test('field values: what is not of the kind asked for is absent', () => {
  expect([textOf(long(1)), integerOf(longstr('1')), textsOf(longstr('a'))]).toEqual([undefined, undefined, []])
  expect(textsOf(array([longstr('a'), long(1), longstr('b')]))).toEqual(['a', 'b'])
})
