/**
 * What a broker knows after it was killed, and after it was stopped: every durable thing as it was declared, every
 * persistent message byte for byte, and nothing that was not meant to last.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Channel, connect, type GetMessage, type Options } from 'amqplib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import type { FieldTable, FieldValue } from '../../src/base/field-value.ts'
import { tableFromPlain } from '../../src/protocols/amqp/wire/plain-fields.ts'
import { encodeProperties, type Properties } from '../../src/protocols/amqp/wire/properties.ts'
import { contentHeader, frame, Peer, type Received } from '../interop/probe/peer.ts'
import { ServerProcess } from '../support/crash/server-process.ts'

const FRAME_BODY = 3

let home: string
let server: ServerProcess
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'busbar-restart-'))
  await start()
})
afterEach(async () => {
  await server.stop()
  await rm(home, { recursive: true, force: true })
})

async function start(): Promise<void> {
  server = await ServerProcess.start(join(home, 'data'), ['--log-level', 'error'])
}

type End = 'kill' | 'stop'

/** `peer` would not answer a goodbye, and the broker would wait for it. */
async function restart(end: End, peer?: Peer): Promise<void> {
  peer?.end()
  await server[end]()
  await start()
}

/** A peer with channel 1 open and in confirm mode. */
async function openPeer(): Promise<Peer> {
  const peer = await Peer.connect(server.port)
  await peer.open()
  await peer.call(1, 'channel.open')
  await peer.call(1, 'confirm.select')
  return peer
}

function kindOf(received: Received): string {
  if (received.kind !== 'method') return received.kind
  const { method } = received
  return method.kind === 'channel.close' ? `channel.close ${method.replyCode}` : method.kind
}

const EXCHANGES: readonly [name: string, type: string, args: FieldTable][] = [
  ['root', 'fanout', tableFromPlain({ 'alternate-exchange': 'other' })],
  ['d', 'direct', new Map()],
  ['t', 'topic', new Map()],
  ['h', 'headers', new Map()],
  ['hash', 'x-consistent-hash', new Map()],
  ['random', 'x-random', new Map()],
  ['later', 'x-delayed-message', tableFromPlain({ 'x-delayed-type': 'topic' })],
  ['other', 'fanout', new Map()],
]

const QUEUES: readonly [name: string, args: FieldTable][] = [
  ['by.d', new Map()],
  ['by.t', tableFromPlain({ 'x-max-priority': 7 })],
  [
    'by.h',
    tableFromPlain({ 'x-message-ttl': 3_600_000, 'x-dead-letter-exchange': 'd', 'x-dead-letter-routing-key': 'k' }),
  ],
  ['by.hash', tableFromPlain({ 'x-max-length': 1000, 'x-overflow': 'reject-publish' })],
  ['by.random', tableFromPlain({ 'x-max-length-bytes': 1_000_000 })],
  ['by.later', tableFromPlain({ 'x-queue-type': 'quorum', 'x-delivery-limit': 5 })],
  ['by.other', tableFromPlain({ 'x-single-active-consumer': true, 'x-expires': 3_600_000 })],
]

/** Every message to `root` goes to all exchanges behind it, and each of them has its own way to its queue. */
const BINDINGS: readonly [source: string, key: string, args: FieldTable][] = [
  ['d', 'a.b', new Map()],
  ['t', 'a.*', new Map()],
  ['h', '', tableFromPlain({ 'x-match': 'all', colour: 'red' })],
  ['hash', '1', new Map()],
  ['random', '', new Map()],
  ['later', '#', new Map()],
  ['other', '', new Map()],
]

async function declareAll(peer: Peer): Promise<string[]> {
  const answers: string[] = []
  for (const [exchange, type, args] of EXCHANGES) {
    answers.push(kindOf(await peer.call(1, 'exchange.declare', { exchange, type, durable: true, arguments: args })))
  }
  for (const [queue, args] of QUEUES) {
    answers.push(kindOf(await peer.call(1, 'queue.declare', { queue, durable: true, arguments: args })))
  }
  return answers
}

async function bindAll(peer: Peer): Promise<void> {
  for (const [source, key, args] of BINDINGS) {
    await peer.call(1, 'exchange.bind', { destination: source, source: 'root' })
    await peer.call(1, 'queue.bind', { queue: `by.${source}`, exchange: source, routingKey: key, arguments: args })
  }
}

async function counts(peer: Peer): Promise<number[]> {
  const found: number[] = []
  for (const [queue] of QUEUES) {
    const answer = await peer.call(1, 'queue.declare', { queue, passive: true })
    if (answer.kind !== 'method' || answer.method.kind !== 'queue.declare-ok') throw new Error(kindOf(answer))
    found.push(answer.method.messageCount)
  }
  return found
}

for (const end of ['kill', 'stop'] as const) {
  it(`restart (${end}): exchanges of every type, their bindings, queues with their arguments are as before`, () =>
    topologyReturns(end))
  it(`restart (${end}): transient exchanges, queues and messages are gone`, () => transientIsGone(end))
  it(`restart (${end}): messages come back byte for byte, in order`, () => messagesReturn(end))
}

async function topologyReturns(end: End): Promise<void> {
  let peer = await openPeer()
  await declareAll(peer)
  await bindAll(peer)
  const properties = { deliveryMode: 2, headers: tableFromPlain({ colour: 'red' }) }
  for (let round = 1; round <= 2; round++) {
    await restart(end, peer)
    peer = await openPeer()
    // Declared again with the same arguments: nothing to say. With others: refused.
    expect(new Set(await declareAll(peer))).toEqual(new Set(['exchange.declare-ok', 'queue.declare-ok']))
    peer.publish(1, { exchange: 'root', routingKey: 'a.b' }, 'to all', properties)
    expect(kindOf(await peer.next())).toBe('basic.ack')
    expect(await counts(peer)).toEqual(QUEUES.map(() => round))
    peer.publish(1, { exchange: 'root', routingKey: 'elsewhere' }, 'to some', properties)
    await peer.next()
    // Not by key, not by pattern; all others take anything. Got, so that the next round counts from where it was.
    const [byDirect, byTopic, ...others] = await counts(peer)
    expect([byDirect, byTopic, new Set(others)]).toEqual([round, round, new Set([round + 1])])
    for (const [queue] of QUEUES.slice(2)) {
      await peer.call(1, 'basic.get', { queue, noAck: true })
      while ((await peer.next()).kind !== 'body');
    }
    // What was got is settled for good once something published after it is confirmed.
    await peer.call(1, 'queue.declare', { queue: 'fence', durable: true })
    peer.publish(1, { routingKey: 'fence' }, 'fence', { deliveryMode: 2 })
    expect(kindOf(await peer.next())).toBe('basic.ack')
    const other = await peer.call(1, 'queue.declare', { queue: 'by.t', durable: true })
    expect(kindOf(other)).toBe('channel.close 406')
    peer.end()
  }
}

async function transientIsGone(end: End): Promise<void> {
  let peer = await openPeer()
  await peer.call(1, 'exchange.declare', { exchange: 'x.transient', type: 'direct' })
  await peer.call(1, 'queue.declare', { queue: 'transient' })
  await peer.call(1, 'queue.declare', { queue: 'exclusive', durable: true, exclusive: true })
  await peer.call(1, 'queue.declare', { queue: 'durable', durable: true })
  await peer.call(1, 'queue.bind', { queue: 'durable', exchange: 'x.transient', routingKey: 'k' })
  for (const [body, deliveryMode] of [
    ['a', 1],
    ['b', 2],
    ['c', 1],
    ['d', 2],
  ] as const) {
    peer.publish(1, { routingKey: 'durable' }, body, { deliveryMode })
    expect(kindOf(await peer.next())).toBe('basic.ack')
  }
  await restart(end, peer)
  const gone = [
    (one: Peer) => one.call(1, 'exchange.declare', { exchange: 'x.transient', passive: true }),
    (one: Peer) => one.call(1, 'queue.declare', { queue: 'transient', passive: true }),
    (one: Peer) => one.call(1, 'queue.declare', { queue: 'exclusive', passive: true }),
  ]
  for (const ask of gone) {
    peer = await openPeer()
    expect(kindOf(await ask(peer))).toBe('channel.close 404')
    peer.end()
  }
  const connection = await connect(server.url)
  const channel = await connection.createChannel()
  expect((await channel.checkQueue('durable')).messageCount).toBe(2)
  for (const expected of ['b', 'd']) {
    const message = await letter(channel, 'durable')
    expect(message.content.toString()).toBe(expected)
    expect(message.fields.redelivered).toBe(false)
  }
  expect(await channel.get('durable')).toBe(false)
  await connection.close()
}

async function letter(channel: Channel, queue: string, options: Options.Get = { noAck: true }): Promise<GetMessage> {
  const message = await channel.get(queue, options)
  if (message === false) throw new Error(`nothing in ${queue}`)
  return message
}

/** Each type of field value, at its edges. */
const VALUES: readonly FieldValue[] = [
  { type: 't', value: true },
  { type: 'b', value: -128 },
  { type: 'B', value: 255 },
  { type: 's', value: -32_768 },
  { type: 'u', value: 65_535 },
  { type: 'I', value: -(2 ** 31) },
  { type: 'i', value: 2 ** 32 - 1 },
  { type: 'l', value: -(2n ** 63n) },
  { type: 'L', value: 2n ** 63n - 1n },
  { type: 'f', value: 0.1 },
  { type: 'd', value: Number.NaN },
  { type: 'D', scale: 2, value: 12_345 },
  { type: 'S', value: 'text with ümlauts and \u{1f600}' },
  { type: 'S', value: Buffer.from([0xff, 0xfe, 0x00]) },
  { type: 'x', value: Buffer.from([0, 1, 2, 0xff]) },
  { type: 'T', value: 2n ** 64n - 1n },
  { type: 'V' },
  { type: 'A', value: [{ type: 'V' }, { type: 'A', value: [] }, { type: 'I', value: 1 }] },
  { type: 'F', value: new Map([['inner', { type: 'F', value: new Map() }]]) },
]

const FULL: Properties = {
  contentType: 'application/json',
  contentEncoding: 'gzip',
  headers: new Map(VALUES.map((value, index) => [`h${index}`, value])),
  deliveryMode: 2,
  priority: 9,
  correlationId: 'correlation',
  replyTo: 'answers',
  expiration: '3600000',
  messageId: 'id',
  timestamp: 2n ** 63n,
  type: 'type',
  userId: 'guest',
  appId: 'application',
  clusterId: 'cluster',
}

type Raw = { key: string; properties: Buffer; body: Buffer }

function rawMessages(): Raw[] {
  const everyByte = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte))
  const bare = encodeProperties({ deliveryMode: 2 })
  return [
    { key: 'full', properties: encodeProperties(FULL), body: everyByte },
    { key: 'bare', properties: bare, body: Buffer.from('x') },
    { key: 'empty body', properties: encodeProperties(FULL), body: Buffer.alloc(0) },
    { key: 'empty headers', properties: encodeProperties({ deliveryMode: 2, headers: new Map() }), body: everyByte },
    { key: 'k'.repeat(255), properties: bare, body: Buffer.from('long key') },
    { key: 'schlüssel \u{1f511}', properties: bare, body: Buffer.from('key beyond ASCII') },
    { key: 'large', properties: encodeProperties(FULL), body: Buffer.alloc(300_000, everyByte) },
  ]
}

async function messagesReturn(end: End): Promise<void> {
  let peer = await openPeer()
  await peer.call(1, 'queue.declare', { queue: 'all', durable: true })
  await peer.call(1, 'exchange.declare', { exchange: 'x', type: 'fanout', durable: true })
  await peer.call(1, 'queue.bind', { queue: 'all', exchange: 'x' })
  const messages = rawMessages()
  for (const { key, properties, body } of messages) {
    peer.send(1, 'basic.publish', { exchange: 'x', routingKey: key })
    peer.raw(contentHeader(1, body.length, properties))
    for (let at = 0; at < body.length; at += 100_000) peer.raw(frame(FRAME_BODY, 1, body.subarray(at, at + 100_000)))
    expect(kindOf(await peer.next())).toBe('basic.ack')
  }
  await restart(end, peer)
  peer = await openPeer()
  for (const sent of messages) expect(await getRaw(peer, 'all')).toEqual({ ...sent, exchange: 'x', redelivered: false })
  // They were not acknowledged, so here they are once more. After an orderly stop it is known that they had been out.
  await restart(end, peer)
  peer = await openPeer()
  for (const sent of messages) {
    const { redelivered, exchange, ...raw } = await getRaw(peer, 'all')
    expect(raw).toEqual(sent)
    if (end === 'stop') expect(redelivered).toBe(true)
  }
  peer.end()
}

async function getRaw(peer: Peer, queue: string): Promise<Raw & { exchange: string; redelivered: boolean }> {
  const got = await peer.call(1, 'basic.get', { queue })
  const header = await peer.next()
  if (got.kind !== 'method' || got.method.kind !== 'basic.get-ok' || header.kind !== 'header') {
    throw new Error(`no message: ${kindOf(got)}`)
  }
  const parts: Buffer[] = []
  for (let bytes = 0; bytes < header.sizeBytes; ) {
    const part = await peer.next()
    if (part.kind !== 'body') throw new Error(`no body: ${kindOf(part)}`)
    parts.push(part.bytes)
    bytes += part.bytes.length
  }
  const { exchange, routingKey, redelivered } = got.method
  return { key: routingKey, properties: header.payload.subarray(12), body: Buffer.concat(parts), exchange, redelivered }
}

it('restart: a message that expired while the broker was down goes the way of the dead, the others stay', async () => {
  const connection = await connect(server.url)
  const channel = await connection.createConfirmChannel()
  connection.on('error', () => {})
  await channel.assertQueue('dead', { durable: true })
  await channel.assertQueue('living', { durable: true, deadLetterExchange: '', deadLetterRoutingKey: 'dead' })
  channel.sendToQueue('living', Buffer.from('short'), { persistent: true, expiration: '300' })
  channel.sendToQueue('living', Buffer.from('long'), { persistent: true, expiration: '3600000' })
  await channel.waitForConfirms()
  await server.kill()
  await wait(400)
  await start()
  const again = await connect(server.url)
  const reader = await again.createChannel()
  const buried = await new Promise<string>((resolve) => {
    reader.consume('dead', (message) => resolve(JSON.stringify(message?.properties.headers)), { noAck: true })
  })
  expect(buried).toContain('"reason":"expired"')
  expect((await letter(reader, 'living')).content.toString()).toBe('long')
  await again.close()
})

it('restart: how often a message was given back is known after a kill', async () => {
  const connection = await connect(server.url)
  connection.on('error', () => {})
  const channel = await connection.createConfirmChannel()
  await channel.assertQueue('counted', { durable: true, arguments: { 'x-queue-type': 'quorum' } })
  await channel.assertQueue('fence', { durable: true })
  channel.sendToQueue('counted', Buffer.from('again'), { persistent: true })
  await channel.waitForConfirms()
  for (let time = 0; time < 2; time++) {
    channel.nack(await letter(channel, 'counted', { noAck: false }), false, true)
  }
  channel.sendToQueue('fence', Buffer.from('everything before is on disk'), { persistent: true })
  await channel.waitForConfirms()
  await restart('kill')
  const again = await connect(server.url)
  const reader = await again.createChannel()
  const message = await letter(reader, 'counted')
  expect(message.fields.redelivered).toBe(true)
  expect(message.properties.headers?.['x-delivery-count']).toBe(2)
  await again.close()
})
