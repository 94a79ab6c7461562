/**
 * The Kafka broker that the interop tests talk to: `./bin/busbar` as it is built, on a temporary data directory and free
 * ports, one for every test file that asks. With BUSBAR_TEST_KAFKA=host:port the tests judge the broker there instead,
 * for instance Apache Kafka (scripts/peers/kafka.mjs); it is then neither started nor stopped, and tests that need to do
 * so ask `ours` first.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Program } from './program.ts'

export type KafkaUnderTest = {
  /** host:port, as clients want it */
  readonly bootstrap: string
  /** amqp://host:port of the same broker; undefined where it has no such door */
  readonly amqpUrl: string | undefined
  readonly pid: number | undefined
  /** Whether it is busbar, started here: only then do pid, halt, kill9 and restart have a meaning. */
  readonly ours: boolean
  /** Ends it as an operator would; fails unless it exits with 0. Removes its data. */
  stop(): Promise<void>
  /** Ends it as an operator would, and keeps its data. */
  halt(): Promise<void>
  /** Ends it as a power cut would, and keeps its data. */
  kill9(): Promise<void>
  /** Starts it again on the same data and the same ports. */
  restart(): Promise<void>
}

const launcher = fileURLToPath(new URL('../../../bin/busbar', import.meta.url))

/** Whether the tests judge busbar itself. */
export const judgesOwnKafka = (process.env['BUSBAR_TEST_KAFKA'] ?? '') === ''

/** `args` are further options of `busbar serve`. */
export async function startKafkaBroker(args: readonly string[] = []): Promise<KafkaUnderTest> {
  const external = process.env['BUSBAR_TEST_KAFKA']
  if (external !== undefined && external !== '') return someoneElses(external)
  if (!existsSync(launcher)) throw new Error('bin/busbar is missing: npm run build')
  const home = await mkdtemp(join(tmpdir(), 'busbar-kafka-interop-'))
  const data = join(home, 'data')
  let running = await serve(data, { kafka: 0, amqp: 0 }, args)
  const { ports } = running
  const halt = async (): Promise<void> => {
    running.program.signal('SIGTERM')
    await running.program.finished()
  }
  return {
    bootstrap: `127.0.0.1:${ports.kafka}`,
    amqpUrl: `amqp://127.0.0.1:${ports.amqp}`,
    ours: true,
    get pid() {
      return running.program.pid
    },
    halt,
    async stop() {
      await halt()
      await rm(home, { recursive: true, force: true })
    },
    async kill9() {
      await running.program.end('SIGKILL')
    },
    async restart() {
      running = await serve(data, ports, args)
    },
  }
}

type Ports = { readonly kafka: number; readonly amqp: number }

async function serve(data: string, ports: Ports, args: readonly string[]): Promise<{ program: Program; ports: Ports }> {
  const doors = Object.entries(ports).flatMap(([scheme, port]) => ['--listen', `${scheme}://127.0.0.1:${port}`])
  const program = new Program(launcher, ['serve', '--data', data, ...doors, ...args])
  const line = await program.lineWhere((text) => text.includes('"ready"'), 'that says it is ready')
  return { program, ports: { kafka: endpointPort(line, 'kafka'), amqp: endpointPort(line, 'amqp') } }
}

function endpointPort(readyLine: string, scheme: string): number {
  const ready: unknown = JSON.parse(readyLine)
  const endpoints = typeof ready === 'object' && ready !== null && 'endpoints' in ready ? ready.endpoints : undefined
  for (const [name, url] of Object.entries(endpoints ?? {})) if (name === scheme) return Number(new URL(url).port)
  throw new Error(`the ready line names no ${scheme} endpoint: ${readyLine}`)
}

function someoneElses(bootstrap: string): KafkaUnderTest {
  const refuse = async (): Promise<void> => {
    throw new Error('BUSBAR_TEST_KAFKA names a broker that is not ours to end or to start')
  }
  return {
    bootstrap,
    amqpUrl: undefined,
    pid: undefined,
    ours: false,
    stop: async () => {},
    halt: refuse,
    kill9: refuse,
    restart: refuse,
  }
}
