/**
 * A client program run as a child process, driven and judged by the lines it prints. It knows nothing of brokers.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'

const COMPLAINT_CHARACTERS_MAX = 16_384

type Waiter = { matches: (line: string) => boolean; resolve: (line: string) => void; reject: (error: Error) => void }
export type Ending = { code: number | null; signal: NodeJS.Signals | null }
export type ProgramOptions = { cwd?: string; env?: Record<string, string>; onComplaint?: (text: string) => void }

export class Program {
  readonly lines: string[] = []
  readonly ending: Promise<Ending>
  readonly #name: string
  readonly #child: ChildProcess
  #waiters: Waiter[] = []
  #complaint = ''
  #ended: Ending | undefined

  /** A program that cannot be started ends with code 127, as in a shell, and its complaint says why. */
  constructor(command: string, args: readonly string[], options: ProgramOptions = {}) {
    this.#name = [command, ...args].map((word) => word.split('/').at(-1)).join(' ')
    this.#child = spawn(command, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1', ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    })
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => this.#keepComplaint(text, options.onComplaint))
    const output = createInterface({ input: this.#child.stdout! }).on('line', (line) => this.#keepLine(line))
    this.ending = new Promise((resolve) => {
      this.#child.once('error', (error) => {
        this.#keepComplaint(error.message)
        resolve({ code: 127, signal: null })
      })
      // 'close' and not 'exit': the last lines may still be in the pipe when the process is gone.
      this.#child.once('close', (code, signal) => resolve({ code, signal }))
    })
    this.ending.then((ending) => {
      output.close()
      this.#end(ending)
    })
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error(`${this.#name} was never started: ${this.#complaint}`)
    return this.#child.pid
  }

  /** What it wrote to stderr; only the last part of it when that is long. */
  get complaint(): string {
    return this.#complaint
  }

  /** The first line, printed already or yet to come, that is equal to or matched by `expected`. */
  line(expected: string | RegExp): Promise<string> {
    return this.lineWhere(
      (line) => (typeof expected === 'string' ? line === expected : expected.test(line)),
      String(expected),
    )
  }

  lineWhere(matches: (line: string) => boolean, description: string): Promise<string> {
    const printed = this.lines.find(matches)
    if (printed !== undefined) return Promise.resolve(printed)
    if (this.#ended !== undefined) return Promise.reject(this.#failure(`ended without the line ${description}`))
    return new Promise((resolve, reject) => {
      this.#waiters.push({
        matches,
        resolve,
        reject: () => reject(this.#failure(`ended without the line ${description}`)),
      })
    })
  }

  /** Waits until it ends by itself with code 0, and answers the lines it printed. */
  async finished(): Promise<string[]> {
    const { code } = await this.ending
    if (code !== 0) throw this.#failure('failed')
    return this.lines
  }

  signal(name: NodeJS.Signals): void {
    if (this.#ended === undefined) this.#child.kill(name)
  }

  /** Ends it in whatever state it is; answers when it is gone. Meant for the end of a test, where it may be gone already. */
  async end(name: NodeJS.Signals = 'SIGKILL'): Promise<Ending> {
    this.signal(name)
    return this.ending
  }

  #keepLine(line: string): void {
    this.lines.push(line)
    this.#waiters = this.#waiters.filter((waiter) => {
      if (!waiter.matches(line)) return true
      waiter.resolve(line)
      return false
    })
  }

  #keepComplaint(text: string, tell?: (text: string) => void): void {
    this.#complaint = (this.#complaint + text).slice(-COMPLAINT_CHARACTERS_MAX)
    tell?.(text)
  }

  #end(ending: Ending): void {
    this.#ended = ending
    const waiters = this.#waiters
    this.#waiters = []
    for (const waiter of waiters) waiter.reject(new Error(this.#name))
  }

  #failure(what: string): Error {
    const { code, signal } = this.#ended ?? { code: null, signal: null }
    const printed = this.lines.slice(-40).join('\n')
    return new Error(
      `${this.#name} ${what} (${signal ?? `code ${code}`})\n-- stdout\n${printed}\n-- stderr\n${this.#complaint}`,
    )
  }
}
