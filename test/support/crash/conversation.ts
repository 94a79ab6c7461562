/** A whole conversation of a client, as frames, that touches every method; and ways to spoil it, drawn from a seed. */
import type { Random } from '../../../src/base/random.ts'
import { tableFromPlain } from '../../../src/protocols/amqp/wire/plain-fields.ts'
import { greeting, methodBytes, publishBytes } from './attacker.ts'

const ARGUMENTS = tableFromPlain({
  'x-max-length': 10,
  'x-message-ttl': 60_000,
  'x-dead-letter-exchange': 'amq.fanout',
  'x-max-priority': 4,
})

const PROPERTIES = {
  contentType: 'text/plain',
  contentEncoding: 'none',
  headers: tableFromPlain({ number: 1, text: 'two', list: [1, 'b', { deep: { deeper: [true, null] } }] }),
  deliveryMode: 2,
  priority: 3,
  correlationId: 'c',
  replyTo: 'r',
  expiration: '60000',
  messageId: 'm',
  timestamp: 1_700_000_000,
  type: 't',
  userId: 'guest',
  appId: 'a',
}

/** In the order a client sends them; names carry `number`, so that conversations do not meet. */
export function conversation(number: number): Buffer[] {
  const [queue, exchange] = [`fuzz.q${number}`, `fuzz.x${number}`]
  const publish = { exchange, routingKey: 'a.b', mandatory: true }
  return [
    greeting(),
    methodBytes(1, 'channel.open'),
    methodBytes(1, 'exchange.declare', { exchange, type: 'topic', autoDelete: true }),
    methodBytes(1, 'queue.declare', { queue, exclusive: true, arguments: ARGUMENTS }),
    methodBytes(1, 'queue.bind', { queue, exchange, routingKey: 'a.*' }),
    // In this direction, so that the exchange goes with its queue however the conversation ends.
    methodBytes(1, 'exchange.bind', { destination: exchange, source: 'amq.headers', routingKey: '#' }),
    methodBytes(1, 'basic.qos', { prefetchCount: 3 }),
    methodBytes(1, 'confirm.select'),
    publishBytes(1, publish, Buffer.from('first'), PROPERTIES),
    publishBytes(1, publish, Buffer.alloc(5000, 'x')),
    publishBytes(1, { exchange: '', routingKey: queue }, Buffer.alloc(0), PROPERTIES),
    methodBytes(1, 'basic.get', { queue }),
    methodBytes(1, 'basic.ack', { deliveryTag: 1 }),
    methodBytes(1, 'basic.consume', { queue, consumerTag: 'c' }),
    methodBytes(1, 'basic.nack', { deliveryTag: 2, requeue: true }),
    methodBytes(1, 'basic.recover', { requeue: true }),
    methodBytes(1, 'basic.cancel', { consumerTag: 'c' }),
    methodBytes(2, 'channel.open'),
    methodBytes(2, 'tx.select'),
    publishBytes(2, publish, Buffer.from('in a transaction'), PROPERTIES),
    methodBytes(2, 'tx.commit'),
    publishBytes(2, publish, Buffer.from('taken back')),
    methodBytes(2, 'tx.rollback'),
    methodBytes(2, 'queue.purge', { queue }),
    methodBytes(1, 'queue.unbind', { queue, exchange, routingKey: 'a.*' }),
    methodBytes(1, 'queue.delete', { queue }),
    methodBytes(1, 'exchange.delete', { exchange }),
    methodBytes(2, 'channel.close', { replyCode: 200 }),
    methodBytes(0, 'connection.close', { replyCode: 200 }),
  ]
}

const EXTREMES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff]

/** The conversation with one to four things wrong in it. */
export function spoiled(frames: readonly Buffer[], random: Random): Buffer {
  const parts = frames.map((bytes) => Buffer.from(bytes))
  const count = 1 + random.below(4)
  for (let time = 0; time < count; time++) spoil(parts, random)
  const whole = Buffer.concat(parts)
  return random.below(10) === 0 ? whole.subarray(0, random.below(whole.length)) : whole
}

function spoil(parts: Buffer[], random: Random): void {
  // Mostly behind the greeting: what breaks there is found out soon.
  const index = random.below(8) === 0 ? 0 : 1 + random.below(parts.length - 1)
  const part = parts[index]
  if (part === undefined || part.length === 0) return
  const at = random.below(part.length)
  switch (random.below(9)) {
    case 0:
      part[at] = (part[at] ?? 0) ^ (1 << random.below(8))
      return
    case 1:
      part[at] = random.below(256)
      return
    case 2:
      if (part.length >= 4)
        part.writeUInt32BE(EXTREMES[random.below(EXTREMES.length)] ?? 0, random.below(part.length - 3))
      return
    case 3:
      parts.splice(index, 0, Buffer.from(part))
      return
    case 4:
      parts.splice(index, 1)
      return
    case 5:
      parts.splice(random.below(parts.length), 0, ...parts.splice(index, 1))
      return
    case 6:
      parts[index] = Buffer.concat([part.subarray(0, at), random.bytes(1 + random.below(20)), part.subarray(at)])
      return
    case 7:
      parts[index] = Buffer.concat([part.subarray(0, at), part.subarray(at + 1 + random.below(8))])
      return
    default:
      // Another channel: of the frame that begins here, if it is one.
      if (part.length > 3) part.writeUInt16BE(random.below(4) === 0 ? 65_535 : random.below(4), 1)
  }
}
