import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Refused } from '../../../base/errors.ts'
import { COMPRESSION, COMPRESSION_NAMES, compress, decompress, packable, unpackZstd } from './compression.ts'
import { goldenCompressed } from './golden-compressed.test-kit.ts'
import { unpackLz4 } from './lz4.ts'
import { unpackSnappy } from './snappy.ts'
import { hex, wireErrorOf } from './test-kit.ts'
import { xxhash32 } from './xxhash32.ts'

const MIB = 1024 * 1024

function goldenText(isLong: boolean): Buffer {
  const [count, period] = isLong ? [30_000, 200] : [60, 50]
  return Buffer.from(Array.from({ length: count }, (_, index) => `line ${(index * 7) % period} `).join(''))
}

test.each(goldenCompressed)('compression: $name is unpacked', ({ compression, isLong, packed }) => {
  const text = goldenText(isLong)
  expect(decompress(compression, hex(packed), MIB).equals(text)).toBe(true)
  expect(decompress(compression, hex(packed), text.length).equals(text)).toBe(true)
  expect(wireErrorOf(() => decompress(compression, hex(packed), text.length - 1))?.message).toMatch(/more than/)
  if (compression === COMPRESSION.zstd) expect(unpackZstd(hex(packed), MIB).equals(text)).toBe(true)
})

test.each(goldenCompressed)('compression: $name is refused when cut', ({ name, compression, packed }) => {
  const bytes = hex(packed)
  // What is cut between two frames or members is whole; bytes that nobody marked the end of cannot be missed.
  const wholeParts = name.includes(' in two ') ? 1 : 0
  let takenCount = 0
  const step = Math.ceil(bytes.length / 300)
  for (let end = 1; end < bytes.length; end += name.includes(' in two ') ? 1 : step) {
    if (wireErrorOf(() => decompress(compression, Buffer.from(bytes.subarray(0, end)), MIB)) === undefined) takenCount++
  }
  expect(takenCount).toBe(wholeParts)
})

const inputs = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc
    .array(fc.constantFrom('a', 'bc', 'defg', 'the same again and again '), { maxLength: 3000 })
    .map((words) => Buffer.from(words.join(''))),
  // Over the edges of blocks, with and without repetition.
  fc
    .tuple(fc.nat({ max: 200_000 }), fc.integer({ min: 1, max: 70_000 }), fc.nat())
    .map(([size, period, seed]) =>
      Buffer.from(Array.from({ length: size }, (_, index) => Math.imul((index % period) + seed, 0x9e3779b1) >>> 24)),
    ),
)

test.each([COMPRESSION.gzip, COMPRESSION.snappy, COMPRESSION.lz4])(
  'compression: any bytes come back (%i)',
  (compression) => {
    fc.assert(
      fc.property(inputs, (input) => {
        const bytes = Buffer.from(input)
        expect(decompress(compression, compress(compression, bytes), MIB).equals(bytes)).toBe(true)
      }),
      { numRuns: 60 },
    )
  },
)

test('compression: repetition becomes small', () => {
  const bytes = Buffer.alloc(100_000, 'all the same ')
  for (const compression of [COMPRESSION.gzip, COMPRESSION.snappy, COMPRESSION.lz4]) {
    expect(compress(compression, bytes).length, COMPRESSION_NAMES[compression]!).toBeLessThan(10_000)
  }
})

test('compression: none is the bytes themselves, an unknown one an error', () => {
  const bytes = Buffer.from('x')
  expect(decompress(COMPRESSION.none, bytes, 0)).toBe(bytes)
  expect(compress(COMPRESSION.none, bytes)).toBe(bytes)
  expect(wireErrorOf(() => decompress(5, bytes, MIB))?.message).toBe('compression 5 is not known')
  expect(() => compress(7, bytes)).toThrow(Refused)
  expect(packable(COMPRESSION.snappy)).toBe(COMPRESSION.snappy)
})

test('snappy: distances, sizes and literals beyond what there is are refused', () => {
  for (const digits of [
    '',
    '80',
    'ffffffff7f',
    '05 00 61',
    '04 01 00',
    '04 00 61 0d 00',
    '04 00 61 0d 02',
    '01 fc ffffffff',
    '40 00',
    '01 000000',
    '02 00 61',
    '01 00 61 00 62',
  ]) {
    expect(
      wireErrorOf(() => unpackSnappy(hex(digits), MIB)),
      digits,
    ).toBeDefined()
  }
  expect(unpackSnappy(hex('05 00 61 01 01'), MIB).toString()).toBe('aaaaa')
  const frame = '82534e4150505900 00000001 00000001'
  expect(unpackSnappy(hex(`${frame} 00000003 01 00 61 00000003 01 00 62`), MIB).toString()).toBe('ab')
  expect(unpackSnappy(hex(frame), MIB)).toHaveLength(0)
  // A block does not see the one before it.
  for (const rest of ['00000004 01 00', 'ffffffff', '0000', '00000003 01 00 61 00000003 04 01 01']) {
    expect(
      wireErrorOf(() => unpackSnappy(hex(frame + rest), MIB)),
      rest,
    ).toBeDefined()
  }
})

test('snappy: a size that the bytes cannot unpack to is refused before it is allocated', () => {
  expect(wireErrorOf(() => unpackSnappy(hex('ffffff7f 00 61'), 2 ** 30))?.message).toBe(
    'snappy: 268435455 bytes out of 6',
  )
})

test('lz4: broken frames are refused', () => {
  const good = compress(COMPRESSION.lz4, Buffer.from('a text to pack, a text to pack, a text to pack'))
  for (let at = 0; at < good.length; at++) {
    const broken = Buffer.from(good)
    broken[at]! ^= 0x10
    expect(
      wireErrorOf(() => unpackLz4(broken, MIB)),
      `byte ${at}`,
    ).toBeDefined()
  }
  expect(unpackLz4(Buffer.concat([good, good]), MIB)).toHaveLength(92)
  expect(wireErrorOf(() => unpackLz4(Buffer.concat([good, hex('00')]), MIB))?.message).toBe('lz4: cut short')
})

test('lz4: its checksum is that of the specification', () => {
  expect(xxhash32(Buffer.alloc(0))).toBe(0x02cc5d05)
  expect(xxhash32(Buffer.from('a'))).toBe(0x550d7456)
  expect(xxhash32(Buffer.from('abc'))).toBe(0x32d153ff)
  expect(xxhash32(Buffer.from('Nobody inspects the spammish repetition'))).toBe(0xe2293b2f)
})

test('zstd: memory that a frame merely announces is not given', () => {
  const window = '28b52ffd 00 a8 010000'
  expect(wireErrorOf(() => unpackZstd(hex(window), MIB))?.message).toMatch(/^zstd: a window of \d+ bytes/)
  const content = '28b52ffd a0 ffffff7f 010000'
  expect(wireErrorOf(() => unpackZstd(hex(content), MIB))?.message).toMatch(/more than/)
  for (const digits of [
    '28b52ffd',
    '00',
    '28b52ffd 00 00 07 00 00',
    '28b52ffd 20 01 ff ff 0f 00',
    '28b52ffd 21 00 01 010000',
    '512a4d18 ffffffff',
  ]) {
    expect(
      wireErrorOf(() => unpackZstd(hex(digits), MIB)),
      digits,
    ).toBeDefined()
  }
  expect(unpackZstd(hex('28b52ffd 20 02 11 00 00 61 62'), MIB).toString()).toBe('ab')
  expect(unpackZstd(hex('502a4d18 03000000 aabbcc 28b52ffd 20 03 1b 00 00 61'), MIB).toString()).toBe('aaa')
})

test('zstd: a bomb stops at the limit', () => {
  // 4,000 blocks, each one byte repeated 128 KiB times.
  const block = hex('020010 61')
  const last = hex('030010 61')
  const bomb = Buffer.concat([hex('28b52ffd 00 38'), ...Array.from({ length: 4000 }, () => block), last])
  expect(wireErrorOf(() => unpackZstd(bomb, MIB))?.message).toMatch(/more than 1048576/)
})
