import { expect, test } from 'vitest'
import { crc32c, crc32cOfWord, crc32cPlain } from './crc32c.ts'
import { seededRandom } from './random.ts'

test('crc-32c: the vectors of RFC 3720, appendix B.4', () => {
  const ascending = Buffer.from(Array.from({ length: 32 }, (_, index) => index))
  expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa)
  expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43)
  expect(crc32c(ascending)).toBe(0x46dd794e)
  expect(crc32c(Buffer.from(ascending).reverse())).toBe(0x113fdb5c)
  expect(crc32c(Buffer.from('123456789'))).toBe(0xe3069283)
  expect(crc32c(Buffer.alloc(0))).toBe(0)
})

test('crc-32c: long input agrees with the plain code, whole, in parts and inside a larger buffer', () => {
  const bytes = seededRandom(3).bytes(5000)
  const whole = crc32cPlain(bytes, 0, bytes.length, 0)
  expect(crc32c(bytes)).toBe(whole)
  for (const cut of [0, 1, 7, 8, 9, 319, 320, 321, 2500, 4999, 5000]) {
    expect(crc32c(bytes, cut, bytes.length, crc32c(bytes, 0, cut))).toBe(whole)
    expect(crc32c(bytes, cut, 5000)).toBe(crc32cPlain(bytes.subarray(cut), 0, 5000 - cut, 0))
  }
})

test('crc-32c: a word counts as its four bytes, lowest first', () => {
  for (const word of [0, 1, 0x80000000, 0xffffffff, 0x12345678]) {
    const bytes = Buffer.alloc(4)
    bytes.writeUInt32LE(word)
    for (const seed of [0, 1, 0xffffffff, 0xe3069283]) {
      expect(crc32cOfWord(word, seed)).toBe(crc32cPlain(bytes, 0, 4, seed))
    }
  }
})
