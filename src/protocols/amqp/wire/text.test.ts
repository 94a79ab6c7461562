import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  clipToShortString,
  readText,
  readValidText,
  shortStringSize,
  textSize,
  writeShortString,
  writeText,
} from '../../../base/text.ts'
import { NameCache } from './name-cache.ts'
import { hex } from './test-kit.ts'

const read = (bytes: Buffer): string => readText(bytes, 0, bytes.length)

function write(text: string): Buffer {
  const bytes = Buffer.alloc(textSize(text))
  expect(writeText(bytes, 0, text)).toBe(bytes.length)
  return bytes
}

/** Bytes that are likely to be almost UTF-8. */
const nearlyText = fc
  .array(
    fc.constantFrom('61', 'c3a9', 'f09f90b4', 'e282ac', '80', 'ff', 'c3', 'e0', 'eda080', 'edb280', 'f4', 'efbfbd'),
    {
      maxLength: 60,
    },
  )
  .map((parts) => hex(parts.join('')))

test('text: any bytes come back as they were, and valid text reads as it is meant', () => {
  fc.assert(
    fc.property(fc.oneof(nearlyText, fc.uint8Array({ maxLength: 300 }).map(Buffer.from)), (bytes) => {
      expect(write(read(bytes)).toString('hex')).toBe(bytes.toString('hex'))
    }),
    { numRuns: 1000 },
  )
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      expect(read(Buffer.from(text))).toBe(text)
      expect(write(text)).toEqual(Buffer.from(text))
    }),
  )
})

test('text: different bytes never read as the same text', () => {
  fc.assert(
    fc.property(nearlyText, nearlyText, (a, b) => {
      expect(read(a) === read(b)).toBe(a.equals(b))
    }),
    { numRuns: 1000 },
  )
})

test('text: validity is told, also where the text itself holds U+FFFD', () => {
  expect(readValidText(hex('61 efbfbd'), 0, 4)).toBe('a\uFFFD')
  expect(readValidText(hex('61 ff'), 0, 2)).toBeUndefined()
  expect(readValidText(hex('edb280'), 0, 3)).toBeUndefined()
})

test('text: a surrogate that nobody escaped is written as U+FFFD, beside escaped bytes too', () => {
  expect(write('\uD800')).toEqual(hex('efbfbd'))
  expect(write('\uD800\uDCFFé')).toEqual(Buffer.from('\uD800\uDCFFé'))
  expect(write('é\uDCFF\uD83D')).toEqual(hex('c3a9 ff efbfbd'))
})

test('short strings: up to 255 bytes, one more is our own mistake', () => {
  const target = Buffer.alloc(300)
  const text = 'é'.repeat(127)
  expect(shortStringSize(text)).toBe(255)
  expect(writeShortString(target, 0, text)).toBe(255)
  expect(target[0]).toBe(254)
  expect(() => writeShortString(target, 0, 'a'.repeat(256))).toThrow('short string of 256 bytes')
})

test('clip: cuts at a whole character and leaves what fits', () => {
  expect(clipToShortString('a'.repeat(255))).toBe('a'.repeat(255))
  expect(clipToShortString('a'.repeat(256))).toBe('a'.repeat(255))
  expect(clipToShortString('🐎'.repeat(64))).toBe('🐎'.repeat(63))
  expect(clipToShortString(`${'a'.repeat(254)}é`)).toBe('a'.repeat(254))
})

test('name cache: reads what readText reads, whatever shared a slot before', () => {
  const cache = new NameCache()
  fc.assert(
    fc.property(
      fc.array(fc.oneof(nearlyText, fc.uint8Array({ maxLength: 70 }).map(Buffer.from)), { maxLength: 50 }),
      (names) => {
        for (const name of [...names, ...names]) {
          const chunk = Buffer.concat([hex('ff'), name, hex('ff')])
          expect(cache.read(chunk, 1, chunk.length - 1)).toBe(read(name))
        }
      },
    ),
  )
  for (let index = 0; index < 5000; index++) {
    const name = Buffer.from(`queue-${index % 1500}`)
    expect(cache.read(name, 0, name.length)).toBe(`queue-${index % 1500}`)
  }
})
