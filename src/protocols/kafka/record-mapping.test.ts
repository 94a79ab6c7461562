import { expect, test } from 'vitest'
import { headersOf } from '../../../test/support/broker/plain-format.ts'
import {
  array,
  bool,
  type FieldTable,
  type FieldValue,
  long,
  longstr,
  table,
  timestamp,
} from '../../base/field-value.ts'
import { Address, type Message, makeMessage } from '../../message/message.ts'
import { type MessageFormat, MessageFormats } from '../../message/message-format.ts'
import { kafkaBatchFormat } from './kafka-batch-format.ts'
import { kafkaBytes, recordOf } from './message-record.ts'
import { PROPERTY_NAMES } from './record-mapping.ts'
import { decodeProperties, encodeProperties, recordMessageFormat } from './record-message.ts'
import { encodeBatch, openRecords, type RecordToWrite } from './wire/batch-writer.ts'
import { BatchHeader, readBatchHeader, sealBatch } from './wire/record-batch.ts'

const T = 1_700_000_000_123

/** A message of some other protocol, with these headers and properties. */
function foreign(
  headers: FieldTable,
  properties: Readonly<Record<string, string>> = {},
  body = 'body',
  address = new Address('', 'topic'),
): { message: Message; formats: MessageFormats } {
  const format: MessageFormat = {
    id: 201,
    name: 'foreign',
    headers: () => headers,
    header: (_, name) => headers.get(name),
    expiration: () => properties['expiration'],
    property: (_, name) => properties[name],
    named: () => new Map(Object.entries(properties)),
    change: (bytes) => bytes,
  }
  const formats = new MessageFormats()
  formats.register(format)
  formats.register(recordMessageFormat)
  const head = { format, address, persistent: true, priority: undefined, publishedMs: T, expirationMs: undefined }
  return { message: makeMessage(head, Buffer.alloc(0), Buffer.from(body)), formats }
}

const headersOfRecord = ({ headers }: RecordToWrite): [string, string | null][] =>
  headers.map(({ key, value }) => [key, value === null ? null : value.toString()])

async function toMessage(record: Partial<RecordToWrite>): Promise<Message> {
  const whole = { timestampMs: T, key: null, value: Buffer.from('v'), headers: [], ...record }
  const [only] = await kafkaBatchFormat.messages(encodeBatch([whole]), 'topic')
  return only!.message
}

test('mapping: AMQP headers of every type reach Kafka as documented', () => {
  const headers = headersOf({
    text: 'grüße',
    empty: '',
    bytes: { type: 'x', value: Buffer.from('00ff', 'hex') },
    'text of no text': longstr(Buffer.from('ff', 'hex')),
    integer: -5,
    'large integer': long(2n ** 60n),
    yes: bool(true),
    at: timestamp(1700),
    half: { type: 'd', value: 0.5 },
    decimal: { type: 'D', scale: 2, value: 150 },
    nothing: { type: 'V' },
    list: array([longstr('a'), long(2), { type: 'V' }]),
    'empty list': array([]),
    map: table(headersOf({ a: 'b', n: array([long(1)]) })),
    'list of maps': array([table(headersOf({ x: 1 })), table(headersOf({ x: 2 }))]),
  })
  const record = recordOf(foreign(headers).message, 'topic')
  expect(record.headers.find(({ key }) => key === 'bytes')!.value).toEqual(Buffer.from('00ff', 'hex'))
  expect(record.headers.find(({ key }) => key === 'text of no text')!.value).toEqual(Buffer.from('ff', 'hex'))
  expect(headersOfRecord(record).filter(([name]) => !/bytes|no text/.test(name))).toEqual([
    ['text', 'grüße'],
    ['empty', ''],
    ['integer', '-5'],
    ['large integer', '1152921504606846976'],
    ['yes', 'true'],
    ['at', '1700'],
    ['half', '0.5'],
    ['decimal', '1.5'],
    ['nothing', null],
    ['list', 'a'],
    ['list', '2'],
    ['list', null],
    ['map', '{"a":"b","n":[1]}'],
    ['list of maps', '{"x":1}'],
    ['list of maps', '{"x":2}'],
  ])
})

test('mapping: key, tombstone, properties and address reach Kafka as documented', () => {
  const properties = { 'content-type': 'text/plain', priority: '3', timestamp: '1234', 'message-id': 'm1' }
  const { message } = foreign(
    headersOf({ 'kafka-key': 'k', a: 'b' }),
    properties,
    'body',
    new Address('orders', 'eu.new'),
  )
  const record = recordOf(message, 'topic')
  expect([String(record.key), String(record.value), record.timestampMs]).toEqual(['k', 'body', T])
  expect(headersOfRecord(record)).toEqual([
    ['a', 'b'],
    ['amqp-content-type', 'text/plain'],
    ['amqp-priority', '3'],
    ['amqp-message-id', 'm1'],
    ['amqp-timestamp', '1234'],
    ['amqp-exchange', 'orders'],
    ['amqp-routing-key', 'eu.new'],
  ])
  const deletion = foreign(
    headersOf({ 'kafka-key': { type: 'x', value: Buffer.from('k') }, 'kafka-tombstone': bool(true) }),
    {},
    '',
  )
  expect(recordOf(deletion.message, 'topic')).toMatchObject({ key: Buffer.from('k'), value: null, headers: [] })
  const plain = foreign(headersOf({ 'kafka-key': 7 }), {}, '')
  expect(recordOf(plain.message, 'topic')).toMatchObject({ key: null, value: Buffer.alloc(0) })
})

test('mapping: a record reaches AMQP as documented', async () => {
  const long = 'n'.repeat(256)
  const message = await toMessage({
    key: Buffer.from('k'),
    headers: [
      { key: 'text', value: Buffer.from('grüße') },
      { key: 'bytes', value: Buffer.from('00ff', 'hex') },
      { key: 'nothing', value: null },
      { key: 'many', value: Buffer.from('1') },
      { key: 'many', value: null },
      { key: 'many', value: Buffer.from('3') },
      { key: long, value: Buffer.from('lost') },
      { key: 'amqp-content-type', value: Buffer.from('text/plain') },
      { key: 'amqp-priority', value: Buffer.from('9') },
      { key: 'amqp-expiration', value: Buffer.from('5000') },
      { key: 'amqp-other', value: Buffer.from('a header like any') },
    ],
  })
  const { format } = message
  const properties = message.properties()
  expect(format.headers(properties)).toEqual(
    new Map<string, FieldValue>([
      ['text', longstr('grüße')],
      ['bytes', longstr(Buffer.from('00ff', 'hex'))],
      ['nothing', { type: 'V' }],
      ['many', array([longstr('1'), { type: 'V' }, longstr('3')])],
      ['amqp-other', longstr('a header like any')],
      ['kafka-key', longstr('k')],
      ['timestamp_in_ms', { type: 'l', value: T }],
    ]),
  )
  expect(format.header(properties, 'text')).toEqual(longstr('grüße'))
  expect(format.property(properties, 'content-type')).toBe('text/plain')
  expect(format.property(properties, 'timestamp')).toBe(String(Math.floor(T / 1000)))
  expect(format.property(properties, 'delivery-mode')).toBe('2')
  expect(format.property(properties, 'message-id')).toBeUndefined()
  expect([message.priority, message.expirationMs, message.persistent, message.publishedMs]).toEqual([9, 5000, true, T])
  expect([message.address.exchange, message.address.routingKey, String(message.body())]).toEqual(['', 'topic', 'v'])
})

test('mapping: all properties of a record at once are those one gets one by one', async () => {
  const header = (name: string, text: string | null) => ({ key: name, value: text === null ? null : Buffer.from(text) })
  for (const headers of [
    [],
    [header('amqp-type', 'first'), header('amqp-type', 'last'), header('amqp-app-id', 'a'), header('other', 'x')],
    [header('amqp-type', 'first'), header('amqp-type', null), header('amqp-headers', 'none'), header('amqp-key', 'k')],
    [header('amqp-timestamp', '12'), header('amqp-delivery-mode', '1'), header('amqp-cluster-id', '')],
  ]) {
    const { format, ...message } = await toMessage({ headers })
    const properties = message.bytes.subarray(message.propertiesStart, message.bodyStart)
    const expected = PROPERTY_NAMES.flatMap((name) => {
      const text = format.property(properties, name)
      return text === undefined ? [] : [[name, text] as const]
    })
    expect(new Map([...format.named(properties)].sort())).toEqual(new Map(expected.sort()))
  }
})

test('mapping: a deletion, odd numbers and an address too long do no harm on the way to AMQP', async () => {
  const deletion = await toMessage({ value: null })
  expect(deletion.format.header(deletion.properties(), 'kafka-tombstone')).toEqual(bool(true))
  expect(deletion.bodyBytes).toBe(0)
  const odd = await toMessage({
    timestampMs: -1,
    headers: [
      { key: 'amqp-priority', value: Buffer.from('256') },
      { key: 'amqp-expiration', value: Buffer.from('soon') },
      { key: 'amqp-exchange', value: Buffer.from('x'.repeat(300)) },
    ],
  })
  expect([odd.priority, odd.expirationMs, odd.publishedMs, odd.address.exchange]).toEqual([-1, -1, 0, ''])
  expect(odd.format.property(odd.properties(), 'timestamp')).toBeUndefined()
  expect(odd.format.headers(odd.properties()).has('timestamp_in_ms')).toBe(false)
})

test.each([
  [2n ** 63n - 1n, 2 ** 63 - 1024],
  [-(2n ** 63n), -(2 ** 63)],
])('mapping: a time at the end of 64 bits, %d, is read nevertheless', async (base, expected) => {
  const batch = encodeBatch([{ timestampMs: 5, key: null, value: Buffer.from('v'), headers: [] }])
  batch.writeBigInt64BE(base, 27)
  sealBatch(batch, 0, batch.length)
  const [only] = await kafkaBatchFormat.messages(batch, 'topic')
  expect(only && decodeProperties(only.message.properties()).timestampMs).toBe(expected)
})

test('mapping: what Kafka wrote comes back to Kafka as it was, byte for byte', async () => {
  const record: RecordToWrite = {
    timestampMs: T,
    key: Buffer.from('00ff', 'hex'),
    value: Buffer.from('v'),
    headers: [
      { key: 'a', value: Buffer.from('ff', 'hex') },
      { key: 'a', value: null },
      { key: 'n'.repeat(300), value: Buffer.alloc(0) },
    ],
  }
  expect(recordOf(await toMessage(record), 'topic')).toEqual(record)
  const tombstone = { ...record, value: null }
  expect(recordOf(await toMessage(tombstone), 'topic')).toEqual(tombstone)
})

test('mapping: what AMQP wrote comes back through Kafka with text for types', async () => {
  const headers = headersOf({ 'kafka-key': 'k', a: 'b', n: 5, list: array([longstr('x'), longstr('y')]) })
  const properties = { 'content-type': 'text/plain', timestamp: '12', 'delivery-mode': '1', priority: '4' }
  const { message } = foreign(headers, properties, 'body', new Address('ex', 'rk'))
  const back = await toMessage(recordOf(message, 'topic'))
  expect(back.format.headers(back.properties())).toEqual(
    headersOf({ a: 'b', n: '5', list: array([longstr('x'), longstr('y')]), 'kafka-key': 'k', timestamp_in_ms: T }),
  )
  for (const [name, text] of Object.entries(properties)) {
    expect([name, back.format.property(back.properties(), name)]).toEqual([name, text])
  }
  expect([back.address.exchange, back.address.routingKey, back.priority]).toEqual(['ex', 'rk', 4])
})

test('mapping: a changed message keeps what was not changed', async () => {
  const message = await toMessage({
    key: Buffer.from('k'),
    headers: [
      { key: 'a', value: Buffer.from('b') },
      { key: 'amqp-expiration', value: Buffer.from('50') },
      { key: 'amqp-type', value: Buffer.from('t') },
    ],
  })
  const { format } = message
  const without = format.change(message.properties(), { removeExpiration: true })
  expect([format.expiration(without), format.property(without, 'type')]).toEqual([undefined, 't'])
  expect(format.headers(without)).toEqual(format.headers(message.properties()))
  const more = new Map([...format.headers(message.properties()), ['x', longstr('y')] as const])
  const changed = format.change(message.properties(), { headers: more })
  expect(format.headers(changed)).toEqual(more)
  expect([format.expiration(changed), decodeProperties(changed).timestampMs]).toEqual(['50', T])
})

test('mapping: properties of a record are read whole or not at all', () => {
  const bytes = encodeProperties({
    isTombstone: true,
    timestampMs: T,
    key: Buffer.from('key'),
    headers: [{ key: 'name', value: Buffer.from('value') }],
  })
  // Stored with messages: these very bytes must always be understood.
  expect(bytes.toString('hex')).toBe(
    '0101' +
      '0000018bcfe5687b' +
      '00000003' +
      '6b6579' +
      '00000001' +
      '00000004' +
      '6e616d65' +
      '00000005' +
      '76616c7565',
  )
  expect(decodeProperties(bytes)).toMatchObject({ isTombstone: true, timestampMs: T, key: Buffer.from('key') })
  for (let end = 0; end < bytes.length; end++)
    expect(() => decodeProperties(bytes.subarray(0, end))).toThrow(/cut short|bytes/)
  const newer = Buffer.from(bytes)
  newer[0] = 2
  expect(() => decodeProperties(newer)).toThrow(/version 2/)
})

test('mapping: runs of single messages share a batch, with their own offsets', () => {
  const { message, formats } = foreign(headersOf({ a: 'b' }))
  const single = (baseOffset: number) => ({ baseOffset, count: 1, bytes: message.bytes })
  const whole = {
    baseOffset: 12,
    count: 1,
    bytes: encodeBatch([{ timestampMs: T, key: null, value: null, headers: [] }]),
  }
  const pieces = kafkaBytes([single(3), single(4), single(6), whole, single(13)], 'topic', 0, formats)
  const shapes = pieces.map((bytes) => {
    const header = new BatchHeader()
    expect(readBatchHeader(bytes, 0, bytes.length, header)).toBeUndefined()
    const reader = openRecords(bytes, header, 1 << 20)
    let count = 0
    while (reader.next()) count++
    return [header.baseOffset, header.lastOffsetDelta, count]
  })
  expect(shapes).toEqual([
    [3, 1, 2],
    [6, 0, 1],
    [0, 0, 1],
    [13, 0, 1],
  ])
  expect(pieces[2]).toBe(whole.bytes)
})
