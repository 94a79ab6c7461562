import { expect, test } from 'vitest'
import { array, type FieldTable, type FieldValue, long, longstr } from '../../base/field-value.ts'
import { openStage, type PublishOptions, publishFrames, type Stage, turns } from './test-kit.ts'
import { decodeProperties, type Properties } from './wire/properties.ts'
import { frameOf } from './wire/test-kit.ts'

const table = (entries: Record<string, FieldValue>): FieldTable => new Map(Object.entries(entries))

async function publishOne(properties: Properties, options: PublishOptions = {}): Promise<Stage> {
  const stage = await openStage()
  stage.client.publish(1, '', 'q', 'body', { properties, ...options })
  await turns()
  return stage
}

/** The properties that the broker was given. */
function given(stage: Stage): Properties {
  const { message } = stage.session.published.at(-1)!
  const raw = message.properties()
  return decodeProperties(raw, 0, raw.length)
}

test('publish: the message has its route, properties and body as they came', async () => {
  const properties: Properties = {
    contentType: 'text/plain',
    headers: table({ a: long(1) }),
    deliveryMode: 2,
    priority: 7,
    expiration: '60000',
    userId: 'guest',
  }
  const stage = await publishOne(properties)
  const { message, extraKeys, confirms } = stage.session.published[0]!
  expect(message.address).toMatchObject({ exchange: '', routingKey: 'q' })
  expect(message).toMatchObject({ persistent: true, priority: 7, expirationMs: 60_000 })
  expect(message.publishedMs).toBe(stage.clock.nowMs())
  expect(message.body().toString()).toBe('body')
  expect(given(stage)).toEqual(properties)
  expect(extraKeys).toBeUndefined()
  expect(confirms).toBeUndefined()
})

test('publish: an empty body needs no body frame, absent properties are absent', async () => {
  const stage = await openStage()
  stage.client.publish(1, '', 'q', '')
  await turns()
  const { message } = stage.session.published[0]!
  expect(message).toMatchObject({ bodyBytes: 0, persistent: false, priority: -1, expirationMs: -1 })
})

test('publish: frames are gathered wherever the bytes are cut', async () => {
  const body = Buffer.from(Array.from({ length: 40 }, (_, index) => index))
  // A limit that no client may ask for cuts the body into frames of five bytes.
  const frames = publishFrames(1, 'ex', 'a.key', body, { frameMax: 13, properties: { headers: table({ a: long(1) }) } })
  const stage = await openStage()
  for (let cut = 0; cut <= frames.length; cut++) {
    stage.client.raw(Buffer.concat([frames.subarray(0, cut)]))
    stage.client.raw(Buffer.concat([frames.subarray(cut)]))
    await turns(1)
    expect(stage.session.published).toHaveLength(cut + 1)
    const { message } = stage.session.published[cut]!
    expect(message.address).toMatchObject({ exchange: 'ex', routingKey: 'a.key' })
    expect(message.body()).toEqual(body)
  }
  for (const octet of frames) stage.client.raw(Buffer.of(octet))
  await turns()
  expect(stage.session.published.at(-1)!.message.body()).toEqual(body)
  await stage.client.quiet()
})

test('publish: a route is decoded once while it stays the same', async () => {
  const stage = await openStage()
  for (const key of ['a', 'a', 'a', 'b', 'b', 'a', 'aa', 'aa']) stage.client.publish(1, '', key, 'x')
  await turns()
  const keys = stage.session.published.map(({ message }) => message.address.routingKey)
  expect(keys).toEqual(['a', 'a', 'a', 'b', 'b', 'a', 'aa', 'aa'])
  expect(stage.session.calls).toEqual(['address  a', 'address  b', 'address  a', 'address  aa'])
})

test('publish: channels may interleave their frames', async () => {
  const stage = await openStage()
  await stage.channel(2)
  const [one, two] = [1, 2].map((channel) => publishFrames(channel, '', `q${channel}`, `body of ${channel}`))
  const method = 7 + 4 + 2 + 4 + 1 + 1
  stage.client.raw(one!.subarray(0, method))
  stage.client.raw(two!)
  stage.client.raw(one!.subarray(method))
  await turns()
  const bodies = stage.session.published.map(({ message }) => message.body().toString())
  expect(bodies).toEqual(['body of 2', 'body of 1'])
})

test.each([
  [
    'another method',
    frameOf(1, 1, Buffer.from([0, 60, 0, 10, 0, 0, 0, 0, 0, 0, 0])),
    'expected content header for class 60, got non content header frame instead',
  ],
  [
    'a body',
    frameOf(3, 1, Buffer.from('x')),
    'expected content header for class 60, got non content header frame instead',
  ],
  [
    'a header of another class',
    frameOf(2, 1, Buffer.from([0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0])),
    'expected content header for class 60, got one for class 50 instead',
  ],
])('publish: %s where the content header is expected ends the connection', async (_name, frame, text) => {
  const stage = await openStage()
  stage.client.raw(publishFrames(1, '', 'q', 'x').subarray(0, 7 + 4 + 2 + 3 + 1 + 1))
  stage.client.raw(frame)
  const replyText = `UNEXPECTED_FRAME - ${text}`
  await stage.client.expect('connection.close', { replyCode: 505, replyText, classId: 60, methodId: 40 })
})

test.each([
  [
    'a method in the middle of a body',
    frameOf(1, 1, Buffer.from([0, 20, 0, 40])),
    'expected content body, got non content body frame instead',
  ],
  [
    'a body longer than announced',
    frameOf(3, 1, Buffer.from('123456')),
    'expected at most 5 more bytes of content body, got 6 instead',
  ],
])('publish: %s ends the connection', async (_name, frame, text) => {
  const stage = await openStage()
  const frames = publishFrames(1, '', 'q', 'whole')
  stage.client.raw(frames.subarray(0, frames.length - 13))
  stage.client.raw(frame)
  const replyText = `UNEXPECTED_FRAME - ${text}`
  await stage.client.expect('connection.close', { replyCode: 505, replyText, classId: 60, methodId: 40 })
  expect(stage.session.published).toEqual([])
})

const refused: [string, Properties, string][] = [
  ['user-id of another', { userId: 'bob' }, "user_id property set to 'bob' but authenticated user was 'guest'"],
  ['expiration that is no number', { expiration: 'abc' }, "invalid expiration 'abc': no_integer"],
  ['empty expiration', { expiration: '' }, "invalid expiration '': no_integer"],
  ['expiration with a rest', { expiration: '12s' }, 'invalid expiration \'12s\': {leftover_string,"s"}'],
  ['negative expiration', { expiration: '-1' }, "invalid expiration '-1': {value_negative,-1}"],
  [
    'expiration of more than ten years',
    { expiration: '315360000001' },
    "invalid expiration '315360000001': {value_too_large,315360000001}",
  ],
  [
    'CC as text',
    { headers: table({ CC: longstr('q') }) },
    'invalid message: {unacceptable_type_in_header,"CC",longstr}',
  ],
  ['BCC as number', { headers: table({ BCC: long(1) }) }, 'invalid message: {unacceptable_type_in_header,"BCC",long}'],
  ['reply-to without a mailbox', { replyTo: 'amq.rabbitmq.reply-to' }, 'fast reply consumer does not exist'],
]

test.each(refused)("publish: %s is refused in RabbitMQ's words", async (_name, properties, text) => {
  const stage = await publishOne(properties)
  const replyText = `PRECONDITION_FAILED - ${text}`
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 60, methodId: 40 })
  expect(stage.session.published).toEqual([])
})

test.each([
  ['0', 0],
  ['+5', 5],
  ['4294967295', 2 ** 32 - 1],
  ['315360000000', 315_360_000_000],
])('publish: expiration %s is %d ms', async (expiration, expirationMs) => {
  const stage = await publishOne({ expiration })
  expect(stage.session.published[0]!.message.expirationMs).toBe(expirationMs)
})

test('publish: CC and BCC add keys, and receivers do not see BCC', async () => {
  const headers = table({ CC: array([longstr('c1'), long(5), longstr('c2')]), BCC: array([longstr('b1')]), x: long(1) })
  const stage = await publishOne({ contentType: 't', headers, appId: 'a' })
  expect(stage.session.published[0]!.extraKeys).toEqual(['c1', 'c2', 'b1'])
  const visible = new Map(headers)
  visible.delete('BCC')
  expect(given(stage)).toEqual({ contentType: 't', headers: visible, appId: 'a' })
})

test('publish: a header of an unknown type ends the connection as RabbitMQ does', async () => {
  const stage = await openStage()
  stage.client.raw(publishFrames(1, '', 'q', 'x').subarray(0, 7 + 4 + 2 + 3 + 1 + 1))
  const header = Buffer.from([0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x20, 0, 0, 0, 0, 3, 1, 0x61, 0x5a])
  stage.client.raw(frameOf(2, 1, header))
  await stage.client.expect('connection.close', {
    replyCode: 541,
    replyText: 'INTERNAL_ERROR',
    classId: 0,
    methodId: 0,
  })
  expect(stage.errors).toEqual([])
})

test('publish: immediate is not implemented', async () => {
  const stage = await openStage()
  const frames = publishFrames(1, '', 'q', 'x')
  frames[7 + 4 + 2 + 3] = 2
  stage.client.raw(frames)
  await stage.client.expect('connection.close', {
    replyCode: 540,
    replyText: 'NOT_IMPLEMENTED - immediate=true',
    classId: 60,
    methodId: 40,
  })
})

test('publish: a message above the limit is refused before it is stored, and its body is skipped', async () => {
  const stage = await openStage({ settings: { messageBytesMax: 1000 } })
  stage.client.publish(1, '', 'q', Buffer.alloc(1001))
  const replyText = 'PRECONDITION_FAILED - message size 1001 is larger than configured max size 1000'
  await stage.client.expect('channel.close', { replyCode: 406, replyText, classId: 60, methodId: 40 })
  stage.client.send(1, 'channel.close-ok')
  await stage.channel()
  stage.client.publish(1, '', 'q', Buffer.alloc(1000))
  await turns()
  expect(stage.session.published).toHaveLength(1)
})

test('publish: an announced size of 2^63 is refused like any other', async () => {
  const stage = await openStage()
  stage.client.raw(publishFrames(1, '', 'q', 'x').subarray(0, 7 + 4 + 2 + 3 + 1 + 1))
  stage.client.raw(frameOf(2, 1, Buffer.from([0, 60, 0, 0, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0])))
  await stage.client.expect('channel.close', { replyCode: 406 })
})

test('publish: what arrives on all channels together has a limit, and a whole message counts no more', async () => {
  const stage = await openStage({ settings: { messageBytesMax: 1000 } })
  await stage.channel(2)
  const [one, two] = [1, 2].map((channel) => publishFrames(channel, '', 'q', Buffer.alloc(600)))
  const begunBytes = 18 + 22
  for (const frames of [one!, two!]) {
    stage.client.raw(frames.subarray(0, begunBytes))
    stage.client.raw(frames.subarray(begunBytes))
  }
  await turns()
  expect(stage.session.published).toHaveLength(2)
  stage.client.raw(one!.subarray(0, begunBytes))
  await stage.client.quiet()
  stage.client.raw(two!.subarray(0, begunBytes))
  await stage.client.expect('connection.close', { replyCode: 506, classId: 60, methodId: 40 })
})

test('publish: a missing exchange ends the channel, and what was done before is confirmed first', async () => {
  const stage = await openStage()
  stage.client.send(1, 'confirm.select')
  await stage.client.expect('confirm.select-ok')
  stage.client.publish(1, '', 'q', 'x')
  stage.client.publish(1, 'nope', 'q', 'x')
  await stage.client.expect('basic.ack', { deliveryTag: 1, multiple: false })
  const replyText = "NOT_FOUND - no exchange 'nope' in vhost '/'"
  await stage.client.expect('channel.close', { replyCode: 404, replyText, classId: 60, methodId: 40 })
  await stage.client.quiet()
})

test('publish: an unroutable mandatory message comes back before its confirm', async () => {
  const stage = await openStage()
  stage.client.send(1, 'confirm.select')
  await stage.client.expect('confirm.select-ok')
  stage.client.publish(1, '', 'nowhere', 'x', { mandatory: true, properties: { messageId: 'm' } })
  await stage.client.expect('basic.return', {
    replyCode: 312,
    replyText: 'NO_ROUTE',
    exchange: '',
    routingKey: 'nowhere',
  })
  const { properties, body } = await stage.client.content()
  expect(properties).toEqual({ messageId: 'm' })
  expect(body.toString()).toBe('x')
  await stage.client.expect('basic.ack', { deliveryTag: 1, multiple: false })
  stage.client.publish(1, '', 'nowhere', 'x')
  await stage.client.expect('basic.ack', { deliveryTag: 2, multiple: false })
})

test('publish: confirms wait for the broker, and a burst is answered at once', async () => {
  const stage = await openStage()
  stage.client.send(1, 'confirm.select')
  await stage.client.expect('confirm.select-ok')
  stage.session.answersPerPublish = 1
  for (let count = 0; count < 5; count++) stage.client.publish(1, '', 'q', 'x')
  await stage.client.quiet()
  for (const { confirms, sequence } of stage.session.published) confirms!.confirmed(sequence)
  await stage.client.expect('basic.ack', { deliveryTag: 5, multiple: true })
  stage.client.publish(1, '', 'q', 'x')
  await turns()
  stage.session.published[5]!.confirms!.rejected(6)
  await stage.client.expect('basic.nack', { deliveryTag: 6, multiple: true, requeue: true })
})
