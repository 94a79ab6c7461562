import fc from 'fast-check'
import { expect, test } from 'vitest'
import { long } from '../../../base/field-value.ts'
import { tableSize, writeTable } from './field-table.ts'
import { appendHeaders } from './header-append.ts'
import { decodeProperties, encodeProperties, type Properties } from './properties.ts'
import { arbitraryShortText, arbitraryTable, hex, wireErrorOf } from './test-kit.ts'

const more = new Map([['~ never made up', long(7)]])
const withSize = Buffer.alloc(tableSize(more))
writeTable(withSize, 0, more)
const pairs = withSize.subarray(4)

test('append headers: into the place where a message without headers has none', () => {
  const raw = hex('9800 03 742f70 02 03')
  const appended = appendHeaders(raw, hex('01 61 62 01'))
  expect(appended.toString('hex')).toBe(hex('b800 03 742f70 00000004 01 61 62 01 02 03').toString('hex'))
})

test('append headers: behind those that are there', () => {
  const raw = hex('2004 00000004 01 61 62 01 00')
  const appended = appendHeaders(raw, hex('01 62 62 02'))
  expect(appended.toString('hex')).toBe(hex('2004 00000008 01 61 62 01 01 62 62 02 00').toString('hex'))
})

test('append headers: whatever properties there are, they and the new headers come out', () => {
  const arbitrary: fc.Arbitrary<Properties> = fc.record(
    {
      contentType: arbitraryShortText,
      contentEncoding: arbitraryShortText,
      headers: arbitraryTable,
      priority: fc.nat({ max: 255 }),
      clusterId: arbitraryShortText,
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(arbitrary, (properties) => {
      const appended = appendHeaders(encodeProperties(properties), pairs)
      const headers = new Map([...(properties.headers ?? []), ...more])
      expect(decodeProperties(appended, 0, appended.length)).toEqual({ ...properties, headers })
    }),
  )
})

test('append headers: properties cut anywhere are malformed', () => {
  const raw = encodeProperties({ contentType: 't', headers: more, deliveryMode: 2, appId: 'a' })
  for (let length = 0; length < raw.length; length++) {
    expect(wireErrorOf(() => appendHeaders(raw.subarray(0, length), pairs))?.replyCode, `cut at ${length}`).toBe(501)
  }
})
