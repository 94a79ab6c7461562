/**
 * Apache Kafka's producer and consumer perf tools, run as they come, and the figures read off what they print. Many
 * consumers at once is the one thing they do not do: ConsumerFleet.java beside this file does it with the same client.
 */
import { spawn } from 'node:child_process'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'

export interface CommandLine {
  readonly command: string
  readonly args: readonly string[]
}

/** What scripts/peers/kafka-install.mjs answers. Handed in, since it is plain JavaScript. */
export interface KafkaInstallation {
  readonly version: string
  readonly classPath: string
  program(mainClass: string, args: readonly string[], jvm?: readonly string[], classPath?: string): CommandLine
  tool(name: string, args: readonly string[], jvm?: readonly string[]): CommandLine
}

export const RECORD_BYTES = 1024
/** As Kafka's own scripts for the perf tools set it; the rest is Java's choice. */
const PERF_JVM = ['-Xmx512M']
const RUN_TIMEOUT_MS = 180_000

export class PerfTools {
  readonly #kafka: KafkaInstallation
  readonly #fleetClassPath: string

  private constructor(kafka: KafkaInstallation, fleetClassPath: string) {
    this.#kafka = kafka
    this.#fleetClassPath = fleetClassPath
  }

  /** Compiles the fleet into `home`. */
  static async ready(kafka: KafkaInstallation, fleetSource: string, home: string): Promise<PerfTools> {
    const classes = join(home, 'fleet')
    await mkdir(classes)
    await outputOf({ command: 'javac', args: ['-d', classes, '-cp', kafka.classPath, fleetSource] })
    return new PerfTools(kafka, `${classes}:${kafka.classPath}`)
  }

  async createTopic(port: number, topic: string, partitionCount: number): Promise<void> {
    const shape = ['--topic', topic, '--partitions', String(partitionCount), '--replication-factor', '1']
    await outputOf(this.#kafka.tool('kafka-topics', [...serverOf(port), '--create', ...shape]))
  }

  async deleteTopic(port: number, topic: string): Promise<void> {
    await outputOf(this.#kafka.tool('kafka-topics', [...serverOf(port), '--delete', '--topic', topic]))
  }

  /** MB/s (of 2^20 bytes, as the tool counts) of the records behind the warm-up. */
  async produce(port: number, topic: string, recordCount: number, warmupCount: number): Promise<number> {
    const counts = ['--num-records', String(recordCount + warmupCount), '--warmup-records', String(warmupCount)]
    const load = ['--topic', topic, ...counts, '--record-size', String(RECORD_BYTES), '--throughput', '-1']
    const acks = ['--command-property', 'acks=all']
    const tool = this.#kafka.tool('kafka-producer-perf-test', [...serverOf(port), ...load, ...acks], PERF_JVM)
    return producedMbPerSecond(await outputOf(tool))
  }

  /** MB/s from the moment partitions are assigned. */
  async fetch(port: number, topic: string, recordCount: number): Promise<number> {
    const load = ['--topic', topic, '--num-records', String(recordCount), '--timeout', '60000']
    const tool = this.#kafka.tool('kafka-consumer-perf-test', [...serverOf(port), ...load], PERF_JVM)
    return fetchedMbPerSecond(await outputOf(tool), recordCount)
  }

  /** The same for all of a group together, from the moment the whole group has its partitions. */
  async fetchByFleet(port: number, topic: string, recordCount: number, consumerCount: number): Promise<number> {
    const args = [`127.0.0.1:${port}`, topic, String(recordCount), String(consumerCount)]
    const output = await outputOf(this.#kafka.program('ConsumerFleet', args, PERF_JVM, this.#fleetClassPath))
    const match = /^(\d+) bytes in ([\d.]+) s$/m.exec(output)
    if (match === null) throw new Error(`the fleet said: ${output}`)
    return Number(match[1]) / 2 ** 20 / Number(match[2])
  }
}

const serverOf = (port: number): string[] => ['--bootstrap-server', `127.0.0.1:${port}`]

/** `... steady state records sent, 29455.08 records/sec (28.76 MB/sec), 335.38 ms avg latency, ...`, its last such line. */
export function producedMbPerSecond(output: string): number {
  const match = [...output.matchAll(/steady state records sent, [\d.]+ records\/sec \(([\d.]+) MB\/sec\)/g)].at(-1)
  if (match === undefined) throw new Error(`the producer said: ${output}`)
  return Number(match[1])
}

/**
 * `start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, nMsg.sec, rebalance.time.ms, fetch.time.ms,
 * fetch.MB.sec, fetch.nMsg.sec`, and a line of figures under it. A run that gave up early is no figure.
 */
export function fetchedMbPerSecond(output: string, recordCount: number): number {
  const lines = output.trim().split('\n')
  const names = lines.find((line) => line.startsWith('start.time'))?.split(', ') ?? []
  const values = lines.at(-1)?.split(', ') ?? []
  const figureOf = (name: string): number => Number(values[names.indexOf(name)])
  const [read, figure] = [figureOf('data.consumed.in.nMsg'), figureOf('fetch.MB.sec')]
  if (!(read >= recordCount) || !Number.isFinite(figure)) throw new Error(`the consumer said: ${output}`)
  return figure
}

function outputOf({ command, args }: CommandLine): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, [...args], { stdio: ['ignore', 'pipe', 'pipe'], timeout: RUN_TIMEOUT_MS })
    let stdout = ''
    let stderr = ''
    child.stdout.on('data', (chunk) => {
      stdout += chunk
    })
    child.stderr.on('data', (chunk) => {
      stderr += chunk
    })
    child.once('error', reject)
    child.once('close', (code, signal) => {
      if (code === 0) resolve(stdout)
      else reject(new Error(`${command} ended with ${signal ?? code}: ${stdout}${stderr}`))
    })
  })
}
