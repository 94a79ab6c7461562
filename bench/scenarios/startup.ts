/**
 * Rows g and h: from nothing to the first client, and what the broker weighs when it has nothing to do. Each run is a new
 * process on an empty directory.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startBusbar } from '../brokers/busbar.ts'
import type { RunningBroker } from '../brokers/running-broker.ts'
import { end, type Ground, kept } from '../contenders.ts'
import { LoadConnection } from '../load/load-connection.ts'
import { memoryOf } from '../load/process-usage.ts'
import { BUSBAR, progressLine, type Row, type Series } from '../report/report.ts'

/** RabbitMQ's start takes seconds, so fewer of them say enough. */
const RABBITMQ_RUNS_MAX = 3
/** After the start, so that what was only needed for it can go. */
const SETTLE_MS = 2000

interface Starts {
  readonly contender: string
  readonly readyMs: number[]
  readonly handshakeMs: number[]
  readonly residentMb: number[]
}

export async function measureStartup(ground: Ground, ids: ReadonlySet<string>, runs: number): Promise<Row[]> {
  const starts = [await ownStarts(ground, runs)]
  if (ground.rabbitmqName !== undefined) {
    starts.push(await rabbitmqStarts(ground, ground.rabbitmqName, Math.min(runs, RABBITMQ_RUNS_MAX)))
  }
  return [...(ids.has('g') ? startRows(ground, starts) : []), ...(ids.has('h') ? [idleRow(ground, starts)] : [])]
}

function startRows(ground: Ground, starts: readonly Starts[]): Row[] {
  const against = ground.rabbitmqName === undefined ? undefined : { contender: ground.rabbitmqName }
  return [
    {
      id: 'g',
      what: 'start on an empty directory, until ready',
      unit: 'ms',
      series: seriesOf(starts, ({ readyMs }) => readyMs),
      against,
      goal: { kind: 'value-at-most', reach: 300, moonshot: 120 },
    },
    {
      id: 'g-client',
      what: 'the same, until a client is logged in',
      unit: 'ms',
      series: seriesOf(starts, ({ handshakeMs }) => handshakeMs),
      against,
      goal: undefined,
    },
  ]
}

function idleRow(ground: Ground, starts: readonly Starts[]): Row {
  return {
    id: 'h',
    what: 'idle RSS',
    unit: 'MB',
    series: seriesOf(starts, ({ residentMb }) => residentMb),
    against: ground.rabbitmqName === undefined ? undefined : { contender: ground.rabbitmqName },
    goal: { kind: 'value-at-most', reach: 80, moonshot: 50 },
  }
}

function seriesOf(starts: readonly Starts[], values: (starts: Starts) => readonly number[]): Series[] {
  return starts.map((each) => ({ contender: each.contender, values: values(each) }))
}

async function ownStarts(ground: Ground, runs: number): Promise<Starts> {
  const starts: Starts = { contender: BUSBAR, readyMs: [], handshakeMs: [], residentMb: [] }
  for (let run = 0; run < runs; run++) {
    const home = await mkdtemp(join(ground.home, 'start-'))
    const busbar = kept(ground, await startBusbar(ground.launcher, join(home, 'data')))
    await take(ground, starts, busbar, busbar.spawnedMs, busbar.readyMs)
    await rm(home, { recursive: true })
  }
  return starts
}

async function rabbitmqStarts(ground: Ground, contender: string, runs: number): Promise<Starts> {
  const starts: Starts = { contender, readyMs: [], handshakeMs: [], residentMb: [] }
  for (let run = 0; run < runs; run++) {
    const startedMs = performance.now()
    const rabbitmq = await ground.startRabbitmq?.()
    if (rabbitmq === undefined) throw new Error('RabbitMQ was there and is gone')
    await take(ground, starts, kept(ground, rabbitmq), startedMs, performance.now() - startedMs)
  }
  return starts
}

async function take(
  ground: Ground,
  starts: Starts,
  broker: RunningBroker,
  startedMs: number,
  readyMs: number,
): Promise<void> {
  const connection = await LoadConnection.open(broker.port)
  starts.handshakeMs.push(performance.now() - startedMs)
  starts.readyMs.push(readyMs)
  await connection.close()
  await sleep(SETTLE_MS)
  const resident = memoryOf(broker.pid)?.residentBytes
  if (resident !== undefined) starts.residentMb.push(resident / 1e6)
  ground.say(progressLine('g', starts.contender, readyMs, 'ms'))
  await end(ground, broker)
}
