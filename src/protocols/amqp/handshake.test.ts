import { expect, test } from 'vitest'
import { longstr } from '../../base/field-value.ts'
import { Stage, turns } from './test-kit.ts'
import { encodeTable } from './wire/field-table.ts'
import { PROTOCOL_HEADER } from './wire/frame.ts'
import { plainTable } from './wire/plain-fields.ts'
import { frameOf } from './wire/test-kit.ts'

test.each([
  ['AMQP 0-9-0', Buffer.from('AMQP\0\0\x09\0', 'latin1')],
  ['AMQP 0-8', Buffer.from('AMQP\x01\x01\x08\0', 'latin1')],
  ['garbage', Buffer.from('XXXXXXXX')],
  ['a browser', Buffer.from('GET / HTTP/1.1\r\n\r\n')],
])('handshake: %s is answered with our header and an end', async (_name, hello) => {
  const stage = new Stage()
  stage.client.raw(hello)
  await turns()
  expect(stage.client.refusal).toEqual([PROTOCOL_HEADER])
  expect(stage.client.socket.isEndedByServer).toBe(true)
  stage.client.hangUp()
  await turns()
  expect(stage.isGone).toBe(true)
})

test('handshake: connection.start tells what RabbitMQ tells', async () => {
  const stage = new Stage()
  for (const octet of PROTOCOL_HEADER) stage.client.raw(Buffer.of(octet))
  const start = await stage.client.expect('connection.start', {
    versionMajor: 0,
    versionMinor: 9,
    mechanisms: 'PLAIN AMQPLAIN',
    locales: 'en_US',
  })
  const properties = plainTable(start.serverProperties)
  expect(Object.keys(properties).sort()).toEqual([
    'capabilities',
    'cluster_name',
    'copyright',
    'information',
    'platform',
    'product',
    'version',
  ])
  expect(properties['capabilities']).toEqual({
    publisher_confirms: true,
    exchange_exchange_bindings: true,
    'basic.nack': true,
    consumer_cancel_notify: true,
    'connection.blocked': true,
    consumer_priorities: true,
    authentication_failure_close: true,
    per_consumer_qos: true,
    direct_reply_to: true,
  })
})

test('handshake: a login with AMQPLAIN opens the vhost for the user', async () => {
  const stage = new Stage()
  const response = encodeTable(
    new Map([
      ['LOGIN', longstr('guest')],
      ['PASSWORD', longstr('guest')],
    ]),
  ).subarray(4)
  await stage.logIn(response.toString('latin1'), 'AMQPLAIN')
  await stage.client.expect('connection.tune', { channelMax: 2047, frameMax: 131_072, heartbeat: 60 })
  stage.client.send(0, 'connection.tune-ok', { channelMax: 10, frameMax: 4096, heartbeat: 0 })
  stage.client.send(0, 'connection.open', { virtualHost: '/' })
  await stage.client.expect('connection.open-ok', { knownHosts: '' })
  expect(stage.session.request).toMatchObject({ user: 'guest', vhost: '/', peer: '127.0.0.1:50000 -> 127.0.0.1:5672' })
  stage.clock.advance(60_000)
  await turns()
  expect(stage.client.isClosed).toBe(false)
})

test.each([
  ['\0guest\0wrong', 'PLAIN'],
  ['guest', 'PLAIN'],
  ['\0guest\0guest\0more', 'PLAIN'],
  ['', 'PLAIN'],
  ['\x05LOGINS\0\0\0\x05guest', 'AMQPLAIN'],
  ['\x05LOGINS\0\0\xff', 'AMQPLAIN'],
])('handshake: %j with %s is refused in words to a client that understands them', async (response, mechanism) => {
  const stage = new Stage()
  await stage.logIn(response, mechanism)
  await stage.client.expect('connection.close', {
    replyCode: 403,
    replyText: `ACCESS_REFUSED - Login was refused using authentication mechanism ${mechanism}. For details see the broker logfile.`,
    classId: 0,
    methodId: 0,
  })
  stage.client.send(0, 'connection.close-ok')
  await turns()
  expect(stage.client.socket.isEndedByServer).toBe(true)
  expect(stage.door.sessions).toEqual([])
})

test('handshake: a client that does not understand a refusal is dropped without a word, after a moment', async () => {
  const stage = new Stage({ capabilities: [] })
  await stage.logIn('\0guest\0wrong')
  await stage.client.quiet()
  expect(stage.client.isClosed).toBe(false)
  stage.clock.advance(stage.settings.refusalDelayMs)
  await turns()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
})

test('handshake: an unknown mechanism is dropped', async () => {
  const stage = new Stage()
  await stage.logIn('', 'NOPE')
  await stage.client.quiet()
  expect(stage.client.socket.destroyed).toBe(true)
})

test('handshake: an unknown vhost is refused with 530', async () => {
  const stage = new Stage()
  await stage.logIn()
  await stage.client.expect('connection.tune')
  stage.client.send(0, 'connection.tune-ok', { channelMax: 10, frameMax: 4096, heartbeat: 0 })
  stage.client.send(0, 'connection.open', { virtualHost: 'nope' })
  await stage.client.expect('connection.close', {
    replyCode: 530,
    replyText: 'NOT_ALLOWED - vhost nope not found',
    classId: 10,
    methodId: 40,
  })
})

test.each([
  [100, 1000, false],
  [100, 4095, false],
  [100, 4096, true],
  [100, 200_000, false],
  [100, 0, true],
  [65_535, 131_072, false],
  [0, 131_072, true],
])('handshake: tune-ok with channel_max %d and frame_max %d opens: %s', async (channelMax, frameMax, opens) => {
  const stage = new Stage()
  await stage.logIn()
  await stage.client.expect('connection.tune')
  stage.client.send(0, 'connection.tune-ok', { channelMax, frameMax, heartbeat: 0 })
  stage.client.send(0, 'connection.open', { virtualHost: '/' })
  if (opens) {
    await stage.client.expect('connection.open-ok')
    return
  }
  await stage.client.quiet()
  expect(stage.client.socket.destroyed).toBe(true)
})

test.each([
  ['says nothing', []],
  ['sends half a header', [PROTOCOL_HEADER.subarray(0, 4)]],
  ['sends the header only', [PROTOCOL_HEADER]],
])('handshake: a client that %s is dropped in time', async (_name, chunks) => {
  const stage = new Stage()
  for (const chunk of chunks) stage.client.raw(chunk)
  await turns()
  stage.clock.advance(stage.settings.handshakeTimeoutMs - 1)
  await turns()
  expect(stage.client.socket.destroyed).toBe(false)
  stage.clock.advance(1)
  await turns()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.isGone).toBe(true)
  expect(stage.clock.pendingTimerCount).toBe(0)
})

test.each([
  ['a method out of turn', 'connection.open' as const, 0],
  ['a method of a channel', 'channel.open' as const, 1],
])('handshake: %s is dropped', async (_name, kind, channel) => {
  const stage = new Stage()
  stage.client.raw(PROTOCOL_HEADER)
  await stage.client.expect('connection.start')
  stage.client.send(channel, kind)
  await stage.client.quiet()
  expect(stage.client.socket.destroyed).toBe(true)
})

test.each([
  ['an unknown method', frameOf(1, 0, Buffer.from([0, 99, 0, 1]))],
  ['a wrong frame end', Buffer.from([1, 0, 0, 0, 0, 0, 1, 7, 0])],
  ['a frame of two gigabytes', Buffer.from([1, 0, 0, 0x7f, 0xff, 0xff, 0xff])],
])('handshake: %s is dropped', async (_name, bytes) => {
  const stage = new Stage()
  stage.client.raw(PROTOCOL_HEADER)
  await stage.client.expect('connection.start')
  stage.client.raw(bytes)
  await stage.client.quiet()
  expect(stage.client.socket.destroyed).toBe(true)
  expect(stage.errors).toEqual([])
})

test('handshake: a client may change its mind', async () => {
  const stage = new Stage()
  await stage.logIn()
  await stage.client.expect('connection.tune')
  stage.client.send(0, 'connection.close', { replyCode: 200, replyText: 'bye' })
  await stage.client.expect('connection.close-ok')
})
