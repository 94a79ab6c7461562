import { expect, test } from 'vitest'
import { contentSize, HEARTBEAT_FRAME, writeBodyFrame, writeBodyFrameStart, writeContent } from './frame-writer.ts'
import {
  BASIC_PUBLISH,
  ContentHeader,
  deliverSize,
  encodeShortString,
  getOkSize,
  PublishArguments,
  publishSize,
  readAck,
  readContentHeader,
  readMethodNumber,
  readNack,
  readPublish,
  readReject,
  returnSize,
  SETTLE_FRAME_BYTES,
  SettleArguments,
  writeAck,
  writeDeliver,
  writeGetOk,
  writeNack,
  writePublish,
  writeReject,
  writeReturn,
} from './hot-methods.ts'
import type { Method } from './method-schema.ts'
import { encodeMethod, makeMethod } from './methods.ts'
import { frameOf, hex, wireErrorOf } from './test-kit.ts'

const exchange = 'events'
const routingKey = 'žlutý.kůň'
const address = Buffer.concat([encodeShortString(exchange), encodeShortString(routingKey)])
const target = { exchange, routingKey }
const TAGS = [0, 1, 255, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + 5, 2 ** 40 + 2 ** 31, Number.MAX_SAFE_INTEGER]

/** Runs a writer in the middle of a buffer: it must fill its size exactly and touch nothing around it. */
function written(size: number, write: (target: Buffer, at: number) => number): Buffer {
  const buffer = Buffer.alloc(size + 10, 0xaa)
  expect(write(buffer, 5)).toBe(size + 5)
  expect(buffer.subarray(0, 5)).toEqual(hex('aaaaaaaaaa'))
  expect(buffer.subarray(size + 5)).toEqual(hex('aaaaaaaaaa'))
  return buffer.subarray(5, size + 5)
}

test('hot writers: the same bytes as the table of methods', () => {
  const tag = encodeShortString('ctag-1')
  for (const deliveryTag of TAGS) {
    const cases: readonly [Method, number, (buffer: Buffer, at: number) => number][] = [
      [
        makeMethod('basic.deliver', { consumerTag: 'ctag-1', deliveryTag, redelivered: true, ...target }),
        deliverSize(tag, address),
        (buffer, at) => writeDeliver(buffer, at, 513, tag, deliveryTag, true, address),
      ],
      [
        makeMethod('basic.get-ok', { deliveryTag, messageCount: 70_000, ...target }),
        getOkSize(address),
        (buffer, at) => writeGetOk(buffer, at, 513, deliveryTag, false, address, 70_000),
      ],
      [
        makeMethod('basic.ack', { deliveryTag, multiple: true }),
        SETTLE_FRAME_BYTES,
        (buffer, at) => writeAck(buffer, at, 513, deliveryTag, true),
      ],
      [
        makeMethod('basic.nack', { deliveryTag, requeue: true }),
        SETTLE_FRAME_BYTES,
        (buffer, at) => writeNack(buffer, at, 513, deliveryTag, false, true),
      ],
      [
        makeMethod('basic.reject', { deliveryTag, requeue: true }),
        SETTLE_FRAME_BYTES,
        (buffer, at) => writeReject(buffer, at, 513, deliveryTag, true),
      ],
    ]
    for (const [method, size, write] of cases) {
      expect(written(size, write).toString('hex'), method.kind).toBe(encodeMethod(513, method).toString('hex'))
    }
  }
})

test('hot writers: return and publish', () => {
  const text = `NO_ROUTE ${'x'.repeat(300)}`
  const returned = makeMethod('basic.return', { replyCode: 312, replyText: text, ...target })
  expect(written(returnSize(text, address), (buffer, at) => writeReturn(buffer, at, 3, 312, text, address))).toEqual(
    encodeMethod(3, returned),
  )
  const published = makeMethod('basic.publish', { ...target, mandatory: true })
  expect(written(publishSize(address), (buffer, at) => writePublish(buffer, at, 3, address, true))).toEqual(
    encodeMethod(3, published),
  )
})

test('hot readers: basic.publish gives positions and flags', () => {
  const into = new PublishArguments()
  for (const flags of [
    { mandatory: false, immediate: false },
    { mandatory: true, immediate: false },
    { mandatory: false, immediate: true },
  ]) {
    const frame = encodeMethod(1, makeMethod('basic.publish', { ...target, ...flags }))
    expect(readMethodNumber(frame, 7, frame.length - 1)).toBe(BASIC_PUBLISH)
    readPublish(frame, 7, frame.length - 1, into)
    expect(frame.toString('utf8', into.exchangeStart, into.exchangeEnd)).toBe(exchange)
    expect(frame.toString('utf8', into.routingKeyStart, into.routingKeyEnd)).toBe(routingKey)
    expect(frame.subarray(into.addressStart, into.addressEnd)).toEqual(address)
    expect({ mandatory: into.mandatory, immediate: into.immediate }).toEqual(flags)
  }
})

test('hot readers: basic.publish cut anywhere or too long is refused', () => {
  const frame = encodeMethod(1, makeMethod('basic.publish', target))
  const payload = frame.subarray(7, frame.length - 1)
  const into = new PublishArguments()
  for (let cut = 4; cut < payload.length; cut++) {
    for (const bytes of [Buffer.from(payload.subarray(0, cut)), payload]) {
      const error = wireErrorOf(() => readPublish(bytes, 0, cut, into))
      expect([error?.replyCode, error?.classId, error?.methodId], `cut at ${cut}`).toEqual([501, 60, 40])
      expect(error?.message).toMatch(/^cannot decode <</)
    }
  }
  const longer = Buffer.concat([payload, Buffer.of(0)])
  expect(wireErrorOf(() => readPublish(longer, 0, longer.length, into))?.replyCode).toBe(501)
  for (let cut = 0; cut < 4; cut++) expect(wireErrorOf(() => readMethodNumber(payload, 0, cut))?.replyCode).toBe(501)
})

test('hot readers: ack, nack and reject', () => {
  const into = new SettleArguments()
  for (const deliveryTag of TAGS) {
    for (const multiple of [false, true]) {
      for (const requeue of [false, true]) {
        const ack = encodeMethod(1, makeMethod('basic.ack', { deliveryTag, multiple }))
        readAck(ack, 7, ack.length - 1, into)
        expect(into).toEqual({ deliveryTag, multiple, requeue: false })
        const nack = encodeMethod(1, makeMethod('basic.nack', { deliveryTag, multiple, requeue }))
        readNack(nack, 7, nack.length - 1, into)
        expect(into).toEqual({ deliveryTag, multiple, requeue })
        const reject = encodeMethod(1, makeMethod('basic.reject', { deliveryTag, requeue }))
        readReject(reject, 7, reject.length - 1, into)
        expect(into).toEqual({ deliveryTag, multiple: false, requeue })
      }
    }
  }
})

test('hot readers: an ack, nack or reject cut anywhere or too long is refused with its own method', () => {
  const into = new SettleArguments()
  for (const [read, methodId] of [
    [readAck, 80],
    [readReject, 90],
    [readNack, 120],
  ] as const) {
    const payload = Buffer.alloc(14, 1)
    for (let cut = 4; cut <= 14; cut++) {
      const error = wireErrorOf(() => read(payload, 0, cut, into))
      if (cut === 13) expect(error).toBeUndefined()
      else expect([error?.replyCode, error?.classId, error?.methodId]).toEqual([501, 60, methodId])
    }
  }
  expect(wireErrorOf(() => readAck(hex('003c0050 01'), 0, 5, into))?.message).toBe('cannot decode <<1>>')
})

test('content header: read, and refused in RabbitMQ’s words', () => {
  const into = new ContentHeader()
  const payload = hex('003c 0000 0000000100000002 1000 02')
  readContentHeader(payload, 0, payload.length, into)
  expect(into).toEqual({ bodyBytes: 2 ** 32 + 2, propertiesStart: 12 })
  for (let cut = 0; cut < 12; cut++) {
    expect(wireErrorOf(() => readContentHeader(payload, 0, cut, into))?.message).toContain('unknown_frame')
  }
  const other = hex('0032 0000 0000000000000000 0000')
  const weighty = hex('003c 0001 0000000000000000 0000')
  const errors = [other, weighty].map((bytes) => wireErrorOf(() => readContentHeader(bytes, 0, bytes.length, into)))
  expect(errors.map((error) => [error?.replyCode, error?.message, error?.classId, error?.methodId])).toEqual([
    [505, 'expected content header for class 60, got one for class 50 instead', 60, 40],
    [505, 'expected content header for class 60, got non content header frame instead', 60, 40],
  ])
  const huge = hex('003c 0000 ffffffffffffffff 0000')
  readContentHeader(huge, 0, huge.length, into)
  expect(into.bodyBytes).toBeGreaterThan(Number.MAX_SAFE_INTEGER)
})

test('content: header and body split by the receiver’s frame_max, none for an empty body', () => {
  const properties = hex('1000 02')
  const payloadMax = 4096 - 8
  for (const bodyBytes of [0, 1, payloadMax - 1, payloadMax, payloadMax + 1, 3 * payloadMax, 10_000]) {
    const body = Buffer.from(Array.from({ length: bodyBytes }, (_, index) => index & 0xff))
    const stored = Buffer.concat([hex('ffff'), properties, body])
    const size = Buffer.alloc(8)
    size.writeBigUInt64BE(BigInt(bodyBytes))
    const expected = [frameOf(2, 9, Buffer.concat([hex('003c0000'), size, properties]))]
    for (let at = 0; at < bodyBytes; at += payloadMax) expected.push(frameOf(3, 9, body.subarray(at, at + payloadMax)))
    const content = written(contentSize(properties.length, bodyBytes, 4096), (buffer, at) =>
      writeContent(buffer, at, 9, stored, 2, 5, stored.length, 4096),
    )
    expect(content.equals(Buffer.concat(expected))).toBe(true)

    const unlimited = written(contentSize(properties.length, bodyBytes, 0), (buffer, at) =>
      writeContent(buffer, at, 9, stored, 2, 5, stored.length, 0),
    )
    const whole = bodyBytes === 0 ? [] : [frameOf(3, 9, body)]
    expect(unlimited.equals(Buffer.concat([expected[0]!, ...whole]))).toBe(true)
  }
  expect(() => contentSize(2, 1, 8)).toThrow('no room for a body')
})

test('content: a body frame around bytes that are sent from where they lie', () => {
  const body = Buffer.from('some body')
  const start = Buffer.alloc(7)
  expect(writeBodyFrameStart(start, 0, 4, body.length)).toBe(7)
  const whole = Buffer.alloc(body.length + 8)
  writeBodyFrame(whole, 0, 4, body, 0, body.length)
  expect(Buffer.concat([start, body, Buffer.of(0xce)])).toEqual(whole)
})

test('heartbeat: the constant is the frame of the specification', () => {
  expect(HEARTBEAT_FRAME).toEqual(hex('08 0000 00000000 ce'))
})
