import { expect, test } from 'vitest'
import { copyOf, readUint53, writeUint53 } from './bytes.ts'

test('bytes: numbers up to 2^53 - 1 in eight little-endian bytes', () => {
  const cases: [number, string][] = [
    [0, '0000000000000000'],
    [0x1234, '3412000000000000'],
    [2 ** 32 - 1, 'ffffffff00000000'],
    [2 ** 32, '0000000001000000'],
    [2 ** 53 - 1, 'ffffffffffff1f00'],
  ]
  for (const [value, hex] of cases) {
    const bytes = Buffer.alloc(10)
    writeUint53(bytes, 1, value)
    expect(bytes.toString('hex', 1, 9)).toBe(hex)
    expect(readUint53(bytes, 1)).toBe(value)
  }
  expect(Number.isSafeInteger(readUint53(Buffer.alloc(8, 0xff), 0))).toBe(false)
})

test('bytes: a copy does not change with its source', () => {
  const source = Buffer.from('abc')
  const copy = copyOf(source)
  source[0] = 0
  expect(copy.toString()).toBe('abc')
})
