import fc from 'fast-check'
import { expect, test } from 'vitest'
import { InvariantError } from '../../../base/errors.ts'
import {
  apiName,
  type Decoded,
  decodeRequest,
  decodeResponse,
  encodeRequest,
  encodeResponse,
  isFlexible,
  isKnown,
  knownVersions,
  RequestHeader,
  readRequestHeader,
  readResponseHeader,
  writeResponse,
} from './codec.ts'
import { goldenMessages } from './golden-messages.test-kit.ts'
import { type Field, parseFields } from './schema.ts'
import { API, apiSchemas } from './schemas/apis.gen.ts'
import type { FetchResponse } from './schemas/fetch.gen.ts'
import { arbitraryStruct, hex, numbered, wireErrorOf } from './test-kit.ts'
import { ELEMENTS_MAX } from './wire-reader.ts'

type Side = 'request' | 'response'

interface Case {
  readonly name: string
  /** Which API is only known when it runs: its messages are of no static type here. */
  readonly key: number
  readonly side: Side
  readonly version: number
  readonly fields: readonly Field[]
}

const cases: Case[] = apiSchemas.flatMap(({ key, name, versionMin, versionMax, request, response }) =>
  Array.from({ length: versionMax - versionMin + 1 }, (_, index) => versionMin + index).flatMap((version) => [
    { name, key, side: 'request' as const, version, fields: parseFields(request, versionMin, versionMax) },
    { name, key, side: 'response' as const, version, fields: parseFields(response, versionMin, versionMax) },
  ]),
)

/** The body alone. */
function encoded({ key, side, version }: Case, value: object): Buffer {
  const frame = Buffer.concat(
    side === 'request'
      ? encodeRequest(key as typeof API.Fetch, version, 7, 'me', value)
      : encodeResponse(key, version, 7, value),
  )
  expect(frame.readInt32BE(0)).toBe(frame.length - 4)
  if (side === 'response') return frame.subarray(readResponseHeader(key, version, frame, 4, frame.length).bodyStart)
  const header = new RequestHeader()
  readRequestHeader(frame, 4, frame.length, header)
  expect(header).toMatchObject({ apiKey: key, apiVersion: version, correlationId: 7, clientId: 'me', isKnown: true })
  return frame.subarray(header.bodyStart)
}

function decoded({ key, side, version }: Case, bytes: Buffer): object {
  const decode = side === 'request' ? decodeRequest : decodeResponse
  return decode(key, version, bytes, 0, bytes.length) as object
}

const golden: { name: string; side: string; first: number; last: number; bytes: Buffer }[] = goldenMessages
  .trim()
  .split('\n')
  .map((line) => {
    const [name, side, versions, digits] = line.split(' ')
    const [first, last] = versions!.split('-').map(Number)
    return { name: name!, side: side!, first: first!, last: last!, bytes: hex(digits!) }
  })

function goldenOf({ name, side, version }: Case): Buffer {
  const row = golden.find(
    (row) => row.name === name && row.side === side && row.first <= version && version <= row.last,
  )
  return row!.bytes
}

test('codec: every message in every version is as another encoder writes it', () => {
  for (const one of cases) {
    const bytes = encoded(one, numbered(one.fields, one.version))
    expect(bytes.toString('hex'), `${one.name} ${one.side} ${one.version}`).toBe(goldenOf(one).toString('hex'))
  }
  expect(cases).toHaveLength(416)
})

test('codec: what another encoder wrote is read, and fails when cut anywhere', () => {
  for (const one of cases) {
    const bytes = goldenOf(one)
    const value = decoded(one, bytes)
    expect(value, `${one.name} ${one.side} ${one.version}`).toMatchObject(numbered(one.fields, one.version))
    // Written again, fields this version does not have included: they have their defaults and are left out.
    expect(encoded(one, value).equals(bytes)).toBe(true)
    for (let end = 0; end < bytes.length; end++) {
      // Exactly as long as its content, so that a read beyond the end finds nothing and shows.
      const cut = Buffer.from(bytes.subarray(0, end))
      expect(wireErrorOf(() => decoded(one, cut))).toBeDefined()
    }
  }
})

test('codec: objects of an API have the same properties in every version', () => {
  for (const one of cases) {
    expect(Object.keys(decoded(one, goldenOf(one)))).toEqual(one.fields.map((field) => field.name))
  }
})

test('codec: any value of any message comes back', () => {
  for (const one of cases) {
    fc.assert(
      fc.property(arbitraryStruct(one.fields, one.version), (value) => {
        const bytes = encoded(one, value)
        const again = decoded(one, bytes)
        expect(again).toMatchObject(value)
        expect(encoded(one, again).equals(bytes)).toBe(true)
      }),
      { numRuns: 5 },
    )
  }
})

test('codec: an empty object is a message of defaults', () => {
  for (const one of cases) {
    const bytes = encoded(one, {})
    expect(encoded(one, decoded(one, bytes)).equals(bytes)).toBe(true)
  }
})

test('codec: tagged fields that have their default are not written, unknown ones are skipped', () => {
  const response: FetchResponse = { responses: [], nodeEndpoints: [] }
  const plain = hex('00000000 0000 00000000 01 00')
  expect(encoded(caseOf('Fetch', 'response', 16), response).equals(plain)).toBe(true)
  const withUnknown = hex('00000000 0000 00000000 01 02 05 03 aabbcc 0a 00')
  expect(decoded(caseOf('Fetch', 'response', 16), withUnknown)).toEqual(decoded(caseOf('Fetch', 'response', 16), plain))
  const sizeOff = hex('00000000 0000 00000000 01 01 00 02 01 00')
  expect(wireErrorOf(() => decoded(caseOf('Fetch', 'response', 16), sizeOff))?.message).toMatch(/size is off by 1/)
})

test('codec: a long tagged field gets its size in front', () => {
  const nodeEndpoints = Array.from({ length: 300 }, (_, nodeId) => ({ nodeId, host: `host-${nodeId}`, port: 9092 }))
  const one = caseOf('Fetch', 'response', 17)
  const value = decoded(one, encoded(one, { responses: [], nodeEndpoints })) as Decoded<FetchResponse>
  expect(value.nodeEndpoints).toHaveLength(300)
  expect(value.nodeEndpoints[299]).toEqual({ nodeId: 299, host: 'host-299', port: 9092, rack: null })
})

function caseOf(name: string, side: Side, version: number): Case {
  return cases.find((one) => one.name === name && one.side === side && one.version === version)!
}

test('codec: headers are classic or flexible by the version; responses of ApiVersions never are', () => {
  const header = new RequestHeader()
  const v2 = hex('0012 0003 0000002a ffff 00 02 61 02 62 00')
  readRequestHeader(v2, 0, v2.length, header)
  expect(header).toMatchObject({ apiKey: 18, apiVersion: 3, correlationId: 42, clientId: null, bodyStart: 11 })
  expect(decodeRequest(API.ApiVersions, 3, v2, 11, v2.length)).toEqual({
    clientSoftwareName: 'a',
    clientSoftwareVersion: 'b',
  })
  const withTag = hex('0012 0003 0000002a 0002 6d65 01 00 01 ff 02 61 02 62 00')
  readRequestHeader(withTag, 0, withTag.length, header)
  expect(header).toMatchObject({ clientId: 'me', bodyStart: 16 })
  for (let end = 0; end < 16; end++) {
    const cut = Buffer.from(withTag.subarray(0, end))
    expect(
      wireErrorOf(() => readRequestHeader(cut, 0, end, header)),
      `cut at ${end}`,
    ).toBeDefined()
  }
  const answer = { errorCode: 0, apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 4 }] }
  expect(Buffer.concat(encodeResponse(API.ApiVersions, 3, 42, answer)).toString('hex')).toBe(
    '00000013' + '0000002a' + '0000' + '02' + '0012' + '0000' + '0004' + '00' + '00000000' + '00',
  )
  expect(Buffer.concat(encodeResponse(API.ApiVersions, 0, 42, { ...answer, errorCode: 35 })).toString('hex')).toBe(
    '00000010' + '0000002a' + '0023' + '00000001' + '0012' + '0000' + '0004',
  )
  expect(Buffer.concat(encodeResponse(API.Heartbeat, 4, 1, { errorCode: 27 })).toString('hex')).toBe(
    '0000000c' + '00000001' + '00' + '00000000' + '001b' + '00',
  )
})

test('codec: of an unknown API or version only key, version and correlation id are read', () => {
  const header = new RequestHeader()
  for (const digits of ['0012 0063 00000007', '03e7 0000 00000007', 'ffff 0000 00000007', '0000 0002 00000007']) {
    readRequestHeader(hex(digits), 0, 8, header)
    expect(header).toMatchObject({ isKnown: false, correlationId: 7, clientId: null, bodyStart: 8 })
    expect(wireErrorOf(() => decodeRequest(header.apiKey, header.apiVersion, hex(digits), 8, 8))).toBeDefined()
  }
  expect(isKnown(API.Produce, 2)).toBe(false)
  expect(knownVersions(API.Fetch)).toEqual({ min: 4, max: 18 })
  expect(knownVersions(4)).toBeUndefined()
  expect(apiName(API.Metadata)).toBe('Metadata')
  expect(isFlexible(API.SaslHandshake, 1)).toBe(false)
})

test('codec: counts and lengths that cannot be are refused before anything is made of them', () => {
  const metadata = (version: number, digits: string): string | undefined =>
    wireErrorOf(() => decoded(caseOf('Metadata', 'request', version), hex(digits)))?.message
  expect(metadata(1, '7fffffff 0000')).toBe('topics: 2147483647 elements, only 2 bytes are left')
  expect(metadata(0, 'ffffffff 0000')).toBe('topics: null is not allowed')
  expect(metadata(12, 'ffffffff0f 00')).toMatch(/^topics: 4294967294 elements/)
  expect(metadata(12, 'ffffffff1f 00')).toMatch(/more than 32 bits/)
  expect(metadata(1, '00000001 7fff 61')).toBe('name: needs 32767 bytes, 1 are left')
  expect(metadata(1, '00000001 ffff')).toBe('name: null is not allowed')
  expect(metadata(9, '02 818002 00')).toBe('name: a string of 32768 bytes')
  const strings = Buffer.alloc(4 + 2 * (ELEMENTS_MAX + 1))
  strings.writeInt32BE(ELEMENTS_MAX + 1)
  expect(wireErrorOf(() => decoded(caseOf('Metadata', 'request', 1), strings))?.message).toMatch(/more than 1000000/)
})

test('codec: bytes behind a message are left alone', () => {
  const one = caseOf('Heartbeat', 'request', 1)
  const bytes = goldenOf(one)
  expect(decoded(one, Buffer.concat([bytes, hex('ffff')]))).toEqual(decoded(one, bytes))
})

test('codec: text of any bytes comes back as it came', () => {
  const one = caseOf('Heartbeat', 'request', 0)
  const bytes = hex('0003 ff61c3 00000001 0002 c3b6')
  expect(encoded(one, decoded(one, bytes)).equals(bytes)).toBe(true)
})

test('codec: the largest and smallest 64-bit numbers stay what they are', () => {
  const one = caseOf('DeleteRecords', 'response', 0)
  const bytes = hex('00000000 00000001 000161 00000002 00000000 7fffffffffffffff 0000 00000001 8000000000000000 0000')
  expect(encoded(one, decoded(one, bytes)).equals(bytes)).toBe(true)
})

test('codec: bytes and records are views of what was read', () => {
  const records = Buffer.alloc(100, 'r')
  const frame = Buffer.concat(
    encodeRequest(API.Produce, 9, 1, null, { topicData: [{ name: 't', partitionData: [{ index: 3, records }] }] }),
  )
  const header = new RequestHeader()
  readRequestHeader(frame, 4, frame.length, header)
  const request = decodeRequest(API.Produce, 9, frame, header.bodyStart, frame.length)
  const view = request.topicData[0]!.partitionData[0]!.records!
  expect(view.buffer).toBe(frame.buffer)
  expect(view.equals(records)).toBe(true)
})

test('codec: large records go out as they are, in one or more pieces; small ones are copied', () => {
  const large = [Buffer.alloc(50_000, 1), Buffer.alloc(70_000, 2)]
  const small = Buffer.alloc(100, 3)
  const partition = { errorCode: 0, highWatermark: 9, abortedTransactions: null }
  const response: FetchResponse = {
    responses: [
      {
        topic: 't',
        partitions: [
          { ...partition, partitionIndex: 0, records: large },
          { ...partition, partitionIndex: 1, records: small },
          { ...partition, partitionIndex: 2, records: null },
        ],
      },
    ],
  }
  for (const version of [4, 12]) {
    const borrowed: Buffer[] = []
    const owned: Buffer[] = []
    const order: Buffer[] = []
    const sizeBytes = writeResponse(
      {
        writeBorrowed: (bytes) => {
          borrowed.push(Buffer.from(bytes))
          order.push(borrowed.at(-1)!)
        },
        writeOwned: (bytes) => {
          owned.push(bytes)
          order.push(bytes)
        },
      },
      API.Fetch,
      version,
      1,
      response,
    )
    expect(owned).toEqual(large)
    expect(owned[0]).toBe(large[0])
    const frame = Buffer.concat(order)
    expect([frame.length, frame.readInt32BE(0)]).toEqual([sizeBytes, sizeBytes - 4])
    const { bodyStart } = readResponseHeader(API.Fetch, version, frame, 4, frame.length)
    const { partitions } = decodeResponse(API.Fetch, version, frame, bodyStart, frame.length).responses[0]!
    expect(partitions[0]!.records!.equals(Buffer.concat(large))).toBe(true)
    expect(partitions[1]!.records!.equals(small)).toBe(true)
    expect(partitions[2]!.records).toBeNull()
  }
})

test('codec: a large response is not overwritten by the next one', () => {
  const topics = Array.from({ length: 3000 }, (_, index) => ({ errorCode: 0, name: `topic-${index}`, partitions: [] }))
  const first = encodeResponse(API.Metadata, 1, 1, { brokers: [], topics })
  const before = Buffer.concat(first)
  encodeResponse(API.Metadata, 1, 2, { brokers: [], topics: topics.slice().reverse() })
  expect(Buffer.concat(first).equals(before)).toBe(true)
  expect(before.length).toBeGreaterThan(16 * 1024)
})

test('codec: a request cannot silently lose what its version does not have', () => {
  const join = (version: number, groupInstanceId: string | null): Buffer[] =>
    encodeRequest(API.JoinGroup, version, 1, null, { groupId: 'g', groupInstanceId })
  expect(() => join(4, 'static')).toThrow(InvariantError)
  expect(join(4, null)).not.toHaveLength(0)
  expect(join(5, 'static')).not.toHaveLength(0)
})

test('codec: values that do not fit are our own fault, and the next message is whole again', () => {
  const heartbeat = (errorCode: number): Buffer[] => encodeResponse(API.Heartbeat, 0, 1, { errorCode })
  const good = Buffer.concat(heartbeat(1))
  expect(() => heartbeat(70_000)).toThrow(InvariantError)
  expect(() => heartbeat(0.5)).toThrow(InvariantError)
  const name = 'x'.repeat(40_000)
  expect(() => encodeResponse(API.DescribeCluster, 0, 1, { clusterId: name } as never)).toThrow(InvariantError)
  expect(Buffer.concat(heartbeat(1)).equals(good)).toBe(true)
})
