/**
 * The whole broker on a disk that is full, or gone. Publishers wait and are told why, what was confirmed stays, and when
 * there is room again everything goes on by itself.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type ChannelModel, type ConfirmChannel, connect } from 'amqplib'
import { expect, it } from 'vitest'
import { within } from '../support/crash/attacker.ts'
import { letterOf, stampOf } from '../support/crash/letter.ts'
import { ServerProcess } from '../support/crash/server-process.ts'
import { HARDLY_ANY_BYTES, itOnSmallDisk, type SmallDisk } from '../support/crash/small-disk.ts'

const QUEUE = 'kept'
const WINDOW = 50
/** A full disk is tried again once a second. */
const PATIENCE_MS = 10_000

/** Publishes one after the other, a few on their way, and knows which were confirmed. */
class Sender {
  readonly confirmed = new Set<number>()
  readonly connection: ChannelModel
  readonly #channel: ConfirmChannel
  /** Numbers of messages are never used again, over all senders of a test. */
  static #sequence = 0
  #open = 0
  #failures = 0
  #isGone = false
  #wake: () => void = () => {}

  private constructor(connection: ChannelModel, channel: ConfirmChannel) {
    this.connection = connection
    this.#channel = channel
  }

  static async on(url: string): Promise<Sender> {
    const connection = await connect(url)
    // It will be killed under us.
    connection.on('error', () => {})
    const channel = await connection.createConfirmChannel()
    channel.on('error', () => {})
    await channel.assertQueue(QUEUE, { durable: true })
    const sender = new Sender(connection, channel)
    channel.on('close', () => {
      sender.#isGone = true
      sender.#wake()
    })
    return sender
  }

  get failures(): number {
    return this.#failures
  }

  /** Resolves when all are confirmed; or when `until` does, or the channel is gone, if that is before. */
  async send(count: number, until?: Promise<unknown>): Promise<void> {
    let stopped = false
    until?.then(() => {
      stopped = true
      this.#wake()
    })
    for (let left = count; left > 0; left--) {
      while (this.#open >= WINDOW && !stopped && !this.#isGone) await this.#next()
      if (stopped || this.#isGone) return
      this.#sendOne()
    }
    while (!stopped && this.#open > 0) await this.#next()
  }

  async settled(): Promise<void> {
    while (this.#open > 0) await this.#next()
  }

  #next(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve
    })
  }

  #sendOne(): void {
    const sequence = ++Sender.#sequence
    const body = letterOf({ publisher: 0, sequence, sentAtMs: 0, delayMs: 0, priority: 0 })
    this.#open++
    this.#channel.sendToQueue(QUEUE, body, { persistent: true }, (failure: unknown) => {
      this.#open--
      if (failure === null || failure === undefined) this.confirmed.add(sequence)
      else this.#failures++
      this.#wake()
    })
  }
}

function blocked(connection: ChannelModel): Promise<string> {
  return new Promise((resolve) => connection.once('blocked', resolve))
}

function unblocked(connection: ChannelModel): Promise<void> {
  return new Promise((resolve) => connection.once('unblocked', () => resolve()))
}

/** Every sequence in the queue, which is emptied; fails on a body that was not published. */
async function drain(url: string): Promise<number[]> {
  const connection = await connect(url)
  const channel = await connection.createChannel()
  const { messageCount } = await channel.checkQueue(QUEUE)
  const found: number[] = []
  await new Promise<void>((resolve, reject) => {
    if (messageCount === 0) return resolve()
    channel
      .consume(
        QUEUE,
        (message) => {
          const stamp = message === null ? undefined : stampOf(message.content)
          if (stamp === undefined) return reject(new Error('a message came back changed'))
          if (found.push(stamp.sequence) === messageCount) resolve()
        },
        { noAck: true },
      )
      .catch(reject)
  })
  await connection.close()
  return found
}

async function expectAllKept(url: string, ...senders: Sender[]): Promise<void> {
  const found = await drain(url)
  const inQueue = new Set(found)
  expect(inQueue.size, 'a message is there twice').toBe(found.length)
  const missing = senders.flatMap((sender) => [...sender.confirmed]).filter((sequence) => !inQueue.has(sequence))
  expect(missing, 'confirmed and lost').toEqual([])
  expect(found, 'out of order').toEqual([...found].sort((a, b) => a - b))
}

const start = (disk: SmallDisk): Promise<ServerProcess> =>
  ServerProcess.start(join(disk.directory, 'data'), ['--log-level', 'error', '--disk-free-limit', '0'])

itOnSmallDisk(
  'disk: full, publishers wait and are told; with room again all goes on; then kill -9',
  96,
  async (disk) => {
    let server = await start(disk)
    try {
      const sender = await Sender.on(server.url)
      await sender.send(500)
      for (let round = 1; round <= 2; round++) {
        disk.fill(HARDLY_ANY_BYTES)
        const isBlocked = blocked(sender.connection)
        await within(60_000, 'connection.blocked', sender.send(1_000_000, isBlocked))
        expect(await isBlocked).toMatch(/disk/)
        const before = sender.confirmed.size
        // Who only reads is not held up, and nothing more is confirmed while there is no room.
        const reader = await within(2000, 'a new client', connect(server.url))
        await reader.close()
        await wait(1500)
        expect(sender.confirmed.size).toBe(before)
        const isUnblocked = unblocked(sender.connection)
        disk.empty()
        await within(PATIENCE_MS, 'connection.unblocked', isUnblocked)
        await within(PATIENCE_MS, 'the confirms of all that waited', sender.settled())
        await sender.send(200)
        expect(sender.failures).toBe(0)
      }
      await server.kill()
      server = await start(disk)
      await expectAllKept(server.url, sender)
      await server.stop()
    } finally {
      await server.kill()
    }
  },
)

itOnSmallDisk('disk: killed while it is full, it has what it confirmed when it comes back', 96, async (disk) => {
  let server = await start(disk)
  try {
    const sender = await Sender.on(server.url)
    await sender.send(500)
    disk.fill(HARDLY_ANY_BYTES)
    const isBlocked = blocked(sender.connection)
    await within(60_000, 'connection.blocked', sender.send(1_000_000, isBlocked))
    await server.kill()
    disk.fill(0)
    // With no room at all it cannot even take the lock.
    const program = ServerProcess.spawn(join(disk.directory, 'data'))
    expect((await within(PATIENCE_MS, 'a start on a full disk', program.ending)).code).toBe(69)
    expect(program.complaint).toMatch(/^busbar: .*the disk is full.*\n$/)
    disk.empty()
    server = await start(disk)
    await expectAllKept(server.url, sender)
    const next = await Sender.on(server.url)
    await next.send(200)
    await expectAllKept(server.url, next)
    await server.stop()
  } finally {
    await server.kill()
  }
})

itOnSmallDisk('disk: stopped with SIGTERM while it is full, it ends and has what it confirmed', 96, async (disk) => {
  let server = await start(disk)
  try {
    const sender = await Sender.on(server.url)
    await sender.send(500)
    disk.fill(HARDLY_ANY_BYTES)
    const isBlocked = blocked(sender.connection)
    await within(60_000, 'connection.blocked', sender.send(1_000_000, isBlocked))
    server.program.signal('SIGTERM')
    // What waits for room was never confirmed: nobody need wait for it.
    expect((await within(PATIENCE_MS, 'the end', server.program.ending)).code).toBe(0)
    disk.empty()
    server = await start(disk)
    await expectAllKept(server.url, sender)
    await server.stop()
  } finally {
    await server.kill()
  }
})

it('disk: below --disk-free-limit publishers are blocked, everything else works', async () => {
  const home = await mkdtemp(join(tmpdir(), 'busbar-low-'))
  const server = await ServerProcess.start(join(home, 'data'), ['--log-level', 'error', '--disk-free-limit', '1000TiB'])
  try {
    const sender = await Sender.on(server.url)
    const isBlocked = blocked(sender.connection)
    const sending = sender.send(1, isBlocked)
    expect(await within(PATIENCE_MS, 'connection.blocked', isBlocked)).toBe('low on disk')
    await sending
    expect(await drain(server.url)).toEqual([])
    expect(sender.confirmed.size).toBe(0)
    await server.stop()
  } finally {
    await server.kill()
    await rm(home, { recursive: true, force: true })
  }
})

it('disk: the data directory is deleted: when the next file cannot be made it says so, and ends with 69', async () => {
  const home = await mkdtemp(join(tmpdir(), 'busbar-gone-'))
  const server = await ServerProcess.start(join(home, 'data'), ['--log-level', 'error'])
  try {
    const sender = await Sender.on(server.url)
    await sender.send(100)
    await rm(join(home, 'data'), { recursive: true })
    // Open files live on without their names; a new one cannot be made.
    await within(60_000, 'the end', sender.send(1_000_000, server.program.ending))
    expect((await server.program.ending).code).toBe(69)
    expect(server.program.complaint).toContain(join(home, 'data'))
  } finally {
    await server.kill()
    await rm(home, { recursive: true, force: true })
  }
})
