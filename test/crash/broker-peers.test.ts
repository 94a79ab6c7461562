/**
 * The whole broker against clients that speak correctly and behave badly: they connect and say nothing, never read, or
 * announce what they never send. Memory is the matter here: what a peer leaves unread or unsaid must not pile up.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { connect } from 'amqplib'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { contentHeader, HELLO } from '../interop/probe/peer.ts'
import { Attacker, expectUnharmed, greeting, methodBytes, publishBytes, within } from '../support/crash/attacker.ts'
import { holdIdle } from '../support/crash/idle-connections.ts'
import { ServerProcess } from '../support/crash/server-process.ts'

const MIB = 2 ** 20
const HANDSHAKE_MS = 500
const QUEUE = 'patient'

let home: string
let server: ServerProcess
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'busbar-peers-'))
})
afterEach(async () => {
  await server?.stop()
  await rm(home, { recursive: true, force: true })
})

async function start(...args: string[]): Promise<void> {
  server = await ServerProcess.start(join(home, 'data'), ['--log-level', 'error', ...args])
}

async function declareQueue(): Promise<void> {
  const connection = await connect(server.url)
  const channel = await connection.createChannel()
  await channel.assertQueue(QUEUE, { durable: true })
  await connection.close()
}

async function readyCount(): Promise<number> {
  const connection = await connect(server.url)
  const channel = await connection.createChannel()
  const { messageCount } = await channel.checkQueue(QUEUE)
  await connection.close()
  return messageCount
}

it('peers: who does not finish the handshake in time is dropped, however he stops', async () => {
  await start('--handshake-timeout', `${HANDSHAKE_MS}ms`)
  const whole = greeting()
  const ends = [0, 3, HELLO.length, HELLO.length + 5, HELLO.length + 30, whole.length - 1]
  const attackers = await Promise.all(ends.map(() => Attacker.connect(server.port)))
  const dripping = await Attacker.connect(server.port)
  const heartbeating = await Attacker.connect(server.port)
  for (const [index, attacker] of attackers.entries()) attacker.socket.write(whole.subarray(0, ends[index]))
  heartbeating.socket.write(HELLO)
  let dripped = 0
  // To say something now and then is not to log in.
  const drops = setInterval(() => {
    dripping.socket.write(whole.subarray(dripped, ++dripped))
    heartbeating.socket.write(Buffer.from([8, 0, 0, 0, 0, 0, 0, 0xce]))
  }, 50)
  try {
    const all = [...attackers, dripping, heartbeating].map((attacker) => attacker.closed)
    await within(HANDSHAKE_MS + 1500, 'the end of all half-open handshakes', Promise.all(all))
  } finally {
    clearInterval(drops)
  }
  await expectUnharmed(server, 120 * MIB)
})

it('peers: a thousand idle connections cost little, and give their places back', async () => {
  await start('--max-connections', '1010')
  const before = server.rssBytes()
  for (let round = 0; round < 3; round++) {
    const idle = await within(20_000, 'a thousand connections', holdIdle(server.port, 1000))
    await expectUnharmed(server, before + 80 * MIB)
    expect(idle.openCount()).toBe(1000)
    idle.drop()
  }
})

it('peers: 200 MB are queued for a consumer who never reads', async () => {
  await start()
  await declareQueue()
  const reader = await Attacker.opened(server.port)
  reader.socket.pause()
  reader.socket.write(methodBytes(1, 'basic.consume', { queue: QUEUE, nowait: true }))
  const publisher = await Attacker.opened(server.port)
  publisher.socket.write(methodBytes(1, 'confirm.select'))
  const message = publishBytes(1, { routingKey: QUEUE }, Buffer.alloc(100_000, 'x'), { deliveryMode: 2 })
  let highest = 0
  for (let count = 0; count < 2000; count++) {
    expect(await publisher.push(message, 20_000), `message ${count}`).toBe(true)
    if (count % 50 === 0) highest = Math.max(highest, server.rssBytes())
  }
  publisher.socket.write(methodBytes(1, 'tx.select'))
  // Refused, in the order of the channel: so everything before it was taken in.
  await within(20_000, 'the end of the publisher', publisher.refusal())
  await expectUnharmed(server, 260 * MIB)
  expect(highest).toBeLessThan(320 * MIB)
  reader.destroy()
  publisher.destroy()
  await within(5000, 'all messages back in the queue', untilReady(2000))
})

async function untilReady(count: number): Promise<void> {
  while ((await readyCount()) !== count) await wait(50)
}

it('peers: a publisher never reads his confirms', async () => {
  await start()
  await declareQueue()
  const publisher = await Attacker.opened(server.port)
  publisher.socket.write(methodBytes(1, 'confirm.select'))
  publisher.socket.pause()
  const one = publishBytes(1, { routingKey: QUEUE }, Buffer.from('small'), { deliveryMode: 2 })
  const many = Buffer.concat(Array.from({ length: 1000 }, () => one))
  let pushed = 0
  while (pushed < 200 && (await publisher.push(many, 5000))) pushed++
  await expectUnharmed(server, 250 * MIB)
  // Confirms are small and many go in one, so there is no reason to stop him.
  expect(pushed).toBe(200)
  publisher.destroy()
})

it('peers: what comes back to one who never reads is bounded: returned messages, answers, messages got', async () => {
  await start()
  await declareQueue()
  const body = Buffer.alloc(60_000, 'x')
  const filler = await Attacker.opened(server.port)
  filler.socket.write(methodBytes(1, 'confirm.select'))
  filler.socket.write(publishBytes(1, { routingKey: QUEUE }, body, { deliveryMode: 2 }))
  await within(5000, 'the confirm of a message to get', filler.answer('basic.ack'))
  filler.destroy()
  const returned = publishBytes(1, { routingKey: 'nowhere', mandatory: true }, body)
  const asked = Buffer.concat(
    Array.from({ length: 2000 }, () => methodBytes(1, 'queue.declare', { queue: QUEUE, passive: true })),
  )
  // Got and given back, again and again.
  const got = Buffer.concat(
    Array.from({ length: 100 }, () =>
      Buffer.concat([
        methodBytes(1, 'basic.get', { queue: QUEUE }),
        methodBytes(1, 'basic.recover-async', { requeue: true }),
      ]),
    ),
  )
  for (const [name, bytes, countMax] of [
    ['returned', returned, 4000],
    ['asked', asked, 2000],
    ['got', got, 2000],
  ] as const) {
    const attacker = await Attacker.opened(server.port)
    attacker.socket.pause()
    let count = 0
    while (count < countMax && (await attacker.push(bytes, 1000))) count++
    expect(count, `${name}: he was never held up`).toBeLessThan(countMax)
    await expectUnharmed(server, 250 * MIB)
    attacker.destroy()
  }
})

it('peers: large bodies are announced on many connections and never come', async () => {
  await start()
  const attackers = await Promise.all(Array.from({ length: 100 }, () => Attacker.opened(server.port)))
  const announced = Buffer.concat([
    methodBytes(1, 'basic.publish', { routingKey: QUEUE }),
    contentHeader(1, 128 * MIB, Buffer.alloc(2)),
  ])
  for (const attacker of attackers) attacker.socket.write(announced)
  await expectUnharmed(server, 200 * MIB)
  for (const attacker of attackers) attacker.destroy()
})
