import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldTable, FieldValue } from '../../../base/field-value.ts'
import { checkTable, FieldPosition, findHeader } from './field-scan.ts'
import { decodeTable, encodeTable, FIELD_DEPTH_MAX } from './field-table.ts'
import { fieldFromPlain, plainTable, tableFromPlain } from './plain-fields.ts'
import { arbitraryTable, hex, wireErrorOf } from './test-kit.ts'

const decode = (bytes: Buffer): FieldTable => decodeTable(bytes, 0, bytes.length)
/** Without the size in front. */
const encode = (table: FieldTable): Buffer => encodeTable(table).subarray(4)

/** One field of every type, named by its letter: the bytes RabbitMQ was measured to hand through unchanged. */
const EVERY_TYPE = hex(`
  0162 62 ff              0142 42 ff              0173 73 ffff            0175 75 ffff
  0149 49 ffffffff        0169 69 ffffffff        016c 6c ffffffffffffffff
  014c 4c ffffffffffffffff                        0166 66 3fc00000        0164 64 3ff8000000000000
  0144 44 02 0000013a     0153 53 00000002 6869   0178 78 00000002 6869   0154 54 0000000000000001
  0174 74 01              0156 56                 0146 46 00000000        0141 41 00000002 6201`)

const EVERY_VALUE: FieldTable = new Map<string, FieldValue>([
  ['b', { type: 'b', value: -1 }],
  ['B', { type: 'B', value: 255 }],
  ['s', { type: 's', value: -1 }],
  ['u', { type: 'u', value: 65535 }],
  ['I', { type: 'I', value: -1 }],
  ['i', { type: 'i', value: 4294967295 }],
  ['l', { type: 'l', value: -1 }],
  ['L', { type: 'L', value: -1 }],
  ['f', { type: 'f', value: 1.5 }],
  ['d', { type: 'd', value: 1.5 }],
  ['D', { type: 'D', scale: 2, value: 314 }],
  ['S', { type: 'S', value: 'hi' }],
  ['x', { type: 'x', value: Buffer.from('hi') }],
  ['T', { type: 'T', value: 1 }],
  ['t', { type: 't', value: true }],
  ['V', { type: 'V' }],
  ['F', { type: 'F', value: new Map() }],
  ['A', { type: 'A', value: [{ type: 'b', value: 1 }] }],
])

test('field table: every type of RabbitMQ decodes to its value and encodes to the same bytes', () => {
  expect([...decode(EVERY_TYPE)]).toEqual([...EVERY_VALUE])
  expect(encode(EVERY_VALUE).toString('hex')).toBe(EVERY_TYPE.toString('hex'))
  expect(() => checkTable(EVERY_TYPE, 0, EVERY_TYPE.length)).not.toThrow()
})

test('field table: cut at every position it is refused, or is a shorter table at a boundary', () => {
  const boundaries = new Set([0])
  let at = 0
  for (const [key, value] of EVERY_VALUE) {
    at += encode(new Map([[key, value]])).length
    boundaries.add(at)
  }
  for (let cut = 0; cut <= EVERY_TYPE.length; cut++) {
    // A copy, so that nothing behind the cut can be read by mistake; and in place, where it could.
    for (const bytes of [Buffer.from(EVERY_TYPE.subarray(0, cut)), EVERY_TYPE]) {
      const decodeError = wireErrorOf(() => decodeTable(bytes, 0, cut))
      const checkError = wireErrorOf(() => checkTable(bytes, 0, cut))
      expect(decodeError === undefined, `cut at ${cut}`).toBe(boundaries.has(cut))
      expect(checkError?.replyCode).toBe(decodeError?.replyCode)
    }
  }
})

test('field table: values at the edges of what JavaScript holds survive', () => {
  const edges: FieldTable = new Map<string, FieldValue>([
    ['big', { type: 'l', value: 2n ** 63n - 1n }],
    ['small', { type: 'L', value: -(2n ** 63n) }],
    ['safe', { type: 'l', value: Number.MAX_SAFE_INTEGER }],
    ['first unsafe', { type: 'l', value: 2n ** 53n }],
    ['never', { type: 'T', value: 2n ** 64n - 1n }],
    ['nan', { type: 'd', value: Number.NaN }],
    ['nan32', { type: 'f', value: Number.NaN }],
    ['infinite', { type: 'f', value: Number.NEGATIVE_INFINITY }],
    ['minus zero', { type: 'd', value: -0 }],
    ['float32', { type: 'f', value: Math.fround(0.1) }],
    ['not text', { type: 'S', value: Buffer.from([0xff, 0xfe]) }],
    ['text with U+FFFD', { type: 'S', value: 'a\uFFFDb' }],
    ['text', { type: 'S', value: 'žluťoučký 🐎' }],
    ['', { type: 'S', value: '' }],
  ])
  const bytes = encode(edges)
  expect([...decode(bytes)]).toEqual([...edges])
  expect(encode(decode(bytes))).toEqual(bytes)
})

test('field table: keys of any bytes round-trip, order is kept, the last of equal keys wins', () => {
  const odd = hex('03 fffe41 56  02 c3a9 56  03 edb2 80 56')
  expect([...decode(odd).keys()]).toEqual(['\uDCFF\uDCFEA', 'é', '\uDCED\uDCB2\uDC80'])
  expect(encode(decode(odd))).toEqual(odd)
  const twice = hex('01 61 62 01  01 62 62 02  01 61 62 03')
  expect([...decode(twice)]).toEqual([
    ['a', { type: 'b', value: 3 }],
    ['b', { type: 'b', value: 2 }],
  ])
})

test('field table: an unknown letter is an internal error without text, as RabbitMQ answers', () => {
  const direct = hex('01 61 5a')
  const nested = hex('01 61 46 00000003 01 61 5a')
  const inArray = hex('01 61 41 00000001 5a')
  for (const bytes of [direct, nested, inArray]) {
    for (const error of [wireErrorOf(() => decode(bytes)), wireErrorOf(() => checkTable(bytes, 0, bytes.length))]) {
      expect([error?.replyCode, error?.message]).toEqual([541, ''])
    }
  }
})

test('field table: nested up to the limit, refused one deeper', () => {
  const nestedTimes = (count: number): Buffer => {
    let value: FieldValue = { type: 'V' }
    for (let level = 0; level < count; level++) value = { type: 'A', value: [value] }
    return encode(new Map([['k', value]]))
  }
  const allowed = nestedTimes(FIELD_DEPTH_MAX - 1)
  expect(encode(decode(allowed))).toEqual(allowed)
  expect(() => checkTable(allowed, 0, allowed.length)).not.toThrow()
  const deeper = nestedTimes(FIELD_DEPTH_MAX)
  expect(wireErrorOf(() => decode(deeper))?.message).toContain('nested deeper than 32')
  expect(wireErrorOf(() => checkTable(deeper, 0, deeper.length))?.message).toContain('nested deeper than 32')
})

test('field table: a hundred thousand empty values do not become as many objects', () => {
  const item = Buffer.alloc(100_000, 'V')
  const size = Buffer.alloc(4)
  size.writeUInt32BE(item.length)
  const table = decode(Buffer.concat([hex('01 61 41'), size, item]))
  const value = table.get('a')
  expect(value?.type === 'A' && value.value.length === 100_000 && new Set(value.value).size === 1).toBe(true)
})

test('field table: any table round-trips, and the checker and the finder agree with the decoder', () => {
  const found = new FieldPosition()
  fc.assert(
    fc.property(arbitraryTable, (table) => {
      const bytes = encode(table)
      const decoded = decode(bytes)
      expect([...decoded]).toEqual([...table])
      expect(encode(decoded)).toEqual(bytes)
      checkTable(bytes, 0, bytes.length)
      for (const [key, value] of table) {
        expect(findHeader(bytes, 0, bytes.length, Buffer.from(key), found)).toBe(true)
        expect(String.fromCharCode(found.type)).toBe(value.type)
        if (value.type === 'x') expect(bytes.subarray(found.start, found.end)).toEqual(value.value)
      }
    }),
    { numRuns: 200 },
  )
})

test('find header: position and type of the value, at the top level only, the last of equal keys', () => {
  const table: FieldTable = new Map<string, FieldValue>([
    ['nested', { type: 'F', value: new Map([['CC', { type: 'V' }]]) }],
    ['C', { type: 'I', value: 1 }],
    ['CC', { type: 'A', value: [{ type: 'S', value: 'key' }] }],
    ['CCC', { type: 'S', value: 'no' }],
    ['x-delay', { type: 'I', value: 5000 }],
  ])
  const bytes = Buffer.concat([hex('ffff'), encode(table), hex('ffff')])
  const end = bytes.length - 2
  const found = new FieldPosition()
  expect(findHeader(bytes, 2, end, Buffer.from('CC'), found)).toBe(true)
  expect(String.fromCharCode(found.type)).toBe('A')
  expect(bytes.subarray(found.start, found.end)).toEqual(hex('53 00000003 6b6579'))
  expect(findHeader(bytes, 2, end, Buffer.from('x-delay'), found)).toBe(true)
  expect(bytes.readInt32BE(found.start)).toBe(5000)
  expect(found.end - found.start).toBe(4)
  expect(findHeader(bytes, 2, end, Buffer.from('BCC'), found)).toBe(false)

  const twice = hex('01 61 62 01  01 61 49 00000002')
  expect(findHeader(twice, 0, twice.length, Buffer.from('a'), found)).toBe(true)
  expect([found.type, found.start, found.end]).toEqual([0x49, 7, 11])
})

test('find header: bytes that cannot be walked are refused, never read past', () => {
  const found = new FieldPosition()
  for (let cut = 0; cut <= EVERY_TYPE.length; cut++) {
    const bytes = Buffer.from(EVERY_TYPE.subarray(0, cut))
    const error = wireErrorOf(() => findHeader(bytes, 0, cut, Buffer.from('F'), found))
    const checkError = wireErrorOf(() => checkTable(bytes, 0, cut))
    if (checkError === undefined) expect(error).toBeUndefined()
  }
  expect(wireErrorOf(() => findHeader(hex('01 61 53 ffffffff'), 0, 7, Buffer.from('a'), found))?.replyCode).toBe(501)
})

test('plain values: out for people, in with the narrowest fitting type', () => {
  expect(plainTable(decode(EVERY_TYPE))).toEqual({
    b: -1,
    B: 255,
    s: -1,
    u: 65535,
    I: -1,
    i: 4294967295,
    l: -1,
    L: -1,
    f: 1.5,
    d: 1.5,
    D: 3.14,
    S: 'hi',
    x: Buffer.from('hi'),
    T: 1,
    t: true,
    V: null,
    F: {},
    A: [1],
  })
  const hostile = new Map<string, FieldValue>([['__proto__', { type: 'S', value: 'x' }]])
  expect(Object.keys(plainTable(hostile))).toEqual(['__proto__'])
  expect(fieldFromPlain(2 ** 31 - 1).type).toBe('I')
  expect(fieldFromPlain(2 ** 31).type).toBe('l')
  expect(fieldFromPlain(0.5).type).toBe('d')
  expect(fieldFromPlain(-0).type).toBe('d')
  expect(fieldFromPlain(5n)).toEqual({ type: 'l', value: 5n })
  const plain = { text: 'a', list: [1, 'b', null, { deep: true }], bytes: Buffer.from([1]) }
  expect(plainTable(tableFromPlain(plain))).toEqual(plain)
})
