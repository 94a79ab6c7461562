/**
 * `busbar serve` as a process on a data directory that outlives it: started on a new port each time, ended as an
 * operator or as a power cut would. Where the history of clients is judged it is one life of the broker.
 */
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { type Ending, Program } from '../clients/program.ts'

const launcher = fileURLToPath(new URL('../../../bin/busbar', import.meta.url))

export class ServerProcess {
  readonly program: Program
  /** amqp://127.0.0.1:PORT */
  readonly url: string

  private constructor(program: Program, url: string) {
    this.program = program
    this.url = url
  }

  /** Starts it and does not wait. `args` come last, so that they may say otherwise. */
  static spawn(data: string, args: readonly string[] = []): Program {
    if (!existsSync(launcher)) throw new Error('bin/busbar is missing')
    return new Program(launcher, ['serve', '--data', data, '--listen', 'amqp://127.0.0.1:0', ...args])
  }

  /** Resolves when clients can connect. */
  static async start(data: string, args: readonly string[] = []): Promise<ServerProcess> {
    return ServerProcess.ready(ServerProcess.spawn(data, args))
  }

  static async ready(program: Program): Promise<ServerProcess> {
    const line = await program.lineWhere((text) => text.startsWith('{"msg":"ready"'), 'that says it is ready')
    const { endpoints } = JSON.parse(line) as { endpoints: Record<string, string> }
    const url = endpoints['amqp']
    if (url === undefined) throw new Error(`no amqp endpoint in ${line}`)
    return new ServerProcess(program, url)
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get pid(): number {
    return this.program.pid
  }

  kill(): Promise<Ending> {
    return this.program.end('SIGKILL')
  }

  /** Fails unless it ends with 0. */
  async stop(): Promise<void> {
    this.program.signal('SIGTERM')
    await this.program.finished()
  }

  /** Memory resident now. */
  rssBytes(): number {
    return this.#statusBytes('VmRSS')
  }

  /** The most that ever was resident. */
  rssPeakBytes(): number {
    return this.#statusBytes('VmHWM')
  }

  #statusBytes(name: string): number {
    const status = readFileSync(`/proc/${this.pid}/status`, 'utf8')
    const match = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)
    if (match === null) throw new Error(`no ${name} in the status of process ${this.pid}`)
    return Number(match[1]) * 1024
  }
}
