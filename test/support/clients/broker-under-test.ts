/**
 * The broker that the interop tests talk to: `./bin/busbar` as it is built, on a temporary data directory and a free
 * port, one for every test file that asks. With BUSBAR_TEST_URL=amqp://host:port the tests judge the server there
 * instead, for instance RabbitMQ; it is then neither started nor stopped, and tests that need to do so ask `ours` first.
 */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Program } from './program.ts'

export type BrokerUnderTest = {
  /** amqp://127.0.0.1:PORT */
  readonly url: string
  readonly port: number
  /** undefined when the server under test is somebody else's */
  readonly pid: number | undefined
  /** Whether it is busbar, started here: only then do pid, kill9 and restart have a meaning. */
  readonly ours: boolean
  /** Ends it as an operator would, if it runs; fails unless it exits with 0. Removes its data. */
  stop(): Promise<void>
  /** Ends it as an operator would, and keeps its data. */
  halt(): Promise<void>
  /** Ends it as a power cut would, and keeps its data. */
  kill9(): Promise<void>
  /** Ends it, if it runs, and removes its data: behind a test that may have failed anywhere. */
  discard(): Promise<void>
  /** Starts it again on the same data and the same port. */
  restart(): Promise<void>
}

const launcher = fileURLToPath(new URL('../../../bin/busbar', import.meta.url))

/** `args` are further options of `busbar serve`; without a `--store` among them the data is in a temporary directory. */
export async function startBroker(args: readonly string[] = []): Promise<BrokerUnderTest> {
  const external = process.env['BUSBAR_TEST_URL']
  if (external !== undefined && external !== '') return someoneElses(external)
  if (!existsSync(launcher)) throw new Error('bin/busbar is missing: npm run build')
  const home = await mkdtemp(join(tmpdir(), 'busbar-interop-'))
  const data = join(home, 'data')
  let running = await serve(data, 0, args)
  const { url } = running
  const port = portOf(url)
  const halt = async (): Promise<void> => {
    running.program.signal('SIGTERM')
    await running.program.finished()
  }
  return {
    url,
    port,
    ours: true,
    get pid() {
      return running.program.pid
    },
    halt,
    async stop() {
      await halt()
      await rm(home, { recursive: true, force: true })
    },
    async discard() {
      await running.program.end('SIGKILL')
      await rm(home, { recursive: true, force: true })
    },
    async kill9() {
      await running.program.end('SIGKILL')
    },
    async restart() {
      running = await serve(data, port, args)
    },
  }
}

async function serve(data: string, port: number, args: readonly string[]): Promise<{ program: Program; url: string }> {
  const program = new Program(launcher, ['serve', '--data', data, '--listen', `amqp://127.0.0.1:${port}`, ...args])
  const line = await program.lineWhere((text) => text.includes('"ready"'), 'that says it is ready')
  const ready: unknown = JSON.parse(line)
  const url = amqpEndpoint(ready)
  if (url === undefined) throw new Error(`the ready line names no amqp endpoint: ${line}`)
  return { program, url: `amqp://127.0.0.1:${portOf(url)}` }
}

function amqpEndpoint(ready: unknown): string | undefined {
  if (typeof ready !== 'object' || ready === null || !('endpoints' in ready)) return undefined
  const { endpoints } = ready
  if (typeof endpoints !== 'object' || endpoints === null || !('amqp' in endpoints)) return undefined
  return typeof endpoints.amqp === 'string' ? endpoints.amqp : undefined
}

function portOf(url: string): number {
  const { port } = new URL(url)
  return port === '' ? 5672 : Number(port)
}

function someoneElses(url: string): BrokerUnderTest {
  const refuse = async (): Promise<void> => {
    throw new Error('BUSBAR_TEST_URL names a server that is not ours to end or to start')
  }
  const leave = async (): Promise<void> => {}
  return {
    url,
    port: portOf(url),
    pid: undefined,
    ours: false,
    stop: leave,
    discard: leave,
    halt: refuse,
    kill9: refuse,
    restart: refuse,
  }
}

/** Whether the tests judge busbar itself: some of what it can do, no other server can. */
export const judgesBusbar = (process.env['BUSBAR_TEST_URL'] ?? '') === ''
