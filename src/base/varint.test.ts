import { expect, test } from 'vitest'
import { VARINT_BYTES_MAX, VarintReader, varintBytes, writeVarint } from './varint.ts'

const cases: [number, string][] = [
  [0, '00'],
  [1, '01'],
  [127, '7f'],
  [128, '8001'],
  [300, 'ac02'],
  [16_383, 'ff7f'],
  [2 ** 32, '8080808010'],
  [2 ** 53 - 1, 'ffffffffffffff0f'],
]

test('varint: known numbers have known bytes, and come back', () => {
  for (const [value, hex] of cases) {
    const bytes = Buffer.alloc(VARINT_BYTES_MAX)
    const end = writeVarint(bytes, 0, value)
    expect(bytes.subarray(0, end).toString('hex')).toBe(hex)
    expect(varintBytes(value)).toBe(end)
    const reader = new VarintReader(bytes)
    expect(reader.read()).toBe(value)
    expect(reader.position).toBe(end)
  }
})

test('varint: bytes that end inside a number, and numbers beyond 2^53, give nothing and move nothing', () => {
  for (const [, hex] of cases) {
    const bytes = Buffer.from(hex, 'hex')
    for (let cut = 0; cut < bytes.length; cut++) {
      const reader = new VarintReader(bytes.subarray(0, cut))
      expect(reader.read()).toBeUndefined()
      expect(reader.position).toBe(0)
    }
  }
  expect(new VarintReader(Buffer.from('ffffffffffffff10', 'hex')).read()).toBeUndefined()
  expect(new VarintReader(Buffer.alloc(20, 0xff)).read()).toBeUndefined()
})

test('varint: several in a row', () => {
  const bytes = Buffer.alloc(64)
  let end = 0
  for (const [value] of cases) end = writeVarint(bytes, end, value)
  const reader = new VarintReader(bytes.subarray(0, end))
  expect(cases.map(() => reader.read())).toEqual(cases.map(([value]) => value))
  expect(reader.read()).toBeUndefined()
})
