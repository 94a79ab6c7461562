/**
 * A run of the broker through many lives: clients work all the time, the broker is ended again and again at moments
 * drawn from the seed, and at the end, with everything drained, the history is judged.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { type Random, seededRandom } from '../../../src/base/random.ts'
import { liveThrough } from './client.ts'
import { History } from './history.ts'
import type { Report } from './history-parts.ts'
import { Place } from './place.ts'
import { DELAY_MS_MAX, makeScenario, readyCount, type Scenario } from './scenario.ts'
import { ServerProcess } from './server-process.ts'

/** Above this many unsettled messages publishers wait: what piles up must be drained in the end. */
const UNSETTLED_MAX = 20_000
const DRAIN_MS_MAX = 60_000
const POLL_MS = 25

export type RunOptions = {
  readonly seed: number
  readonly rounds: number
  /** How rounds end: SIGKILL anywhere, or SIGTERM, which must end it with 0. */
  readonly end: 'kill' | 'stop'
  /** Load before the end of a round: uniform in this range. */
  readonly loadMs: readonly [min: number, max: number]
  readonly onRound?: (round: number, report: Report) => void
}

export type Outcome = { readonly report: Report; readonly texts: readonly string[] }

export async function runThroughDeaths(data: string, options: RunOptions): Promise<Outcome> {
  const run = new Run(options.seed, true)
  const random = seededRandom(options.seed)
  let server = await ServerProcess.start(data, argsOf(random))
  try {
    await run.begin(server.url)
    for (let round = 1; round <= options.rounds && run.history.report.violations === 0; round++) {
      const [min, max] = options.loadMs
      await wait(min + random.below(max - min))
      server = await nextLife(run, server, data, options.end, random)
      options.onRound?.(round, run.history.report)
    }
    await run.drain()
    // What was settled last must not come back either.
    server = await nextLife(run, server, data, 'stop', random)
    await run.drain()
    return run.judged()
  } finally {
    await run.end()
    await server.kill()
  }
}

/** The same clients and the same judge with a server that nobody kills: shows that the judge asks nothing of its own. */
export async function runAlive(url: string, seed: number, loadMs: number, withDelays: boolean): Promise<Outcome> {
  const run = new Run(seed, withDelays)
  try {
    await run.begin(url)
    await wait(loadMs)
    await run.drain()
    return run.judged()
  } finally {
    await run.end()
  }
}

class Run {
  readonly history = new History()
  readonly place = new Place()
  readonly #scenario: Scenario
  #publishing = true
  #clients: Promise<void>[] = []
  #url = ''

  constructor(seed: number, withDelays: boolean) {
    const { report } = this.history
    const mayPublish = (): boolean => this.#publishing && report.published - report.settled < UNSETTLED_MAX
    this.#scenario = makeScenario(this.history, seed, mayPublish, withDelays)
  }

  async begin(url: string): Promise<void> {
    await this.#scenario.declare(url)
    this.up(url)
    const { publishers, consumers } = this.#scenario
    this.#clients = [...publishers, ...consumers].map((worker) => liveThrough(worker, this.place, this.history))
  }

  up(url: string): void {
    this.#url = url
    this.history.beginLife()
    this.place.movedTo(url)
  }

  /** Publishers stop; resolves when all queues are empty and all consumers idle. */
  async drain(): Promise<void> {
    this.#publishing = false
    const { publishers, consumers, queues } = this.#scenario
    const deadline = Date.now() + DRAIN_MS_MAX
    let quietSince: number | undefined
    for (;;) {
      await wait(POLL_MS)
      const idle = publishers.every((one) => one.isQuiet) && consumers.every((one) => one.isQuiet)
      const quiet = idle && (await readyCount(this.#url, queues)) === 0 && consumers.every((one) => one.isQuiet)
      if (!quiet) quietSince = undefined
      else quietSince ??= Date.now()
      // A delayed message is in no queue that could be counted: so all must be quiet for longer than any delay.
      if (quietSince !== undefined && Date.now() - quietSince > DELAY_MS_MAX + 100) return
      if (Date.now() > deadline) return this.history.violation(`not drained within ${DRAIN_MS_MAX} ms`)
      if (this.history.report.violations > 0) return
    }
  }

  /** What is missing is only known of a run that was drained to its end. */
  judged(): Outcome {
    const { history } = this
    if (history.report.violations === 0) history.finish()
    return { report: history.report, texts: history.texts }
  }

  async end(): Promise<void> {
    this.place.close()
    await Promise.all(this.#clients)
  }
}

async function nextLife(
  run: Run,
  server: ServerProcess,
  data: string,
  end: 'kill' | 'stop',
  random: Random,
): Promise<ServerProcess> {
  run.place.goingDown()
  run.history.endLife()
  if (end === 'kill') {
    await server.kill()
    // Recovery has moments of its own to die in.
    if (random.below(4) === 0) await killWhileStarting(data, random)
  } else {
    await server.stop()
    run.history.stoppedCleanly()
  }
  const next = await ServerProcess.start(data, argsOf(random))
  run.up(next.url)
  return next
}

async function killWhileStarting(data: string, random: Random): Promise<void> {
  const program = ServerProcess.spawn(data, argsOf(random))
  await Promise.race([wait(40 + random.below(200)), program.ending])
  const { code } = await program.end('SIGKILL')
  if (code !== null) throw new Error(`the broker ended by itself with ${code}: ${program.complaint}`)
}

/** Now and then hardly any memory for messages: then most of them are read back from disk. */
function argsOf(random: Random): string[] {
  return ['--log-level', 'warn', ...(random.below(3) === 0 ? ['--message-memory', '1MiB'] : [])]
}
