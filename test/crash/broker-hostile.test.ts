/**
 * The whole broker against clients that send what no client should. After each it must live, have met no error of its
 * own, serve a normal client at once, and be as small as before.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { seededRandom } from '../../src/base/random.ts'
import { FIELD_DEPTH_MAX } from '../../src/protocols/amqp/wire/field-table.ts'
import { contentHeader, frame, HELLO } from '../interop/probe/peer.ts'
import { Attacker, expectUnharmed, greeting, methodBytes, publishBytes, within } from '../support/crash/attacker.ts'
import { conversation } from '../support/crash/conversation.ts'
import { forSeeds, sendAndLeave, sendSpoiled } from '../support/crash/noise.ts'
import { ServerProcess } from '../support/crash/server-process.ts'

const MIB = 2 ** 20
const RSS_BYTES_MAX = 250 * MIB
const CLOSE_MS_MAX = 5000
const SPOILED_COUNT = 5000
const FRAME_METHOD = 1
const FRAME_HEADER = 2
const FRAME_BODY = 3
const HEARTBEAT = Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce])

let home: string
let server: ServerProcess
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'busbar-hostile-'))
  server = await ServerProcess.start(join(home, 'data'), ['--log-level', 'error', '--handshake-timeout', '1s'])
})
afterAll(async () => {
  await server?.stop()
  await rm(home, { recursive: true, force: true })
})

const unharmed = (): Promise<void> => expectUnharmed(server, RSS_BYTES_MAX)

it('hostile: random bytes, with and without a greeting in front', async () => {
  await forSeeds(400, async (seed) => {
    const random = seededRandom(seed)
    const fronts = [Buffer.alloc(0), HELLO, greeting(), Buffer.concat([greeting(), methodBytes(1, 'channel.open')])]
    const noise = random.bytes(1 + random.below(20_000))
    await sendAndLeave(
      server.port,
      Buffer.concat([fronts[seed % fronts.length]!, noise]),
      random,
      `random bytes, seed ${seed}`,
    )
  })
  await unharmed()
})

it('hostile: whole conversations with something wrong in them', async () => {
  await sendSpoiled(server.port, SPOILED_COUNT)
  await unharmed()
})

it('hostile: a conversation cut at every fiftieth byte', async () => {
  const whole = Buffer.concat(conversation(0))
  await forSeeds(Math.floor(whole.length / 50), async (seed) => {
    await sendAndLeave(
      server.port,
      whole.subarray(0, seed * 50),
      seededRandom(seed),
      `conversation cut at ${seed * 50}`,
    )
  })
  await unharmed()
})

it('hostile: lengths far beyond what follows are refused when they are announced', async () => {
  const declare = methodBytes(1, 'queue.declare', { queue: 'q', exclusive: true })
  const longTable = Buffer.from(declare)
  // The table's length is the last field of the method; behind it stands the frame's end.
  longTable.writeUInt32BE(0xffff_ffff, longTable.length - 5)
  const hugeFrame = Buffer.from([FRAME_METHOD, 0, 1, 0xff, 0xff, 0xff, 0xff])
  const publish = methodBytes(1, 'basic.publish', { routingKey: 'q' })
  const bodyOf = (high: number, low: number): Buffer => {
    const header = contentHeader(1, 0, Buffer.alloc(2))
    header.writeUInt32BE(high, 11)
    header.writeUInt32BE(low, 15)
    return Buffer.concat([publish, header])
  }
  const headersLength = contentHeader(1, 1, Buffer.from([0x20, 0, 0xff, 0xff, 0xff, 0xff]))
  const attacks: [string, Buffer, number[]][] = [
    ['a frame of 4 GiB', hugeFrame, [501]],
    ['a table of 4 GiB', longTable, [501, 502]],
    ['a body of 2^63 bytes', bodyOf(0x8000_0000, 0), [406, 501, 502]],
    ['a body of 2^64 - 1 bytes', bodyOf(0xffff_ffff, 0xffff_ffff), [406, 501, 502]],
    ['a body above the limit', bodyOf(0, 0x4000_0000), [406]],
    ['headers of 4 GiB', Buffer.concat([publish, headersLength]), [501, 502]],
  ]
  for (const [name, bytes, codes] of attacks) {
    const attacker = await Attacker.opened(server.port)
    attacker.socket.write(bytes)
    const refusal = await within(CLOSE_MS_MAX, name, attacker.refusal())
    expect(codes, name).toContain(refusal)
    attacker.destroy()
  }
  await unharmed()
})

it('hostile: tables within tables within tables', async () => {
  for (const depth of [FIELD_DEPTH_MAX + 1, 1000, 13_000]) {
    for (const letter of ['F', 'A'] as const) {
      const table = nested(letter, depth)
      const declare = methodBytes(1, 'queue.declare', { exclusive: true })
      const attacks = [
        withTable(declare, table),
        withTable(methodBytes(1, 'basic.consume', { queue: 'q' }), table),
        Buffer.concat([
          methodBytes(1, 'basic.publish', { exchange: 'amq.headers', routingKey: 'q' }),
          contentHeader(1, 1, Buffer.concat([Buffer.from([0x20, 0]), table])),
        ]),
      ]
      for (const [index, bytes] of attacks.entries()) {
        const attacker = await Attacker.opened(server.port)
        attacker.socket.write(bytes)
        const refusal = await within(CLOSE_MS_MAX, `${depth} deep, attack ${index}`, attacker.refusal())
        expect([501, 502, 541], `${depth} deep, attack ${index}`).toContain(refusal)
        attacker.destroy()
      }
    }
  }
  await unharmed()
})

/** A field table whose only value is a table or array, and so on. */
function nested(letter: 'F' | 'A', depth: number): Buffer {
  let inner = Buffer.alloc(0)
  for (let level = 0; level < depth; level++) {
    const head =
      letter === 'F' || level === depth - 1 ? [1, 'k'.charCodeAt(0), letter.charCodeAt(0)] : [letter.charCodeAt(0)]
    const length = Buffer.alloc(4)
    length.writeUInt32BE(inner.length)
    inner = Buffer.concat([Buffer.from(head), length, inner])
  }
  const length = Buffer.alloc(4)
  length.writeUInt32BE(inner.length)
  return Buffer.concat([length, inner])
}

/** The method with its last argument, an empty table, replaced. */
function withTable(method: Buffer, table: Buffer): Buffer {
  return frame(FRAME_METHOD, method.readUInt16BE(1), Buffer.concat([method.subarray(7, -5), table]))
}

it('hostile: channels opened and closed without end, and all that there can be', async () => {
  const flood = Buffer.concat(
    Array.from({ length: 500 }, () => Buffer.concat([methodBytes(2, 'channel.open'), methodBytes(2, 'channel.close')])),
  )
  const attacker = await Attacker.opened(server.port)
  for (let time = 0; time < 40; time++) expect(await attacker.push(flood, CLOSE_MS_MAX)).toBe(true)
  const channels = Array.from({ length: 2047 }, (_, index) => methodBytes(index + 3, 'channel.open'))
  await attacker.push(Buffer.concat(channels), CLOSE_MS_MAX)
  expect(await within(CLOSE_MS_MAX, 'a channel too many', attacker.refusal())).toBe(530)
  attacker.destroy()
  const wide = await Promise.all(Array.from({ length: 10 }, () => Attacker.opened(server.port)))
  for (const one of wide) await one.push(Buffer.concat(channels.slice(0, 2000)), CLOSE_MS_MAX)
  await unharmed()
  for (const one of wide) one.destroy()
})

it('hostile: a body in frames of one byte, frames with nothing in them, and nothing but heartbeats', async () => {
  const attacker = await Attacker.opened(server.port)
  const byteFrame = frame(FRAME_BODY, 1, Buffer.from('x'))
  const emptyFrame = frame(FRAME_BODY, 1, Buffer.alloc(0))
  const many = (bytes: Buffer, count: number): Buffer => Buffer.concat(Array.from({ length: count }, () => bytes))
  attacker.socket.write(methodBytes(1, 'confirm.select'))
  attacker.socket.write(methodBytes(1, 'basic.publish', { routingKey: 'nowhere' }))
  attacker.socket.write(contentHeader(1, 100_000, Buffer.alloc(2)))
  for (let time = 0; time < 100; time++) {
    await attacker.push(many(byteFrame, 1000), CLOSE_MS_MAX)
    await attacker.push(many(emptyFrame, 1000), CLOSE_MS_MAX)
    await attacker.push(many(HEARTBEAT, 1000), CLOSE_MS_MAX)
  }
  await within(CLOSE_MS_MAX, 'the confirm of the message in small pieces', attacker.answer('basic.ack'))
  await unharmed()
  attacker.destroy()
})

it('hostile: a body frame too many, a header for nothing, a body longer than announced', async () => {
  const attacks: [Buffer, number][] = [
    [frame(FRAME_BODY, 1, Buffer.from('x')), 505],
    [contentHeader(1, 1, Buffer.alloc(2)), 505],
    [frame(FRAME_HEADER, 1, Buffer.alloc(3)), 505],
    [
      Buffer.concat([publishBytes(1, { routingKey: 'q' }, Buffer.alloc(0)), frame(FRAME_BODY, 1, Buffer.from('x'))]),
      505,
    ],
    [methodBytes(5, 'basic.qos', { prefetchCount: 1 }), 504],
    [frame(FRAME_METHOD, 1, Buffer.alloc(0)), 501],
    [frame(FRAME_METHOD, 1, Buffer.from([0, 99, 0, 99])), 503],
  ]
  for (const [index, [bytes, code]] of attacks.entries()) {
    const attacker = await Attacker.opened(server.port)
    attacker.socket.write(bytes)
    const refusal = await within(CLOSE_MS_MAX, `attack ${index}`, attacker.refusal())
    expect(refusal, `attack ${index}`).toBe(code)
    attacker.destroy()
  }
  await unharmed()
})
