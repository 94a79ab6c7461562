/**
 * Rows e and f: what a long backlog costs in memory, and how soon clients are served on top of it after a restart, clean
 * or by kill -9. Busbar only: there is no peer to it in DESIGN's figures.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeMethod } from '../../src/protocols/amqp/wire/methods.ts'
import { type BusbarProcess, startBusbar } from '../brokers/busbar.ts'
import type { RunningBroker } from '../brokers/running-broker.ts'
import { type Ground, kept } from '../contenders.ts'
import { generate } from '../load/generator.ts'
import type { FillJob, QueuePlan } from '../load/job.ts'
import { LoadConnection } from '../load/load-connection.ts'
import { memoryOf } from '../load/process-usage.ts'
import type { BenchOptions } from '../options.ts'
import { type Goal, shownNumber } from '../report/figures.ts'
import { BUSBAR, progressLine, type Row } from '../report/report.ts'

const QUEUE: QueuePlan = { names: ['bench-backlog'], durable: true, arguments: {}, fanout: false }
const BODY_BYTES = 1024
const WINDOW = 2000
/** The row of DESIGN's figures: fewer messages say nothing about it. */
const GOAL_COUNT = 10_000_000
const IDLE_MS = 10_000
/** Published between two crashes, so that each finds something that no clean stop has put in order. */
const FRESH_COUNT = 20_000

export async function measureBacklog(ground: Ground, options: BenchOptions): Promise<Row[]> {
  const home = await mkdtemp(join(ground.home, 'backlog-'))
  const site = new Site(ground, join(home, 'data'))
  const rows: Row[] = []
  await site.start()
  const filled = await site.fill(options.backlogCount)
  ground.say(progressLine('e', 'filling', filled, 'msg/s'))
  const peak = site.memoryMb('peakBytes')
  await sleep(IDLE_MS)
  if (options.ids.has('e')) rows.push(...memoryRows(options.backlogCount, filled, peak, site.memoryMb('residentBytes')))
  if (options.ids.has('f')) rows.push(...(await restartRows(site, options)))
  if (options.ids.has('drain')) rows.push(await drainRow(site))
  await site.stop()
  await rm(home, { recursive: true })
  return rows
}

function memoryRows(count: number, filledPerSecond: number, peakMb: number[], idleMb: number[]): Row[] {
  const messages = `${shownNumber(count)} queued 1 KiB messages`
  const goal = goalAt(count, { kind: 'value-at-most', reach: 300, moonshot: 150 })
  return [
    own('e', `RSS with ${messages}, idle`, 'MB', idleMb, goal),
    own('e-peak', 'the most it was while they came in', 'MB', peakMb, goal),
    own('e-fill', 'how fast they came in (durable, confirmed)', 'msg/s', [filledPerSecond], undefined),
  ]
}

async function restartRows(site: Site, { backlogCount, runs }: BenchOptions): Promise<Row[]> {
  const afterStop: number[] = []
  // The first crash finds the backlog as the publishers left it, before any restart has tidied up.
  const afterCrash: number[] = [await site.servedMsAfter('kill -9')]
  for (let run = 1; run <= runs; run++) {
    afterStop.push(await site.servedMsAfter('stop'))
    if (run === runs) break
    await site.fill(FRESH_COUNT)
    afterCrash.push(await site.servedMsAfter('kill -9'))
  }
  const goal = goalAt(backlogCount, { kind: 'value-at-most', reach: 3000, moonshot: 1000 })
  const until = `restart with ${shownNumber(backlogCount)} messages, until a get is answered`
  return [
    own('f', `${until}, after a clean stop`, 'ms', afterStop, goal),
    own('f-crash', `${until}, after kill -9`, 'ms', afterCrash, goal),
  ]
}

async function drainRow(site: Site): Promise<Row> {
  return own('drain', 'consuming that backlog from disk, acked', 'msg/s', [await site.drain()], undefined)
}

function goalAt(count: number, goal: Goal): Goal | undefined {
  return count >= GOAL_COUNT ? goal : undefined
}

function own(id: string, what: string, unit: Row['unit'], values: number[], goal: Goal | undefined): Row {
  return { id, what, unit, series: [{ contender: BUSBAR, values }], against: undefined, goal }
}

/** One data directory and the broker on it, which goes and comes back. */
class Site {
  readonly #ground: Ground
  readonly #data: string
  /** How many messages the queue must hold. */
  #queuedCount = 0
  #broker: BusbarProcess | undefined

  constructor(ground: Ground, data: string) {
    this.#ground = ground
    this.#data = data
  }

  async start(): Promise<void> {
    this.#broker = kept<BusbarProcess>(this.#ground, await startBusbar(this.#ground.launcher, this.#data))
  }

  get broker(): BusbarProcess {
    if (this.#broker === undefined) throw new Error('the broker is down')
    return this.#broker
  }

  /** Confirmed messages a second. */
  async fill(count: number): Promise<number> {
    const job: FillJob = {
      kind: 'fill',
      ...this.#target(),
      publish: { connections: 1, bodyBytes: BODY_BYTES, persistent: true, pace: { kind: 'window', window: WINDOW } },
      count,
    }
    const result = await generate(job)
    this.#queuedCount += count
    return result.confirmedCount / result.seconds
  }

  async drain(): Promise<number> {
    const consume = { connections: 1, prefetch: 1000, acks: { kind: 'each' } } as const
    const result = await generate({ kind: 'drain', ...this.#target(), consume, count: this.#queuedCount })
    this.#queuedCount = 0
    return result.deliveredCount / result.seconds
  }

  #target(): { port: number; brokerPid: number; queues: QueuePlan } {
    return { port: this.broker.port, brokerPid: this.broker.pid, queues: QUEUE }
  }

  memoryMb(which: 'residentBytes' | 'peakBytes'): number[] {
    const memory = memoryOf(this.broker.pid)
    return memory === undefined ? [] : [memory[which] / 1e6]
  }

  /** From spawn to the answer to basic.get, which has to be a message, with all others behind it. */
  async servedMsAfter(how: 'stop' | 'kill -9'): Promise<number> {
    const { broker } = this
    if (how === 'stop') await this.stop()
    else await this.#kill9(broker)
    await this.start()
    const connection = await LoadConnection.open(this.broker.port)
    const get = makeMethod('basic.get', { queue: QUEUE.names[0]! })
    const got = await connection.call(get, 'basic.get-ok', 'basic.get-empty')
    const servedMs = performance.now() - this.broker.spawnedMs
    const leftCount = got.kind === 'basic.get-ok' ? got.messageCount : -1
    if (leftCount !== this.#queuedCount - 1) {
      throw new Error(`after ${how} the queue answered ${got.kind} with ${leftCount} behind, of ${this.#queuedCount}`)
    }
    // Not acked: with its connection it goes back to its place.
    await connection.close()
    this.#ground.say(progressLine('f', `served after ${how}`, servedMs, 'ms'))
    return servedMs
  }

  async #kill9(broker: RunningBroker & Pick<BusbarProcess, 'kill9'>): Promise<void> {
    this.#ground.running.delete(broker)
    await broker.kill9()
  }

  async stop(): Promise<void> {
    this.#ground.running.delete(this.broker)
    await this.broker.stop()
  }
}
