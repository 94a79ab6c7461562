import { expect, test } from 'vitest'
import { array, bool, type FieldTable, type FieldValue, long, longstr, table } from '../../base/field-value.ts'
import { canonicalTableText, tableFromJson, tableToJson } from './table-json.ts'

const everything: FieldTable = new Map<string, FieldValue>([
  ['bool', bool(true)],
  ...(['b', 'B', 's', 'u', 'I', 'i', 'l', 'L'] as const).map((type): [string, FieldValue] => [
    type,
    { type, value: 7 },
  ]),
  ['beyond 2^53', long(2n ** 63n - 1n)],
  ['negative', long(-(2n ** 63n))],
  ['small bigint', long(5n)],
  ['time', { type: 'T', value: 1_700_000_000 }],
  ['late', { type: 'T', value: 2n ** 60n }],
  ['float', { type: 'f', value: 1.5 }],
  ['double', { type: 'd', value: Number.EPSILON }],
  ['nan', { type: 'd', value: Number.NaN }],
  ['infinite', { type: 'f', value: Number.NEGATIVE_INFINITY }],
  ['minus zero', { type: 'd', value: -0 }],
  ['decimal', { type: 'D', scale: 2, value: 314 }],
  ['text', longstr('grüße "\u0000"')],
  ['no text', longstr(Buffer.from([0xff, 0x00, 0xfe]))],
  ['bytes', { type: 'x', value: Buffer.from([1, 2, 3]) }],
  ['void', { type: 'V' }],
  ['', table(new Map([['deep', array([longstr('a'), { type: 'V' }, array([]), table(new Map())])]]))],
  ['__proto__', longstr('a key like any other')],
])

test('table json: every type comes back as it was, in the same order', () => {
  const text = JSON.stringify(tableToJson(everything))
  const back = tableFromJson(JSON.parse(text))
  expect(back).toEqual(everything)
  expect([...back.keys()]).toEqual([...everything.keys()])
  expect(Object.is((back.get('minus zero') as { value: number }).value, -0)).toBe(true)
  expect(JSON.stringify(tableToJson(back))).toBe(text)
})

test('table json: the stored form is the one drawn over the code', () => {
  const args = new Map<string, FieldValue>([
    ['x-message-ttl', { type: 's', value: 1000 }],
    ['big', long(2n ** 60n)],
    ['raw', longstr(Buffer.from([255]))],
    ['list', array([{ type: 'V' }, bool(false)])],
  ])
  expect(JSON.stringify(tableToJson(args))).toBe(
    '[["x-message-ttl","s",1000],["big","l","1152921504606846976"],["raw","S",{"bytes":"/w=="}],' +
      '["list","A",[["V"],["t",false]]]]',
  )
})

test('table json: what is no table is told as damage', () => {
  for (const json of [
    null,
    5,
    {},
    ['a'],
    [['a']],
    [[1, 'S', 'x']],
    [['a', 'Z', 1]],
    [['a', 't', 1]],
    [['a', 'l', '1.5']],
    [['a', 'I', true]],
    [['a', 'D', [1]]],
    [['a', 'x', 1]],
    [['a', 'S', { text: 'x' }]],
    [['a', 'F', [['b', 'd', null]]]],
    [['a', 'A', ['V']]],
  ]) {
    expect(() => tableFromJson(json), JSON.stringify(json)).toThrow(expect.objectContaining({ code: 'damaged' }))
  }
})

test('table json: the canonical text does not depend on the order of keys, but on every value and type', () => {
  const one = new Map<string, FieldValue>([
    ['a', long(1)],
    ['b', table(new Map([['x', long(1)] as const, ['y', long(2)] as const]))],
  ])
  const other = new Map<string, FieldValue>([
    ['b', table(new Map([['y', long(2)] as const, ['x', long(1)] as const]))],
    ['a', long(1)],
  ])
  expect(canonicalTableText(one)).toBe(canonicalTableText(other))
  expect(canonicalTableText(new Map([['a', long(1)]]))).not.toBe(canonicalTableText(new Map([['a', longstr('1')]])))
  expect(canonicalTableText(new Map([['a', array([long(1), long(2)])]]))).not.toBe(
    canonicalTableText(new Map([['a', array([long(2), long(1)])]])),
  )
})
