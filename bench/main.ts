/**
 * The bench: reads its command line, measures the rows asked for, and prints one Markdown report. Started by
 * scripts/bench.mjs, which builds it and hands in what is plain JavaScript.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RunningBroker, StartRabbitmq } from './brokers/running-broker.ts'
import { BUSBAR_OS, type Ground } from './contenders.ts'
import { type KafkaPeer, measureKafka } from './kafka/measure-kafka.ts'
import { BadOption, type BenchOptions, readOptions, USAGE } from './options.ts'
import { describeMachine } from './report/machine.ts'
import { BUSBAR, markdownOf, type Report, type Row } from './report/report.ts'
import { measureBacklog } from './scenarios/backlog.ts'
import { ALL_IDS, KAFKA_IDS } from './scenarios/ids.ts'
import { type LoadScenario, loadScenarios } from './scenarios/load-scenarios.ts'
import { findCeilings, type Measured, runLoad } from './scenarios/run-load.ts'
import { measureStartup } from './scenarios/startup.ts'

const EXIT_USAGE = 64
/** As a shell says it of a program that Ctrl-C ended. */
const EXIT_BROKEN_OFF = 130

export interface BenchEnvironment {
  /** bin/busbar of the checkout. */
  readonly launcher: string
  readonly startRabbitmq: StartRabbitmq
  readonly kafka: KafkaPeer
}

/** Resolves with the exit code. */
export async function bench(argv: readonly string[], environment: BenchEnvironment): Promise<number> {
  let options: BenchOptions | 'help'
  try {
    options = readOptions(argv)
  } catch (error) {
    if (!(error instanceof BadOption)) throw error
    process.stderr.write(`${error.message}\n`)
    return EXIT_USAGE
  }
  if (options === 'help') {
    process.stdout.write(USAGE)
    return 0
  }
  const { failedRunCount } = await measure(argv, options, environment)
  return failedRunCount === 0 ? 0 : 1
}

async function measure(argv: readonly string[], options: BenchOptions, environment: BenchEnvironment): Promise<Report> {
  const home = await mkdtemp(join(tmpdir(), 'busbar-bench-'))
  const running = new Set<RunningBroker>()
  const tidyUp = async (): Promise<void> => {
    await Promise.allSettled([...running].map((broker) => broker.stop()))
    await rm(home, { recursive: true, force: true, maxRetries: 5 })
  }
  const breakOff = (): void => {
    say('broken off')
    isBrokenOff = true
    void tidyUp().then(() => process.exit(EXIT_BROKEN_OFF))
  }
  process.once('SIGINT', breakOff)
  process.once('SIGTERM', breakOff)
  try {
    const ground = await prepare(options, environment, home, running)
    const report = await reportOf(argv, options, ground, environment.kafka)
    process.stdout.write(`${markdownOf(report)}\n`)
    if (options.jsonFile !== undefined) await writeFile(options.jsonFile, `${JSON.stringify(report, undefined, 2)}\n`)
    return report
  } finally {
    process.off('SIGINT', breakOff)
    process.off('SIGTERM', breakOff)
    await tidyUp()
  }
}

const NO_LOAD: Measured = { rows: [], notes: [], failedRunCount: 0 }

/** Rows in which RabbitMQ has no part. */
const ALONE_IDS: ReadonlySet<string> = new Set(['e', 'f', 'drain', ...KAFKA_IDS])

/** From then on every run fails, which is nothing to tell. */
let isBrokenOff = false

function say(line: string): void {
  if (!isBrokenOff) process.stderr.write(`${line}\n`)
}

async function prepare(
  options: BenchOptions,
  environment: BenchEnvironment,
  home: string,
  running: Set<RunningBroker>,
): Promise<Ground> {
  const isCompared = options.withRabbitmq && [...options.ids].some((id) => !ALONE_IDS.has(id))
  const version = isCompared ? await rabbitmqVersion(environment.startRabbitmq) : undefined
  if (isCompared && version === undefined) say('rabbitmq-server is not installed: measuring busbar alone')
  return {
    launcher: options.launcher ?? environment.launcher,
    home,
    startRabbitmq: environment.startRabbitmq,
    rabbitmqName: version === undefined ? undefined : `RabbitMQ ${version}`,
    running,
    say,
  }
}

/** Its first start also makes the Erlang machine's files warm, as busbar's own build did for Node. */
async function rabbitmqVersion(start: StartRabbitmq): Promise<string | undefined> {
  const rabbitmq = await start()
  await rabbitmq?.stop()
  return rabbitmq?.version
}

async function reportOf(
  argv: readonly string[],
  options: BenchOptions,
  ground: Ground,
  kafkaPeer: KafkaPeer,
): Promise<Report> {
  const { ids } = options
  const asked = (...names: string[]): boolean => names.some((name) => ids.has(name))
  const { ackEvery } = options
  const acks = ackEvery === 1 ? ({ kind: 'each' } as const) : ({ kind: 'multiple', every: ackEvery } as const)
  const scenarios = loadScenarios(acks).filter(({ id, askedBy }) => ids.has(askedBy ?? id))
  const machine = describeMachine(ground.rabbitmqName?.replace('RabbitMQ ', ''))
  const startup = asked('g', 'h') ? await measureStartup(ground, ids, options.runs) : []
  const ceilings = await findCeilings(ground, scenarios, options)
  const load = scenarios.length > 0 ? await runLoad(ground, scenarios, options) : NO_LOAD
  const backlog = asked('e', 'f', 'drain') ? await measureBacklog(ground, options) : []
  const kafka = await measureKafka(ground, kafkaPeer, {
    ids,
    runs: options.runs,
    recordCount: options.kafkaRecordCount,
  })
  return {
    date: new Date().toISOString().slice(0, 10),
    machine,
    command: ['npm run bench', ...(argv.length > 0 ? ['--', ...argv] : [])].join(' '),
    measuring: measuringText(options, scenarios),
    contenders: [...contendersOf(options, ground), ...(kafka.contender === undefined ? [] : [kafka.contender])],
    rows: inOrder([...load.rows, ...backlog, ...startup, ...kafka.rows]),
    ceilings,
    failedRunCount: load.failedRunCount + kafka.failedRunCount,
    notes: [...load.notes, ...kafka.notes],
  }
}

function contendersOf(options: BenchOptions, ground: Ground): string[] {
  return [BUSBAR, ...(options.withOs ? [BUSBAR_OS] : []), ...(ground.rabbitmqName ? [ground.rabbitmqName] : [])]
}

/** A row such as `f-crash` belongs behind `f`. */
function inOrder(rows: readonly Row[]): Row[] {
  const place = ({ id }: Row): number => {
    const exact = ALL_IDS.indexOf(id)
    return exact === -1 ? ALL_IDS.indexOf(id.split('-')[0]!) : exact
  }
  return [...rows].sort((one, other) => place(one) - place(other))
}

function measuringText(options: BenchOptions, scenarios: readonly LoadScenario[]): string {
  const { runs, measureMs, warmupMs, ackEvery } = options
  const acks = ackEvery === 1 ? 'an ack for every message' : `one ack for ${ackEvery} messages`
  const load =
    scenarios.length === 0
      ? ''
      : `; load rows in turns, each ${measureMs / 1000} s after ${warmupMs / 1000} s of warm-up, prefetch 1,000, ${acks}`
  return `medians (lowest to highest) of ${runs} runs${load}. Generator and broker share the cores.`
}
