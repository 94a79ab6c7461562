/** What is delivered, how much of it, in which order and with which properties; and how channels and connections end. */
import type { FieldTable } from '../../../src/base/field-value.ts'
import { tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import { encodeProperties, type Properties } from '../../../src/protocols/amqp/wire/properties.ts'
import { contentHeader, frame, type Peer, type Received } from './peer.ts'
import { isMethod, type ProbeCase, type Stage } from './stage.ts'

const FRAME_BODY_TYPE = 3
/** Deleting an auto-delete queue may take the server a moment; it is asked this often whether it is done. */
const LOOKS_MAX = 200

const declare = (stage: Stage, peer: Peer, queue: string, given: FieldTable = new Map()): Promise<Received> =>
  stage.expect(peer, 1, 'queue.declare', { queue, arguments: given })

/** One basic.get: its body, R when redelivered, what is left and its tag. Undefined when the queue is empty. */
async function got(peer: Peer, queue: string): Promise<string | undefined> {
  const answer = await peer.call(1, 'basic.get', { queue })
  if (answer.kind !== 'method' || answer.method.kind !== 'basic.get-ok') return undefined
  await peer.next()
  const body = await peer.next()
  const { redelivered, messageCount, deliveryTag } = answer.method
  const text = body.kind === 'body' ? body.bytes.toString() : '?'
  return `${text}${redelivered ? 'R' : ''}(left=${messageCount},tag=${deliveryTag})`
}

async function requeuedOrder(stage: Stage): Promise<string> {
  const queue = stage.name('rq')
  const peer = await stage.channel()
  await declare(stage, peer, queue)
  await stage.feed(peer, queue, ['0', '1', '2', '3'])
  const taken: string[] = []
  for (let count = 0; count < 3; count++) taken.push((await got(peer, queue)) ?? 'nothing')
  peer.send(1, 'basic.nack', { deliveryTag: 3, multiple: true, requeue: true })
  // recover is answered after the requeue before it, and there is nothing left for it to recover.
  await stage.expect(peer, 1, 'basic.recover', { requeue: true })
  for (let text = await got(peer, queue); text !== undefined; text = await got(peer, queue)) taken.push(text)
  return taken.join(' ')
}

async function deadLettered(stage: Stage): Promise<string> {
  const [queue, graveyard] = [stage.name('dl'), stage.name('dlt')]
  const peer = await stage.channel()
  const given = { 'x-dead-letter-exchange': '', 'x-dead-letter-routing-key': graveyard }
  await declare(stage, peer, queue, tableFromPlain(given))
  await declare(stage, peer, graveyard)
  await stage.feed(peer, queue, ['x'], { expiration: '5000', headers: tableFromPlain({ a: 1 }) })
  await got(peer, queue)
  peer.send(1, 'basic.reject', { deliveryTag: 1, requeue: false })
  await stage.expect(peer, 1, 'basic.consume', { queue: graveyard, consumerTag: 'ct', noAck: true })
  return stage.shownNext(peer, 2)
}

const EVERYTHING: Properties = {
  contentType: 't/p',
  contentEncoding: 'e',
  headers: tableFromPlain({
    i: 1,
    neg: -5,
    big: 2 ** 40,
    s: 'str',
    b: true,
    n: null,
    l: [1, 'a', { x: 1 }],
    f: 1.5,
    by: Buffer.from('zz'),
  }),
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '600000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 'ty',
  userId: 'guest',
  appId: 'ap',
  clusterId: 'cl',
}

async function allProperties(stage: Stage): Promise<string> {
  const queue = stage.name('tp')
  const peer = await stage.channel()
  await declare(stage, peer, queue)
  await stage.feed(peer, queue, [''], EVERYTHING)
  peer.send(1, 'basic.get', { queue })
  return stage.shownNext(peer, 2)
}

/** Every type letter RabbitMQ reads, with values at the edge of their range. */
const EVERY_LETTER: FieldTable = new Map([
  ['b', { type: 'b', value: -1 }],
  ['B', { type: 'B', value: 255 }],
  ['s', { type: 's', value: -1 }],
  ['u', { type: 'u', value: 65_535 }],
  ['I', { type: 'I', value: -1 }],
  ['i', { type: 'i', value: 4_294_967_295 }],
  ['l', { type: 'l', value: -1 }],
  ['L', { type: 'L', value: -1 }],
  ['f', { type: 'f', value: 1.5 }],
  ['d', { type: 'd', value: 1.5 }],
  ['D', { type: 'D', scale: 2, value: 314 }],
  ['S', { type: 'S', value: 'hi' }],
  ['x', { type: 'x', value: Buffer.from('hi') }],
  ['T', { type: 'T', value: 1 }],
  ['t', { type: 't', value: true }],
  ['V', { type: 'V' }],
  ['F', { type: 'F', value: new Map() }],
  ['A', { type: 'A', value: [{ type: 'b', value: 1 }] }],
])

async function everyLetter(stage: Stage): Promise<string> {
  const queue = stage.name('ty')
  const peer = await stage.channel()
  await declare(stage, peer, queue)
  await stage.feed(peer, queue, ['x'], { headers: EVERY_LETTER })
  await peer.call(1, 'basic.get', { queue })
  const header = await peer.next()
  if (header.kind !== 'header') return stage.shown(header)
  const sent = encodeProperties({ headers: EVERY_LETTER })
  const received = header.payload.subarray(12)
  return received.equals(sent) ? 'identical bytes' : `sent ${sent.toString('hex')}, got ${received.toString('hex')}`
}

async function unknownLetter(stage: Stage): Promise<string> {
  const queue = stage.name('tz')
  const peer = await stage.channel()
  await declare(stage, peer, queue)
  peer.send(1, 'basic.publish', { routingKey: queue })
  peer.raw(contentHeader(1, 1, Buffer.from('2000' + '00000003' + '01615a', 'hex')))
  peer.raw(frame(FRAME_BODY_TYPE, 1, Buffer.from('x')))
  return stage.shown(await peer.next())
}

async function consumeNowait(stage: Stage): Promise<string> {
  const queue = stage.name('nw')
  const peer = await stage.channel()
  await declare(stage, peer, queue)
  peer.send(1, 'basic.consume', { queue, consumerTag: 'nwt', noAck: true, nowait: true })
  peer.publish(1, { routingKey: queue })
  return stage.shown(await peer.next())
}

async function passiveNowait(stage: Stage): Promise<string> {
  const peer = await stage.channel()
  return stage.shown(await peer.call(1, 'queue.declare', { queue: stage.name('nope'), passive: true, nowait: true }))
}

async function autoDeleted(stage: Stage): Promise<string> {
  const queue = stage.name('ad')
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue, autoDelete: true })
  await stage.expect(peer, 1, 'basic.consume', { queue, consumerTag: 't' })
  await stage.expect(peer, 1, 'basic.cancel', { consumerTag: 't' })
  let answer = await peer.call(1, 'queue.declare', { queue, passive: true })
  for (let looks = 1; looks < LOOKS_MAX && isMethod(answer, 'queue.declare-ok'); looks++) {
    answer = await peer.call(1, 'queue.declare', { queue, passive: true })
  }
  return stage.shown(answer)
}

/**
 * Two consumers and five messages: how many of them are out shows in how many are still in the queue, and that many
 * deliveries have to come. `qosFirst` false: the limit comes after the consumers.
 */
const limited = (name: string, short: string, global: boolean, qosFirst: boolean, tags: string[]): ProbeCase => [
  name,
  async (stage) => {
    const queue = stage.name(short)
    const peer = await stage.channel()
    await declare(stage, peer, queue)
    if (qosFirst) await stage.expect(peer, 1, 'basic.qos', { prefetchCount: 1, global })
    for (const consumerTag of tags) await stage.expect(peer, 1, 'basic.consume', { queue, consumerTag })
    if (!qosFirst) await stage.expect(peer, 1, 'basic.qos', { prefetchCount: 1, global })
    return delivered(stage, queue, peer)
  },
]

async function delivered(stage: Stage, queue: string, peer: Peer): Promise<string> {
  const feeder = await stage.channel()
  await stage.feed(feeder, queue, ['x', 'x', 'x', 'x', 'x'])
  const looked = await stage.expect(feeder, 1, 'queue.declare', { queue, passive: true })
  if (looked.kind !== 'method' || looked.method.kind !== 'queue.declare-ok') return stage.shown(looked)
  const out = 5 - looked.method.messageCount
  // Each delivery is a method, a header and a body, and behind the last one comes the answer to this.
  peer.send(2, 'channel.open')
  let deliveries = 0
  for (let open = true; open || deliveries < out; ) {
    const next = await peer.next()
    if (isMethod(next, 'channel.open-ok')) open = false
    else if (isMethod(next, 'basic.deliver')) deliveries++
    else if (next.kind === 'closed') return stage.shown(next)
  }
  return `${deliveries} delivered, ${looked.method.messageCount} left`
}

async function carbonCopies(stage: Stage): Promise<string> {
  const [first, second] = [stage.name('cc1'), stage.name('cc2')]
  const peer = await stage.channel()
  await declare(stage, peer, first)
  await declare(stage, peer, second)
  await stage.feed(peer, first, ['x'], { headers: tableFromPlain({ CC: [second], BCC: [first] }) })
  const answers: string[] = []
  for (const queue of [first, second]) {
    peer.send(1, 'basic.get', { queue, noAck: true })
    answers.push(await stage.shownNext(peer, 3))
  }
  return answers.join(' ; ')
}

async function replyAddress(stage: Stage): Promise<string> {
  const queue = stage.name('dr')
  const peer = await stage.channel()
  const replyTo = 'amq.rabbitmq.reply-to'
  await stage.expect(peer, 1, 'basic.consume', { queue: replyTo, consumerTag: 'a', noAck: true })
  await declare(stage, peer, queue)
  peer.publish(1, { routingKey: queue }, 'x', { replyTo })
  await stage.expect(peer, 1, 'basic.consume', { queue, consumerTag: 'b', noAck: true })
  return stage.shownNext(peer, 2)
}

async function closedByServer(stage: Stage): Promise<string> {
  const peer = await stage.channel()
  const deleted = await peer.call(1, 'queue.delete', { queue: stage.name('q') })
  const refused = await peer.call(1, 'queue.declare', { queue: stage.name('nope'), passive: true })
  peer.send(1, 'queue.declare', { queue: stage.name('ignored') })
  peer.send(1, 'channel.close-ok')
  const reopened = await peer.call(1, 'channel.open')
  return [deleted, refused, reopened].map((answer) => stage.shown(answer)).join(' ; ')
}

export const deliveryCases: readonly ProbeCase[] = [
  ['direct reply-to rewritten name', replyAddress],
  ['get 3, nack multiple requeue, get all', requeuedOrder],
  ['dead letter headers', deadLettered],
  ['all properties + header types round-trip', allProperties],
  ['consume nowait: first frame is the delivery', consumeNowait],
  ['headers: every RabbitMQ type letter round-trips bytewise', everyLetter],
  ['headers: unknown type letter Z', unknownLetter],
  ['nowait passive declare of missing queue', passiveNowait],
  ['auto-delete queue after last cancel', autoDeleted],
  limited('qos 1 global=false, 2 consumers on channel', 'pq', false, true, ['a', 'b']),
  limited('qos 1 global=true, 2 consumers on channel', 'pg', true, true, ['a', 'b']),
  limited('qos global=false after consume has no effect', 'qa', false, false, ['a']),
  ['CC/BCC', carbonCopies],
]

export const closingCases: readonly ProbeCase[] = [
  [
    'connection.close',
    async (stage) =>
      stage.shown(await (await stage.peer()).call(0, 'connection.close', { replyCode: 200, replyText: 'bye' })),
  ],
  ['channel.close', (stage) => stage.lastAnswer(['channel.close', { replyCode: 200, replyText: 'bye' }])],
  ['methods after server channel.close, then reopen', closedByServer],
]
