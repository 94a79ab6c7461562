import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldValue } from '../../../base/field-value.ts'
import type { Properties } from './properties.ts'
import { decodeProperties, decodeProperty, editProperties, encodeProperties } from './properties.ts'
import type { PropertyName } from './property-scan.ts'
import { PropertyScan, propertyPlaces, scanProperties } from './property-scan.ts'
import { arbitraryShortText, arbitraryTable, hex, wireErrorOf } from './test-kit.ts'

const EVERY_PROPERTY: Properties = {
  contentType: 't/p',
  contentEncoding: 'e',
  headers: new Map<string, FieldValue>([['a', { type: 'b', value: 1 }]]),
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '5000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 'ty',
  userId: 'guest',
  appId: 'ap',
  clusterId: '',
}

/** The order and the flags of the specification (section 4.2.6.1 and the basic class). */
const EVERY_PROPERTY_BYTES = hex(`
  fffc
  03 742f70   01 65   00000004 01 61 62 01   02   03   01 63   01 72   04 35303030   01 6d
  000000006553f100   02 7479   05 6775657374   02 6170   00`)

const decode = (bytes: Buffer): Properties => decodeProperties(bytes, 0, bytes.length)

function scan(bytes: Buffer, start = 0, end = bytes.length): PropertyScan {
  const into = new PropertyScan()
  scanProperties(bytes, start, end, into)
  return into
}

const arbitraryProperties: fc.Arbitrary<Properties> = fc.record(
  {
    contentType: arbitraryShortText,
    contentEncoding: arbitraryShortText,
    headers: arbitraryTable,
    deliveryMode: fc.nat({ max: 255 }),
    priority: fc.nat({ max: 255 }),
    correlationId: arbitraryShortText,
    replyTo: arbitraryShortText,
    expiration: arbitraryShortText,
    messageId: arbitraryShortText,
    timestamp: fc.oneof(fc.maxSafeNat(), fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n })),
    type: arbitraryShortText,
    userId: arbitraryShortText,
    appId: arbitraryShortText,
    clusterId: arbitraryShortText,
  },
  { requiredKeys: [] },
)

test('properties: all fourteen decode and encode', () => {
  expect(decode(EVERY_PROPERTY_BYTES)).toEqual(EVERY_PROPERTY)
  expect(encodeProperties(EVERY_PROPERTY).toString('hex')).toBe(EVERY_PROPERTY_BYTES.toString('hex'))
  expect(encodeProperties({})).toEqual(hex('0000'))
})

test('properties: cut anywhere, with an octet too many, or with reserved flags they are refused by scan and decode', () => {
  const malformed = [
    Buffer.concat([EVERY_PROPERTY_BYTES, Buffer.of(0)]),
    hex('0001'),
    hex('0002'),
    hex('0001 0000'),
    hex('8000 05 61'),
    hex('2000 ffffffff'),
    hex('0040 00000000000000'),
  ]
  for (let cut = 0; cut < EVERY_PROPERTY_BYTES.length; cut++) {
    malformed.push(Buffer.from(EVERY_PROPERTY_BYTES.subarray(0, cut)))
  }
  for (const bytes of malformed) {
    for (const read of [() => scan(bytes), () => decode(bytes), () => editProperties(bytes, {})]) {
      const error = wireErrorOf(read)
      expect([error?.replyCode, error?.classId, error?.methodId], bytes.toString('hex')).toEqual([501, 60, 40])
    }
  }
  for (let cut = 0; cut < EVERY_PROPERTY_BYTES.length; cut++) {
    expect(wireErrorOf(() => scan(EVERY_PROPERTY_BYTES, 0, cut))?.replyCode).toBe(501)
    expect(wireErrorOf(() => decodeProperties(EVERY_PROPERTY_BYTES, 0, cut))?.replyCode).toBe(501)
  }
})

test('properties: the scan notes positions and values, and a scan used again forgets the last message', () => {
  const bytes = Buffer.concat([hex('ffffff'), EVERY_PROPERTY_BYTES, hex('ffff')])
  const into = scan(bytes, 3, bytes.length - 2)
  const textAt = (start: number, end: number): string => bytes.toString('utf8', start, end)
  expect(bytes.subarray(into.headersStart, into.headersEnd)).toEqual(hex('01 61 62 01'))
  expect([into.deliveryMode, into.priority]).toEqual([2, 3])
  expect(textAt(into.replyToStart, into.replyToEnd)).toBe('r')
  expect(textAt(into.expirationStart, into.expirationEnd)).toBe('5000')
  expect(textAt(into.userIdStart, into.userIdEnd)).toBe('guest')
  expect(bytes.readBigUInt64BE(into.timestampStart)).toBe(1_700_000_000n)
  scanProperties(hex('0000'), 0, 2, into)
  expect([into.headersStart, into.deliveryMode, into.priority, into.replyToStart]).toEqual([-1, -1, -1, -1])
  expect([into.expirationStart, into.userIdStart, into.timestampStart, into.flags]).toEqual([-1, -1, -1, 0])
})

test('properties: any set round-trips, and one at a time reads the same', () => {
  fc.assert(
    fc.property(arbitraryProperties, (properties) => {
      const bytes = encodeProperties(properties)
      const decoded = decode(bytes)
      expect(decoded).toEqual(properties)
      expect(encodeProperties(decoded)).toEqual(bytes)
      const into = scan(bytes)
      expect(into.deliveryMode).toBe(properties.deliveryMode ?? -1)
      expect(into.priority).toBe(properties.priority ?? -1)
      for (const { name } of propertyPlaces) {
        expect(decodeProperty(bytes, 0, bytes.length, name)).toEqual(properties[name])
      }
    }),
    { numRuns: 300 },
  )
})

test('properties: an edit changes what it names and copies the rest bytewise', () => {
  // Bytes no encoder of ours would make: a bool of 2, a key twice, text that is not UTF-8. They must stay.
  const odd = hex('a140 02 fffe 00000008 01 61 74 02 01 61 74 00 01 31 0000000000000005')
  expect(editProperties(odd, {})).toEqual(odd)
  expect(editProperties(odd, { expiration: null })).toEqual(
    hex('a040 02 fffe 00000008 01 61 74 02 01 61 74 00 0000000000000005'),
  )
  expect(editProperties(odd, { replyTo: 'r', contentType: null, headers: null })).toEqual(
    hex('0340 01 72 01 31 0000000000000005'),
  )
  const headers = new Map<string, FieldValue>([['x', { type: 'V' }]])
  expect(editProperties(hex('0000'), { headers })).toEqual(hex('2000 00000003 01 78 56'))
})

test('properties: any edit equals decoding, changing and encoding', () => {
  fc.assert(
    fc.property(
      arbitraryProperties,
      arbitraryProperties,
      fc.subarray(propertyPlaces.map(({ name }) => name)),
      (before, changes, removed) => {
        const edits = { ...changes, ...Object.fromEntries(removed.map((name) => [name, null])) }
        const expected: { [N in PropertyName]?: unknown } = { ...before, ...changes }
        for (const name of removed) delete expected[name]
        expect(decode(editProperties(encodeProperties(before), edits))).toEqual(expected)
      },
    ),
    { numRuns: 300 },
  )
})

test('properties: what is decoded holds no bytes of the buffer it came from', () => {
  const bytes = encodeProperties({ headers: new Map([['b', { type: 'x', value: Buffer.from('bytes') }]]) })
  const decoded = decode(bytes)
  bytes.fill(0)
  expect(decoded.headers?.get('b')).toEqual({ type: 'x', value: Buffer.from('bytes') })
})
