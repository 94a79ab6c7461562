import { expect, test } from 'vitest'
import { Refused, StorageError } from '../../base/errors.ts'
import { openStage, Stage, turns } from './test-kit.ts'
import { PROTOCOL_HEADER } from './wire/frame.ts'
import { HEARTBEAT_FRAME } from './wire/frame-writer.ts'
import { frameOf } from './wire/test-kit.ts'

const method = (classId: number, methodId: number, channel = 1): Buffer =>
  frameOf(1, channel, Buffer.from([classId >> 8, classId, methodId >> 8, methodId]))

test('connection: the client closes, and everything it held is given back before it is told', async () => {
  const stage = await openStage()
  const { client, session } = stage
  client.send(0, 'connection.close', { replyCode: 200, replyText: 'bye' })
  await client.expect('connection.close-ok')
  expect(session.isClosed).toBe(true)
  await turns()
  expect(client.socket.isEndedByServer).toBe(true)
  client.hangUp()
  await turns()
  expect(stage.isGone).toBe(true)
  expect(stage.clock.pendingTimerCount).toBe(0)
})

test('connection: close-ok waits for the session, and frames behind connection.close are dropped', async () => {
  const stage = await openStage()
  const { client, session } = stage
  let open = (): void => {}
  session.gate = new Promise((resolve) => {
    open = resolve
  })
  client.send(0, 'connection.close', { replyCode: 200 })
  client.send(1, 'queue.declare', { queue: 'late' })
  await client.quiet()
  open()
  await client.expect('connection.close-ok')
  await client.quiet()
  expect(session.calls).toEqual(['close'])
})

test('connection: a client that keeps its socket open after close-ok is dropped in time', async () => {
  const stage = await openStage()
  stage.client.send(0, 'connection.close', { replyCode: 200 })
  await stage.client.expect('connection.close-ok')
  await turns()
  expect(stage.client.socket.destroyed).toBe(false)
  stage.clock.advance(stage.settings.closeTimeoutMs)
  await turns()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
})

const hard: [string, Buffer, number, string, number, number][] = [
  ['a method on an unopened channel', method(50, 10, 7), 504, "CHANNEL_ERROR - expected 'channel.open'", 50, 10],
  [
    'content on an unopened channel',
    frameOf(3, 7, Buffer.from('a')),
    505,
    'UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    0,
    0,
  ],
  ['heartbeat on a channel', frameOf(8, 1, Buffer.alloc(0)), 505, 'UNEXPECTED_FRAME - type 8, all octets = <<>>', 0, 0],
  [
    'content on channel 0',
    frameOf(2, 0, Buffer.from('a')),
    505,
    'UNEXPECTED_FRAME - type 2, all octets = <<"a">>',
    0,
    0,
  ],
  ['an unknown class', method(99, 1), 503, 'COMMAND_INVALID - unknown class 99', 99, 1],
  ['an unknown method', method(60, 250), 503, 'COMMAND_INVALID - unknown method 250 in class 60', 60, 250],
  ['a method only servers send', method(20, 11), 501, 'FRAME_ERROR - cannot decode <<>>', 20, 11],
  ['a method of a client that is none here', method(20, 41), 503, 'COMMAND_INVALID - unimplemented method', 20, 41],
  ['truncated arguments', method(50, 10), 501, 'FRAME_ERROR - cannot decode <<>>', 50, 10],
  [
    'an unknown frame type',
    frameOf(77, 1, Buffer.from('a')),
    501,
    'FRAME_ERROR - type 77, all octets = <<"a">>: unknown_frame',
    0,
    0,
  ],
  [
    'a wrong frame end',
    Buffer.from([1, 0, 1, 0, 0, 0, 4, 0, 50, 0, 10, 0xcd]),
    501,
    'FRAME_ERROR - type 1, all octets = <<0,50,0,10>>: {invalid_frame_end_marker,205}',
    0,
    0,
  ],
  [
    'a frame above frame_max',
    Buffer.from([3, 0, 1, 0x7f, 0, 0, 0]),
    501,
    'FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,2130706432,131064}',
    0,
    0,
  ],
  [
    'content without a method',
    frameOf(3, 1, Buffer.from('a')),
    505,
    'UNEXPECTED_FRAME - expected method frame, got non method frame instead',
    0,
    0,
  ],
  [
    'a second connection.open',
    frameOf(1, 0, Buffer.from([0, 10, 0, 40, 1, 0x2f, 0, 0])),
    504,
    'CHANNEL_ERROR - unexpected method in connection state running',
    10,
    40,
  ],
  [
    'a second channel.open',
    frameOf(1, 1, Buffer.from([0, 20, 0, 10, 0])),
    504,
    "CHANNEL_ERROR - second 'channel.open' seen",
    20,
    10,
  ],
]

test.each(hard)('connection: %s ends it', async (_name, bytes, replyCode, replyText, classId, methodId) => {
  const stage = await openStage()
  const { client, session } = stage
  client.raw(bytes)
  await client.expect('connection.close', { replyCode, replyText, classId, methodId })
  expect(session.calls).toEqual(['close'])
  // Whatever else was on its way is not looked at any more.
  client.send(1, 'queue.declare', { queue: 'late' })
  client.send(0, 'connection.close-ok')
  await client.quiet()
  expect(session.calls).toEqual(['close'])
  client.hangUp()
  await turns()
  expect(stage.isGone).toBe(true)
  expect(stage.errors).toEqual([])
})

test('connection: both sides close at once, and each gets its answer', async () => {
  const stage = await openStage()
  const { client } = stage
  client.raw(method(99, 1))
  await client.expect('connection.close', { replyCode: 503 })
  client.send(0, 'connection.close', { replyCode: 200 })
  await client.expect('connection.close-ok')
  client.send(0, 'connection.close-ok')
  await turns()
  expect(client.socket.isEndedByServer).toBe(true)
})

test('connection: a client that never answers our close is dropped in time', async () => {
  const stage = await openStage()
  stage.client.raw(method(99, 1))
  await stage.client.expect('connection.close')
  stage.clock.advance(stage.settings.closeTimeoutMs - 1)
  await turns()
  expect(stage.client.socket.destroyed).toBe(false)
  stage.clock.advance(1)
  await turns()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
})

test('connection: the count of channels is limited, not their numbers', async () => {
  const stage = new Stage({ channelMax: 2 })
  await stage.open()
  await stage.channel(1)
  await stage.channel(65_535)
  stage.client.send(1, 'channel.close', { replyCode: 200 })
  await stage.client.expect('channel.close-ok')
  await stage.channel(9)
  stage.client.send(3, 'channel.open')
  await stage.client.expect('connection.close', {
    replyCode: 530,
    replyText: 'NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)',
    classId: 0,
    methodId: 0,
  })
})

test('connection: after our channel.close everything is ignored until close-ok, then the number is free', async () => {
  const stage = await openStage()
  const { client, session } = stage
  client.send(1, 'queue.declare', { queue: 'nope', passive: true })
  await client.expect('channel.close', {
    replyCode: 404,
    replyText: "NOT_FOUND - no queue 'nope' in vhost '/'",
    classId: 50,
    methodId: 10,
  })
  client.send(1, 'queue.declare', { queue: 'ignored' })
  client.publish(1, '', 'ignored', 'body')
  client.raw(frameOf(3, 1, Buffer.from('stray')))
  client.send(1, 'channel.open')
  await client.quiet()
  client.send(1, 'channel.close')
  await client.expect('channel.close-ok')
  client.send(1, 'channel.close-ok')
  await stage.channel()
  expect(session.calls).toEqual([])
  expect(session.published).toEqual([])
})

test('connection: a soft error ends its channel only', async () => {
  const stage = await openStage()
  await stage.channel(2)
  stage.session.failure = new Refused('access-refused', 'not yours')
  stage.client.send(1, 'exchange.declare', { exchange: 'x', type: 'direct' })
  await stage.client.expect('channel.close', {
    replyCode: 403,
    replyText: 'ACCESS_REFUSED - not yours',
    classId: 40,
    methodId: 10,
  })
  stage.client.send(2, 'exchange.declare', { exchange: 'x', type: 'direct' })
  await stage.client.expect('exchange.declare-ok')
})

test.each([
  [new Refused('not-allowed', 'no'), 530, 'NOT_ALLOWED - no', 0],
  [new Refused('not-implemented', 'no'), 540, 'NOT_IMPLEMENTED - no', 0],
  [new Refused('command-invalid', 'no'), 503, 'COMMAND_INVALID - no', 0],
  [new StorageError('disk-full', 'the disk is full'), 541, 'INTERNAL_ERROR - storage: the disk is full', 1],
  [new TypeError('x is not a function'), 541, 'INTERNAL_ERROR', 1],
])('connection: %s ends it', async (failure, replyCode, replyText, errorCount) => {
  const stage = await openStage()
  stage.session.failure = failure
  stage.client.send(1, 'queue.purge', { queue: 'q' })
  const isBug = failure instanceof TypeError
  const ids = isBug ? { classId: 0, methodId: 0 } : { classId: 50, methodId: 30 }
  await stage.client.expect('connection.close', { replyCode, replyText, ...ids })
  expect(stage.errors).toHaveLength(errorCount)
  if (errorCount > 0) expect(stage.errors[0]!.fields).toMatchObject({ error: failure })
})

test('connection: answers keep the order of the requests, over all channels', async () => {
  const stage = await openStage()
  await stage.channel(2)
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'queue.declare', { queue: 'slow' })
  stage.client.send(2, 'basic.qos', { prefetchCount: 1 })
  stage.client.send(1, 'queue.declare', { queue: 'nowait', nowait: true })
  stage.client.publish(1, '', 'nowait', 'x')
  await stage.client.quiet()
  expect(stage.session.published).toEqual([])
  stage.session.gate = undefined
  open()
  await stage.client.expect('queue.declare-ok', { queue: 'slow' })
  await stage.client.expect('basic.qos-ok')
  await stage.client.quiet()
  expect(stage.session.queue('nowait').ready).toHaveLength(1)
})

test('connection: a fast client waits in its socket while an answer is owed', async () => {
  const stage = await openStage()
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  for (let count = 0; count < 20; count++) stage.client.publish(1, '', 'q', Buffer.alloc(10_000))
  await turns()
  expect(stage.client.socket.isPaused()).toBe(true)
  open()
  await stage.client.expect('queue.declare-ok')
  await turns()
  expect(stage.client.socket.isPaused()).toBe(false)
  expect(stage.session.queue('q').ready).toHaveLength(20)
})

test('connection: a client that hangs up is gone, and what it sent before its last request still counts', async () => {
  const stage = await openStage()
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'queue.declare', { queue: 'q', nowait: true })
  stage.client.publish(1, '', 'q', 'x')
  stage.client.hangUp()
  await turns()
  expect(stage.session.calls).toEqual(['declareQueue q'])
  stage.session.gate = undefined
  open()
  await turns()
  expect(stage.session.published).toHaveLength(1)
  expect(stage.session.calls.at(-1)).toBe('close')
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
})

test('connection: a request under way when the broker ends the session is not answered', async () => {
  const stage = await openStage()
  let open = (): void => {}
  stage.session.gate = new Promise((resolve) => {
    open = resolve
  })
  stage.client.send(1, 'queue.declare', { queue: 'q' })
  await turns()
  stage.connection.ended({ kind: 'forced', message: 'Closed via management plugin' })
  await stage.client.expect('connection.close', {
    replyCode: 320,
    replyText: 'CONNECTION_FORCED - Closed via management plugin',
  })
  open()
  await stage.client.quiet()
  stage.client.send(0, 'connection.close-ok')
  await turns()
  expect(stage.client.socket.isEndedByServer).toBe(true)
})

test('connection: a shutdown is told, and not to those who are still greeting', async () => {
  const stage = await openStage()
  stage.connection.close({ kind: 'shutdown' })
  const replyText = "CONNECTION_FORCED - broker forced connection closure with reason 'shutdown'"
  await stage.client.expect('connection.close', { replyCode: 320, replyText, classId: 0, methodId: 0 })
  const early = new Stage()
  early.client.raw(PROTOCOL_HEADER)
  await early.client.expect('connection.start')
  early.connection.close({ kind: 'shutdown' })
  await early.client.quiet()
  expect(early.client.socket.destroyed).toBe(true)
})

test('connection: a client that does not answer a shutdown holds it up for two seconds at most', async () => {
  const stage = await openStage()
  stage.connection.close({ kind: 'shutdown' })
  await stage.client.expect('connection.close')
  stage.clock.advance(stage.settings.shutdownTimeoutMs - 1)
  await turns()
  expect(stage.isGone).toBe(false)
  stage.clock.advance(1)
  await turns()
  expect(stage.isGone).toBe(true)
})

test('connection: a socket that breaks gives everything back', async () => {
  const stage = await openStage()
  stage.client.socket.destroy(new Error('ECONNRESET'))
  await turns()
  expect(stage.session.isClosed).toBe(true)
  expect(stage.isGone).toBe(true)
  expect(stage.errors).toEqual([])
})

test('connection: heartbeats go out when nothing else does, at half the interval', async () => {
  const stage = await openStage({ heartbeatSeconds: 10 })
  stage.clock.advance(5000)
  await turns()
  // The handshake's own frames counted once.
  stage.client.raw(HEARTBEAT_FRAME)
  stage.clock.advance(5000)
  expect(await stage.client.next()).toEqual({ kind: 'heartbeat' })
  stage.client.send(1, 'basic.qos')
  await stage.client.expect('basic.qos-ok')
  stage.clock.advance(5000)
  await stage.client.quiet()
})

test('connection: a silent client is dropped after two intervals, a talking one is not', async () => {
  const stage = await openStage({ heartbeatSeconds: 10 })
  for (let count = 0; count < 10; count++) {
    stage.clock.advance(9000)
    stage.client.raw(HEARTBEAT_FRAME)
    await turns(2)
  }
  expect(stage.client.socket.destroyed).toBe(false)
  stage.clock.advance(29_999)
  await turns()
  expect(stage.client.socket.destroyed).toBe(false)
  // Looked at once an interval, as RabbitMQ does: the second look without news comes here.
  stage.clock.advance(1)
  await turns()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
  expect(stage.clock.pendingTimerCount).toBe(0)
})

test('connection: a new secret is taken note of', async () => {
  const stage = await openStage()
  stage.client.send(0, 'connection.update-secret', { newSecret: Buffer.from('x'), reason: 'renewal' })
  await stage.client.expect('connection.update-secret-ok')
})
