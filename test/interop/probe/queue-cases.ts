/** Queues: declaring them, declaring them again otherwise, and everything that is done to them by name. */

import type { MethodArguments } from '../../../src/protocols/amqp/wire/method-schema.ts'
import { type PlainValue, tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import type { Peer } from './peer.ts'
import type { Call, ProbeCase, Stage } from './stage.ts'

type QueueFlags = Partial<Omit<MethodArguments<'queue.declare'>, 'queue' | 'arguments'>>
type QueueArguments = { readonly [name: string]: PlainValue }

const declare = (queue: string, flags: QueueFlags = {}, given: QueueArguments = {}): Call => [
  'queue.declare',
  { queue, ...flags, arguments: tableFromPlain(given) },
]

/** Declares one queue twice and shows the second answer. */
const redeclare = (
  what: string,
  short: string,
  first: [QueueFlags, QueueArguments?],
  second: [QueueFlags, QueueArguments?],
): ProbeCase => [
  `redeclare ${what}`,
  (stage) => stage.lastAnswer(declare(stage.name(short), ...first), declare(stage.name(short), ...second)),
]

const badArgument = (name: string, short: string, given: QueueArguments, flags: QueueFlags = {}): ProbeCase => [
  name,
  (stage) => stage.lastAnswer(declare(stage.name(short), flags, given)),
]

const durable = { durable: true }
const quorum = { 'x-queue-type': 'quorum' }
const stream = { 'x-queue-type': 'stream' }

/** The answer names the type the integer was declared with. */
async function redeclareShort(stage: Stage): Promise<string> {
  const queue = stage.name('m5s')
  const timeToLive = new Map([['x-message-ttl', { type: 's', value: 1000 }]] as const)
  return stage.lastAnswer(['queue.declare', { queue, arguments: timeToLive }], declare(queue))
}

export const declareCases: readonly ProbeCase[] = [
  ['passive declare missing queue', (stage) => stage.lastAnswer(declare(stage.name('nope'), { passive: true }))],
  ['declare amq.foo', (stage) => stage.lastAnswer(declare('amq.foo'))],
  ['declare "" server-named, exclusive', (stage) => stage.lastAnswer(declare('', { exclusive: true }))],
  ['declare "" non-exclusive autodelete', (stage) => stage.lastAnswer(declare('', { autoDelete: true }))],
  redeclare('durable mismatch', 'm1', [durable], [{}]),
  redeclare('auto_delete mismatch', 'm2', [durable], [{ ...durable, autoDelete: true }]),
  redeclare('exclusive mismatch (same conn)', 'm3', [{}], [{ exclusive: true }]),
  redeclare('x-message-ttl mismatch', 'm4', [{}, { 'x-message-ttl': 1000 }], [{}, { 'x-message-ttl': 2000 }]),
  redeclare('x-message-ttl absent', 'm5', [{}, { 'x-message-ttl': 1000 }], [{}]),
  ['redeclare x-message-ttl absent (short)', redeclareShort],
  redeclare('unknown x-foo arg differs', 'm6', [{}, { 'x-foo': 1 }], [{}, { 'x-foo': 2 }]),
  badArgument('x-message-ttl string', 'm7', { 'x-message-ttl': 'a' }),
  badArgument('x-message-ttl -1', 'm8', { 'x-message-ttl': -1 }),
  badArgument('x-expires 0', 'm9', { 'x-expires': 0 }),
  badArgument('x-max-length -1', 'm10', { 'x-max-length': -1 }),
  badArgument('x-max-priority 256', 'm11', { 'x-max-priority': 256 }),
  badArgument('x-overflow bogus', 'm12', { 'x-overflow': 'bogus' }),
  badArgument('x-dead-letter-routing-key without DLX', 'm13', { 'x-dead-letter-routing-key': 'a' }),
  badArgument('x-queue-type bogus', 'm14', { 'x-queue-type': 'bogus' }),
  badArgument('quorum non-durable', 'm15', quorum),
  badArgument('quorum exclusive', 'm16', quorum, { ...durable, exclusive: true }),
  badArgument('stream + auto-delete', 'm17', stream, { ...durable, autoDelete: true }),
  badArgument('quorum with x-max-priority', 'm18', { ...quorum, 'x-max-priority': 5 }, durable),
]

/** Each case declares its own stream, so that none depends on another. */
const onStream = (name: string, short: string, ...calls: ((queue: string) => Call)[]): ProbeCase => [
  name,
  (stage) => {
    const queue = stage.name(short)
    return stage.lastAnswer(declare(queue, durable, stream), ...calls.map((call) => call(queue)))
  },
]

const tenInFlight = (): Call => ['basic.qos', { prefetchCount: 10 }]

export const kindCases: readonly ProbeCase[] = [
  onStream('stream basic.get', 'st1', (queue) => ['basic.get', { queue }]),
  onStream('stream consume without prefetch', 'st2', (queue) => ['basic.consume', { queue }]),
  onStream('stream consume no_ack', 'st3', tenInFlight, (queue) => ['basic.consume', { queue, noAck: true }]),
  onStream('stream purge', 'st4', (queue) => ['queue.purge', { queue }]),
  onStream('stream consume bad x-stream-offset', 'st5', tenInFlight, (queue) => [
    'basic.consume',
    { queue, arguments: tableFromPlain({ 'x-stream-offset': 'bogus' }) },
  ]),
  [
    'quorum: qos global then consume',
    (stage) => {
      const queue = stage.name('qq')
      const shared: Call = ['basic.qos', { prefetchCount: 10, global: true }]
      return stage.lastAnswer(declare(queue, durable, quorum), shared, ['basic.consume', { queue, consumerTag: 'ct' }])
    },
  ],
]

async function lockedOut(stage: Stage): Promise<string> {
  const queue = stage.name('ex')
  const owner = await stage.channel()
  await stage.expect(owner, 1, 'queue.declare', { queue, exclusive: true })
  const stranger = await stage.channel()
  const attempts: Call[] = [
    declare(queue, { passive: true }),
    declare(queue, { exclusive: true }),
    ['basic.consume', { queue }],
    ['basic.get', { queue }],
    ['queue.purge', { queue }],
    ['queue.delete', { queue }],
    ['queue.bind', { queue, exchange: 'amq.direct', routingKey: 'k' }],
  ]
  const answers: string[] = []
  for (const [kind, given] of attempts) {
    await stage.expect(stranger, 2, 'channel.open')
    answers.push(stage.shown(await stranger.call(2, kind, given)))
    stranger.send(2, 'channel.close-ok')
  }
  return answers.join(' ; ')
}

/** A queue with a consumer, on channel 1. */
async function consumed(stage: Stage, short: string): Promise<{ peer: Peer; queue: string }> {
  const queue = stage.name(short)
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.expect(peer, 1, 'basic.consume', { queue, consumerTag: 'ct' })
  return { peer, queue }
}

async function deleteConsumed(stage: Stage): Promise<string> {
  const { peer, queue } = await consumed(stage, 'dc')
  peer.send(1, 'queue.delete', { queue })
  return stage.shownNext(peer, 2)
}

async function deleteUnused(stage: Stage): Promise<string> {
  const { peer, queue } = await consumed(stage, 'du')
  return stage.shown(await peer.call(1, 'queue.delete', { queue, ifUnused: true }))
}

async function deleteEmpty(stage: Stage): Promise<string> {
  const queue = stage.name('de')
  const peer = await stage.channel()
  await stage.expect(peer, 1, 'queue.declare', { queue })
  await stage.feed(peer, queue, ['x'])
  return stage.shown(await peer.call(1, 'queue.delete', { queue, ifEmpty: true }))
}

const missing = (stage: Stage): { queue: string } => ({ queue: stage.name('nope') })

/** Declares a queue and then does this to it. */
const onQueue = (name: string, short: string, call: (queue: string) => Call): ProbeCase => [
  name,
  (stage) => stage.lastAnswer(declare(stage.name(short)), call(stage.name(short))),
]

export const queueCases: readonly ProbeCase[] = [
  ['exclusive queue from another connection (7 methods)', lockedOut],
  ['queue.delete missing', (stage) => stage.lastAnswer(['queue.delete', missing(stage)])],
  ['queue.purge missing', (stage) => stage.lastAnswer(['queue.purge', missing(stage)])],
  [
    'queue.bind missing queue',
    (stage) => stage.lastAnswer(['queue.bind', { ...missing(stage), exchange: 'amq.direct', routingKey: 'k' }]),
  ],
  onQueue('queue.bind missing exchange', 'b1', (queue) => ['queue.bind', { queue, exchange: 'nope', routingKey: 'k' }]),
  onQueue('queue.bind to default exchange', 'b2', (queue) => ['queue.bind', { queue, exchange: '', routingKey: 'k' }]),
  onQueue('queue.unbind missing binding', 'b3', (queue) => [
    'queue.unbind',
    { queue, exchange: 'amq.direct', routingKey: 'nokey' },
  ]),
  onQueue('queue.unbind missing exchange', 'b4', (queue) => [
    'queue.unbind',
    { queue, exchange: 'nope', routingKey: 'nokey' },
  ]),
  ['empty queue name, none declared', (stage) => stage.lastAnswer(['basic.get', { queue: '' }])],
  onQueue('empty queue name uses last declared', 'last', () => ['basic.get', { queue: '' }]),
  ['queue.delete if_unused with consumer', deleteUnused],
  ['queue.delete if_empty non-empty', deleteEmpty],
  ['queue.delete with consumer (consumer_cancel_notify)', deleteConsumed],
]
