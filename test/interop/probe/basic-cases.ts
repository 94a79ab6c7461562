/** Publishing, settling, consuming and the modes of a channel. */

import type { MethodArguments } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import type { Properties } from '../../../src/protocols/amqp/wire/properties.ts'
import type { Peer } from './peer.ts'
import type { Call, ProbeCase, Stage } from './stage.ts'

const REPLY_TO = 'amq.rabbitmq.reply-to'
const CONSUME_REPLIES: Call = ['basic.consume', { queue: REPLY_TO, consumerTag: 'a', noAck: true }]

type Publish = Partial<MethodArguments<'basic.publish'>>

/** Publishes one message on a fresh channel, and shows the next `answers` frames. */
const published = (
  name: string,
  given: (stage: Stage) => Publish,
  { properties = {}, confirms = false, answers = 1 }: { properties?: Properties; confirms?: boolean; answers?: number },
): ProbeCase => [
  name,
  async (stage) => {
    const peer = await stage.channel()
    if (confirms) await stage.expect(peer, 1, 'confirm.select')
    peer.publish(1, given(stage), 'x', properties)
    return stage.shownNext(peer, answers)
  },
]

const toQ = (): Publish => ({ routingKey: 'q' })
const toNobody = (stage: Stage): Publish => ({ routingKey: stage.name('nope') })

async function alternateExchange(stage: Stage): Promise<string> {
  const [main, alternate, queue] = [stage.name('aep'), stage.name('ae'), stage.name('aeq')]
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'exchange.declare', { exchange: alternate, type: 'fanout' })
  const given = tableFromPlain({ 'alternate-exchange': alternate })
  await stage.expect(peer, 1, 'exchange.declare', { exchange: main, type: 'direct', arguments: given })
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.expect(peer, 1, 'queue.bind', { queue, exchange: alternate })
  await stage.expect(peer, 1, 'confirm.select')
  peer.publish(1, { exchange: main, routingKey: 'zz', mandatory: true })
  return `${stage.shown(await peer.next())} ; ${await lookedAt(stage, peer, queue)}`
}

async function lookedAt(stage: Stage, peer: Peer, queue: string): Promise<string> {
  return stage.shown(await peer.call(1, 'queue.declare', { queue, passive: true }))
}

async function manyBindings(stage: Stage): Promise<string> {
  const [exchange, queue] = [stage.name('tx'), stage.name('du2')]
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.expect(peer, 1, 'exchange.declare', { exchange, type: 'topic' })
  for (const routingKey of ['a.#', '#', 'a.*', '*.b']) {
    await stage.expect(peer, 1, 'queue.bind', { queue, exchange, routingKey })
  }
  await stage.expect(peer, 1, 'confirm.select')
  peer.publish(1, { exchange, routingKey: 'a.b' })
  return `${stage.shown(await peer.next())} ; ${await lookedAt(stage, peer, queue)}`
}

async function overflow(stage: Stage): Promise<string> {
  const queue = stage.name('mx')
  const peer = await stage.channel()
  const given = tableFromPlain({ 'x-max-length': 1, 'x-overflow': 'reject-publish' })
  await stage.expect(peer, 1, 'queue.declare', { queue, arguments: given })
  await stage.expect(peer, 1, 'confirm.select')
  peer.publish(1, { routingKey: queue })
  const first = stage.shown(await peer.next())
  peer.publish(1, { routingKey: queue })
  return `${first} ; ${stage.shown(await peer.next())}`
}

async function expiredAtOnce(stage: Stage): Promise<string> {
  const queue = stage.name('e0')
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.feed(peer, queue, ['x'], { expiration: '0' })
  return lookedAt(stage, peer, queue)
}

export const publishCases: readonly ProbeCase[] = [
  published('publish immediate=true', () => ({ routingKey: 'nope', immediate: true }), {}),
  published('mandatory unroutable in confirm mode (order)', (stage) => ({ ...toNobody(stage), mandatory: true }), {
    confirms: true,
    answers: 4,
  }),
  published('unroutable non-mandatory in confirm mode', toNobody, { confirms: true }),
  published('user_id mismatch', toQ, { properties: { userId: 'bob' } }),
  published('expiration not a number', toQ, { properties: { expiration: 'abc' } }),
  published('CC header not an array', toQ, { properties: { headers: tableFromPlain({ CC: 'notalist' }) } }),
  published('publish reply_to direct without consumer', toQ, { properties: { replyTo: REPLY_TO } }),
  ['expiration 0 without consumer', expiredAtOnce],
  ['alternate exchange routes: mandatory not returned', alternateExchange],
  ['4 matching topic bindings to one queue -> copies', manyBindings],
  ['reject-publish overflow in confirm mode', overflow],
]

/** A queue with these messages, and channel 1 to take them with. */
async function filled(stage: Stage, short: string, bodies: string[]): Promise<{ peer: Peer; queue: string }> {
  const queue = stage.name(short)
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.feed(peer, queue, bodies)
  return { peer, queue }
}

/** basic.get with its header and body. */
async function take(peer: Peer, queue: string): Promise<void> {
  await peer.call(1, 'basic.get', { queue })
  await peer.next()
  await peer.next()
}

async function doubleAck(stage: Stage): Promise<string> {
  const { peer, queue } = await filled(stage, 'da', ['x'])
  await take(peer, queue)
  peer.send(1, 'basic.ack', { deliveryTag: 1 })
  return stage.shown(await peer.call(1, 'basic.ack', { deliveryTag: 1 }))
}

async function ackBelowSettled(stage: Stage): Promise<string> {
  const { peer, queue } = await filled(stage, 'am', ['x', 'x', 'x'])
  for (let count = 0; count < 3; count++) await take(peer, queue)
  peer.send(1, 'basic.ack', { deliveryTag: 2 })
  peer.send(1, 'basic.ack', { deliveryTag: 2, multiple: true })
  const first = await lookedAt(stage, peer, queue)
  // The channel is closing: this is ignored, and the channel can be opened again.
  peer.send(1, 'basic.ack', { deliveryTag: 2, multiple: true })
  peer.send(1, 'channel.close-ok')
  return `${first} ; reopen: ${stage.shown(await peer.call(1, 'channel.open'))}`
}

export const settleCases: readonly ProbeCase[] = [
  ['ack unknown tag', (stage) => stage.lastAnswer(['basic.ack', { deliveryTag: 5 }])],
  [
    'ack tag 0 multiple, none outstanding',
    async (stage) => {
      const peer = await stage.channel()
      peer.send(1, 'basic.ack', { deliveryTag: 0, multiple: true })
      return stage.shown(await peer.call(1, 'queue.declare', { exclusive: true }))
    },
  ],
  ['reject unknown tag', (stage) => stage.lastAnswer(['basic.reject', { deliveryTag: 5 }])],
  ['double ack', doubleAck],
  ['ack tag 0 multiple=false', (stage) => stage.lastAnswer(['basic.ack', {}])],
  ['ack 2, then ack 2 multiple (1 outstanding), again', ackBelowSettled],
]

async function returnsAtCommit(stage: Stage): Promise<string> {
  const queue = stage.name('t1')
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'tx.select')
  await stage.expect(peer, 1, 'queue.declare', { queue })
  peer.publish(1, { routingKey: queue })
  peer.publish(1, { routingKey: stage.name('nope'), mandatory: true })
  peer.send(1, 'basic.qos')
  peer.send(1, 'tx.commit')
  return stage.shownNext(peer, 5)
}

async function rolledBackAck(stage: Stage): Promise<string> {
  const { peer, queue } = await filled(stage, 't2', ['x'])
  await stage.expect(peer, 1, 'tx.select')
  await take(peer, queue)
  peer.send(1, 'basic.ack', { deliveryTag: 1 })
  await stage.expect(peer, 1, 'tx.rollback')
  const looked = await lookedAt(stage, peer, queue)
  peer.send(1, 'basic.ack', { deliveryTag: 1 })
  return `${looked} ; re-ack: ${stage.shown(await peer.call(1, 'tx.commit'))}`
}

export const modeCases: readonly ProbeCase[] = [
  ['tx: mandatory return comes at commit, before commit-ok', returnsAtCommit],
  ['tx: rolled-back ack stays unacked and can be acked', rolledBackAck],
  ['qos prefetch_size=1', (stage) => stage.lastAnswer(['basic.qos', { prefetchSize: 1 }])],
  ['recover requeue=false', (stage) => stage.lastAnswer(['basic.recover'])],
  ['recover requeue=true', (stage) => stage.lastAnswer(['basic.recover', { requeue: true }])],
  ['channel.flow active=false', (stage) => stage.lastAnswer(['channel.flow'])],
  ['channel.flow active=true', (stage) => stage.lastAnswer(['channel.flow', { active: true }])],
  ['tx.commit without select', (stage) => stage.lastAnswer(['tx.commit'])],
  ['tx.rollback without select', (stage) => stage.lastAnswer(['tx.rollback'])],
  ['tx.select after confirm.select', (stage) => stage.lastAnswer(['confirm.select'], ['tx.select'])],
  ['confirm.select after tx.select', (stage) => stage.lastAnswer(['tx.select'], ['confirm.select'])],
  ['confirm.select twice', (stage) => stage.lastAnswer(['confirm.select'], ['confirm.select'])],
  ['access.request', (stage) => stage.lastAnswer(['access.request', { realm: '/data' }])],
]

const consumedTwice = (
  name: string,
  short: string,
  tags: [string, string],
  exclusive: [boolean, boolean],
): ProbeCase => [
  name,
  (stage) => {
    const queue = stage.name(short)
    return stage.lastAnswer(
      ['queue.declare', { queue }],
      ['basic.consume', { queue, consumerTag: tags[0], exclusive: exclusive[0] }],
      ['basic.consume', { queue, consumerTag: tags[1], exclusive: exclusive[1] }],
    )
  },
]

async function goneWithItsConnection(stage: Stage): Promise<string> {
  const queue = stage.name('xc')
  const owner = await stage.channel()
  await stage.expect(owner, 1, 'queue.declare', { queue, exclusive: true })
  await owner.call(0, 'connection.close', { replyCode: 200 })
  return stage.lastAnswer(['queue.declare', { queue, passive: true }])
}

export const consumeCases: readonly ProbeCase[] = [
  ['exclusive queue gone right after close-ok', goneWithItsConnection],
  ['consume missing queue', (stage) => stage.lastAnswer(['basic.consume', { queue: stage.name('nope') }])],
  consumedTwice('duplicate consumer tag', 'dt', ['tag', 'tag'], [false, false]),
  consumedTwice('exclusive consume when consumer exists', 'ec', ['a', 'b'], [false, true]),
  consumedTwice('consume when exclusive consumer exists', 'ed', ['a', 'b'], [true, false]),
  ['cancel unknown tag', (stage) => stage.lastAnswer(['basic.cancel', { consumerTag: 'nope' }])],
  ['direct reply-to consume no_ack=false', (stage) => stage.lastAnswer(['basic.consume', { queue: REPLY_TO }])],
  [
    'direct reply-to consume twice',
    (stage) => stage.lastAnswer(CONSUME_REPLIES, ['basic.consume', { queue: REPLY_TO, consumerTag: 'b', noAck: true }]),
  ],
  [
    'direct reply-to passive declare',
    (stage) => stage.lastAnswer(CONSUME_REPLIES, ['queue.declare', { queue: REPLY_TO, passive: true }]),
  ],
]
