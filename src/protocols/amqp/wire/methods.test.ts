import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { FieldTable, FieldValue } from '../../../base/field-value.ts'
import { emptyTable, longstr } from '../../../base/field-value.ts'
import type { Method, MethodKind } from './method-schema.ts'
import { methodNumber, methodSchemas } from './method-schema.ts'
import { decodeMethod, encodeMethod, makeMethod, methodFrameSize, methodHasContent, writeMethod } from './methods.ts'
import { arbitraryShortText, arbitraryTable, frameOf, hex, wireErrorOf } from './test-kit.ts'

const limit: FieldTable = new Map<string, FieldValue>([['x-max', { type: 'b', value: 5 }]])
const LIMIT = '00000008 05 782d6d6178 62 05'
const EMPTY = '00000000'

const serverProperties: FieldTable = new Map<string, FieldValue>([
  ['product', { type: 'S', value: 'busbar' }],
  ['capabilities', { type: 'F', value: new Map([['confirms', { type: 't', value: true }]]) }],
])
const SERVER_PROPERTIES = `
  00000030 07 70726f64756374 53 00000006 627573626172
           0c 6361706162696c6974696573 46 0000000b 08 636f6e6669726d73 74 01`

/** Every method with its payload. The bytes were made by an encoder that is not ours (amqplib's), and grouped by hand. */
const METHODS: readonly [method: Method, payload: string][] = [
  [
    makeMethod('connection.start', {
      versionMinor: 9,
      serverProperties,
      mechanisms: 'PLAIN AMQPLAIN',
      locales: 'en_US',
    }),
    `000a 000a 00 09 ${SERVER_PROPERTIES} 0000000e 504c41494e20414d51504c41494e 00000005 656e5f5553`,
  ],
  [
    makeMethod('connection.start-ok', {
      clientProperties: new Map([['a', longstr('b')]]),
      mechanism: 'PLAIN',
      response: Buffer.from('\0guest\0guest'),
      locale: 'en_US',
    }),
    '000a 000b 00000008 01 61 53 00000001 62 05 504c41494e 0000000c 006775657374006775657374 05 656e5f5553',
  ],
  [makeMethod('connection.secure', { challenge: Buffer.from('who') }), '000a 0014 00000003 77686f'],
  [makeMethod('connection.secure-ok', { response: Buffer.from('me') }), '000a 0015 00000002 6d65'],
  [
    makeMethod('connection.tune', { channelMax: 2047, frameMax: 131072, heartbeat: 60 }),
    '000a 001e 07ff 00020000 003c',
  ],
  [makeMethod('connection.tune-ok', { channelMax: 2047, frameMax: 4096 }), '000a 001f 07ff 00001000 0000'],
  [makeMethod('connection.open', { virtualHost: '/', insist: true }), '000a 0028 01 2f 00 01'],
  [makeMethod('connection.open-ok'), '000a 0029 00'],
  [
    makeMethod('connection.close', { replyCode: 501, replyText: 'FRAME_ERROR', classId: 50, methodId: 10 }),
    '000a 0032 01f5 0b 4652414d455f4552524f52 0032 000a',
  ],
  [makeMethod('connection.close-ok'), '000a 0033'],
  [makeMethod('connection.blocked', { reason: 'disk' }), '000a 003c 04 6469736b'],
  [makeMethod('connection.unblocked'), '000a 003d'],
  [
    makeMethod('connection.update-secret', { newSecret: Buffer.from('new'), reason: 'expired' }),
    '000a 0046 00000003 6e6577 07 65787069726564',
  ],
  [makeMethod('connection.update-secret-ok'), '000a 0047'],
  [makeMethod('channel.open'), '0014 000a 00'],
  [makeMethod('channel.open-ok'), '0014 000b 00000000'],
  [makeMethod('channel.flow', { active: true }), '0014 0014 01'],
  [makeMethod('channel.flow-ok'), '0014 0015 00'],
  [
    makeMethod('channel.close', { replyCode: 404, replyText: 'NOT_FOUND', classId: 60, methodId: 40 }),
    '0014 0028 0194 09 4e4f545f464f554e44 003c 0028',
  ],
  [makeMethod('channel.close-ok'), '0014 0029'],
  [
    makeMethod('access.request', { realm: '/data', passive: true, active: true, read: true }),
    '001e 000a 05 2f64617461 16',
  ],
  [makeMethod('access.request-ok', { ticket: 1 }), '001e 000b 0001'],
  [
    makeMethod('exchange.declare', { exchange: 'ex', type: 'topic', durable: true, internal: true, arguments: limit }),
    `0028 000a 0000 02 6578 05 746f706963 0a ${LIMIT}`,
  ],
  [makeMethod('exchange.declare-ok'), '0028 000b'],
  [makeMethod('exchange.delete', { exchange: 'ex', ifUnused: true, nowait: true }), '0028 0014 0000 02 6578 03'],
  [makeMethod('exchange.delete-ok'), '0028 0015'],
  [
    makeMethod('exchange.bind', { destination: 'to', source: 'from', routingKey: '#', nowait: true }),
    `0028 001e 0000 02 746f 04 66726f6d 01 23 01 ${EMPTY}`,
  ],
  [makeMethod('exchange.bind-ok'), '0028 001f'],
  [
    makeMethod('exchange.unbind', { destination: 'to', source: 'from', routingKey: '#', arguments: limit }),
    `0028 0028 0000 02 746f 04 66726f6d 01 23 00 ${LIMIT}`,
  ],
  [makeMethod('exchange.unbind-ok'), '0028 0033'],
  [
    makeMethod('queue.declare', { queue: 'jobs', durable: true, exclusive: true, nowait: true, arguments: limit }),
    `0032 000a 0000 04 6a6f6273 16 ${LIMIT}`,
  ],
  [
    makeMethod('queue.declare-ok', { queue: 'jobs', messageCount: 65536, consumerCount: 2 }),
    '0032 000b 04 6a6f6273 00010000 00000002',
  ],
  [
    makeMethod('queue.bind', { queue: 'q', exchange: 'ex', routingKey: 'k', arguments: limit }),
    `0032 0014 0000 01 71 02 6578 01 6b 00 ${LIMIT}`,
  ],
  [makeMethod('queue.bind-ok'), '0032 0015'],
  [makeMethod('queue.purge', { queue: 'q' }), '0032 001e 0000 01 71 00'],
  [makeMethod('queue.purge-ok', { messageCount: 3 }), '0032 001f 00000003'],
  [makeMethod('queue.delete', { queue: 'q', ifEmpty: true, nowait: true }), '0032 0028 0000 01 71 06'],
  [makeMethod('queue.delete-ok', { messageCount: 4294967295 }), '0032 0029 ffffffff'],
  [
    makeMethod('queue.unbind', { queue: 'q', exchange: 'ex', routingKey: 'k' }),
    `0032 0032 0000 01 71 02 6578 01 6b ${EMPTY}`,
  ],
  [makeMethod('queue.unbind-ok'), '0032 0033'],
  [makeMethod('basic.qos', { prefetchCount: 100, global: true }), '003c 000a 00000000 0064 01'],
  [makeMethod('basic.qos-ok'), '003c 000b'],
  [
    makeMethod('basic.consume', { queue: 'q', consumerTag: 'ct', noLocal: true, exclusive: true, arguments: limit }),
    `003c 0014 0000 01 71 02 6374 05 ${LIMIT}`,
  ],
  [makeMethod('basic.consume-ok', { consumerTag: 'ct' }), '003c 0015 02 6374'],
  [makeMethod('basic.cancel', { consumerTag: 'ct', nowait: true }), '003c 001e 02 6374 01'],
  [makeMethod('basic.cancel-ok', { consumerTag: 'ct' }), '003c 001f 02 6374'],
  [
    makeMethod('basic.publish', { exchange: 'ex', routingKey: 'key', mandatory: true }),
    '003c 0028 0000 02 6578 03 6b6579 01',
  ],
  [
    makeMethod('basic.return', { replyCode: 312, replyText: 'NO_ROUTE', exchange: 'ex', routingKey: 'key' }),
    '003c 0032 0138 08 4e4f5f524f555445 02 6578 03 6b6579',
  ],
  [
    makeMethod('basic.deliver', {
      consumerTag: 'ct',
      deliveryTag: 4294967298,
      redelivered: true,
      exchange: 'ex',
      routingKey: 'key',
    }),
    '003c 003c 02 6374 0000000100000002 01 02 6578 03 6b6579',
  ],
  [makeMethod('basic.get', { queue: 'q', noAck: true }), '003c 0046 0000 01 71 01'],
  [
    makeMethod('basic.get-ok', { deliveryTag: 1, routingKey: 'q', messageCount: 7 }),
    '003c 0047 0000000000000001 00 00 01 71 00000007',
  ],
  [makeMethod('basic.get-empty'), '003c 0048 00'],
  [makeMethod('basic.ack', { deliveryTag: 5, multiple: true }), '003c 0050 0000000000000005 01'],
  [makeMethod('basic.reject', { deliveryTag: 6, requeue: true }), '003c 005a 0000000000000006 01'],
  [makeMethod('basic.recover-async', { requeue: true }), '003c 0064 01'],
  [makeMethod('basic.recover'), '003c 006e 00'],
  [makeMethod('basic.recover-ok'), '003c 006f'],
  [makeMethod('basic.nack', { deliveryTag: 7, requeue: true }), '003c 0078 0000000000000007 02'],
  [makeMethod('confirm.select', { nowait: true }), '0055 000a 01'],
  [makeMethod('confirm.select-ok'), '0055 000b'],
  [makeMethod('tx.select'), '005a 000a'],
  [makeMethod('tx.select-ok'), '005a 000b'],
  [makeMethod('tx.commit'), '005a 0014'],
  [makeMethod('tx.commit-ok'), '005a 0015'],
  [makeMethod('tx.rollback'), '005a 001e'],
  [makeMethod('tx.rollback-ok'), '005a 001f'],
]

const kinds = Object.keys(methodSchemas) as MethodKind[]

test('methods: the literals cover every method of the table', () => {
  expect(METHODS.map(([method]) => method.kind)).toEqual(kinds)
})

test.each(METHODS.map(([method, payload]) => [method.kind, method, hex(payload)] as const))(
  'methods: %s decodes and encodes, and is refused when cut anywhere or too long',
  (_kind, method, payload) => {
    expect(decodeMethod(payload, 0, payload.length)).toEqual(method)
    expect(encodeMethod(513, method).toString('hex')).toBe(frameOf(1, 513, payload).toString('hex'))
    const [classId, methodId] = methodSchemas[method.kind].id
    for (let cut = 0; cut < payload.length; cut++) {
      // A copy, so that nothing behind the cut can be read by mistake; and in place, where it could.
      for (const bytes of [Buffer.from(payload.subarray(0, cut)), payload]) {
        const error = wireErrorOf(() => decodeMethod(bytes, 0, cut))
        expect(error?.replyCode, `cut at ${cut}`).toBe(501)
        if (cut >= 4) expect([error?.classId, error?.methodId]).toEqual([classId, methodId])
      }
    }
    const longer = Buffer.concat([payload, Buffer.of(0)])
    expect(wireErrorOf(() => decodeMethod(longer, 0, longer.length))?.message).toMatch(/^cannot decode <</)
  },
)

test('methods: numbers and content flags', () => {
  expect(methodNumber('basic.publish')).toBe(0x003c0028)
  expect(kinds.filter(methodHasContent)).toEqual(['basic.publish', 'basic.return', 'basic.deliver', 'basic.get-ok'])
})

/** RabbitMQ's texts where it has one; it drops the connection for methods it does not know. */
const REFUSED: readonly [
  name: string,
  payload: string,
  code: number,
  text: string,
  classId: number,
  methodId: number,
][] = [
  ['queue.declare without arguments', '0032 000a', 501, 'cannot decode <<>>', 50, 10],
  ['a payload without method', '0032 00', 501, 'type 1, all octets = <<0,50,0>>: unknown_frame', 0, 0],
  ['an unknown class', '0063 0001', 503, 'unknown class 99', 99, 1],
  ['an unknown method', '003c 00fa', 503, 'unknown method 250 in class 60', 60, 250],
  ['what arguments there are is shown', '0032 001e 0000 05 71', 501, 'cannot decode <<0,0,5,113>>', 50, 30],
  ['a name that is not UTF-8', '0032 001e 0000 01 ff 00', 501, 'Malformed UTF-8 in shortstr', 50, 30],
  ['an unknown letter in a table', '0032 000a 0000 00 00 00000003 01 61 5a', 541, '', 50, 10],
  [
    'a length inside a table that points beyond it, into bytes that are there',
    '0028 001e 0000 00 00 00 00 00000007 01 61 53 00000001',
    501,
    'cannot decode <<0,0,0,0,0,0,0,0,0,7,1,97,83,0,0,0,1>>',
    40,
    30,
  ],
  [
    'a table size that points beyond the frame',
    '0032 000a 0000 00 00 ffffffff',
    501,
    'cannot decode <<0,0,0,0,255,255,255,255>>',
    50,
    10,
  ],
]

test.each(REFUSED)('methods refused: %s', (_name, digits, code, text, classId, methodId) => {
  const payload = hex(digits)
  const error = wireErrorOf(() => decodeMethod(payload, 0, payload.length))
  expect([error?.replyCode, error?.message, error?.classId, error?.methodId]).toEqual([code, text, classId, methodId])
})

test('methods: long arguments are shown by their beginning, so that the text fits a reply', () => {
  const payload = Buffer.concat([hex('0014 0029'), Buffer.alloc(100_000, 0xff)])
  const text = wireErrorOf(() => decodeMethod(payload, 0, payload.length))?.message ?? ''
  expect(text).toMatch(/^cannot decode <<255,.*255,\.\.\.>>$/)
  expect(text.length).toBeLessThan(240)
})

test('methods: names that are not UTF-8 pass in methods with content, and leave as they came', () => {
  const payload = hex('003c 0028 0000 00 02 fe80 00')
  const method = decodeMethod(payload, 0, payload.length)
  expect(encodeMethod(1, method)).toEqual(frameOf(1, 1, payload))
})

test('methods: a delivery tag that no double holds is rounded, and can still be written', () => {
  const payload = hex('003c 0050 ffffffffffffffff 00')
  const method = decodeMethod(payload, 0, payload.length)
  expect(method).toEqual(makeMethod('basic.ack', { deliveryTag: 2 ** 64 - 2048 }))
  expect(encodeMethod(1, method)).toEqual(frameOf(1, 1, hex('003c 0050 fffffffffffff800 00')))
})

test('methods: what is decoded holds no bytes of the buffer it came from', () => {
  const [, digits] = METHODS[1]!
  const payload = hex(digits)
  const method = decodeMethod(payload, 0, payload.length)
  payload.fill(0xff)
  expect(method).toEqual(METHODS[1]![0])
})

test('methods: a reply text that is too long is cut at a whole character', () => {
  const method = makeMethod('channel.close', { replyCode: 404, replyText: `x${'é'.repeat(200)}` })
  const frame = encodeMethod(1, method)
  const decoded = decodeMethod(frame, 7, frame.length - 1)
  expect(decoded).toEqual({ ...method, replyText: `x${'é'.repeat(127)}` })
  expect(() => encodeMethod(1, makeMethod('queue.purge', { queue: 'q'.repeat(256) }))).toThrow(
    'short string of 256 bytes',
  )
})

test('methods: written into the middle of a buffer, they touch nothing around them', () => {
  for (const [method, digits] of METHODS) {
    const size = methodFrameSize(method)
    const target = Buffer.alloc(size + 8, 0xaa)
    expect(writeMethod(target, 4, 7, method)).toBe(size + 4)
    expect(target).toEqual(Buffer.concat([hex('aaaaaaaa'), frameOf(1, 7, hex(digits)), hex('aaaaaaaa')]))
  }
})

function arbitraryArgument(type: string): fc.Arbitrary<unknown> {
  switch (type) {
    case 'bit':
      return fc.boolean()
    case 'octet':
      return fc.nat({ max: 255 })
    case 'short':
      return fc.nat({ max: 65535 })
    case 'long':
      return fc.integer({ min: 0, max: 2 ** 32 - 1 })
    case 'longlong':
      return fc.maxSafeNat()
    case 'longbytes':
      return fc.uint8Array({ maxLength: 300 }).map((octets) => Buffer.from(octets))
    case 'table':
      return fc.oneof(fc.constant(emptyTable), arbitraryTable)
    default:
      return arbitraryShortText
  }
}

const arbitraryMethod: fc.Arbitrary<Method> = fc.constantFrom(...kinds).chain((kind) => {
  const fields = Object.entries(methodSchemas[kind].arguments).map(([name, type]) => [name, arbitraryArgument(type)])
  // The record has the arguments of this kind, by its schema.
  return fc.record(Object.fromEntries(fields)).map((given) => ({ kind, ...given }) as unknown as Method)
})

test('methods: any method round-trips', () => {
  fc.assert(
    fc.property(arbitraryMethod, fc.nat({ max: 65535 }), (method, channel) => {
      const frame = encodeMethod(channel, method)
      expect(frame.readUInt16BE(1)).toBe(channel)
      expect(frame.readUInt32BE(3)).toBe(frame.length - 8)
      expect(decodeMethod(frame, 7, frame.length - 1)).toEqual(method)
    }),
    { numRuns: 500 },
  )
})
