import { expect, test } from 'vitest'
import { headersOf, plainFormat, plainProperties } from '../../../test/support/broker/plain-format.ts'
import { longstr } from '../../base/field-value.ts'
import type { Delivery } from '../../broker/queues/consumer.ts'
import { Address, makeMessage } from '../../message/message.ts'
import type { MessageFormat } from '../../message/message-format.ts'
import { amqpMessageFormat } from './message-format.ts'
import { outwardProperties } from './outward.ts'
import { decodeProperties, encodeProperties, type Properties } from './wire/properties.ts'

function delivery(format: MessageFormat, properties: Buffer): Delivery {
  const address = new Address('', 'q')
  const head = {
    format,
    address,
    persistent: true,
    priority: undefined,
    publishedMs: 0,
    expirationMs: undefined,
  }
  const message = makeMessage(head, properties, Buffer.from('body'))
  return { message, redelivered: false, deliveryCount: 0, settle: () => {} }
}

function outward(one: Delivery, isPartitioned = false): Properties | undefined {
  const raw = outwardProperties(one, { isPartitioned })
  return raw && decodeProperties(raw, 0, raw.length)
}

/** A format of another protocol, with these properties. */
const saying = (texts: Record<string, string>): MessageFormat => ({
  ...plainFormat,
  property: (_, name) => texts[name],
  named: () => new Map(Object.entries(texts)),
})

test('outward: an AMQP message from a queue goes out as it came', () => {
  expect(outwardProperties(delivery(amqpMessageFormat, encodeProperties({ appId: 'a' })), undefined)).toBeUndefined()
})

test('outward: another format says its properties as texts, and each becomes what it is here', () => {
  const format = saying({
    'content-type': 'text/plain',
    'content-encoding': 'gzip',
    'delivery-mode': '2',
    priority: '7',
    'correlation-id': 'c',
    'reply-to': 'r',
    expiration: '60000',
    'message-id': 'm',
    timestamp: '1700000000',
    type: 't',
    'user-id': 'guest',
    'app-id': 'a',
    'cluster-id': '',
  })
  expect(outward(delivery(format, plainProperties(headersOf({ one: 1 }))))).toEqual({
    contentType: 'text/plain',
    contentEncoding: 'gzip',
    headers: headersOf({ one: 1 }),
    deliveryMode: 2,
    priority: 7,
    correlationId: 'c',
    replyTo: 'r',
    expiration: '60000',
    messageId: 'm',
    timestamp: 1_700_000_000,
    type: 't',
    userId: 'guest',
    appId: 'a',
    clusterId: '',
  })
})

test('outward: a message that says nothing has no properties', () => {
  expect(outward(delivery(plainFormat, Buffer.alloc(0)))).toEqual({})
})

test.each([
  ['priority', '256'],
  ['priority', '-1'],
  ['delivery-mode', 'two'],
  ['timestamp', '2026-01-01'],
  ['timestamp', String(2n ** 64n)],
  ['message-id', 'x'.repeat(256)],
  ['message-id', 'ü'.repeat(128)],
])('outward: a %s that is no such property is a header instead', (name, text) => {
  expect(outward(delivery(saying({ [name]: text }), Buffer.alloc(0)))).toEqual({
    headers: new Map([[`amqp-${name}`, longstr(text)]]),
  })
})

test('outward: a timestamp beyond 2^53 keeps every digit', () => {
  const timestamp = 2n ** 64n - 1n
  expect(outward(delivery(saying({ timestamp: String(timestamp) }), Buffer.alloc(0)))).toEqual({ timestamp })
})

test('outward: the place in a stream, for both kinds of messages', () => {
  const stream = { partition: 3, offset: 2 ** 40 }
  const place = headersOf({ 'x-stream-offset': 2 ** 40 })
  const both = headersOf({ 'x-stream-offset': 2 ** 40, 'x-stream-partition': 3 })
  for (const one of [delivery(plainFormat, Buffer.alloc(0)), delivery(amqpMessageFormat, encodeProperties({}))]) {
    expect(outward({ ...one, stream })).toEqual({ headers: place })
    expect(outward({ ...one, stream }, true)).toEqual({ headers: both })
  }
})
