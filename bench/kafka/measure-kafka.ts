/**
 * Runs the Kafka rows: busbar and Apache Kafka side by side, in turns, with flushes on both or on neither. Only the two
 * that are compared run at the same time.
 */
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { startBusbar } from '../brokers/busbar.ts'
import type { RunningBroker } from '../brokers/running-broker.ts'
import { end, type Ground, kept } from '../contenders.ts'
import { BUSBAR, progressLine, type Row } from '../report/report.ts'
import { type KafkaInstallation, PerfTools } from './perf-tools.ts'
import { type Durability, type KafkaPlan, kafkaPlans } from './plans.ts'

/** Handed in, since they are plain JavaScript. */
export interface KafkaPeer {
  install(): Promise<{ kind: 'ready'; kafka: KafkaInstallation } | { kind: 'missing'; reason: string }>
  start(options: { flushEachMessage: boolean }): Promise<RunningBroker | undefined>
  /** The file of the program that stands for many consumers. */
  readonly fleetSource: string
}

export interface KafkaMeasured {
  readonly rows: readonly Row[]
  readonly notes: readonly string[]
  readonly failedRunCount: number
  /** Its column in the report; undefined where it does not take part. */
  readonly contender: string | undefined
}

type Options = { readonly ids: ReadonlySet<string>; readonly runs: number; readonly recordCount: number }
type Contender = { readonly name: string; readonly broker: RunningBroker }

const WARMUP_SHARE = 0.25
/** Two batches of the producer's default size for each partition, so that hardly one is left out. */
const FIRST_RECORDS = 30
/** Reading is faster than writing: as many more for a run that is not over at once. */
const FETCH_FACTOR = 4

export async function measureKafka(ground: Ground, peer: KafkaPeer, options: Options): Promise<KafkaMeasured> {
  const plans = kafkaPlans.filter(({ id }) => options.ids.has(id))
  if (plans.length === 0) return { rows: [], notes: [], failedRunCount: 0, contender: undefined }
  const installed = await peer.install()
  if (installed.kind === 'missing') {
    // The load itself is Kafka's: without it there is nothing to measure busbar with either.
    const note = `The Kafka rows were not measured: ${installed.reason}.`
    ground.say(note)
    return { rows: [], notes: [note], failedRunCount: 0, contender: undefined }
  }
  const tools = await PerfTools.ready(installed.kafka, peer.fleetSource, ground.home)
  const contender = `Apache Kafka ${installed.kafka.version}`
  const notes: string[] = []
  const rows: Row[] = []
  for (const durability of ['flushed', 'os'] as const) {
    const group = plans.filter((plan) => plan.durability === durability)
    if (group.length === 0) continue
    const contenders = await startBoth(ground, peer, durability, contender)
    for (const plan of group) rows.push(await measureRow({ ground, tools, contenders, notes }, plan, options))
    for (const { broker } of contenders) await end(ground, broker)
  }
  return { rows, notes: [...notes, loadText(options)], failedRunCount: notes.length, contender }
}

function loadText({ recordCount }: Options): string {
  const shown = (count: number): string => count.toLocaleString('en-US')
  const counts = `${shown(recordCount)} records behind ${shown(Math.ceil(recordCount * WARMUP_SHARE))} of warm-up`
  return `Kafka rows: each produce run sends ${counts}, each fetch run reads ${shown(recordCount * FETCH_FACTOR)}.`
}

async function startBoth(ground: Ground, peer: KafkaPeer, durability: Durability, name: string): Promise<Contender[]> {
  const data = join(ground.home, `kafka-${durability}`)
  await mkdir(data)
  const options = ['--listen', 'kafka://127.0.0.1:0', '--durability', durability === 'flushed' ? 'flush' : 'os']
  const busbar = await startBusbar(ground.launcher, data, options)
  const port = busbar.kafkaPort
  if (port === undefined) throw new Error('busbar names no kafka endpoint when it is ready')
  // The same broker, reached by its other door.
  const own = kept(ground, { ...busbar, port })
  const kafka = await peer.start({ flushEachMessage: durability === 'flushed' })
  if (kafka === undefined) throw new Error('Apache Kafka was there and is gone')
  return [
    { name: BUSBAR, broker: own },
    { name, broker: kept(ground, kafka) },
  ]
}

type Stage = {
  readonly ground: Ground
  readonly tools: PerfTools
  readonly contenders: readonly Contender[]
  readonly notes: string[]
}

async function measureRow(stage: Stage, plan: KafkaPlan, { runs, recordCount }: Options): Promise<Row> {
  const { ground, contenders, notes } = stage
  const series = contenders.map(({ name }) => ({ contender: name, values: [] as number[] }))
  const topic = `bench-${plan.id}`
  for (const { broker } of contenders) await prepare(stage.tools, plan, broker.port, topic, recordCount)
  for (let run = 1; run <= runs; run++) {
    for (const [index, { name, broker }] of contenders.entries()) {
      try {
        const value = await runOnce(stage.tools, plan, broker.port, topic, recordCount)
        series[index]?.values.push(value)
        ground.say(progressLine(`${plan.id} ${run}/${runs}`, name, value, 'MB/s'))
      } catch (error) {
        // One run that failed must not cost the minutes of all the others; it is told in the report.
        notes.push(`run ${run} of ${plan.id}, ${name}, failed: ${error instanceof Error ? error.message : error}`)
        ground.say(notes.at(-1) ?? '')
      }
    }
  }
  for (const { broker } of contenders) await stage.tools.deleteTopic(broker.port, topic)
  const { id, what, goal } = plan
  const peer = contenders.find(({ name }) => name !== BUSBAR)
  return { id, what, unit: 'MB/s', series, against: peer && { contender: peer.name }, goal }
}

async function prepare(tools: PerfTools, plan: KafkaPlan, port: number, topic: string, count: number): Promise<void> {
  await tools.createTopic(port, topic, plan.partitionCount)
  if (plan.load.kind === 'fetch') await tools.produce(port, topic, count * FETCH_FACTOR, 1)
  // The first record of a partition makes files and is many times as slow: once for all of them, and not measured.
  else await tools.produce(port, topic, plan.partitionCount * FIRST_RECORDS, 1)
}

function runOnce(tools: PerfTools, plan: KafkaPlan, port: number, topic: string, count: number): Promise<number> {
  const { load } = plan
  if (load.kind === 'produce') return tools.produce(port, topic, count, Math.ceil(count * WARMUP_SHARE))
  const fetchCount = count * FETCH_FACTOR
  if (load.consumerCount === 1) return tools.fetch(port, topic, fetchCount)
  return tools.fetchByFleet(port, topic, fetchCount, load.consumerCount)
}
