/** Exchanges: declaring, deleting and binding them, and publishing to those that do not take it. */

import type { MethodArguments } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import type { Call, ProbeCase, Stage } from './stage.ts'

type ExchangeFlags = Partial<MethodArguments<'exchange.declare'>>

const declare = (exchange: string, type: string, flags: ExchangeFlags = {}): Call => [
  'exchange.declare',
  { exchange, type, ...flags },
]

const declared = (name: string, exchange: string, type: string, flags: ExchangeFlags = {}): ProbeCase => [
  name,
  (stage) => stage.lastAnswer(declare(exchange, type, flags)),
]

const redeclared = (what: string, short: string, first: ExchangeFlags, second: ExchangeFlags): ProbeCase => [
  `redeclare ${what}`,
  (stage) =>
    stage.lastAnswer(declare(stage.name(short), 'direct', first), declare(stage.name(short), 'direct', second)),
]

const alternate = (exchange: string): ExchangeFlags => ({
  arguments: tableFromPlain({ 'alternate-exchange': exchange }),
})

async function deleteBound(stage: Stage): Promise<string> {
  const [exchange, queue] = [stage.name('x5'), stage.name('x5q')]
  return stage.lastAnswer(
    declare(exchange, 'fanout'),
    ['queue.declare', { queue }],
    ['queue.bind', { queue, exchange }],
    ['exchange.delete', { exchange, ifUnused: true }],
  )
}

async function badMatch(stage: Stage): Promise<string> {
  const queue = stage.name('h')
  const wrong = tableFromPlain({ 'x-match': 'bogus' })
  return stage.lastAnswer(
    ['queue.declare', { queue }],
    ['queue.bind', { queue, exchange: 'amq.headers', arguments: wrong }],
  )
}

async function publishToInternal(stage: Stage): Promise<string> {
  const exchange = stage.name('xi')
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'exchange.declare', { exchange, type: 'direct', internal: true })
  peer.publish(1, { exchange, routingKey: 'k' })
  return stage.shown(await peer.next())
}

async function publishToMissing(stage: Stage): Promise<string> {
  const peer = await stage.channel()
  peer.publish(1, { exchange: stage.name('nope'), routingKey: 'k' })
  return stage.shown(await peer.next())
}

export const exchangeCases: readonly ProbeCase[] = [
  declared('declare exchange amq.foo', 'amq.foo', 'direct'),
  declared('declare existing amq.direct durable', 'amq.direct', 'direct', { durable: true }),
  declared('redeclare amq.direct as topic', 'amq.direct', 'topic', { durable: true }),
  ['passive missing exchange', (stage) => stage.lastAnswer(declare(stage.name('nope'), 'direct', { passive: true }))],
  ['unknown exchange type', (stage) => stage.lastAnswer(declare(stage.name('x1'), 'bogus'))],
  declared('declare default exchange', '', 'direct'),
  declared('passive default exchange', '', 'direct', { passive: true }),
  ['delete default exchange', (stage) => stage.lastAnswer(['exchange.delete', { exchange: '' }])],
  ['delete amq.direct', (stage) => stage.lastAnswer(['exchange.delete', { exchange: 'amq.direct' }])],
  ['delete missing exchange', (stage) => stage.lastAnswer(['exchange.delete', { exchange: stage.name('nope') }])],
  redeclared('exchange type differs', 'x2', {}, { type: 'topic' }),
  redeclared('exchange durable differs', 'x3', {}, { durable: true }),
  redeclared('alternate-exchange differs', 'x4', alternate('a'), {}),
  ['delete exchange if_unused with binding', deleteBound],
  ['headers bind bad x-match', badMatch],
  [
    'exchange.bind missing source',
    (stage) => stage.lastAnswer(['exchange.bind', { destination: 'amq.direct', source: 'nope', routingKey: 'k' }]),
  ],
  ['publish to internal exchange', publishToInternal],
  ['publish to missing exchange', publishToMissing],
]
