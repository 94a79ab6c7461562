import { expect, test } from 'vitest'
import { array, type FieldTable, long, longstr } from '../../base/field-value.ts'
import { amqpMessageFormat as format } from './message-format.ts'
import { decodeProperties, encodeProperties, type Properties } from './wire/properties.ts'

const headers: FieldTable = new Map([
  ['first', longstr('one')],
  ['keys', array([longstr('a'), long(2)])],
  ['last', { type: 'b', value: -1 }],
])
const full: Properties = {
  contentType: 'text/plain',
  headers,
  deliveryMode: 2,
  priority: 0,
  expiration: '1000',
  messageId: 'm-1',
  timestamp: 1_700_000_000,
  userId: 'guest',
}

test('message format: headers come out whole or one by one, in every type', () => {
  const raw = encodeProperties(full)
  expect(format.headers(raw)).toEqual(headers)
  for (const [name, value] of headers) expect(format.header(raw, name)).toEqual(value)
  expect(format.header(raw, 'fir')).toBeUndefined()
  expect(format.header(raw, '')).toBeUndefined()
  expect(format.headers(encodeProperties({}))).toEqual(new Map())
  expect(format.header(encodeProperties({}), 'first')).toBeUndefined()
})

test('message format: named properties are text', () => {
  const raw = encodeProperties(full)
  expect(format.expiration(raw)).toBe('1000')
  expect(format.expiration(encodeProperties({}))).toBeUndefined()
  expect(format.property(raw, 'message-id')).toBe('m-1')
  expect(format.property(raw, 'timestamp')).toBe('1700000000')
  expect(format.property(raw, 'priority')).toBe('0')
  expect(format.property(raw, 'correlation-id')).toBeUndefined()
  expect(format.property(raw, 'headers')).toBeUndefined()
  expect(format.property(raw, 'messageId')).toBeUndefined()
})

test('message format: all named properties at once are those one gets one by one', () => {
  const raw = encodeProperties(full)
  const named = format.named(raw)
  expect([...named.keys()].sort()).toEqual([
    'content-type',
    'delivery-mode',
    'expiration',
    'message-id',
    'priority',
    'timestamp',
    'user-id',
  ])
  for (const [name, text] of named) expect([name, format.property(raw, name)]).toEqual([name, text])
  expect(format.named(encodeProperties({}))).toEqual(new Map())
})

test('message format: a change touches what it names and nothing else', () => {
  const raw = encodeProperties(full)
  const after = new Map(headers).set('x-death', array([]))
  const { expiration: _expiration, ...others } = full
  const changed = format.change(raw, { headers: after, removeExpiration: true })
  expect(decodeProperties(changed, 0, changed.length)).toEqual({ ...others, headers: after })
  expect(format.change(raw, {})).toEqual(raw)
  const added = format.change(encodeProperties({}), { headers })
  expect(decodeProperties(added, 0, added.length)).toEqual({ headers })
})
