/**
 * Whole conversations, spoiled: a valid one is made by chance, some of its bytes are changed, and it is sent in pieces.
 * Whatever comes, the server must not throw or log a bug, must end by saying so or by closing, must give every delivery
 * back, and must not remember anything.
 *
 * BUSBAR_FUZZ_COUNT sets the conversations (default 600), BUSBAR_FUZZ_SEED another seed; a failure names its own.
 */
import { expect, test } from 'vitest'
import { Refused, type RefusedReason } from '../../base/errors.ts'
import { array, longstr } from '../../base/field-value.ts'
import { type Random, seededRandom } from '../../base/random.ts'
import { publishFrames, Stage, turns } from './test-kit.ts'
import { PROTOCOL_HEADER } from './wire/frame.ts'
import { HEARTBEAT_FRAME } from './wire/frame-writer.ts'
import type { Method, MethodArguments, MethodKind } from './wire/method-schema.ts'
import { methodSchemas } from './wire/method-schema.ts'
import { encodeMethod, makeMethod } from './wire/methods.ts'
import { frameOf } from './wire/test-kit.ts'

const COUNT = Number(process.env['BUSBAR_FUZZ_COUNT'] ?? 600)
const SEED = Number(process.env['BUSBAR_FUZZ_SEED'] ?? 4711)

const FRAME_MAX = 4096
const GREETING_COUNT = 6
const MEMORY_BYTES_MAX = 256 * 1024 * 1024
const QUEUES = ['a', 'b', '']
const ODD_QUEUES = ['nope', 'amq.rabbitmq.reply-to', 'x'.repeat(255)]
const REASONS: readonly RefusedReason[] = ['access-refused', 'not-found', 'precondition-failed', 'not-allowed']
const KINDS = Object.keys(methodSchemas) as MethodKind[]

function pick<T>(random: Random, from: readonly T[]): T {
  return from[random.below(from.length)]!
}

function queueName(random: Random): string {
  return pick(random, random.below(30) === 0 ? ODD_QUEUES : QUEUES)
}

function frame<K extends MethodKind>(channel: number, kind: K, given: Partial<MethodArguments<K>> = {}): Buffer {
  return encodeMethod(channel, makeMethod(kind, given) as unknown as Method)
}

function greeting(stage: Stage): Buffer[] {
  const { clientProperties } = stage
  return [
    PROTOCOL_HEADER,
    frame(0, 'connection.start-ok', { clientProperties, mechanism: 'PLAIN', response: Buffer.from('\0guest\0guest') }),
    frame(0, 'connection.tune-ok', { channelMax: 8, frameMax: FRAME_MAX, heartbeat: 0 }),
    frame(0, 'connection.open', { virtualHost: '/' }),
    frame(1, 'channel.open'),
    frame(2, 'channel.open'),
    frame(1, 'queue.declare', { queue: 'a' }),
    frame(2, 'queue.declare', { queue: 'b' }),
  ]
}

function publish(random: Random, channel: number): Buffer {
  const headers = random.below(4) === 0 ? { headers: new Map([['CC', array([longstr('b')])]]) } : {}
  const replyTo = random.below(40) === 0 ? { replyTo: 'amq.rabbitmq.reply-to' } : {}
  return publishFrames(
    channel,
    random.below(40) === 0 ? 'nope' : '',
    queueName(random),
    Buffer.alloc(random.below(9000)),
    {
      frameMax: FRAME_MAX,
      mandatory: random.below(3) === 0,
      properties: { contentType: 'x', priority: random.below(10), ...headers, ...replyTo },
    },
  )
}

/** Something a client might send; mostly what makes messages move. */
function utterance(random: Random): Buffer {
  const channel = random.below(100) === 0 ? 3 : 1 + random.below(2)
  const queue = queueName(random)
  const deliveryTag = random.below(20)
  const multiple = random.below(2) === 0
  const isOdd = random.below(4) === 0
  switch (random.below(18)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      return publish(random, channel)
    case 5:
      return frame(channel, 'basic.consume', { queue, noAck: random.below(4) === 0, nowait: multiple })
    case 6:
      return frame(channel, 'basic.get', { queue, noAck: random.below(4) === 0 })
    case 7:
      return frame(channel, 'basic.ack', { deliveryTag: isOdd ? deliveryTag : 0, multiple: true })
    case 8:
      return frame(channel, 'basic.nack', {
        deliveryTag: isOdd ? deliveryTag : 0,
        multiple: true,
        requeue: random.below(3) === 0,
      })
    case 9:
      return frame(channel, 'basic.qos', { prefetchCount: random.below(5), global: multiple })
    case 10:
      return frame(channel, pick(random, ['confirm.select', 'tx.select', 'tx.commit', 'tx.rollback'] as const))
    case 11:
      return frame(channel, 'basic.recover', { requeue: true })
    case 12:
      // Right for an open channel, or for one that we closed: it is not known which.
      return Buffer.concat([
        frame(channel, random.below(4) === 0 ? 'channel.close-ok' : 'channel.close'),
        frame(channel, 'channel.open'),
      ])
    case 13:
      return frame(channel, 'queue.delete', { queue, nowait: multiple })
    case 14:
      return frame(channel, 'queue.bind', {
        queue,
        exchange: 'x',
        routingKey: 'k',
        arguments: new Map([['k', longstr('v')]]),
      })
    case 15:
      return random.below(4) === 0 ? HEARTBEAT_FRAME : frame(channel, 'basic.ack', { multiple: true })
    case 16:
      return random.below(8) === 0 ? frame(channel, pick(random, KINDS)) : publish(random, channel)
    default:
      return random.below(8) === 0
        ? frame(0, 'connection.close', { replyCode: 200 })
        : frame(channel, 'queue.declare', { queue })
  }
}

/** Changes the conversation in place, mostly behind the greeting: a byte, a frame, or their order. */
function spoil(random: Random, frames: Buffer[]): void {
  const first = random.below(8) === 0 ? 0 : Math.min(GREETING_COUNT, frames.length - 1)
  const at = first + random.below(frames.length - first)
  const victim = Buffer.from(frames[at]!)
  switch (random.below(9)) {
    case 0:
      victim[random.below(victim.length)]! ^= 1 << random.below(8)
      break
    case 1:
      victim[random.below(victim.length)] = pick(random, [0, 1, 0x7f, 0x80, 0xce, 0xff])
      break
    case 2:
      frames.splice(at, 1, victim.subarray(0, random.below(victim.length)))
      return
    case 3:
      frames.splice(at, 0, victim)
      return
    case 4:
      frames.splice(at, 1)
      return
    case 5:
      frames.splice(at, 0, random.bytes(1 + random.below(40)))
      return
    case 6:
      frames.splice(at, 0, frameOf(pick(random, [1, 2, 3, 8]), random.below(4), random.bytes(random.below(60))))
      return
    case 7:
      if (victim.length >= 8) victim.writeUInt32BE(pick(random, [0, 1, FRAME_MAX, 2 ** 31, 2 ** 32 - 1]), 3)
      break
    default:
      frames.splice(random.below(frames.length), 0, ...frames.splice(at, 1 + random.below(4)))
      return
  }
  frames[at] = victim
}

/** The broker has its moods. */
function disturb(random: Random, stage: Stage): void {
  const session = stage.door.sessions.at(-1)
  if (session === undefined) return
  switch (random.below(12)) {
    case 0:
      session.failure = new Refused(pick(random, REASONS), 'a mood')
      break
    case 1:
      session.setFlow(pick(random, [{ kind: 'hold' }, { kind: 'blocked', reason: 'full' }] as const))
      break
    case 2:
      session.setFlow({ kind: 'open' })
      break
    case 3:
      session.answersPerPublish = random.below(2)
      break
    case 4:
      for (const { confirms, sequence, answerCount } of session.published.splice(0)) {
        for (let answer = 0; answer < answerCount; answer++) confirms?.confirmed(sequence)
      }
      session.answersPerPublish = 0
      break
    case 5:
      stage.client.socket.stall()
      break
    case 6:
      stage.client.socket.unstall()
      break
    default:
  }
}

async function converse(random: Random): Promise<Stage> {
  const stage = new Stage({
    settings: { messageBytesMax: 20_000, unreadBytesMax: 300_000, transactionBytesMax: 50_000 },
  })
  const frames = greeting(stage)
  const length = random.below(40)
  for (let count = 0; count < length; count++) frames.push(utterance(random))
  const spoiledCount = random.below(5)
  for (let count = 0; count < spoiledCount && frames.length > 0; count++) spoil(random, frames)
  const bytes = Buffer.concat(frames)
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(pick(random, [3, 100, 3000, 70_000]))
    stage.client.raw(bytes.subarray(at, at + size))
    at += size
    if (random.below(3) === 0) await turns(1)
    if (random.below(4) === 0) disturb(random, stage)
  }
  return stage
}

/** Zeros complete whatever frame was begun, and are none themselves: nobody can stay in such a conversation. */
async function provoke(stage: Stage): Promise<void> {
  stage.client.socket.unstall()
  const session = stage.door.sessions.at(-1)
  session?.setFlow({ kind: 'open' })
  for (let count = 0; count < 2; count++) {
    stage.client.raw(Buffer.alloc(150_000))
    await turns(20)
  }
}

test('fuzz: spoiled conversations end in order', async () => {
  const before = process.memoryUsage().arrayBuffers
  const seen = { toldEnds: 0, published: 0, settled: 0 }
  for (let run = 0; run < COUNT; run++) {
    const seed = SEED + run
    const stage = await converse(seededRandom(seed))
    await provoke(stage)
    const { client, session } = { client: stage.client, session: stage.door.sessions.at(-1) }
    const isToldEnd = client.received.some(
      (frame) =>
        frame.kind === 'method' &&
        (frame.method.kind === 'connection.close' || frame.method.kind === 'connection.close-ok'),
    )
    expect([seed, isToldEnd || client.isClosed]).toEqual([seed, true])
    if (isToldEnd) seen.toldEnds++
    seen.published += session?.publishedCount ?? 0
    stage.clock.advance(stage.settings.closeTimeoutMs + stage.settings.handshakeTimeoutMs)
    await turns(4)
    expect([seed, stage.isGone, stage.clock.pendingTimerCount]).toEqual([seed, true, 0])
    expect([seed, stage.errors]).toEqual([seed, []])
    expect([seed, session?.isClosed ?? true]).toEqual([seed, true])
    for (const queue of session?.queues.values() ?? []) {
      seen.settled += queue.outcomes.length
      expect([seed, queue.unsettledCount, queue.consumers.length]).toEqual([seed, 0, 0])
    }
    expect(session?.mailboxes.size ?? 0).toBe(0)
    if (run % 50 === 0) expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(MEMORY_BYTES_MAX)
  }
  // Else the test would test nothing but refusals.
  expect(seen.toldEnds).toBeGreaterThan(COUNT / 2)
  expect(seen.published).toBeGreaterThan(COUNT)
  expect(seen.settled).toBeGreaterThan(COUNT / 8)
}, 3_600_000)
